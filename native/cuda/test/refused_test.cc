// The system refuses memory to the library's host side: the allocations that are needed to make and run a plan on the emulated device fail,
// one per attempt. The status is GC_OUT_OF_MEMORY, and the next attempt gives the results of a program without a refusal.
#include "refusing.h"

#include <functional>

#include "core/backend.h"
#include "lab.h"

using namespace lab;

extern "C" __attribute__((visibility("default"))) void gatecell_emulator_works(int begins) {
  devices_at_work += begins ? 1 : -1;
}

namespace {
// A stack of two layers over an embedding, with carried states, one of which is carried to another, trained by Adam.
struct Network {
  Graph g;
  int loss;
  std::vector<int> results;
  Network() {
    Random random(91);
    const int32_t T = 3, B = 2, H = 4, V = 5;
    g.device = GC_CUDA;
    const auto weights = [&](const Dims& dims) { return g.param(dims, random.floats(count_of(dims), 0.3)); };
    const int x = g.op(GC_OP_EMBEDDING, {weights({V, H}), g.ids({T, B}, random.ids(T * B, 0, V))}, {T, B, H});
    const int h = g.host({B, H}), older = g.host({B, H}), last = g.host({B, H}), lower = g.internal({T, B, H}),
              y = g.host({T, B, H});
    g.record(GC_OP_LSTM, {x, weights({4 * H, H}), weights({4 * H, H})}, {lower}, {0});
    g.record(GC_OP_LSTM, {lower, weights({4 * H, H}), weights({4 * H, H}), Graph::none, Graph::none, h}, {y, last},
             {0});
    g.carry(last, h);
    g.carry(h, older);
    loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({T, B, H}, random.floats(T * B * H))}, {2});
    results = {y, h, older, loss};
    g.control[GC_C_LEARNING_RATE] = 0.01, g.control[GC_C_BETA1] = 0.9, g.control[GC_C_BETA2] = 0.99;
    g.control[GC_C_EPSILON] = 1e-8;
  }
  // Results of two steps of a plan that exists already.
  Floats outcome(gc_plan* plan) {
    REQUIRE(gc_plan_fetch_states(plan) == GC_OK);
    Floats all;
    for (int id : results) {
      const Floats v = g.value(id);
      all.insert(all.end(), v.begin(), v.end());
    }
    return all;
  }
};

bool is_legal(gc_status status) { return status == GC_OK || status == GC_OUT_OF_MEMORY; }

// Makes and runs a plan and refuses the allocation after `skipped` others; returns false if there was none to refuse.
bool check_refusal(int64_t skipped, const Floats& expected) {
  Network network;
  const gc_plan_desc desc = network.g.describe(network.loss, GC_ADAM);
  gc_plan* plan = nullptr;
  gc_status made = GC_OK, ran = GC_OK;
  const bool was_refused = with_refusal(skipped, [&] {
    made = gc_plan_create(&desc, &plan);
    if (made == GC_OK) ran = gc_plan_run(plan, GC_TRAIN);
  });
  CHECK(is_legal(made));
  CHECK(is_legal(ran));
  if (made != GC_OK || ran != GC_OK) CHECK(std::string(gc_last_error()) != "");
  if (made != GC_OK) REQUIRE(gc_plan_create(&desc, &plan) == GC_OK);
  if (made != GC_OK || ran != GC_OK) CHECK(gc_plan_run(plan, GC_TRAIN) == GC_OK);
  CHECK(gc_plan_run(plan, GC_TRAIN) == GC_OK);
  CHECK(difference(network.outcome(plan), expected) == "");
  gc_plan_destroy(plan);
  return was_refused;
}

// Refuses each of the first allocations in turn, then every seventh.
void refuse_in_turn(const std::string& what, const std::function<bool(int64_t)>& check) {
  int64_t skipped = 0, tried = 0;
  for (bool more = true; more; skipped += skipped < 200 ? 1 : 7, ++tried) {
    CAPTURE(skipped);
    more = check(skipped);
  }
  MESSAGE(what, ": allocations refused: ", tried - 1);
  CHECK(tried > 20);
}
}  // namespace

TEST_CASE("cuda refused memory: allocations of making and running a plan, in turn") {
  gc_cuda cuda;
  REQUIRE(gc_cuda_info(&cuda) == GC_OK);
  if (!cuda.emulated) return;  // on a GPU the driver's own allocations would be refused too
  int64_t before, after;
  REQUIRE(gatecell::cuda_backend().table->free_bytes(&before) == GC_OK);
  Floats expected;
  {
    Network reference;
    reference.g.compile(reference.loss, GC_ADAM);
    for (int i = 0; i < 2; ++i) reference.g.run(GC_TRAIN);
    expected = reference.outcome(reference.g.plan());
  }
  refuse_in_turn("plans", [&](int64_t skipped) { return check_refusal(skipped, expected); });
  // Includes timing the ways to compute a layer, for which each of them is recorded.
  setenv("GATECELL_CUDA_LSTM", "fastest", 1);
  refuse_in_turn("plans that choose kernels", [&](int64_t skipped) { return check_refusal(5 * skipped, expected); });
  unsetenv("GATECELL_CUDA_LSTM");
  refuse_in_turn("measuring", [&](int64_t skipped) {
    gc_cuda_rates rates;
    gc_status status = GC_OK;
    const bool was_refused = with_refusal(
        skipped, [&] { status = static_cast<gc_status>(gatecell::cuda_backend().table->measure(GC_FLOAT, &rates)); });
    CHECK((status == GC_OUT_OF_MEMORY || !was_refused));
    return was_refused;
  });
  REQUIRE(gatecell::cuda_backend().table->free_bytes(&after) == GC_OK);
  CHECK(after == before);
}
