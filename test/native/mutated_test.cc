// Mutated descriptions of plans: for any content of the tables, compiling and running return a status and touch no other memory.
// Most of what these cases can find shows only in the sanitizer builds.
#include <climits>

#include "graphs.h"
#include "loops.h"

using namespace lab;

namespace {
bool is_status(gc_status s) { return s >= GC_OK && s <= GC_BUSY; }

// A language model with everything a plan can have: folded embedding, two layers, carried states, dropout, sampling.
void language_model(Graph& g, int& loss) {
  Random random(61);
  const int32_t T = 3, B = 2, V = 9, H = 6;
  const auto matrix = [&](int32_t rows, int32_t columns) {
    return g.param({rows, columns}, random.floats(int64_t{rows} * columns, 0.4));
  };
  int x = g.op(GC_OP_EMBEDDING, {matrix(V, H), g.ids({T, B}, random.ids(T * B, 0, V))}, {T, B, H});
  for (int layer = 0; layer < 2; ++layer) {
    const int h0 = g.host({B, H}), c0 = g.host({B, H}), y = g.host({T, B, H}), hT = g.host({B, H}), cT = g.host({B, H});
    std::vector<int> in = {
        x, matrix(4 * H, H), matrix(4 * H, H), g.param({4 * H}, random.floats(4 * H)), Graph::none, h0, c0};
    if (layer == 1) {  // layer normalisation, over rows of several lengths
      in.insert(in.end(), {g.ids({B}, {3, 1}), Graph::none, Graph::none});
      for (int32_t size : {4 * H, 4 * H, H, H}) in.push_back(g.param({size}, random.floats(size)));
    }
    g.record(GC_OP_LSTM, in, {y, hT, cT}, {0});
    g.carry(hT, h0);
    g.carry(cT, c0);
    x = g.op(GC_OP_DROPOUT, {y}, {T, B, H}, {0.2, 1, static_cast<double>(layer)});
  }
  const int logits = g.op(GC_OP_LINEAR, {x, matrix(V, H), g.param({V}, random.floats(V))}, {T, B, V});
  loss = g.out(GC_OP_CROSS_ENTROPY, {logits, g.ids({T, B}, random.ids(T * B, -1, V))}, {2});
  g.out(GC_OP_SAMPLE, {logits, g.host({4}, {1, 3, 0.9f, 0})}, {T, B}, {7}, GC_I32);
  const int also = g.ids({T, B}, random.ids(T * B, 0, V));
  g.record(GC_OP_TOP_LOG_SOFTMAX, {logits, also}, {g.host({T, B, 3}), g.ids({T, B, 3})}, {});
}

// A model that writes and reads pen strokes, with every op over sequences of different lengths.
void handwriting_model(Graph& g, int& loss) {
  Random random(62);
  const int32_t T = 4, B = 2, H = 5, C = 4, K = 2, U = 3, M = 2;
  const auto matrix = [&](int32_t rows, int32_t columns) {
    return g.param({rows, columns}, random.floats(int64_t{rows} * columns, 0.4));
  };
  const auto vector = [&](int32_t n) { return g.param({n}, random.floats(n)); };
  const int x = g.host({T, B, 3}, random.floats(T * B * 3)), ids = g.ids({B, U}, random.ids(B * U, 1, C)),
            counts = g.ids({B}, {2, 1}), steps = g.ids({B}, {T, 3});
  const int kappa0 = g.host({B, K}), kappaT = g.host({B, K}), y = g.host({T, B, H}), w = g.host({T, B, C});
  g.record(GC_OP_WINDOW_LSTM,
           {x, matrix(4 * H, 3 + C), matrix(4 * H, H), matrix(3 * K, H), vector(3 * K), ids, counts, vector(4 * H),
            Graph::none, Graph::none, Graph::none, kappa0},
           {y, w, Graph::none, Graph::none, kappaT}, {});
  g.carry(kappaT, kappa0);
  const int raw = g.op(GC_OP_LINEAR, {y, matrix(3 * K, H), Graph::none}, {T, B, 3 * K});
  const int again = g.op(GC_OP_WINDOW, {raw, ids, counts, kappa0}, {T, B, C});
  const int dot = g.op(GC_OP_DOT_ATTENTION, {w, again, y, steps}, {T, B, H}, {0.5});
  const int added = g.op(GC_OP_ADDITIVE_ATTENTION, {again, w, vector(C), y, steps}, {T, B, H});
  const int both = g.op(GC_OP_CONCAT, {dot, added}, {T, B, 2 * H});
  const int pen = g.op(GC_OP_LINEAR, {both, matrix(6 * M + 1, 2 * H), Graph::none}, {T, B, 6 * M + 1});
  const int letters = g.op(GC_OP_LINEAR, {both, matrix(C, 2 * H), Graph::none}, {T, B, C});
  g.out(GC_OP_MIXTURE_SAMPLE, {pen, g.host({4}, {0.5f, 0, 0, 0})}, {T, B, 3}, {3});
  const int writing = g.op(GC_OP_MIXTURE_DENSITY, {pen, x, g.host({T, B}, Floats(T * B, 1))}, {2}, {100});
  const int rows = g.host({B}), reading = g.host({2});
  g.record(GC_OP_CTC, {letters, ids, steps, counts}, {reading, rows}, {0});
  loss = g.out(GC_OP_ADD, {writing, reading}, {2});
}

int32_t interesting(Random& r, int32_t old, const std::vector<int32_t>& pool) {
  const int32_t list[] = {-1, 0,  1,  2,  3,  4,  5,   7,       8,       15,      16,      17,
                          18, 19, 20, 21, 32, 64, 100, 1 << 16, 1 << 20, 1 << 30, INT_MAX, INT_MIN};
  switch (r.below(4)) {
    case 0: return old < INT_MAX ? old + 1 : 0;
    case 1: return old > INT_MIN ? old - 1 : 0;
    case 2: return pool[static_cast<size_t>(r.below(static_cast<int64_t>(pool.size())))];
    default: return list[r.below(static_cast<int64_t>(sizeof list / sizeof list[0]))];
  }
}

// The description with one to three changed numbers. Lengths only shrink, because the caller guarantees memory of the given lengths.
struct Mutant {
  std::vector<int32_t> tensors, ops, carries;
  Doubles attributes;
  gc_plan_desc desc;

