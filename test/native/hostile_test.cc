// Invalid descriptions of plans and of parameter stores, one kind of mistake per case: each is refused with a status.
#include <climits>

#include "sequence_cases.h"

using namespace lab;

TEST_CASE("hostile: each op refuses results of another shape, rank or type, and absent or foreign inputs") {
  for (const OpCase& c : op_cases(3, 2, 5)) {
    CAPTURE(c.name);
    const auto build = [&](Graph& g, const Dims& out, gc_dtype dtype, int spoiled) {
      std::vector<int> in;
      for (size_t i = 0; i < c.inputs.size(); ++i) {
        const Floats zeros(static_cast<size_t>(count_of(c.inputs[i])), 0);
        in.push_back(c.parameter(i) ? g.param(c.inputs[i], zeros) : g.host(c.inputs[i], zeros));
      }
      c.add_ids(g, in);
      if (spoiled >= 0 && spoiled < static_cast<int>(in.size())) in[static_cast<size_t>(spoiled)] = Graph::none;
      if (spoiled >= 100 && spoiled < 100 + static_cast<int>(in.size()))
        in[static_cast<size_t>(spoiled - 100)] = g.ids({3, 2, 5});
      g.out(c.opcode, in, out, c.attributes, dtype);
      return g.try_compile();
    };
    Graph good;
    CHECK(build(good, c.out, GC_F32, -1) == GC_OK);
    for (size_t d = 0; d + (c.any_width ? 1 : 0) < c.out.size(); ++d) {
      if (std::find(c.chosen.begin(), c.chosen.end(), d) != c.chosen.end()) continue;
      Dims out = c.out;
      out[d] += 10;
      Graph g;
      CHECK(build(g, out, GC_F32, -1) != GC_OK);
    }
    Graph flat, typed, foreign;
    Dims wider = c.out;
    wider.insert(wider.begin(), 2);
    CHECK(build(flat, wider, GC_F32, -1) != GC_OK);
    CHECK(build(typed, c.out, GC_I32, -1) != GC_OK);
    for (int i = 0; i < 2; ++i) {
      Graph absent, other;
      CHECK((build(absent, c.out, GC_F32, i) == GC_INVALID_ARGUMENT) == (i < static_cast<int>(c.all_inputs())));
      if (i == 0) CHECK(build(other, c.out, GC_F32, 100) != GC_OK);
    }
  }
}

TEST_CASE("hostile: order of the ops") {
  Graph late;
  const int a = late.host({4}), b = late.host({4}), c = late.host({4});
  late.record(GC_OP_TANH, {b}, {c}, {});
  late.record(GC_OP_TANH, {a}, {b}, {});
  CHECK(late.try_compile() == GC_INVALID_ARGUMENT);
  CHECK(std::string(gc_last_error()) == "tanh: tensor 1 is used before it is made");
  Graph self;
  const int x = self.host({4});
  self.record(GC_OP_TANH, {x}, {x}, {});
  CHECK(self.try_compile() == GC_INVALID_ARGUMENT);
  Graph twice;
  const int y = twice.host({4}), z = twice.host({4});
  twice.record(GC_OP_TANH, {y}, {z}, {});
  twice.record(GC_OP_RELU, {y}, {z}, {});
  CHECK(twice.try_compile() == GC_INVALID_ARGUMENT);
  CHECK(std::string(gc_last_error()) == "relu: tensor 1 has two producers");
  Graph written;
  const int w = written.param({4}, Floats(4, 0)), v = written.host({4});
  written.record(GC_OP_TANH, {v}, {w}, {});
  CHECK(written.try_compile() == GC_INVALID_ARGUMENT);
}

