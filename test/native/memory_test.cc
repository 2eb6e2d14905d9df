// Memory that is refused: every allocation of making a store, making a plan and running it fails in turn. The answer is
// GC_OUT_OF_MEMORY, and the next attempt gives the results of a program that never met a refusal.
#include "refusing.h"

#include "graphs.h"

using namespace lab;

namespace {
// A graph with what asks for memory: both directions of a layer, a layer on top, states carried (one on to another), dropout,
// a loss; with `precision` of narrow products for inference.
struct Network {
  Graph g;
  int loss = Graph::none;
  std::vector<int> results;

  explicit Network(int32_t precision) {
    const int32_t T = 4, B = 3, I = 5, H = 20, V = 7;
    Random random(71);
    g.threads = 3;
    g.precision = precision;
    const auto weights = [&](const Dims& dims) { return g.param(dims, random.floats(count_of(dims), 0.3)); };
    const int ids = g.ids({T, B}, random.ids(T * B, 0, V)), targets = g.ids({T, B}, random.ids(T * B, 0, V));
    const int x = g.op(GC_OP_EMBEDDING, {weights({V, I}), ids}, {T, B, I});
    const auto layer = [&](int in, int32_t width, double reverse, int h) {
      const int y = g.host({T, B, H}), last = g.host({B, H});
      const int c = g.host({B, H});
      g.record(GC_OP_LSTM, {in, weights({4 * H, width}), weights({4 * H, H}), weights({4 * H}), Graph::none, h, c},
               {y, last, Graph::none}, {reverse});
      results.push_back(y);
      return std::make_pair(y, last);
    };
    const int h = g.host({B, H}), older = g.host({B, H});
    const auto [forth, last] = layer(x, I, 0, h);
    const auto [back, first] = layer(x, I, 1, g.host({B, H}));
    g.carry(last, h);
    g.carry(h, older);
    const int both = g.op(GC_OP_CONCAT, {forth, back}, {T, B, 2 * H});
    const int top = layer(g.op(GC_OP_DROPOUT, {both}, {T, B, 2 * H}, {0.2, 0, 1}), 2 * H, 0, first).first;
    const int logits = g.out(GC_OP_LINEAR, {top, weights({V, H}), weights({V})}, {T, B, V});
    results.insert(results.end(), {logits, h, older});
    if (precision != GC_INT8) loss = g.out(GC_OP_CROSS_ENTROPY, {logits, targets}, {2});
    g.control[GC_C_LEARNING_RATE] = 0.01, g.control[GC_C_BETA1] = 0.9, g.control[GC_C_BETA2] = 0.99;
    g.control[GC_C_EPSILON] = 1e-8;
  }

  gc_mode mode() const { return loss >= 0 ? GC_TRAIN : GC_FORWARD; }
  int optimizer() const { return loss >= 0 ? GC_ADAM : 0; }
  Floats outcome() {
    Floats all;
    for (int id : results) {
      const Floats v = g.value(id);
      all.insert(all.end(), v.begin(), v.end());
    }
    return all;
  }
};

// Two runs of a plan made by `make`, with the allocation after `skipped` others refused; false: there was none to refuse.
bool check_refusal(Network& network, int64_t skipped, const Floats& expected) {
  Graph& g = network.g;
  const gc_plan_desc desc = g.describe(network.loss, network.optimizer());
  gc_plan* plan = nullptr;
  gc_status made = GC_OK, ran = GC_OK;
  const bool was_refused = with_refusal(skipped, [&] {
    made = gc_plan_create(&desc, &plan);
    if (made == GC_OK) ran = gc_plan_run(plan, network.mode());
  });
  CHECK((made == GC_OK || made == GC_OUT_OF_MEMORY));
  CHECK((ran == GC_OK || ran == GC_OUT_OF_MEMORY));
  CHECK((made == GC_OK) == (plan != nullptr));
  if (made != GC_OK || ran != GC_OK) CHECK(std::string(gc_last_error()) != "");
  if (!was_refused) CHECK((made == GC_OK && ran == GC_OK));
  if (made != GC_OK) REQUIRE(gc_plan_create(&desc, &plan) == GC_OK);
  if (made != GC_OK || ran != GC_OK) CHECK(gc_plan_run(plan, network.mode()) == GC_OK);
  CHECK(gc_plan_run(plan, network.mode()) == GC_OK);
  CHECK(difference(network.outcome(), expected) == "");
  gc_plan_destroy(plan);
  return was_refused;
}
}  // namespace

TEST_CASE("threads: each allocation of making and running a plan refused in turn") {
  for (int32_t precision : {GC_FLOAT, GC_BF16, GC_INT8}) {
    CAPTURE(precision);
    Network reference(precision);
    reference.g.compile(reference.loss, reference.optimizer());
    for (int i = 0; i < 2; ++i) reference.g.run(reference.mode());
    const Floats expected = reference.outcome();
    int64_t skipped = 0;
    for (bool more = true; more; ++skipped) {
      CAPTURE(skipped);
      Network network(precision);
      more = check_refusal(network, skipped, expected);
    }
    MESSAGE("allocations refused: ", skipped - 1);
    CHECK(skipped > 100);
  }
}

TEST_CASE("a run allocates nothing after the first") {
  Network network(GC_FLOAT);
  network.g.compile(network.loss, network.optimizer());
  network.g.run(network.mode());
  CHECK(!with_refusal(0, [&] { gc_plan_run(network.g.plan(), network.mode()); }));
}

TEST_CASE("each allocation of making a store and explaining a plan refused in turn") {
  alignas(64) static float arenas[4][16];
  const gc_param param = {0, 1, {16, 1}};
  bool more = true;
  for (int64_t skipped = 0; more; ++skipped) {
    gc_store* store = nullptr;
    gc_status status = GC_OK;
    const auto make = [&] {
      status = gc_store_create(&param, 1, 16, arenas[0], arenas[1], arenas[2], arenas[3], &store);
    };
    more = with_refusal(skipped, make);
    CHECK(status == (more ? GC_OUT_OF_MEMORY : GC_OK));
    if (more) make();
    REQUIRE(status == GC_OK);
    gc_store_destroy(store);
  }
  gc_machine machine;
  more = true;
  for (int64_t skipped = 0; more && skipped < 1000; ++skipped) {
    gc_status status = GC_OK;
    more = with_refusal(skipped, [&] { status = gc_machine_info(&machine); });
    CHECK((status == GC_OK || status == GC_OUT_OF_MEMORY));
  }
  CHECK(gc_machine_info(&machine) == GC_OK);
}
