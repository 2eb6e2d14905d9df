// Every op on the device compared with the processor: forward and backward, with results read once and twice, on shapes with ragged edges.
#include <array>

#include "core/backend.h"
#include "sequence_cases.h"
#include "twins.h"

using namespace lab;

namespace {
// The op with parameters as inputs, and a mean-square loss of its result. `twice`: each gradient is written once and added to once.
void build(const OpCase& c, bool twice, Graph& g, Twins& twins) {
  Random random(31);
  std::vector<Floats> values;
  for (const Dims& dims : c.inputs) values.push_back(random.floats(count_of(dims), 2));
  if (c.adjust) c.adjust(values);
  std::vector<int> in;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const int p = g.param(c.parameter(i) ? c.inputs[i] : Dims{static_cast<int32_t>(values[i].size())}, values[i]);
    twins.parameters.push_back(p);
    in.push_back(c.parameter(i) ? p : g.op(GC_OP_RESHAPE, {p}, c.inputs[i]));
  }
  c.add_ids(g, in);
  const int out = g.out(c.opcode, in, c.out, c.attributes);
  twins.results.push_back(out);
  int result = out;
  if (twice) result = g.op(GC_OP_ADD, {out, g.op(c.opcode, in, c.out, c.attributes)}, c.out);
  twins.loss = c.loss ? result : g.out(GC_OP_MEAN_SQUARE, {result, g.host(c.out, random.floats(count_of(c.out)))}, {2});
  if (!c.loss) twins.results.push_back(twins.loss);
}

// Sums in double that have another order than on the processor; their results may round to a neighbouring float.
bool sums_in_double(const OpCase& c) {
  switch (c.opcode) {
    case GC_OP_SOFTMAX:
    case GC_OP_WINDOW:
    case GC_OP_DOT_ATTENTION:
    case GC_OP_ADDITIVE_ATTENTION: return true;
    default: return c.loss;
  }
}
}  // namespace

TEST_CASE(
    "cuda ops: an op that has kernels only on the processor is refused by name, and a gradient that an op lacks, too") {
  const gc_backend* table = gatecell::cuda_backend().table;
  REQUIRE(table);
  const auto refusal = [&](int32_t opcode, const char* name, int32_t trains) {
    gc_device_node node = {};
    node.opcode = opcode, node.name = name, node.trains = trains;
    gc_device_plan_desc desc = {};
    desc.nodes = &node, desc.node_count = 1;
    CHECK(table->plan_prepare(&desc) == GC_UNSUPPORTED);
    return std::string(table->last_error());
  };
  CHECK(refusal(12345, "convolve", 0) == "the CUDA backend has no convolve: use the processor");
  CHECK(refusal(GC_OP_SAMPLE, "sample", 1) == "the CUDA backend has no gradient of sample: use the processor");
}

TEST_CASE("cuda ops: every op of the engine has kernels on the device") {
  for (const OpCase& c : op_cases(2, 2, 3)) {
    CAPTURE(c.name);
    CHECK(is_on_device(c.opcode));
  }
}

TEST_CASE("cuda ops: the processor's results and gradients") {
  for (const auto& [T, B, C] :
       {std::array<int32_t, 3>{3, 2, 5}, {1, 1, 1}, {4, 3, 16}, {2, 5, 33}, {2, 2, 300}, {3, 40, 70}}) {
    for (const OpCase& c : op_cases(T, B, C)) {
      if (!is_on_device(c.opcode)) continue;
      for (bool twice : {false, true}) {
        CAPTURE(c.name);
        CAPTURE(twice);
        CAPTURE(C);
        Twins twins([&](Graph& g, Twins& t) { build(c, twice, g, t); });
        twins.compile();
        twins.run(GC_GRADIENT);
        if (sums_in_double(c)) CHECK(twins.worst() < 1e-6);
        else CHECK(twins.first_difference() == "");
      }
    }
  }
}