TEST_CASE("hostile: attributes") {
  const auto refused = [](gc_opcode opcode, const Dims& in, const Dims& out, const Doubles& attributes) {
    Graph g;
    g.out(opcode, {g.host(in)}, out, attributes);
    return g.try_compile() != GC_OK;
  };
  for (double bad : {-0.1, 1.0, 2.0, static_cast<double>(NAN), static_cast<double>(HUGE_VALF)})
    CHECK(refused(GC_OP_DROPOUT, {4}, {4}, {bad, 0, 0}));
  for (double bad : {-1.0, 0.5, 4294967296.0, static_cast<double>(NAN)})
    CHECK(refused(GC_OP_DROPOUT, {4}, {4}, {0.5, 0, bad}));
  CHECK(refused(GC_OP_DROPOUT, {4}, {4}, {0.5, 1, 0}));  // a variational mask needs steps
  CHECK(refused(GC_OP_DROPOUT, {4}, {4}, {0.5, 2, 0}));
  CHECK(!refused(GC_OP_DROPOUT, {4, 4}, {4, 4}, {0.5, 1, 0}));
  for (double bad : {-1.0, 1.0, 0.5, static_cast<double>(NAN)}) CHECK(refused(GC_OP_SLICE, {4}, {2}, {bad, 0}));
  for (double bad : {-1.0, 3.0, 0.5, 1e300, static_cast<double>(NAN)}) CHECK(refused(GC_OP_SLICE, {4}, {2}, {0, bad}));
  CHECK(!refused(GC_OP_SLICE, {4}, {2}, {0, 2}));
  const auto refused_ctc = [](double blank) {
    Graph g;
    g.out(GC_OP_CTC, {g.host({3, 2, 4}), g.ids({2, 1}), g.ids({2}), g.ids({2})}, {2}, {blank});
    return g.try_compile() != GC_OK;
  };
  for (double bad : {-1.0, 4.0, 0.5, 1e300, static_cast<double>(NAN)}) CHECK(refused_ctc(bad));
  CHECK(!refused_ctc(3));
  const auto refused_mixture = [](gc_opcode opcode, const Dims& second, const Dims& out, double attribute) {
    Graph g;
    g.out(opcode, {g.host({2, 7}), g.host(second)}, out, {attribute});
    return g.try_compile() != GC_OK;
  };
  for (double bad : {-1.0, 1e31, static_cast<double>(NAN)})
    CHECK(refused_mixture(GC_OP_MIXTURE_DENSITY, {2, 3}, {2}, bad));
  for (double bad : {-1.0, 0.5, 4294967296.0, static_cast<double>(NAN)})
    CHECK(refused_mixture(GC_OP_MIXTURE_SAMPLE, {4}, {2, 3}, bad));
  CHECK(!refused_mixture(GC_OP_MIXTURE_DENSITY, {2, 3}, {2}, 0));
  CHECK(!refused_mixture(GC_OP_MIXTURE_SAMPLE, {4}, {2, 3}, 1));
  for (double bad : {1e39, static_cast<double>(NAN), static_cast<double>(HUGE_VALF)})
    CHECK(refused(GC_OP_AFFINE, {4}, {4}, {bad, 0}));
}

TEST_CASE("hostile: dimensions whose product overflows") {
  Graph g;
  g.host({1});
  for (const Dims& dims :
       {Dims{INT_MAX, INT_MAX, INT_MAX, INT_MAX}, {INT_MAX, INT_MAX}, {1 << 21, 1 << 20}, {1 << 30, 1 << 11}}) {
    g.tensors = {GC_F32, GC_INTERNAL, 0, static_cast<int32_t>(dims.size())};
    for (size_t d = 0; d < 4; ++d) g.tensors.push_back(d < dims.size() ? dims[d] : 1);
    g.ops = {GC_OP_TANH, 1, 1, 0, 0, 0};
    CHECK(g.try_compile() == GC_INVALID_SHAPE);
  }
}

TEST_CASE("a plan without what a mode needs refuses the mode") {
  Graph g;
  const int w = g.param({4}, Floats(4, 1)), loss = g.out(GC_OP_MEAN_SQUARE, {w, g.host({4})}, {2});
  g.compile();
  CHECK(gc_plan_run(g.plan(), GC_GRADIENT) == GC_INVALID_ARGUMENT);
  g.compile(loss);
  CHECK(gc_plan_run(g.plan(), GC_TRAIN) == GC_INVALID_ARGUMENT);
  CHECK(gc_plan_run(g.plan(), static_cast<gc_mode>(7)) == GC_INVALID_ARGUMENT);
  CHECK(g.try_compile(loss, 9) == GC_INVALID_ARGUMENT);
  CHECK(g.try_compile(w) == GC_INVALID_ARGUMENT);  // a parameter is not a result
}

TEST_CASE("an op without gradient between a parameter and the loss is refused") {
  Graph g;
  const int table = g.param({5, 5}, Floats(25, 1));
  const int x = g.op(GC_OP_EMBEDDING, {table, g.ids({2}, {1, 2})}, {2, 5});
  const int drawn = g.op(GC_OP_SAMPLE, {x, g.host({4}, {1, 0, 1, 0})}, {2}, {0}, false, GC_I32);
  const int y = g.op(GC_OP_EMBEDDING, {table, drawn}, {2, 5}),
            loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({2, 5})}, {2});
  CHECK(g.try_compile(loss) == GC_UNSUPPORTED);
  CHECK(g.try_compile() == GC_OK);
}

TEST_CASE("parameter stores refuse what does not lie in their arena") {
  float data[64] = {};
  gc_store* store = nullptr;
  const gc_param bad[] = {{0, 3, {1, 1}},   {0, 0, {1, 1}},   {0, 1, {0, 1}}, {8, 1, {4, 1}},
                          {-16, 1, {4, 1}}, {48, 1, {17, 1}}, {0, 2, {8, 9}}, {0, 2, {INT_MAX, INT_MAX}}};
  for (const gc_param& p : bad) CHECK(gc_store_create(&p, 1, 64, data, nullptr, nullptr, nullptr, &store) != GC_OK);
  const gc_param good = {48, 1, {16, 1}};
  CHECK(gc_store_create(&good, 0, 64, data, nullptr, nullptr, nullptr, &store) == GC_INVALID_ARGUMENT);
  CHECK(gc_store_create(&good, 1, 64, nullptr, nullptr, nullptr, nullptr, &store) == GC_INVALID_ARGUMENT);
  REQUIRE(gc_store_create(&good, 1, 64, data, nullptr, nullptr, nullptr, &store) == GC_OK);
  gc_store_destroy(store);
}
