// Tensors that the caller reads: copies of the cells and gates of each step, and gradients of any tensor. Random models and graphs on 1, 2
// and 3 threads are compared with their plain evaluation in double, and with the same model of which nothing more is read.
#include "evaluated.h"
#include "gatecell/lstm_slots.h"
#include "graphs.h"

using namespace lab;

namespace {
int32_t field(const Graph& g, int id, int i) { return g.tensors[static_cast<size_t>(id * GC_TENSOR_FIELDS + i)]; }

// The records of a graph's ops.
std::vector<std::vector<int32_t>> records_of(const Graph& g) {
  std::vector<std::vector<int32_t>> records;
  for (size_t at = 0; at < g.ops.size();) {
    const size_t size = static_cast<size_t>(4 + g.ops[at + 1] + g.ops[at + 2]);
    records.emplace_back(g.ops.begin() + static_cast<int64_t>(at), g.ops.begin() + static_cast<int64_t>(at + size));
    at += size;
  }
  return records;
}

// Adds copies of cells and gates to the recurrent layers of a graph, each with a probability of three quarters, and returns them.
std::vector<int> add_copies(Graph& g, Random& random) {
  std::vector<int> copies;
  std::vector<std::vector<int32_t>> records = records_of(g);
  g.ops.clear();
  for (std::vector<int32_t>& r : records) {
    const bool gru = r[0] == GC_OP_GRU;
    if (gru || r[0] == GC_OP_LSTM) {
      const auto first = static_cast<size_t>(4 + r[1]);
      const Dims dims = {field(g, r[4], 4), field(g, r[4], 5), field(g, r[5], 4) / (gru ? 3 : 4)};
      r[2] = gru ? gatecell::kGruOutputs : gatecell::kLstmOutputs;
      r.resize(first + static_cast<size_t>(r[2]), Graph::none);
      for (int32_t k = gru ? gatecell::kGatesOut : gatecell::kCellsOut; k < r[2]; ++k)
        if (random.below(4)) copies.push_back(r[first + static_cast<size_t>(k)] = g.host(dims));
    }
    g.ops.insert(g.ops.end(), r.begin(), r.end());
  }
  return copies;
}

// Reads the gradients of half of the float tensors that are neither parameters nor copies, and returns them.
std::vector<int> observe_some(Graph& g, Random& random) {
  std::vector<int> observed;
  std::vector<bool> there(g.tensors.size() / GC_TENSOR_FIELDS, false);
  for (size_t id = 0; id < there.size(); ++id) there[id] = field(g, static_cast<int>(id), 1) == GC_HOST;
  for (const std::vector<int32_t>& r : records_of(g)) {
    const bool recurrent = gatecell::is_recurrent(r[0]);
    for (int32_t k = 0; k < r[2]; ++k) {
      const int32_t id = r[static_cast<size_t>(4 + r[1] + k)];
      if (id >= 0) there[static_cast<size_t>(id)] = !recurrent || k < gatecell::kCellsOut;
    }
  }
  for (size_t id = 0; id < there.size(); ++id) {
    if (!there[id] || field(g, static_cast<int>(id), 0) != GC_F32 || random.below(2)) continue;
    g.observe(static_cast<int>(id));
    observed.push_back(static_cast<int>(id));
  }
  return observed;
}

// A graph, the same graph of which nothing more is read, and bounds of rounding.
struct Pair {
  Graph &graph, &plain;
  int loss;
  const std::vector<int>&results, &parameters;
  double value_bound, gradient_bound;
  std::string what;
};

class Observation {
 public:
  Observation(const Pair& pair, uint64_t seed) : p_(pair), g_(pair.graph), random_(seed) {
    copies_ = add_copies(g_, random_);
    observed_ = observe_some(g_, random_);
  }

  void check() {
    p_.plain.compile(p_.loss);
    p_.plain.run(GC_GRADIENT);
    for (int32_t threads : {1, 2, 3}) {
      g_.threads = threads;
      run(0);
      for (int id : p_.results)
        if (!difference(g_.value(id), p_.plain.value(id)).empty())
          FAIL_CHECK(p_.what << ": other bits of result " << id);
      run(1);
    }
  }

