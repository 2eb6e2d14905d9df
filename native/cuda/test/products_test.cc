// Large products on packed operands in whole plans, against the processor: recurrent layers in both directions with and without
// lengths, gradients of several readers added up, a linear layer; within the precision's bounds, the same bits twice.
#include "twins.h"

using namespace lab;

namespace {
struct Named {  // sets the method of large and small products while it lives
  const char* name;
  explicit Named(const char* way) : Named("GATECELL_CUDA_PRODUCTS", way) {}
  Named(const char* of, const std::string& value) : name(of) { setenv(of, value.c_str(), 1); }
  ~Named() { unsetenv(name); }
};
struct Shape {
  gc_opcode opcode;
  int32_t T, B, I, H;
  bool has_lengths;
};

// Two directions that read one x and the same W, then a linear layer.
void build(const Shape& s, Graph& g, Twins& t) {
  Random random(61);
  const int32_t gates = s.opcode == GC_OP_LSTM ? 4 : 3;
  const double k = 1 / std::sqrt(static_cast<double>(s.H));
  const auto add = [&](const Dims& dims, double size) {
    t.parameters.push_back(g.param(dims, random.floats(count_of(dims), size)));
    return t.parameters.back();
  };
  const int x = g.op(GC_OP_RESHAPE, {add({s.T * s.B * s.I}, 1)}, {s.T, s.B, s.I}), none = Graph::none;
  const int w_ih = add({gates * s.H, s.I}, k), w_hh = add({gates * s.H, s.H}, k), b = add({gates * s.H}, k);
  Ids lengths;
  for (int32_t row = 0; row < s.B; ++row) lengths.push_back((row * 7 + 2) % (s.T + 1));
  const int ids = s.has_lengths ? g.ids({s.B}, lengths) : none;
  std::vector<int> parts;
  for (double reverse : {0.0, 1.0}) {
    const int y = g.host({s.T, s.B, s.H});
    g.record(s.opcode, {x, w_ih, w_hh, b, none, none, none, ids}, {y}, {reverse});
    parts.push_back(y);
    t.results.push_back(y);
  }
  const int wide = g.op(GC_OP_CONCAT, parts, {s.T, s.B, 2 * s.H});
  const int out = g.op(GC_OP_LINEAR, {wide, add({s.I, 2 * s.H}, k), add({s.I}, k)}, {s.T, s.B, s.I});
  t.loss = g.out(GC_OP_MEAN_SQUARE, {out, g.host({s.T, s.B, s.I}, random.floats(s.T * s.B * s.I))}, {2});
}

bool says(Graph& g, const std::string& what) {
  return std::string(gc_plan_explain(g.plan())).find(what) != std::string::npos;
}
}  // namespace

TEST_CASE("cuda products: packed operands in plans of recurrent and linear layers") {
  for (const char* way : {"mma", "wgmma"}) {
    const Named named(way);
    for (const auto& [precision, bound] : {std::pair<int32_t, double>{GC_TF32, 6e-3}, {GC_BF16, 4e-2}}) {
      for (const Shape& s : std::vector<Shape>{{GC_OP_LSTM, 3, 50, 37, 20, false},
                                               {GC_OP_LSTM, 4, 40, 9, 36, true},
                                               {GC_OP_GRU, 3, 45, 33, 17, true}}) {
        CAPTURE(std::string(way));
        CAPTURE(precision);
        CAPTURE(s.H);
        Twins twins([&](Graph& g, Twins& t) { build(s, g, t); }, precision);
        twins.compile();
        twins.run(GC_GRADIENT);
        CHECK(twins.worst() < bound);
        CHECK(twins.change_of_gradients() == "");
      }
    }
  }
}

TEST_CASE("cuda products: many rows, whose sums for the weights are cut along k") {
  const Named named("wgmma");
  const Shape s = {GC_OP_LSTM, 9, 120, 5, 7, true};
  Twins twins([&](Graph& g, Twins& t) { build(s, g, t); }, GC_TF32);
  twins.compile();
  twins.run(GC_GRADIENT);
  CHECK(twins.worst() < 6e-3);
}

