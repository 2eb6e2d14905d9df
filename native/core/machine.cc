// machine.cc: CPU features, by CPUID and XGETBV or from what Linux passes to a process on AArch64; affinity, quota of control groups.
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
#elif defined(GATECELL_ARM64) && defined(__linux__)
#include <sys/auxv.h>
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

void add_feature(Machine& m, bool present, const char* name) {
  if (!present) return;
  const size_t used = strlen(m.features);
  snprintf(m.features + used, sizeof m.features - used, "%s%s", used ? " " : "", name);
}

#if defined(GATECELL_X86)
// Returns which register files the operating system saves on a context switch. An AVX instruction faults if it does not save its registers.
uint64_t xgetbv() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
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
#elif defined(GATECELL_ARM64)
// NEON is a part of AArch64. The bits of AT_HWCAP and AT_HWCAP2 are those of the kernel's asm/hwcap.h, which old systems have only in part.
void detect(Machine& m) {
  m.found = &gc_kernels_neon;
  add_feature(m, true, "neon");
#if defined(__linux__)
  add_feature(m, getauxval(AT_HWCAP) & (1ul << 20), "dotprod");
  add_feature(m, getauxval(AT_HWCAP2) & (1ul << 13), "i8mm");
  add_feature(m, getauxval(AT_HWCAP2) & (1ul << 14), "bf16");
  if (FILE* file = fopen("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "r")) {
    unsigned long long id = 0;
    if (fscanf(file, "%llx", &id) == 1)
      snprintf(m.model, sizeof m.model, "implementer 0x%02x, part 0x%03x, revision %d.%d",
               static_cast<unsigned>(id >> 24 & 0xff), static_cast<unsigned>(id >> 4 & 0xfff),
               static_cast<int>(id >> 20 & 0xf), static_cast<int>(id & 0xf));
    fclose(file);
  }
#endif
}
#else
void detect(Machine&) {}
#endif

bool has(const Machine& m, const char* feature) { return strstr(m.features, feature) != nullptr; }

void choose(Machine& m) {
  m.used = m.found;
  const char* forced = getenv("GATECELL_ISA");
  if (!forced || !*forced) return;
  const gc_kernels* ladder[] = {
    &gc_kernels_scalar,
#if defined(GATECELL_X86)
    &gc_kernels_avx2,
    &gc_kernels_avx512
#elif defined(GATECELL_ARM64)
    &gc_kernels_neon
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
  if (m.used == &gc_kernels_avx512) m.bf16 = has(m, "avx512_bf16") ? &gc_bf16_avx512bf16 : &gc_bf16_avx512;
  if (m.used == &gc_kernels_avx2) m.int8 = &gc_int8_avx2;
  if (m.used == &gc_kernels_avx512) m.int8 = has(m, "avx512_vnni") ? &gc_int8_avx512vnni : &gc_int8_avx512;
#elif defined(GATECELL_ARM64)
  if (m.used != &gc_kernels_neon) return;
  m.bf16 = has(m, "bf16") ? &gc_bf16_neonbf16 : &gc_bf16_neon;
  m.int8 = has(m, "i8mm") ? &gc_int8_neoni8mm : has(m, "dotprod") ? &gc_int8_neondot : &gc_int8_neon;
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
