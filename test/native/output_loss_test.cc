// The output layer and the cross-entropy of its logits as one node: the bits of the two ops one after the other, in all modes of a run.
#include "core/rewrites.h"
#include "lab.h"

using namespace lab;

namespace {
struct Head {
  int32_t rows, inputs, classes, threads;
  bool bias, weights, row_weights;
  double smoothing;
};

// x is tanh of a parameter; with `apart` the logits are a result, so the two ops are not joined.
struct HeadRun {
  Graph graph;
  int x, w, b = Graph::none, loss, logits, targets;

  HeadRun(const Head& h, bool apart, bool scaled = false) {
    Random random(static_cast<uint64_t>(h.rows + h.classes));
    graph.threads = h.threads;
    const Dims dims = {h.rows, h.inputs};
    x = graph.param(dims, random.floats(count_of(dims)));
    w = graph.param({h.classes, h.inputs}, random.floats(int64_t{h.classes} * h.inputs, 0.3));
    if (h.bias) b = graph.param({h.classes}, random.floats(h.classes));
    logits = graph.op(GC_OP_LINEAR, {graph.op(GC_OP_TANH, {x}, dims), w, b}, {h.rows, h.classes}, {}, apart);
    Ids ids = random.ids(h.rows, 0, h.classes);
    for (size_t i = 0; i < ids.size(); i += 5) ids[i] = -1;
    targets = graph.ids({h.rows}, ids);
    std::vector<int> in = {logits, targets};
    Floats of_class = random.floats(h.classes), of_row = random.floats(h.rows);
    for (float& f : of_class) f = std::fabs(f) < 0.1f ? 0.0f : std::fabs(f);
    for (float& f : of_row) f = std::fabs(f) < 0.1f ? 0.0f : std::fabs(f);
    if (h.weights || h.row_weights) in.push_back(h.weights ? graph.host({h.classes}, of_class) : Graph::none);
    if (h.row_weights) in.push_back(graph.host({h.rows}, of_row));
    loss = graph.out(GC_OP_CROSS_ENTROPY, in, {2}, {0, h.smoothing});
    if (scaled) loss = graph.out(GC_OP_AFFINE, {loss}, {2}, {-3, 1});
  }
  bool joined() {
    for (const gatecell::Node& node : graph.plan()->nodes)
      if (node.op == &gatecell::op_output_loss) return true;
    return false;
  }
};

std::vector<Head> heads() {
  std::vector<Head> list;
  int32_t threads = 0;
  for (int32_t rows : {1, 7, 60, 1000})
    for (int32_t classes : {256, 300, 513})
      for (int variant = 0; variant < 4; ++variant)
        list.push_back({rows, 1 + (rows + classes) % 40, classes, 1 + threads++ % 3, variant % 2 == 0, variant == 1,
                        variant > 1,
                        variant == 3   ? 0.1
                        : variant == 1 ? 0.2
                                       : 0});
  return list;
}
}  // namespace

TEST_CASE("output loss: the bits of the two ops apart") {
  for (const Head& h : heads()) {
    CAPTURE(h.rows);
    CAPTURE(h.classes);
    CAPTURE(h.threads);
    CAPTURE(h.smoothing);
    CAPTURE(h.weights);
    HeadRun one(h, false), two(h, true);
    one.graph.compile(one.loss), two.graph.compile(two.loss);
    CHECK(one.joined());
    CHECK(!two.joined());
    for (gc_mode mode : {GC_FORWARD, GC_GRADIENT, GC_GRADIENT, GC_FORWARD}) {
      one.graph.run(mode), two.graph.run(mode);
      CHECK(difference(one.graph.value(one.loss), two.graph.value(two.loss)) == "");
    }
    for (int id : {one.x, one.w, one.b})
      if (id >= 0) CHECK(difference(one.graph.grad(id), two.graph.grad(id)) == "");
  }
}

