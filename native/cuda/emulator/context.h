// context.h: switching stacks. By hand on x86-64, where it costs nanoseconds; swapcontext elsewhere, which asks the kernel for
// the signal mask at every switch.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)

// Saves what a call preserves on the stack that is left, and takes it from the one that is entered.
asm(R"(
.text
.p2align 4
gatecell_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
extern "C" void gatecell_switch_stack(void** left, void* entered);

namespace gatecell {
namespace emulator {
struct Context {
  void* top = nullptr;
};
inline void make_context(Context& context, char* stack, size_t bytes, void (*body)()) {
  uintptr_t* top = reinterpret_cast<uintptr_t*>((reinterpret_cast<uintptr_t>(stack) + bytes) & ~uintptr_t{15});
  *--top = 0;  // where `body` would return to: it never does
  *--top = reinterpret_cast<uintptr_t>(body);
  for (int i = 0; i < 6; ++i) *--top = 0;
  context.top = top;
}
inline void switch_context(Context& from, Context& to) { gatecell_switch_stack(&from.top, to.top); }
}  // namespace emulator
}  // namespace gatecell

#else
#include <ucontext.h>

namespace gatecell {
namespace emulator {
struct Context {
  ucontext_t context;
};
inline void make_context(Context& c, char* stack, size_t bytes, void (*body)()) {
  getcontext(&c.context);
  c.context.uc_stack.ss_sp = stack;
  c.context.uc_stack.ss_size = bytes;
  c.context.uc_link = nullptr;
  makecontext(&c.context, body, 0);
}
inline void switch_context(Context& from, Context& to) { swapcontext(&from.context, &to.context); }
}  // namespace emulator
}  // namespace gatecell
#endif
