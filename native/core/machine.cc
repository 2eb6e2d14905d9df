// machine.cc: CPU features by CPUID and the support of the operating system (XGETBV), affinity, quota of control groups.
#include "machine.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cgroup.h"
#include "guarded.h"
#include "status.h"
#include "threads.h"
#if defined(GATECELL_X86)
#include <cpuid.h>
#endif

namespace gatecell {
namespace {

struct Machine {
  char features[256] = "";
  char model[64] = "unknown";
  char problem[256] = "";
  const gc_kernels* found = &gc_kernels_scalar;
  const gc_kernels* used = &gc_kernels_scalar;
  const gc_bf16_kernels* bf16 = &gc_bf16_scalar;
  const gc_int8_kernels* int8 = &gc_int8_scalar;
};

#if defined(GATECELL_X86)
// Returns which register files the operating system saves on a context switch. An AVX instruction faults if it does not save its registers.
uint64_t xgetbv() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

void add_feature(Machine& m, bool present, const char* name) {
  if (!present) return;
  const size_t used = strlen(m.features);
  snprintf(m.features + used, sizeof m.features - used, "%s%s", used ? " " : "", name);
}

void detect(Machine& m) {
  uint32_t a, b, c, d, leaf7b = 0, leaf7c = 0, leaf7a1 = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return;
  const bool osxsave = c & (1u << 27), fma = c & (1u << 12), f16c = c & (1u << 29);
  const uint64_t saved = osxsave ? xgetbv() : 0;
  const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
  uint32_t e, f, g, h;
  if (__get_cpuid_count(7, 0, &e, &leaf7b, &leaf7c, &h)) {
    if (__get_cpuid_count(7, 1, &leaf7a1, &f, &g, &h) == 0) leaf7a1 = 0;
  }
  const bool avx2 = ymm && (leaf7b & (1u << 5));
  const bool avx512f = zmm && (leaf7b & (1u << 16)), dq = leaf7b & (1u << 17), bw = leaf7b & (1u << 30),
             vl = leaf7b & (1u << 31);
  add_feature(m, avx2, "avx2");
  add_feature(m, ymm && fma, "fma");
  add_feature(m, ymm && f16c, "f16c");
  add_feature(m, avx512f, "avx512f");
  add_feature(m, avx512f && dq, "avx512dq");
  add_feature(m, avx512f && bw, "avx512bw");
  add_feature(m, avx512f && vl, "avx512vl");
  add_feature(m, avx512f && (leaf7c & (1u << 11)), "avx512_vnni");
  add_feature(m, avx512f && (leaf7a1 & (1u << 5)), "avx512_bf16");
  if (avx2 && fma) m.found = &gc_kernels_avx2;
  if (avx2 && fma && avx512f && dq && bw && vl) m.found = &gc_kernels_avx512;
  uint32_t brand[12];
  bool named = true;
  for (uint32_t i = 0; i < 3; ++i)
    named =
        named && __get_cpuid(0x80000002u + i, &brand[i * 4], &brand[i * 4 + 1], &brand[i * 4 + 2], &brand[i * 4 + 3]);
  if (named) {
    memcpy(m.model, brand, sizeof brand);
    m.model[sizeof brand] = 0;
  }
}
#else
void detect(Machine&) {}
#endif

void choose(Machine& m) {
  m.used = m.found;
  const char* forced = getenv("GATECELL_ISA");
  if (!forced || !*forced) return;
  const gc_kernels* ladder[] = {
    &gc_kernels_scalar,
#if defined(GATECELL_X86)
    &gc_kernels_avx2,
    &gc_kernels_avx512
#endif
  };
  for (const gc_kernels* table : ladder) {
    if (strcmp(table->name, forced) == 0) {
      m.used = table;
      return;
    }
    if (table == m.found) break;  // the CPU has no instruction set after this one
  }
  snprintf(m.problem, sizeof m.problem, "GATECELL_ISA=%.40s was asked for, but this machine offers up to %s: using %s",
           forced, m.found->name, m.used->name);
}

void choose_narrow(Machine& m) {
#if defined(GATECELL_X86)
  if (m.used == &gc_kernels_avx2) m.bf16 = &gc_bf16_avx2;
  if (m.used == &gc_kernels_avx512) m.bf16 = strstr(m.features, "avx512_bf16") ? &gc_bf16_avx512bf16 : &gc_bf16_avx512;
  if (m.used == &gc_kernels_avx2) m.int8 = &gc_int8_avx2;
  if (m.used == &gc_kernels_avx512) m.int8 = strstr(m.features, "avx512_vnni") ? &gc_int8_avx512vnni : &gc_int8_avx512;
#endif
  (void)m;
}

const Machine& machine() {
  static const Machine found = [] {
    Machine m;
    detect(m);
    choose(m);
    choose_narrow(m);
    return m;
  }();
  return found;
}

int affinity_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}
}  // namespace

const gc_kernels& kernels() { return *machine().used; }
const gc_bf16_kernels& bf16_kernels() { return *machine().bf16; }
const gc_int8_kernels& int8_kernels() { return *machine().int8; }

int default_threads() {
  int threads = affinity_count();
  const double quota = read_cgroup_limits("").cpus;
  if (quota > 0 && std::ceil(quota) < threads) threads = static_cast<int>(std::ceil(quota));
  return threads < 1 ? 1 : threads;
}

void leave_core(int core) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0 || core < 0 || core >= CPU_SETSIZE) return;
  cpu_set_t others = mask;
  CPU_CLR(core, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof mask, &mask);
}
}  // namespace gatecell

using namespace gatecell;

gc_status gc_machine_info(gc_machine* out) {
  return guarded([&] {
    const Machine& m = machine();
    out->isa_found = m.found->name;
    out->isa_used = m.used->name;
    out->isa_problem = m.problem[0] ? m.problem : nullptr;
    out->features = m.features;
    out->cpu_model = m.model;
    out->cpus_online = static_cast<int32_t>(sysconf(_SC_NPROCESSORS_ONLN));
    out->cpus_affinity = affinity_count();
    const CgroupLimits limits = read_cgroup_limits("");
    out->cgroup_quota = limits.cpus;
    out->cgroup_memory = limits.memory;
    rlimit space;
    out->address_space = getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY
                             ? static_cast<int64_t>(std::min<rlim_t>(space.rlim_cur, INT64_MAX))
                             : 0;
    out->threads = engine_threads();
    return GC_OK;
  });
}

gc_status gc_set_threads(int32_t threads) {
  if (threads < 0 || threads > 1024)
    return fail(GC_INVALID_ARGUMENT, "expected 0 (the default) to 1024 threads, got %d", threads);
  set_engine_threads(threads);
  return GC_OK;
}