// With so few multiprocessors a chunk by itself would be split along k, but the whole product is not.
TEST_CASE("cuda products: layers in chunks of time have the bits of one after the other") {
  for (const auto& [way, multiprocessors] : {std::pair<const char*, const char*>{"mma", "4"}, {"wgmma", "2"}}) {
    const Named named(way), few("GATECELL_EMULATOR_MULTIPROCESSORS", multiprocessors);
    for (const bool has_lengths : {false, true}) {
      std::vector<Floats> apart;
      for (const char* chunks : {"1", "3"}) {
        CAPTURE(std::string(way));
        CAPTURE(std::string(chunks));
        const Named cut("GATECELL_CUDA_WAVEFRONT", chunks);
        const int32_t T = 6, B = 25, H = 130, none = Graph::none;
        Twins twins(
            [&](Graph& g, Twins& t) {
              Random random(62);
              const auto add = [&](const Dims& dims) {
                t.parameters.push_back(g.param(dims, random.floats(count_of(dims), 0.1)));
                return t.parameters.back();
              };
              Ids lengths;
              for (int32_t row = 0; row < B; ++row) lengths.push_back((row * 5 + 3) % (T + 1));
              const int ids = has_lengths ? g.ids({B}, lengths) : none;
              int x = g.op(GC_OP_RESHAPE, {add({T * B * 9})}, {T, B, 9});
              for (const int32_t width : {9, H}) {
                const int y = g.host({T, B, H});
                g.record(GC_OP_LSTM, {x, add({4 * H, width}), add({4 * H, H}), none, none, none, none, ids}, {y}, {0});
                x = y;
              }
              t.results.push_back(x);
              t.loss = g.out(GC_OP_MEAN_SQUARE, {x, g.host({T, B, H}, random.floats(T * B * H))}, {2});
            },
            GC_TF32);
        twins.compile();
        twins.run(GC_GRADIENT);
        CHECK(twins.worst() < 6e-3);
        CHECK(says(twins.device, "\"forward products of op "));
        CHECK(says(twins.device, "side by side in 3 chunks") == (chunks[0] == '3'));
        std::vector<Floats> got = {twins.device.value(twins.results[0])};
        for (int id : twins.parameters) got.push_back(twins.device.grad(id));
        if (chunks[0] == '1') apart = got;
        for (size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], apart[i]) == "");
      }
    }
  }
}

TEST_CASE("cuda products: explain names the way, small ones take no memory, and f32 stays on its chains") {
  const Shape s = {GC_OP_LSTM, 2, 3, 4, 5, false};
  const auto plan = [&](const char* way, int32_t precision, auto check) {
    const Named named(way);
    Twins twins([&](Graph& g, Twins& t) { build(s, g, t); }, precision);
    twins.compile();
    twins.run(GC_GRADIENT);
    CHECK(twins.worst() < 4e-2);
    check(twins.device);
  };
  int64_t packed = 0, plain = 0, unnamed = 0;
  plan("mma", GC_BF16, [&](Graph& g) {
    CHECK(says(g, "\"forward products of op "));
    CHECK(says(g, "\"backward products of op "));
    CHECK(says(g, "\"chosen\":\"mma\""));
    packed = gc_plan_bytes(g.plan());
  });
  const auto silent = [](int64_t& bytes) {
    return [&bytes](Graph& g) {
      CHECK(!says(g, "products of op "));
      bytes = gc_plan_bytes(g.plan());
    };
  };
  plan("tiles", GC_BF16, silent(plain));
  plan("", GC_BF16, silent(unnamed));
  CHECK(plain < packed);
  CHECK(plain == unnamed);
  int64_t exact = 0;
  plan("wgmma", GC_FLOAT, silent(exact));
  plan("fastest", GC_TF32, [&](Graph& g) {
    for (const char* way : {"\"tiles_us\":", "\"mma_us\":", "\"wgmma_us\":", "\"chosen\":"}) CHECK(says(g, way));
  });
}

// Run by itself, on an emulated device that reads wgmma's operands otherwise: what is found out of a way is kept for the process.
TEST_CASE("cuda products: a device on which wgmma gives something else keeps to tiles, and explain says so") {
  const char* device = getenv("GATECELL_EMULATOR_WGMMA");
  if (!device || std::string(device) != "unswizzled") return;
  const Named named("wgmma");
  const Shape s = {GC_OP_LSTM, 3, 20, 9, 20, false};
  Twins twins([&](Graph& g, Twins& t) { build(s, g, t); }, GC_BF16);
  twins.compile();
  twins.run(GC_GRADIENT);
  CHECK(twins.worst() < 4e-2);
  CHECK(says(twins.device, "\"wgmma\":\"on small products its results are up to "));
  CHECK(says(twins.device, "from those of the tiles: not used\",\"chosen\":\"tiles\""));
}
