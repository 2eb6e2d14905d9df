// machine.h: what this processor and operating system offer, found once.
#pragma once
#include "../kernels/table.h"

namespace gatecell {
// The table chosen by CPUID, XGETBV and GATECELL_ISA.
const gc_kernels& kernels();
// Default thread count: the affinity mask, cut by the cgroup's CPU quota.
int default_threads();
}  // namespace gatecell