  Mutant(const Graph& g, const gc_plan_desc& base, Random& r)
      : tensors(g.tensors), ops(g.ops), carries(g.carries), attributes(g.attributes), desc(base) {
    for (int64_t changes = r.below(3) ? 1 : 2 + r.below(2); changes > 0; --changes) change(r);
    desc.tensors = tensors.data(), desc.ops = ops.data(), desc.carry = carries.data(),
    desc.attributes = attributes.data();
  }

  void change(Random& r) {
    const auto one_of = [&](std::vector<int32_t>& list) {
      if (list.empty()) return;
      int32_t& at = list[static_cast<size_t>(r.below(static_cast<int64_t>(list.size())))];
      at = interesting(r, at, list);
    };
    switch (r.below(12)) {
      case 0: one_of(carries); break;
      case 1: attribute(r); break;
      case 2: scalar(r); break;
      case 3: swap(r); break;
      case 4:
      case 5:
      case 6:
      case 7: one_of(ops); break;
      default: one_of(tensors); break;
    }
  }
  void attribute(Random& r) {
    const double list[] = {0, 1, -1, 0.5, 2, 1e9, 1e300, -1e300, 4294967296.0, NAN, HUGE_VAL, -HUGE_VAL};
    if (!attributes.empty())
      attributes[static_cast<size_t>(r.below(static_cast<int64_t>(attributes.size())))] = list[r.below(12)];
  }
  void swap(Random& r) {
    const auto any = [&] {
      return r.below(static_cast<int64_t>(tensors.size()) / GC_TENSOR_FIELDS) * GC_TENSOR_FIELDS;
    };
    const int64_t a = any(), b = any();
    for (int64_t i = 0; i < GC_TENSOR_FIELDS; ++i)
      std::swap(tensors[static_cast<size_t>(a + i)], tensors[static_cast<size_t>(b + i)]);
  }
  void scalar(Random& r) {
    switch (r.below(8)) {
      case 0: desc.loss = static_cast<int32_t>(r.below(desc.tensor_count + 4)) - 2; break;
      case 1: desc.optimizer = static_cast<int32_t>(r.below(8)) - 1; break;
      case 2: desc.threads = r.below(2) ? 2000 : -1; break;
      case 3: desc.precision = static_cast<int32_t>(r.below(5)) - 1; break;
      case 4: desc.host_elements = r.below(desc.host_elements + 2) - 1; break;
      case 5: desc.ops_length = r.below(desc.ops_length + 2) - 1; break;
      case 6: desc.attribute_count = r.below(desc.attribute_count + 2) - 1; break;
      default: desc.tensor_count = static_cast<int32_t>(r.below(desc.tensor_count + 1)) - 1; break;
    }
  }
};

void spoil(float* data, int64_t count, Random& r) {
  const float list[] = {NAN, HUGE_VALF, -HUGE_VALF, 3e38f, -1e-40f, 0, 1};
  for (int64_t i = r.below(40); i < count; i += 1 + r.below(40)) {
    if (r.below(2)) data[i] = list[r.below(7)];
    else data[i] = r.floats(1, 3)[0];
  }
}

// Compiles `count` mutants, runs those that compile, and returns their number.
int attack(Graph& g, int loss, int count, uint64_t seed) {
  Random r(seed);
  const gc_plan_desc base = g.describe(loss, GC_ADAM);
  int compiled = 0;
  for (int i = 0; i < count; ++i) {
    Mutant m(g, base, r);
    gc_plan* plan = nullptr;
    const gc_status status = gc_plan_create(&m.desc, &plan);
    REQUIRE(is_status(status));
    REQUIRE((status == GC_OK) == (plan != nullptr));
    if (!plan) {
      REQUIRE(gc_last_error()[0] != 0);
      continue;
    }
    ++compiled;
    if (gc_plan_bytes(plan) < 16 << 20) {
      if (r.below(3) == 0) spoil(static_cast<float*>(m.desc.host), base.host_elements, r);
      for (double& c : g.control) c = r.below(20) == 0 ? (r.below(2) ? NAN : -1e300) : r.uniform();
      for (gc_mode mode : {GC_FORWARD, GC_GRADIENT, GC_TRAIN, static_cast<gc_mode>(3)})
        REQUIRE(is_status(gc_plan_run(plan, mode)));
      Ids out(64);
      int32_t done = 0;
      const auto any = [&] { return static_cast<int32_t>(r.below(m.desc.tensor_count + 2)) - 1; };
      gc_loop loop = loop_of({{any(), any()}, {any(), any()}}, {any()}, any());
      loop.watched = any();
      if (r.below(20) == 0) loop.feed_count = any(), loop.record_count = any();
      REQUIRE(is_status(gc_plan_generate(plan, &loop, 4, out.data(), 64, &done)));
    }
    gc_plan_destroy(plan);
  }
  return compiled;
}
}  // namespace

