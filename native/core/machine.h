// machine.h: the properties of this processor and operating system, which are determined once.
#pragma once
#include "../kernels/table.h"

namespace gatecell {
// Returns the kernel table that is chosen by CPUID, XGETBV and GATECELL_ISA.
const gc_kernels& kernels();
// Returns the table for bf16 pairs: with native instructions if the CPU has AVX512-BF16 and the AVX-512 table is in use.
const gc_bf16_kernels& bf16_kernels();
// Returns the table for int8 products: with native instructions if the CPU has AVX512-VNNI and the AVX-512 table is in use.
const gc_int8_kernels& int8_kernels();
// Returns the number of threads that can run at the same time: the cores of the affinity mask, or fewer if a control group's quota is smaller.
int default_threads();
// Moves the calling thread from `core` to another one of its affinity mask, if there is one; the mask stays as it is.
void leave_core(int core);
}  // namespace gatecell
