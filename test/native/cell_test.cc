// The LSTM cell and the loops over arrays: every table gives the bits of the scalar formulas.
#include "lab.h"
#include "ops/lstm_reference.h"
#include "tables.h"

using namespace lab;
using gatecell::reference::sigmoid;
using gatecell::reference::tangent;

namespace {
struct Cell {
  int64_t rows, state_row;
  Floats gates, c_prev, c, h, dy, dh, dc;
  Cell(int64_t count, Random& random)
      : rows(count),
        state_row(16 + 16 * random.below(3)),
        gates(random.floats(rows * 64, 4)),
        c_prev(random.floats(rows * state_row, 2)),
        c(c_prev.size(), 0),
        h(c_prev.size(), 0),
        dy(random.floats(rows * state_row)),
        dh(random.floats(rows * state_row)),
        dc(random.floats(rows * state_row)) {}

  void forward(const gc_kernels& table) {
    const gc_cell cell = {gates.data(), c_prev.data(), c.data(), h.data(), state_row, state_row, rows};
    table.cell_forward(&cell);
  }
  void backward(const gc_kernels& table, bool from_above) {
    const gc_cell_backward cell = {gates.data(), c_prev.data(), c.data(),  from_above ? dy.data() : nullptr,
                                   dh.data(),    dc.data(),     state_row, state_row,
                                   state_row,    state_row,     rows};
    table.cell_backward(&cell);
  }

  void expected_forward() {
    each([this](float* g, size_t s) {
      g[0] = sigmoid(g[0]), g[16] = sigmoid(g[16]), g[32] = tangent(g[32]), g[48] = sigmoid(g[48]);
      c[s] = std::fma(g[16], c_prev[s], g[0] * g[32]);
      h[s] = g[48] * tangent(c[s]);
    });
  }
  void expected_backward(bool from_above) {
    const auto sigmoid_slope = [](float x, float d) { return d * std::fma(-x, x, x); };
    const auto tanh_slope = [](float x, float d) { return std::fma(-(x * x), d, d); };
    each([=](float* g, size_t s) {
      const float i = g[0], f = g[16], u = g[32], o = g[48], t = tangent(c[s]), d = from_above ? dh[s] + dy[s] : dh[s];
      const float e = dc[s] + tanh_slope(t, d * o);
      g[0] = sigmoid_slope(i, e * u), g[16] = sigmoid_slope(f, e * c_prev[s]), g[32] = tanh_slope(u, e * i),
      g[48] = sigmoid_slope(o, d * t);
      dc[s] = e * f;
    });
  }

 private:
  template <class F>
  void each(F f) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t u = 0; u < 16; ++u)
        f(&gates[static_cast<size_t>(row * 64 + u)], static_cast<size_t>(row * state_row + u));
  }
};

void same(const Cell& got, const Cell& expected) {
  CHECK(difference(got.gates, expected.gates) == "");
  CHECK(difference(got.c, expected.c) == "");
  CHECK(difference(got.h, expected.h) == "");
  CHECK(difference(got.dc, expected.dc) == "");
}
}  // namespace

TEST_CASE("cell: forward and backward give the bits of the formulas in every table") {
  for (const gc_kernels* table : tables()) {
    CAPTURE(table->name);
    Random random(4);
    for (int64_t rows = 1; rows <= 9; ++rows) {
      for (bool from_above : {true, false}) {
        Cell got(rows, random), expected = got;
        got.forward(*table);
        expected.expected_forward();
        same(got, expected);
        got.backward(*table, from_above);
        expected.expected_backward(from_above);
        same(got, expected);
      }
    }
  }
}

TEST_CASE("cell: saturated gates stay finite and inside their range") {
  for (const gc_kernels* table : tables()) {
    Random random(5);
    Cell cell(4, random);
    for (size_t i = 0; i < cell.gates.size(); ++i) cell.gates[i] = i % 3 == 0 ? 1e30f : i % 3 == 1 ? -1e30f : 0.0f;
    cell.forward(*table);
    for (float g : cell.gates) CHECK(std::fabs(g) <= 1.0f);
    for (float h : cell.h) CHECK(std::fabs(h) <= 1.0f);
    cell.backward(*table, true);
    for (float g : cell.gates) CHECK(std::isfinite(g));
  }
}

TEST_CASE("loops over arrays: same bits in every table at every length") {
  for (const gc_kernels* table : tables()) {
    CAPTURE(table->name);
    Random random(6);
    for (int64_t n = 0; n <= 70; ++n) {
      const Floats x = random.floats(n, 10);
      Floats got = random.floats(n), expected = got;
      for (auto f : {&gc_kernels::sigmoid, &gc_kernels::tanh, &gc_kernels::exp, &gc_kernels::add}) {
        (table->*f)(x.data(), got.data(), n);
        (gc_kernels_scalar.*f)(x.data(), expected.data(), n);
        CHECK(difference(got, expected) == "");
      }
    }
  }
}

TEST_CASE("optimiser kernels: same bits in every table at every length") {
  for (const gc_kernels* table : tables()) {
    CAPTURE(table->name);
    Random random(7);
    for (int64_t n = 1; n <= 70; ++n) {
      const Floats g = random.floats(n);
      Floats w = random.floats(n), m = random.floats(n), v = random.floats(n);
      for (float& x : v) x = std::fabs(x);
      Floats w2(w), m2(m), v2(v);
      table->sgd(w.data(), g.data(), m.data(), n, 0.5f, 0.1f, 0.9f);
      gc_kernels_scalar.sgd(w2.data(), g.data(), m2.data(), n, 0.5f, 0.1f, 0.9f);
      table->rmsprop(w.data(), g.data(), v.data(), n, 0.5f, 0.1f, 0.99f, 1e-8f);
      gc_kernels_scalar.rmsprop(w2.data(), g.data(), v2.data(), n, 0.5f, 0.1f, 0.99f, 1e-8f);
      table->adam(w.data(), g.data(), m.data(), v.data(), n, 0.5f, 0.1f, 0.9f, 0.999f, 1e-8f, 0.99f);
      gc_kernels_scalar.adam(w2.data(), g.data(), m2.data(), v2.data(), n, 0.5f, 0.1f, 0.9f, 0.999f, 1e-8f, 0.99f);
      CHECK(difference(w, w2) == "");
      CHECK(difference(m, m2) == "");
      CHECK(difference(v, v2) == "");
    }
  }
}