 private:
  // One gradient run: with the gradients of parameters, or only those that are read.
  void run(int only) {
    g_.only_gradients = only;
    g_.compile(p_.loss);
    restore();
    Evaluation exact(g_, p_.loss, only == 0);
    exact.backward(p_.loss);
    const std::vector<Floats> before = gradients();
    g_.run(GC_GRADIENT);
    double most = 0;
    for (const Doubles& d : exact.grad)
      for (double x : d) most = std::fmax(most, std::fabs(x));
    std::vector<Floats> got;
    for (int id : copies_)
      compare("copy", id, g_.value(id), exact.value[static_cast<size_t>(id)], kValueFloor, p_.value_bound);
    for (int id : copies_) got.push_back(g_.value(id));
    for (int id : observed_) {
      Doubles wanted = exact.grad[static_cast<size_t>(id)];
      wanted.resize(static_cast<size_t>(g_.count(id)), 0);  // empty where the loss does not depend on it
      got.push_back(g_.observed(id));
      compare("gradient", id, got.back(), wanted, most > 0 ? kGradientFloor * most : 1, p_.gradient_bound);
    }
    if (only) CHECK(before == gradients());
    if (bits_[only].empty()) bits_[only] = got;
    for (size_t i = 0; i < got.size(); ++i)
      if (!difference(got[i], bits_[only][i]).empty())
        FAIL_CHECK(p_.what << ", " << g_.threads << " threads: other bits");
  }

  // Host tensors as the graph has them at first: carries have changed some.
  void restore() {
    const auto count = static_cast<int>(g_.tensors.size() / GC_TENSOR_FIELDS);
    for (int id = 0; id < count; ++id) {
      if (field(g_, id, 1) != GC_HOST || field(g_, id, 0) != GC_F32) continue;
      const auto [at, first] = start_.try_emplace(id, g_.value(id));
      if (!first) g_.set(id, at->second);
    }
  }

  std::vector<Floats> gradients() {
    std::vector<Floats> all;
    for (int id : p_.parameters) all.push_back(g_.grad(id));
    return all;
  }

  void compare(const char* name, int id, const Floats& got, const Doubles& wanted, double floor, double bound) {
    const double wrong = error(got, wanted, floor);
    if (!(wrong <= bound))
      FAIL_CHECK(p_.what << ", " << g_.threads << " threads, " << name << " " << id << ": error " << wrong << ", bound "
                         << bound);
  }

  Pair p_;
  Graph& g_;
  Random random_;
  std::vector<int> copies_, observed_;
  std::map<int, Floats> start_;
  std::vector<Floats> bits_[2];
};

void check_models(Around kind, uint64_t first, uint64_t rounds) {
  for (size_t condition = 0; condition < conditions_of(kind).size(); ++condition)
    for (uint64_t seed = first; seed < first + rounds; ++seed) {
      Model model(kind, condition, 1000 * condition + seed), plain(kind, condition, 1000 * condition + seed);
      const Subject s = subject_of(model);
      Observation({model.graph, plain.graph, model.loss, model.results, model.parameters, s.value_bound,
                   s.gradient_bound, s.what},
                  seed)
          .check();
    }
}

void check_graphs(uint64_t first, uint64_t count) {
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const int ops = 2 + static_cast<int>(seed % 12);
    RandomGraph r(seed, ops, true), plain(seed, ops, true);
    const double depth = 6 * ops + 6;
    Observation({r.graph, plain.graph, r.loss, r.results, r.parameters, value_bound(depth, 60),
                 gradient_bound(depth, 60, 30), "random graph, seed " + std::to_string(seed)},
                seed)
        .check();
  }
}
}  // namespace

TEST_CASE("observed: random models of recurrent layers") {
  for (Around kind : {Around::kFold, Around::kDirections, Around::kStack}) check_models(kind, 0, 2);
}
TEST_CASE("observed: random graphs of all other ops") { check_graphs(7000, 40); }
TEST_CASE("observed: a long run of random models" * doctest::skip()) {
  for (Around kind : {Around::kFold, Around::kDirections, Around::kStack}) check_models(kind, 100, 20);
  check_graphs(8000, 400);
}

