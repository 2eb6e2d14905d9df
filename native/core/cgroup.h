// cgroup.h: the limits of the control groups of this process.
#pragma once
#include <cstdint>

namespace gatecell {

struct CgroupLimits {
  double cpus = 0;     // CPU time per time: 1.5 is one and a half cores; 0: no limit
  int64_t memory = 0;  // bytes; 0: no limit
};

// Reads the limits of the groups of the process and of all groups above them, in versions 1 and 2, and returns the smallest of each kind.
// `root` is put before every path: "" for this machine, a folder in tests. A file that cannot be read sets no limit.
CgroupLimits read_cgroup_limits(const char* root);
}  // namespace gatecell