TEST_CASE("hostile: twenty thousand mutated descriptions get a status") {
  Graph model;
  int loss = Graph::none;
  language_model(model, loss);
  int compiled = attack(model, loss, 6000, 71) + attack(model, Graph::none, 2000, 72);
  for (uint64_t seed = 0; seed < 24; ++seed) {
    RandomGraph r(2000 + seed, 8, false);
    compiled += attack(r.graph, r.loss, 500, seed);
  }
  CHECK(compiled > 2000);
}

TEST_CASE("hostile: mutated descriptions and data of the ops over sequences get a status") {
  Graph model;
  int loss = Graph::none;
  handwriting_model(model, loss);
  model.compile(loss, GC_ADAM);
  model.run(GC_TRAIN);
  CHECK(attack(model, loss, 6000, 73) + attack(model, Graph::none, 2000, 74) > 800);
}

TEST_CASE("hostile: a description cut off anywhere gets a status") {
  Graph g;
  int loss = Graph::none;
  language_model(g, loss);
  const gc_plan_desc whole = g.describe(loss, GC_ADAM);
  for (int64_t length = -1; length < whole.ops_length; ++length) {
    gc_plan_desc d = whole;
    d.ops_length = length;
    gc_plan* plan = nullptr;
    CHECK(is_status(gc_plan_create(&d, &plan)));
    if (plan) gc_plan_destroy(plan);
  }
  for (int64_t count = 0; count < whole.attribute_count; ++count) {
    gc_plan_desc d = whole;
    d.attribute_count = count;
    gc_plan* plan = nullptr;
    CHECK(gc_plan_create(&d, &plan) == GC_INVALID_ARGUMENT);
  }
}
