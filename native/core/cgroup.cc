// cgroup.cc: the limits of control groups. /proc/self/cgroup names the group of the process in each hierarchy; /proc/self/mountinfo
// contains the mount point of the hierarchy and the group that is the root of that mount (in a container, often the group of the process).
// A limit may be set at any level, so every group from that of the process up to the root of the mount is read.
#include "cgroup.h"

#include <cstdio>
#include <cstring>

namespace gatecell {
namespace {
constexpr size_t kPath = 4096;

struct Mount {
  char root[kPath];   // the group that the mount shows at its top
  char point[kPath];  // where it is mounted
};

// Calls line(text) for each line until it returns true. Returns false if it never does or if there is no such file.
template <class F>
bool find_line(const char* root, const char* path, F line) {
  char name[kPath];
  if (snprintf(name, sizeof name, "%s%s", root, path) >= static_cast<int>(sizeof name)) return false;
  FILE* file = fopen(name, "re");
  if (!file) return false;
  bool found = false;
  char text[2 * kPath + 256];
  while (!found && fgets(text, sizeof text, file)) {
    text[strcspn(text, "\n")] = 0;
    found = line(text);
  }
  fclose(file);
  return found;
}

// Returns whether `word` is one of the comma-separated `list`.
bool lists(const char* list, const char* word) {
  const size_t length = strlen(word);
  for (const char* at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : nullptr)
    if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == 0)) return true;
  return false;
}

// Finds the mount of version 2 (`controller` is null) or of the version 1 hierarchy that has `controller`.
bool find_mount(const char* root, const char* controller, Mount* out) {
  return find_line(root, "/proc/self/mountinfo", [&](char* text) {
    // 36 35 0:30 /group /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,memory
    char type[64], options[kPath];
    const char* tail = strstr(text, " - ");
    if (!tail || sscanf(tail, " - %63s %*s %4095s", type, options) != 2) return false;
    if (sscanf(text, "%*d %*d %*s %4095s %4095s", out->root, out->point) != 2) return false;
    return controller ? strcmp(type, "cgroup") == 0 && lists(options, controller) : strcmp(type, "cgroup2") == 0;
  });
}

// Finds the group of the process in that hierarchy.
bool find_group(const char* root, const char* controller, char (&group)[kPath]) {
  return find_line(root, "/proc/self/cgroup", [&](char* text) {
    // 4:cpu,cpuacct:/a/b in version 1, 0::/a/b in version 2
    char* list = strchr(text, ':');
    char* path = list ? strchr(list + 1, ':') : nullptr;
    if (!path) return false;
    *path++ = 0;
    ++list;
    if (controller ? !lists(list, controller) : *list != 0) return false;
    snprintf(group, sizeof group, "%s", path);
    return true;
  });
}

// Calls visit(folder of a group) for the group of the process and all above it, up to the root of the mount.
template <class F>
void each_group(const char* root, const char* controller, F visit) {
  Mount mount;
  char group[kPath];
  if (!find_mount(root, controller, &mount) || !find_group(root, controller, group)) return;
  // The path of the group below the root of the mount. If the group is outside of it, only the root is visible, and only that is visited.
  const size_t length = strcmp(mount.root, "/") == 0 ? 0 : strlen(mount.root);
  const bool below = strncmp(group, mount.root, length) == 0 && (group[length] == '/' || group[length] == 0);
  char* path = below ? group + length : group;
  if (!below) *path = 0;
  for (;;) {
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/') path[--end] = 0;
    char folder[2 * kPath];
    snprintf(folder, sizeof folder, "%s%s", mount.point, path);
    visit(folder);
    if (end == 0) return;
    *strrchr(path, '/') = 0;
  }
}

// Reads up to two numbers at the beginning of a file and returns how many there are. "max" does not count as one.
int read_numbers(const char* root, const char* folder, const char* name, double (&out)[2]) {
  char path[3 * kPath];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int count = 0;
  find_line(root, path, [&](const char* text) {
    count = sscanf(text, "%lf %lf", &out[0], &out[1]);
    return true;
  });
  return count;
}

void take_cpus(CgroupLimits& limits, double quota, double period) {
  if (!(quota > 0 && period > 0)) return;
  const double cpus = quota / period;
  if (limits.cpus == 0 || cpus < limits.cpus) limits.cpus = cpus;
}

// Version 1 writes "no limit" as the largest number of whole pages.
void take_memory(CgroupLimits& limits, double bytes) {
  if (!(bytes > 0 && bytes < 4e18)) return;
  const auto whole = static_cast<int64_t>(bytes);
  if (limits.memory == 0 || whole < limits.memory) limits.memory = whole;
}
}  // namespace

CgroupLimits read_cgroup_limits(const char* root) {
  CgroupLimits limits;
  double values[2], period[2];
  each_group(root, nullptr, [&](const char* folder) {
    if (read_numbers(root, folder, "cpu.max", values) == 2) take_cpus(limits, values[0], values[1]);
    if (read_numbers(root, folder, "memory.max", values) >= 1) take_memory(limits, values[0]);
  });
  each_group(root, "cpu", [&](const char* folder) {
    if (read_numbers(root, folder, "cpu.cfs_quota_us", values) >= 1 &&
        read_numbers(root, folder, "cpu.cfs_period_us", period) >= 1)
      take_cpus(limits, values[0], period[0]);
  });
  each_group(root, "memory", [&](const char* folder) {
    if (read_numbers(root, folder, "memory.limit_in_bytes", values) >= 1) take_memory(limits, values[0]);
  });
  return limits;
}
}  // namespace gatecell
