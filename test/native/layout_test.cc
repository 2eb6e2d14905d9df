// Memory and gradients of random graphs: what lives at one time never overlaps, a run reads nothing that it has not written, and
// gradients are those of the loss.
#include "graphs.h"

using namespace lab;

namespace {
// A piece of the plan's arena and the moments between which it is used: node i runs forward at i, backward at 2n - 1 - i.
struct Piece {
  const char* begin;
  int64_t bytes;
  int first = 1 << 30, last = -1;
  std::string what = "";
  void use(int moment) { first = std::min(first, moment), last = std::max(last, moment); }
};

// Worked out from what ops declare and the executor does, not from the layout's own intervals.
std::vector<Piece> pieces_of(const gatecell::Plan& plan) {
  const int n = static_cast<int>(plan.nodes.size()), end = 2 * n;
  std::vector<Piece> data, grads, all;
  for (size_t id = 0; id < plan.tensors.size(); ++id) {
    const gatecell::Tensor& t = plan.tensors[id];
    data.push_back({reinterpret_cast<const char*>(t.data), t.bytes()});
    grads.push_back({reinterpret_cast<const char*>(t.grad), t.bytes()});
    data[id].what = "tensor " + std::to_string(id), grads[id].what = "gradient " + std::to_string(id);
    if (t.role != GC_HOST) continue;
    data[id].use(
        t.producer < 0 ? 0 : t.producer);  // copied in before the first node; results are copied out after the last
    if (t.producer >= 0) data[id].use(end);
  }
  for (const gatecell::Node& node : plan.nodes) {
    const int back = end - 1 - node.index;
    // Two directions of a layer: both may run when the first is called, forward and back.
    const int early = node.partner >= 0 ? std::min(node.index, node.partner) : node.index,
              back_early = end - 1 - std::max(node.index, node.partner_back);
    for (size_t list = 0; list < 2; ++list) {
      for (int id : list == 0 ? node.in : node.out) {
        if (id < 0) continue;
        gatecell::Tensor const& t = plan.tensors[static_cast<size_t>(id)];
        data[static_cast<size_t>(id)].use(node.index), data[static_cast<size_t>(id)].use(early);
        if (!node.trains) continue;
        if (list == 0 ? node.op->keeps_inputs : node.op->keeps_outputs) data[static_cast<size_t>(id)].use(back);
        if (t.grad) grads[static_cast<size_t>(id)].use(back);
        if (t.grad && list == 1) grads[static_cast<size_t>(id)].use(back_early);
      }
    }
    for (const gatecell::Buffer& b : node.buffers) {
      if (!b.data || b.bytes == 0) continue;
      Piece p = {reinterpret_cast<const char*>(b.data), b.bytes};
      p.what = "buffer of node " + std::to_string(node.index);
      if (b.life != gatecell::Life::kBackward) p.use(node.index), p.use(early);
      if (b.life != gatecell::Life::kForward && node.trains) p.use(back), p.use(back_early);
      all.push_back(p);
    }
  }
  for (size_t id = 0; id < plan.tensors.size(); ++id) {
    if (plan.tensors[id].role == GC_PARAMETER) continue;
    if (data[id].last >= 0 && data[id].begin && !plan.tensors[id].in_place()) all.push_back(data[id]);
    if (grads[id].last >= 0 && grads[id].begin) all.push_back(grads[id]);
  }
  return all;
}

std::string overlap(const gatecell::Plan& plan) {
  for (const gatecell::Tensor& t : plan.tensors)
    if (t.in_place() && t.data && t.data != reinterpret_cast<const float*>(plan.host) + t.slot)
      return "a float tensor of the host arena is not used in place";
  const std::vector<Piece> pieces = pieces_of(plan);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Piece& a = pieces[i];
    if (a.begin < plan.base || a.begin + a.bytes > plan.base + plan.arena.bytes())
      return a.what + " lies outside the arena";
    if (reinterpret_cast<uintptr_t>(a.begin) % 64 != 0) return a.what + " is not aligned";
    for (size_t j = 0; j < i; ++j) {
      const Piece& b = pieces[j];
      const bool together = a.first <= b.last && b.first <= a.last,
                 shared = a.begin < b.begin + b.bytes && b.begin < a.begin + a.bytes;
      if (together && shared) return a.what + " and " + b.what + " overlap";
    }
  }
  return "";
}

std::vector<Floats> outcome(RandomGraph& r) {
  std::vector<Floats> all;
  for (int id : r.results) all.push_back(r.graph.value(id));
  for (int id : r.parameters) all.push_back(r.graph.grad(id));
  return all;
}

void expect_same(const std::vector<Floats>& got, const std::vector<Floats>& expected) {
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], expected[i]) == "");
}
}  // namespace