TEST_CASE("cuda dropout: the processor's masks, ordinary and variational") {
  for (double variational : {0.0, 1.0}) {
    Twins twins([&](Graph& g, Twins& t) {
      Random random(33);
      const int w = g.param({7 * 5 * 9}, random.floats(7 * 5 * 9));
      const int y = g.out(GC_OP_DROPOUT, {g.op(GC_OP_RESHAPE, {w}, {7, 5, 9})}, {7, 5, 9}, {0.4, variational, 3});
      t.loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({7, 5, 9})}, {2});
      t.results = {y}, t.parameters = {w};
      g.control[GC_C_SEED] = 12345678901.0, g.control[GC_C_STEP] = 17;
    });
    twins.compile();
    for (gc_mode mode : {GC_GRADIENT, GC_FORWARD}) {
      twins.run(mode);
      CHECK(twins.first_difference() == "");
    }
  }
}

TEST_CASE("cuda sample: the processor's ids for every kind of setting") {
  for (const Floats& control :
       {Floats{1, 0, 0, 0}, {0, 0, 0, 0}, {0.7f, 5, 0, 0}, {1.3f, 0, 0.8f, 0}, {1, 12, 0.5f, 0}}) {
    for (int32_t V : {2, 65, 300}) {
      CAPTURE(V);
      Twins twins([&](Graph& g, Twins&) {
        Random random(35);
        g.ids({1});  // keeps results apart from the first slot
        g.out(GC_OP_SAMPLE, {g.host({6, 4, V}, random.floats(24 * V, 3)), g.host({4}, control)}, {6, 4}, {7}, GC_I32);
      });
      twins.compile();
      for (int step = 0; step < 5; ++step) {
        for (Graph* g : {&twins.cpu, &twins.device}) g->control[GC_C_SEED] = 5, g->control[GC_C_STEP] = step;
        twins.run(GC_FORWARD);
        CHECK(twins.device.id_value(3) == twins.cpu.id_value(3));
      }
    }
  }
}

TEST_CASE("cuda top_log_softmax: the processor's ids and log probabilities") {
  for (int32_t V : {1, 2, 65, 300}) {
    for (int32_t k : {1, 2, 12}) {
      if (k > V) continue;
      CAPTURE(V);
      CAPTURE(k);
      int ids = 0;
      Twins twins([&](Graph& g, Twins& t) {
        Random random(39);
        Floats logits = random.floats(24 * V, 3);
        for (float& value : logits) value = std::round(value * 8) / 8;  // many are equal
        const std::vector<int> in = {g.host({6, 4, V}, logits), g.ids({6, 4}, random.ids(24, 0, V))};
        const int nats = g.host({6, 4, k + 1});
        ids = g.ids({6, 4, k + 1});
        g.record(GC_OP_TOP_LOG_SOFTMAX, in, {nats, ids}, {});
        t.results = {nats};
      });
      twins.compile();
      twins.run(GC_FORWARD);
      CHECK(twins.device.id_value(ids) == twins.cpu.id_value(ids));
      CHECK(twins.worst() < 1e-6);
    }
  }
}

TEST_CASE(
    "cuda cross_entropy: weights of rows that are negative or not finite are refused, of ignored rows they are not "
    "read") {
  for (float bad : {-1.0f, NAN, INFINITY}) {
    for (int32_t row : {1, 4}) {  // the target of row 4 is ignored
      CAPTURE(bad);
      CAPTURE(row);
      Twins twins([&](Graph& g, Twins&) {
        Floats weights(6, 0.5f);
        weights[static_cast<size_t>(row)] = bad;
        g.out(GC_OP_CROSS_ENTROPY,
              {g.host({2, 3, 9}, Random(38).floats(54)), g.ids({2, 3}, {0, 1, 2, 3, -1, 5}), Graph::none,
               g.host({2, 3}, weights)},
              {2});
      });
      twins.compile();
      CHECK(gc_plan_run(twins.cpu.plan(), GC_FORWARD) == (row == 1 ? GC_OUT_OF_RANGE : GC_OK));
      const std::string sentence = gc_last_error();
      CHECK(gc_plan_run(twins.device.plan(), GC_FORWARD) == (row == 1 ? GC_OUT_OF_RANGE : GC_OK));
      if (row == 1) CHECK(std::string(gc_last_error()) == sentence);
    }
  }
}

