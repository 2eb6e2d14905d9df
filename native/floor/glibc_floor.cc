// glibc_floor.cc: lets a library that is linked on a new system load on every system from glibc 2.28 on.
// The linker takes the newest version of each function of libc, and older systems lack those. CMakeLists.txt reads the names of the
// table below and links with --wrap, so that every caller, static libstdc++, libgcc and the CUDA runtime included, jumps to
// __wrap_<name>, which jumps to the version that every glibc has. Each function has a section of its own, so that the linker keeps
// only those in use. Old and new versions are the same code, except that the old exp, log and pow also report errors as SVID asks;
// test/native/floor_test.cc compares their bits.
#include <dlfcn.h>
#include <link.h>

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#define GATECELL_OLDEST "GLIBC_2.2.5"
#define GATECELL_DLMOPEN "GLIBC_2.3.4"
#define GATECELL_SETNAME "GLIBC_2.12"
#define GATECELL_JUMP(name) "endbr64\n jmp *gatecell_old_" #name "@GOTPCREL(%rip)\n"
#elif defined(__aarch64__)
#define GATECELL_OLDEST "GLIBC_2.17"
#define GATECELL_DLMOPEN "GLIBC_2.17"
#define GATECELL_SETNAME "GLIBC_2.17"
#define GATECELL_JUMP(name) \
  "adrp x16, :got:gatecell_old_" #name "\n ldr x16, [x16, :got_lo12:gatecell_old_" #name "]\n br x16\n"
#else
#error "glibc_floor.cc: name the first glibc version of this architecture"
#endif

#define GATECELL_OLD(version, name)                                                           \
  __asm__(".symver gatecell_old_" #name ", " #name "@" version                                \
          "\n"                                                                                \
          ".pushsection .text.__wrap_" #name                                                  \
          ", \"ax\", %progbits\n"                                                             \
          ".globl __wrap_" #name "\n .hidden __wrap_" #name "\n .type __wrap_" #name          \
          ", %function\n"                                                                     \
          "__wrap_" #name ":\n" GATECELL_JUMP(name) ".size __wrap_" #name ", .-__wrap_" #name \
                                                    "\n"                                      \
                                                    ".popsection\n");