TEST_CASE("layout: tensors, gradients and buffers alive at the same time never overlap") {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    RandomGraph r(seed, 2 + static_cast<int>(seed % 25), false);
    for (int loss : {r.loss, Graph::none}) {
      r.graph.compile(loss);
      const std::string wrong = overlap(*r.graph.plan());
      if (!wrong.empty()) FAIL_CHECK("seed " << seed << ": " << wrong);
    }
  }
}

TEST_CASE("layout: a run depends on nothing that was in its memory before") {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    const bool half = seed % 3 == 0;  // not all forms of cells have kernels for bf16
    RandomGraph r(seed, 2 + static_cast<int>(seed % 25), false, !half);
    r.graph.precision = half ? GC_BF16 : GC_FLOAT;
    r.graph.compile(r.loss);
    r.graph.run(GC_GRADIENT);
    const std::vector<Floats> first = outcome(r);
    for (const Floats& v : first)
      for (float x : v) REQUIRE(std::isfinite(x));
    gatecell::Plan& plan = *r.graph.plan();
    fill_with_nan(plan.base, plan.arena.bytes());
    for (const gatecell::Tensor& t : plan.tensors)
      if (t.role == GC_PARAMETER && t.grad) memset(t.grad, 0xff, static_cast<size_t>(t.bytes()));
    r.graph.run(GC_GRADIENT);
    expect_same(outcome(r), first);
  }
}

TEST_CASE("gradients: a step along the gradient changes the loss of a random graph as it says") {
  int checked = 0;
  for (uint64_t seed = 1000; seed < 1200; ++seed) {
    CAPTURE(seed);
    RandomGraph r(seed, 2 + static_cast<int>(seed % 12), true);
    r.graph.compile(r.loss);
    r.graph.run(GC_GRADIENT);
    std::vector<Floats> start, gradient;
    double square = 0;
    for (int id : r.parameters) {
      start.push_back(r.graph.value(id));
      gradient.push_back(r.graph.grad(id));
      for (float g : gradient.back()) square += static_cast<double>(g) * static_cast<double>(g);
    }
    const double loss = r.graph.control[GC_C_LOSS], norm = std::sqrt(square);
    if (norm < 1e-3 * std::fabs(loss)) continue;  // lost in the rounding of the loss
    const double h = std::fmin(0.02, 0.01 * std::fabs(loss) / norm);
    const auto loss_at = [&](double distance) {
      for (size_t i = 0; i < start.size(); ++i) {
        Floats moved = start[i];
        for (size_t j = 0; j < moved.size(); ++j)
          moved[j] += static_cast<float>(distance * static_cast<double>(gradient[i][j]) / norm);
        r.graph.set(r.parameters[i], moved);
      }
      r.graph.run(GC_FORWARD);
      return r.graph.control[GC_C_LOSS];
    };
    const double slope = (loss_at(h) - loss_at(-h)) / (2 * h);
    CHECK(std::fabs(slope - norm) < 0.01 * norm);
    ++checked;
  }
  CHECK(checked > 150);
}

TEST_CASE("an embedding under an LSTM: folded into it or not, the same bits forward and the same gradients") {
  // Folded where nothing else reads the embedded sequence and the table is short; a second reader prevents it.
  const auto build = [](Graph& g, bool folded, bool reverse, int32_t threads) {
    Random random(51);
    g.threads = threads;
    const int table = g.param({11, 7}, random.floats(77)), w_ih = g.param({80, 7}, random.floats(560)),
              w_hh = g.param({80, 20}, random.floats(1600, 0.3));
    const int b_ih = g.param({80}, random.floats(80)), b_hh = g.param({80}, random.floats(80));
    const int x = g.op(GC_OP_EMBEDDING, {table, g.ids({9, 5}, random.ids(45, 0, 11))}, {9, 5, 7});
    const int y = g.out(GC_OP_LSTM, {x, w_ih, w_hh, b_ih, b_hh}, {9, 5, 20}, {reverse ? 1.0 : 0.0});
    if (!folded) g.out(GC_OP_TANH, {x}, {9, 5, 7});
    const int loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({9, 5, 20}, random.floats(900))}, {2});
    g.compile(loss);
    g.run(GC_GRADIENT);
    const bool has = std::string(gc_plan_explain(g.plan())).find("folded") != std::string::npos;
    CHECK(has == folded);
    return std::vector<int>{y, table, w_ih, w_hh, b_ih, b_hh};
  };
  for (bool reverse : {false, true}) {
    for (int32_t threads : {1, 2}) {
      Graph folded, plain;
      const std::vector<int> ids = build(folded, true, reverse, threads);
      build(plain, false, reverse, threads);
      CHECK(difference(folded.value(ids[0]), plain.value(ids[0])) == "");
      for (size_t i = 1; i < ids.size(); ++i) CHECK(error(folded.grad(ids[i]), plain.grad(ids[i]), 1e-6) < 2e-6);
    }
  }
}