TEST_CASE("observed: invalid tables are refused") {
  const auto status = [](const std::vector<int32_t>& gradients, int loss_of, int optimizer, int only) {
    Graph g;
    const int x = g.host({2, 3}, Floats(6, 1)), w = g.param({3}, Floats(3, 1)), ids = g.ids({2}, {0, 0});
    const int y = g.op(GC_OP_MUL, {x, w}, {2, 3});
    const int loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({2, 3})}, {2});
    CHECK((x == 0 && w == 1 && ids == 2 && y == 3));
    g.gradients = gradients;
    g.only_gradients = only;
    gc_plan_desc d = g.describe(loss_of < 0 ? loss_of : loss, optimizer);
    d.gradient_count = static_cast<int32_t>(gradients.size()) / 2, d.only_gradients = only;
    gc_plan* plan = nullptr;
    const gc_status status = gc_plan_create(&d, &plan);
    if (plan) gc_plan_destroy(plan);
    return status;
  };
  CHECK(status({0, 0, 3, 16}, 0, 0, 0) == GC_OK);
  CHECK(status({0, 0, 3, 16}, 0, 0, 1) == GC_OK);
  CHECK(status({0, 0}, -1, 0, 0) == GC_INVALID_ARGUMENT);        // no loss
  CHECK(status({}, -1, 0, 1) == GC_INVALID_ARGUMENT);            // no loss
  CHECK(status({1, 0}, 0, 0, 0) == GC_INVALID_ARGUMENT);         // a parameter
  CHECK(status({2, 0}, 0, 0, 0) == GC_INVALID_ARGUMENT);         // ids
  CHECK(status({0, 0, 0, 16}, 0, 0, 0) == GC_INVALID_ARGUMENT);  // twice
  CHECK(status({-1, 0}, 0, 0, 0) == GC_INVALID_ARGUMENT);        // no tensor
  CHECK(status({99, 0}, 0, 0, 0) == GC_INVALID_ARGUMENT);        // no tensor
  CHECK(status({0, 4}, 0, 0, 0) == GC_INVALID_ARGUMENT);         // not the beginning of a slot
  CHECK(status({0, -16}, 0, 0, 0) == GC_INVALID_ARGUMENT);       // outside of the arena
  CHECK(status({0, 1 << 20}, 0, 0, 0) == GC_INVALID_ARGUMENT);   // outside of the arena
  CHECK(status({0, 0}, 0, GC_SGD, 1) == GC_INVALID_ARGUMENT);    // an update without gradients of parameters
  CHECK(status({0, 0}, 0, 0, 2) == GC_INVALID_ARGUMENT);
}

TEST_CASE("observed: no gradient flows through cells and gates") {
  const auto status = [](int of, bool observes, const Dims& dims) {
    Graph g;
    const int x = g.host({2, 1, 3}, Floats(6, 1)), w = g.param({8, 3}, Floats(24, 1)),
              u = g.param({8, 2}, Floats(16, 1));
    std::vector<int> out = {g.host({2, 1, 2}), Graph::none, Graph::none};
    out.resize(gatecell::kLstmOutputs, Graph::none);
    out[static_cast<size_t>(of)] = g.host(dims);
    g.record(GC_OP_LSTM, {x, w, u}, out, {0});
    const int read = observes ? out[0] : out[static_cast<size_t>(of)];
    const int loss = g.out(GC_OP_MEAN_SQUARE, {read, g.host({2, 1, 2})}, {2});
    if (observes) g.observe(out[static_cast<size_t>(of)]);
    return g.try_compile(loss);
  };
  for (int of : {static_cast<int>(gatecell::kCellsOut), gatecell::kGatesOut + 3}) {
    CHECK(status(of, true, {2, 1, 2}) == GC_UNSUPPORTED);
    CHECK(std::string(gc_last_error()) ==
          "lstm: no gradient flows through its cells and gates: read that of its output");
    CHECK(status(of, false, {2, 1, 2}) == GC_UNSUPPORTED);
    CHECK(status(of, true, {2, 1, 3}) == GC_INVALID_SHAPE);
  }
}
