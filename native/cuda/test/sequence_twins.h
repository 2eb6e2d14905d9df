// sequence_twins.h: builds graphs over sequences and compares the device with the processor on them.
#pragma once
#include "sequence_cases.h"
#include "twins.h"

namespace lab {
// Makes tensors from parameters by reshape, so that the gradient of any tensor can be read.
struct Maker {
  Graph& g;
  Twins& t;
  Random random{47};
  std::vector<int> all_lengths = {};
  int lengths(const Ids& values) {
    all_lengths.push_back(g.ids({static_cast<int32_t>(values.size())}, values));
    return all_lengths.back();
  }
  int tensor(const Dims& dims, double size = 1, float shift = 0) {
    Floats values = random.floats(count_of(dims), size);
    for (float& x : values) x += shift;
    return g.op(GC_OP_RESHAPE, {flat({static_cast<int32_t>(values.size())}, values)}, dims);
  }
  int parameter(const Dims& dims, double size = 1) { return flat(dims, random.floats(count_of(dims), size)); }
  int flat(const Dims& dims, const Floats& values) {
    t.parameters.push_back(g.param(dims, values));
    return t.parameters.back();
  }
  int result(const Dims& dims) {
    t.results.push_back(g.host(dims));
    return t.results.back();
  }
  // The loss: mean squares of all results against random targets.
  void finish() {
    std::vector<int> losses;
    for (int id : t.results) {
      const auto n = static_cast<int32_t>(g.count(id));
      losses.push_back(g.op(GC_OP_MEAN_SQUARE, {g.op(GC_OP_RESHAPE, {id}, {n}), g.host({n}, random.floats(n))}, {2}));
    }
    int sum = losses[0];
    for (size_t i = 1; i < losses.size(); ++i) sum = g.op(GC_OP_ADD, {sum, losses[i]}, {2});
    t.loss = g.out(GC_OP_AFFINE, {sum}, {2}, {1, 0});
  }
};

// Checks that both sides agree within `bound`, with and without a backward pass; that a second run of the device gives the same bits; and
// that a run after it with half the lengths does not depend on values of the run before.
inline void check_twins(const std::function<void(Maker&)>& build, double bound = 1e-6, int32_t precision = GC_FLOAT) {
  std::vector<int> lengths;
  Twins twins(
      [&](Graph& g, Twins& t) {
        Maker make{g, t};
        build(make);
        make.finish();
        lengths = make.all_lengths;
      },
      precision);
  twins.compile();
  twins.run(GC_GRADIENT);
  CHECK(twins.worst() < bound);
  CHECK(twins.change_of_gradients() == "");
  for (Graph* g : {&twins.cpu, &twins.device})
    for (int id : lengths)
      for (int64_t i = 0; i < g->count(id); ++i) g->id_data(id)[i] /= 2;
  twins.run(GC_GRADIENT);
  CHECK(twins.worst() < bound);
  twins.run(GC_FORWARD);
  CHECK(twins.worst() < bound);
  twins.loss = Graph::none;
  twins.parameters.clear();
  twins.compile();
  twins.run(GC_FORWARD);
  CHECK(twins.worst() < bound);
}

// Checks that both sides refuse a run with the same status and error message.
inline void check_refusal(const std::function<void(Graph&)>& build, const char* what) {
  Twins twins([&](Graph& g, Twins&) { build(g); });
  twins.compile();
  const gc_status status = gc_plan_run(twins.cpu.plan(), GC_FORWARD);
  const std::string sentence = gc_last_error();
  REQUIRE(status != GC_OK);
  CHECK(sentence.find(what) != std::string::npos);
  CHECK(gc_plan_run(twins.device.plan(), GC_FORWARD) == status);
  CHECK(std::string(gc_last_error()) == sentence);
}

}  // namespace lab