TEST_CASE("cuda: bad data ends in the processor's sentence, and the next run is good") {
  const auto expect = [](gc_opcode opcode, const Floats& control, const Ids& ids, gc_status status) {
    Twins twins([&](Graph& g, Twins&) {
      Random random(36);
      const int logits = g.host({2, 3, 9}, random.floats(54));
      if (opcode == GC_OP_SAMPLE) g.out(opcode, {logits, g.host({4}, control)}, {2, 3}, {0}, GC_I32);
      if (opcode == GC_OP_CROSS_ENTROPY) {
        std::vector<int> in = {logits, g.ids({2, 3}, ids)};
        if (!control.empty()) in.push_back(g.host({9}, control));
        g.out(opcode, in, {2}, control.empty() ? Doubles{} : Doubles{3, 0.1});
      }
      if (opcode == GC_OP_EMBEDDING) g.out(opcode, {g.param({9, 4}, random.floats(36)), g.ids({2, 3}, ids)}, {2, 3, 4});
      if (opcode == GC_OP_TOP_LOG_SOFTMAX) {
        const int x = control.empty() ? logits : g.host({2, 3, 2}, control);
        g.record(opcode, {x, g.ids({2, 3}, ids)}, {g.host({2, 3, 2}), g.ids({2, 3, 2})}, {});
      }
      if (opcode == GC_OP_GATHER) g.out(opcode, {logits, g.ids({2, 3}, ids)}, {2, 3, 2, 3}, {2});
      if (opcode == GC_OP_SCATTER_ADD) g.out(opcode, {logits, g.ids({2, 3}, ids)}, {9, 9}, {0});
    });
    twins.compile();
    REQUIRE(gc_plan_run(twins.cpu.plan(), GC_FORWARD) == status);
    const std::string sentence = gc_last_error();
    CHECK(gc_plan_run(twins.device.plan(), GC_FORWARD) == status);
    CHECK(std::string(gc_last_error()) == sentence);
  };
  expect(GC_OP_EMBEDDING, {}, {0, 1, 2, 9, 4, -1}, GC_OUT_OF_RANGE);
  expect(GC_OP_EMBEDDING, {}, {0, 1, -5, 3, 4, 8}, GC_OUT_OF_RANGE);
  expect(GC_OP_GATHER, {}, {0, 1, 2, 8, 9, -1}, GC_OUT_OF_RANGE);
  expect(GC_OP_SCATTER_ADD, {}, {0, -7, 2, 8, 9, 1}, GC_OUT_OF_RANGE);
  expect(GC_OP_TOP_LOG_SOFTMAX, {}, {0, 1, 2, 8, 9, -1}, GC_OUT_OF_RANGE);
  expect(GC_OP_TOP_LOG_SOFTMAX, {0, 1, 2, 3, 4, 5, NAN, 7, 8, 9, NAN, NAN}, {0, 1, 1, 1, 1, 1}, GC_OUT_OF_RANGE);
  expect(GC_OP_CROSS_ENTROPY, {}, {0, -1, 2, 8, 9, 1}, GC_OUT_OF_RANGE);
  expect(GC_OP_CROSS_ENTROPY, {1, 2, 3, -1, 5, 6, NAN, 8, 9}, {0, 1, 2, 3, 4, 5}, GC_OUT_OF_RANGE);
  expect(GC_OP_CROSS_ENTROPY, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 2, 8, -1, 9, 5}, GC_OUT_OF_RANGE);
  expect(GC_OP_SAMPLE, {-1, 0, 0, 0}, {}, GC_INVALID_ARGUMENT);
  expect(GC_OP_SAMPLE, {1, 2.5f, 0, 0}, {}, GC_INVALID_ARGUMENT);
  expect(GC_OP_SAMPLE, {1, 0, NAN, 0}, {}, GC_INVALID_ARGUMENT);

  Graph g;
  g.device = GC_CUDA;
  Floats logits = Random(37).floats(27);
  const int x = g.host({3, 9}, logits);
  const int y = g.out(GC_OP_SAMPLE, {x, g.host({4}, {1, 0, 0, 0})}, {3}, {0}, GC_I32);
  g.compile();
  g.run();
  const Ids good = g.id_value(y);
  g.data(x)[12] = NAN;
  CHECK(gc_plan_run(g.plan(), GC_FORWARD) == GC_OUT_OF_RANGE);
  CHECK(std::string(gc_last_error()).find("row 1 ") != std::string::npos);
  CHECK(g.id_value(y) == good);
  g.data(x)[12] = logits[12];
  g.run();
  CHECK(g.id_value(y) == good);
}
