// claim.h: exclusive use of a plan: only one call at a time may use it.
#pragma once
#include "guarded.h"
#include "op.h"
#include "threads.h"

namespace gatecell {

// Holds a plan's busy flag for a scope.
struct Claim {
  Plan& plan;
  bool held;
  explicit Claim(Plan& p) : plan(p), held(!p.busy.exchange(true, std::memory_order_acquire)) {}
  ~Claim() {
    if (held) plan.busy.store(false, std::memory_order_release);
  }
};

// Runs `body` with the plan's busy flag held.
template <class F>
gc_status claimed(Plan& plan, const F& body) {
  return guarded([&] {
    Claim claim(plan);
    const Caller caller;
    return claim.held ? body() : fail(GC_BUSY, "this plan is running already: wait for the running call");
  });
}
}  // namespace gatecell