TEST_CASE("output loss: a loss that is scaled") {
  for (const Head& h : heads()) {
    CAPTURE(h.rows);
    CAPTURE(h.classes);
    CAPTURE(h.smoothing);
    HeadRun one(h, false, true), two(h, true, true);
    one.graph.compile(one.loss), two.graph.compile(two.loss);
    CHECK(one.joined());
    one.graph.run(GC_GRADIENT), two.graph.run(GC_GRADIENT);
    CHECK(difference(one.graph.value(one.loss), two.graph.value(two.loss)) == "");
    for (int id : {one.x, one.w, one.b})
      if (id >= 0) CHECK(error(one.graph.grad(id), two.graph.grad(id), 1e-7) < 4e-6);
  }
}

TEST_CASE("output loss: updates and accumulated gradients are those of the two ops apart") {
  const Head h = {500, 17, 300, 2, true, false, false, 0.1};
  for (bool accumulates : {false, true}) {
    HeadRun one(h, false), two(h, true);
    for (HeadRun* run : {&one, &two}) {
      run->graph.compile(run->loss, GC_ADAM);
      Graph& g = run->graph;
      g.control[GC_C_LEARNING_RATE] = 0.01, g.control[GC_C_BETA1] = 0.9, g.control[GC_C_BETA2] = 0.99;
      g.control[GC_C_EPSILON] = 1e-8;
      if (accumulates) g.add_accumulated();
      for (int step = 0; step < 3; ++step) {
        g.id_data(run->targets)[static_cast<size_t>(step)] = step % 2 ? 3 : -1;
        g.run(accumulates ? GC_ACCUMULATE : GC_TRAIN);
      }
    }
    for (int id : {one.x, one.w, one.b}) {
      CHECK(difference(one.graph.value(id), two.graph.value(id)) == "");
      CHECK(difference(one.graph.grad(id), two.graph.grad(id)) == "");
    }
  }
}

TEST_CASE("output loss: no target counts, then targets out of range, then one counts") {
  HeadRun run({40, 5, 256, 2, true, false, false, 0}, false);
  run.graph.compile(run.loss);
  const Ids none(40, -1);
  memcpy(run.graph.id_data(run.targets), none.data(), 160);
  run.graph.run(GC_GRADIENT);
  CHECK(run.graph.value(run.loss) == Floats{0, 0});
  for (int id : {run.x, run.w, run.b}) CHECK(run.graph.grad(id) == Floats(static_cast<size_t>(run.graph.count(id)), 0));
  for (int32_t bad : {256, -2}) {
    run.graph.id_data(run.targets)[3] = bad;
    CHECK(gc_plan_run(run.graph.plan(), GC_GRADIENT) == GC_OUT_OF_RANGE);
    CHECK(std::string(gc_last_error()) == "cross_entropy: expected targets from 0 to 255, or -1 to ignore, got " +
                                              std::to_string(bad) + " at position 3");
  }
  run.graph.id_data(run.targets)[3] = 255;
  run.graph.run(GC_GRADIENT);
  CHECK(run.graph.value(run.loss)[1] == 1);
  CHECK(run.graph.grad(run.b)[255] < 0);
}

TEST_CASE("output loss: gradients that are only read") {
  Graph g;
  Random random(5);
  const int x = g.host({9, 6}, random.floats(54)), w = g.param({260, 6}, random.floats(1560));
  const int h = g.op(GC_OP_TANH, {x}, {9, 6});
  const int loss =
      g.out(GC_OP_CROSS_ENTROPY, {g.op(GC_OP_LINEAR, {h, w}, {9, 260}), g.ids({9}, random.ids(9, -1, 260))}, {2});
  g.observe(h);
  g.compile(loss);
  g.run(GC_GRADIENT);
  const Floats expected = g.observed(h), of_weight = g.grad(w);
  g.only_gradients = 1;
  g.compile(loss);
  g.run(GC_GRADIENT);
  CHECK(difference(g.observed(h), expected) == "");
  CHECK(difference(g.grad(w), of_weight) == "");  // left as it was
}

TEST_CASE("output loss: the logits take the memory of one block") {
  HeadRun one({4000, 4, 1000, 1, false, false, false, 0}, false), two({4000, 4, 1000, 1, false, false, false, 0}, true);
  one.graph.compile(one.loss), two.graph.compile(two.loss);
  CHECK(one.graph.plan()->arena.bytes() < 3'000'000);
  CHECK(two.graph.plan()->arena.bytes() > 40'000'000);
}
