// Limits of control groups, read from folders that are laid out like those of a system.
#include "core/cgroup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "lab.h"

using gatecell::CgroupLimits;

namespace {
class Root {
 public:
  Root() {
    char name[] = "/tmp/gatecell-cgroup-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Root() { std::filesystem::remove_all(path_); }
  Root& file(const std::string& name, const std::string& text) {
    const std::filesystem::path path = path_ + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return *this;
  }
  CgroupLimits read() const { return gatecell::read_cgroup_limits(path_.c_str()); }

 private:
  std::string path_;
};

const char* const kMount2 =
    "22 1 0:21 / /proc rw - proc proc rw\n"
    "29 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const char* const kMount1 =
    "33 29 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "34 29 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "35 29 0:32 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpuacct,cpu\n";
}  // namespace

TEST_CASE("cgroups: a machine without groups has no limits") {
  Root root;
  CHECK(root.read().cpus == 0);
  CHECK(root.read().memory == 0);
  root.file("/proc/self/cgroup", "0::/\n").file("/proc/self/mountinfo", kMount2);
  CHECK(root.read().cpus == 0);
}

TEST_CASE("cgroups, version 2: the smallest limit between the process's group and the root") {
  Root root;
  root.file("/proc/self/mountinfo", kMount2).file("/proc/self/cgroup", "0::/user.slice/a.scope/b\n");
  root.file("/sys/fs/cgroup/user.slice/a.scope/b/cpu.max", "max 100000\n");
  root.file("/sys/fs/cgroup/user.slice/a.scope/b/memory.max", "max\n");
  CHECK(root.read().cpus == 0);
  CHECK(root.read().memory == 0);
  root.file("/sys/fs/cgroup/user.slice/a.scope/cpu.max", "150000 100000\n");  // systemd's CPUQuota=150%
  root.file("/sys/fs/cgroup/user.slice/memory.max", "157286400\n");
  CHECK(root.read().cpus == 1.5);
  CHECK(root.read().memory == 157286400);
  root.file("/sys/fs/cgroup/user.slice/a.scope/b/cpu.max", "50000 100000\n");
  root.file("/sys/fs/cgroup/user.slice/a.scope/b/memory.max", "1000000\n");
  CHECK(root.read().cpus == 0.5);
  CHECK(root.read().memory == 1000000);
  root.file("/sys/fs/cgroup/user.slice/cpu.max", "10000 50000\n");
  CHECK(root.read().cpus == doctest::Approx(0.2));
}

TEST_CASE("cgroups, version 2: a group of the same prefix is another one") {
  Root root;
  root.file("/proc/self/mountinfo", kMount2).file("/proc/self/cgroup", "0::/ab\n");
  root.file("/sys/fs/cgroup/a/cpu.max", "50000 100000\n");
  CHECK(root.read().cpus == 0);
}

TEST_CASE("cgroups, version 2: a container whose mount shows its own group at the top") {
  for (const char* own : {"0::/\n", "0::/docker/abc\n", "0::/../outside\n"}) {
    CAPTURE(own);
    Root root;
    root.file("/proc/self/mountinfo", "31 23 0:27 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    root.file("/proc/self/cgroup", own).file("/sys/fs/cgroup/cpu.max", "250000 100000\n");
    CHECK(root.read().cpus == 2.5);
  }
}

TEST_CASE("cgroups, version 1: each controller has a hierarchy of its own") {
  Root root;
  root.file("/proc/self/mountinfo", kMount1);
  root.file("/proc/self/cgroup", "7:cpuset:/other\n5:memory:/m/x\n3:cpu,cpuacct:/c/y\n1:name=systemd:/z\n0::/\n");
  root.file("/sys/fs/cgroup/cpu,cpuacct/c/y/cpu.cfs_quota_us", "-1\n");
  root.file("/sys/fs/cgroup/cpu,cpuacct/c/y/cpu.cfs_period_us", "100000\n");
  root.file("/sys/fs/cgroup/memory/m/x/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(root.read().cpus == 0);
  CHECK(root.read().memory == 0);
  root.file("/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "300000\n");
  root.file("/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
  root.file("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "157286400\n");
  root.file("/sys/fs/cgroup/cpuset/other/cpu.cfs_quota_us", "1\n");
  CHECK(root.read().cpus == 3);
  CHECK(root.read().memory == 157286400);
}

TEST_CASE("cgroups: damaged files set no limit") {
  for (const char* text : {"", "\n", "x", "0 0", "-5 100000", "100000", "nan nan", "1e999 1"}) {
    CAPTURE(text);
    Root root;
    root.file("/proc/self/mountinfo", kMount2).file("/proc/self/cgroup", "0::/a\n");
    root.file("/sys/fs/cgroup/a/cpu.max", text).file("/sys/fs/cgroup/a/memory.max", "-1");
    CHECK(!(root.read().cpus < 0));
    CHECK(root.read().memory == 0);
    root.file("/proc/self/mountinfo", text).file("/proc/self/cgroup", std::string(100000, '/'));
    CHECK(root.read().memory == 0);
  }
}