// clang-format off
GATECELL_OLD(GATECELL_OLDEST, exp)
GATECELL_OLD(GATECELL_OLDEST, log)
GATECELL_OLD(GATECELL_OLDEST, pow)
GATECELL_OLD(GATECELL_OLDEST, dladdr)
GATECELL_OLD(GATECELL_OLDEST, dlclose)
GATECELL_OLD(GATECELL_OLDEST, dlerror)
GATECELL_OLD(GATECELL_DLMOPEN, dlmopen)
GATECELL_OLD(GATECELL_OLDEST, dlopen)
GATECELL_OLD(GATECELL_OLDEST, dlsym)
GATECELL_OLD(GATECELL_OLDEST, dlvsym)
GATECELL_OLD(GATECELL_OLDEST, __pthread_key_create)
GATECELL_OLD(GATECELL_OLDEST, pthread_attr_setstacksize)
GATECELL_OLD(GATECELL_OLDEST, pthread_condattr_setpshared)
GATECELL_OLD(GATECELL_OLDEST, pthread_create)
GATECELL_OLD(GATECELL_OLDEST, pthread_detach)
GATECELL_OLD(GATECELL_OLDEST, pthread_getspecific)
GATECELL_OLD(GATECELL_OLDEST, pthread_join)
GATECELL_OLD(GATECELL_OLDEST, pthread_key_create)
GATECELL_OLD(GATECELL_OLDEST, pthread_key_delete)
GATECELL_OLD(GATECELL_OLDEST, pthread_kill)
GATECELL_OLD(GATECELL_OLDEST, pthread_mutex_trylock)
GATECELL_OLD(GATECELL_OLDEST, pthread_mutexattr_destroy)
GATECELL_OLD(GATECELL_OLDEST, pthread_mutexattr_init)
GATECELL_OLD(GATECELL_OLDEST, pthread_mutexattr_setpshared)
GATECELL_OLD(GATECELL_OLDEST, pthread_mutexattr_settype)
GATECELL_OLD(GATECELL_OLDEST, pthread_once)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlock_destroy)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlock_init)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlock_rdlock)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlock_timedrdlock)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlock_timedwrlock)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlock_tryrdlock)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlock_trywrlock)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlock_unlock)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlock_wrlock)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlockattr_destroy)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlockattr_init)
GATECELL_OLD(GATECELL_OLDEST, pthread_rwlockattr_setpshared)
GATECELL_OLD(GATECELL_SETNAME, pthread_setname_np)
GATECELL_OLD(GATECELL_OLDEST, pthread_setspecific)
GATECELL_OLD(GATECELL_OLDEST, pthread_spin_destroy)
GATECELL_OLD(GATECELL_OLDEST, pthread_spin_init)
GATECELL_OLD(GATECELL_OLDEST, pthread_spin_lock)
GATECELL_OLD(GATECELL_OLDEST, pthread_spin_trylock)
GATECELL_OLD(GATECELL_OLDEST, pthread_spin_unlock)
GATECELL_OLD(GATECELL_OLDEST, sem_destroy)
GATECELL_OLD(GATECELL_OLDEST, sem_init)
GATECELL_OLD(GATECELL_OLDEST, sem_post)
GATECELL_OLD(GATECELL_OLDEST, sem_timedwait)
GATECELL_OLD(GATECELL_OLDEST, sem_trywait)
GATECELL_OLD(GATECELL_OLDEST, sem_wait)
GATECELL_OLD(GATECELL_OLDEST, shm_open)
GATECELL_OLD(GATECELL_OLDEST, shm_unlink)
// clang-format on

#define GATECELL_HIDDEN __attribute__((visibility("hidden")))

extern "C" {
// libstdc++ reads this (new in 2.32) to leave out atomic instructions while a process has one thread. False is always right.
extern GATECELL_HIDDEN char __wrap___libc_single_threaded;
GATECELL_HIDDEN char __wrap___libc_single_threaded = 0;

// libgcc's unwinder asks this function (new in 2.35) for the object that holds an address; this is what it did before by itself.
// The layout is that of <dlfcn.h> in glibc 2.35.
struct gatecell_found_object {
  unsigned long long flags;
  void *map_start, *map_end;
  struct link_map* map;
  void* eh_frame;
  unsigned long long reserved[7];
};

namespace {
struct Search {
  uintptr_t address;
  gatecell_found_object* out;
};

int look_in(struct dl_phdr_info* info, size_t, void* data) {
  const Search& search = *static_cast<Search*>(data);
  bool inside = false;
  uintptr_t low = UINTPTR_MAX, high = 0, frame = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    const uintptr_t begin = info->dlpi_addr + part.p_vaddr, end = begin + part.p_memsz;
    if (part.p_type == PT_GNU_EH_FRAME) frame = begin;
    if (part.p_type != PT_LOAD) continue;
    inside = inside || (search.address >= begin && search.address < end);
    low = begin < low ? begin : low;
    high = end > high ? end : high;
  }
  if (!inside || frame == 0) return 0;
  *search.out = {};
  search.out->map_start = reinterpret_cast<void*>(low);
  search.out->map_end = reinterpret_cast<void*>(high);
  search.out->eh_frame = reinterpret_cast<void*>(frame);
  return 1;
}
}  // namespace

GATECELL_HIDDEN int __wrap__dl_find_object(void* address, gatecell_found_object* out) {
  Search search = {reinterpret_cast<uintptr_t>(address), out};
  return dl_iterate_phdr(look_in, &search) == 1 ? 0 : -1;
}
}
