// tables.h: the kernel tables that this machine can run, for tests that take each in turn.
#pragma once
#include <cstring>
#include <vector>

#include "gatecell/gatecell.h"
#include "kernels/table.h"

namespace lab {

inline std::vector<const gc_kernels*> tables() {
  std::vector<const gc_kernels*> list = {&gc_kernels_scalar};
#if defined(GATECELL_X86)
  gc_machine machine;
  gc_machine_info(&machine);
  // isa_found is the best one, and each contains those before it.
  if (strcmp(machine.isa_found, "scalar") != 0) list.push_back(&gc_kernels_avx2);
  if (strcmp(machine.isa_found, "avx512") == 0) list.push_back(&gc_kernels_avx512);
#elif defined(GATECELL_ARM64)
  list.push_back(&gc_kernels_neon);
#endif
  return list;
}
}  // namespace lab
