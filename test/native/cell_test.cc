// The LSTM cell and the loops over arrays: every table gives the bits of the scalar formulas.
#include "forms.h"
#include "lab.h"
#include "ops/lstm_reference.h"
#include "tables.h"

using namespace lab;
using gatecell::reference::sigmoid;
using gatecell::reference::tangent;

namespace {
struct Cell {
  int64_t rows, state_row;
  Floats gates, c_prev, c, h, dy, dh, dc, peephole, zone_c, zone_h, h_prev, past, pre;
  gc_form form = gatecell::reference::own_form();
  Cell(int64_t count, Random& random)
      : rows(count),
        state_row(16 + 16 * random.below(3)),
        gates(random.floats(rows * 64, 4)),
        c_prev(random.floats(rows * state_row, 2)),
        c(c_prev.size(), 0),
        h(c_prev.size(), 0),
        dy(random.floats(rows * state_row)),
        dh(random.floats(rows * state_row)),
        dc(random.floats(rows * state_row)),
        peephole(random.floats(48)),
        zone_c(random.floats(rows * state_row)),
        zone_h(random.floats(rows * state_row)),
        h_prev(random.floats(rows * state_row)),
        past(c_prev.size(), 0),
        pre(gates.size(), 0) {}

  void forward(const gc_kernels& table, int variant) {
    gc_cell cell = {};
    cell.gates = gates.data(), cell.c_prev = c_prev.data(), cell.c = c.data(), cell.h = h.data();
    cell.state_row = cell.h_row = cell.zone_row = state_row, cell.rows = rows;
    cell.peephole = peephole.data(), cell.zone_c = zone_c.data(), cell.zone_h = zone_h.data();
    cell.h_prev = h_prev.data(), cell.form = &form, cell.pre = pre.data(), cell.units = 16;
    table.cell_forward[variant](&cell);
  }
  void backward(const gc_kernels& table, int variant, bool from_above) {
    gc_cell_backward cell = {};
    cell.gates = gates.data(), cell.c_prev = c_prev.data(), cell.c = c.data();
    cell.dy = from_above ? dy.data() : nullptr, cell.dh = dh.data(), cell.dc = dc.data();
    cell.state_row = cell.dy_row = cell.dh_row = cell.dc_row = cell.zone_row = state_row, cell.rows = rows;
    cell.peephole = peephole.data(), cell.zone_c = zone_c.data(), cell.zone_h = zone_h.data();
    cell.dh_past = past.data(), cell.form = &form, cell.pre = pre.data(), cell.units = 16;
    table.cell_backward[variant](&cell);
  }

  void expected_forward(int variant) {
    if (variant == GC_CELL_GRU) return expected_gru_forward();
    const bool sees = variant == GC_CELL_PEEPHOLE, zones = variant == GC_CELL_ZONEOUT, open = variant == GC_CELL_OPEN;
    each([=](float* g, size_t s, size_t u) {
      const float before = c_prev[s];
      if (sees) g[0] = std::fma(peephole[u], before, g[0]), g[16] = std::fma(peephole[16 + u], before, g[16]);
      g[0] = sigmoid(g[0]), g[16] = sigmoid(g[16]), g[32] = tangent(g[32]);
      c[s] = std::fma(g[16], before, g[0] * g[32]);
      g[48] = sigmoid(sees ? std::fma(peephole[32 + u], c[s], g[48]) : g[48]);
      if (!open) h[s] = g[48] * tangent(c[s]);
      if (zones) c[s] = std::fma(zone_c[s], before, (1 - zone_c[s]) * c[s]);
      if (zones) h[s] = std::fma(zone_h[s], h_prev[s], (1 - zone_h[s]) * h[s]);
    });
  }
  void expected_backward(int variant, bool from_above) {
    if (variant == GC_CELL_GRU) return expected_gru_backward(from_above);
    const auto sigmoid_slope = [](float x, float d) { return d * std::fma(-x, x, x); };
    const auto tanh_slope = [](float x, float d) { return std::fma(-(x * x), d, d); };
    const bool sees = variant == GC_CELL_PEEPHOLE, zones = variant == GC_CELL_ZONEOUT, open = variant == GC_CELL_OPEN;
    each([=](float* g, size_t s, size_t u) {
      const float i = g[0], f = g[16], a = g[32], o = g[48];
      const float t = tangent(zones ? std::fma(f, c_prev[s], i * a) : c[s]), d = from_above ? dh[s] + dy[s] : dh[s];
      const float own = zones ? (1 - zone_h[s]) * d : d, carried = zones ? (1 - zone_c[s]) * dc[s] : dc[s];
      if (zones) past[s] = zone_h[s] * d;
      float e = open ? carried : carried + tanh_slope(t, own * o);
      if (!open) g[48] = sigmoid_slope(o, own * t);
      if (sees) e = std::fma(peephole[32 + u], g[48], e);
      g[0] = sigmoid_slope(i, e * a), g[16] = sigmoid_slope(f, e * c_prev[s]), g[32] = tanh_slope(a, e * i);
      const float product = e * f;
      if (zones) dc[s] = zone_c[s] * dc[s] + product;
      else dc[s] = sees ? std::fma(peephole[u], g[0], std::fma(peephole[16 + u], g[16], product)) : product;
    });
  }

  void expected_gru_forward() {
    each([=](float* g, size_t s, size_t) {
      g[0] = sigmoid(g[0]), g[16] = sigmoid(g[16]), g[32] = tangent(std::fma(g[0], g[48], g[32]));
      h[s] = std::fma(g[16], h_prev[s], (1 - g[16]) * g[32]);
    });
  }
  void expected_gru_backward(bool from_above) {
    each([=](float* g, size_t s, size_t) {
      const float r = g[0], z = g[16], n = g[32], part = g[48], d = from_above ? dh[s] + dy[s] : dh[s];
      const float back = d * (1 - z), slope = std::fma(-(n * n), back, back), dr = slope * part;
      const float turn = d * (c_prev[s] - n);
      past[s] = d * z;
      g[0] = dr * std::fma(-r, r, r), g[16] = turn * std::fma(-z, z, z), g[32] = slope, g[48] = slope * r;
    });
  }

 private:
  template <class F>
  void each(F f) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t u = 0; u < 16; ++u)
        f(&gates[static_cast<size_t>(row * 64 + u)], static_cast<size_t>(row * state_row + u), static_cast<size_t>(u));
  }
};

void same(const Cell& got, const Cell& expected) {
  CHECK(difference(got.gates, expected.gates) == "");
  CHECK(difference(got.c, expected.c) == "");
  CHECK(difference(got.h, expected.h) == "");
  CHECK(difference(got.dc, expected.dc) == "");
  CHECK(difference(got.past, expected.past) == "");
  CHECK(difference(got.pre, expected.pre) == "");
}
}  // namespace

TEST_CASE("cell: forward and backward give the bits of the formulas in every table") {
  for (const gc_kernels* table : tables()) {
    CAPTURE(table->name);
    Random random(4);
    for (int64_t rows = 1; rows <= 9; ++rows) {
      for (int variant = 0; variant < GC_CELL_LSTM_FORM; ++variant) {
        CAPTURE(variant);
        for (bool from_above : {true, false}) {
          Cell got(rows, random), expected = got;
          got.forward(*table, variant);
          expected.expected_forward(variant);
          same(got, expected);
          got.backward(*table, variant, from_above);
          expected.expected_backward(variant, from_above);
          same(got, expected);
        }
      }
    }
  }
}

TEST_CASE("cell forms: forward and backward give the bits of the scalar table in every table") {
  for (const gc_kernels* table : tables()) {
    CAPTURE(table->name);
    Random random(8);
    for (const gc_form& form : some_forms()) {
      for (int variant = GC_CELL_LSTM_FORM; variant < GC_CELL_VARIANTS; ++variant) {
        CAPTURE(variant);
        Cell got(3, random);
        got.form = form;
        const float special[] = {0.0f, -0.0f, 200.0f, -200.0f, 1e6f, -1e6f, 1e-30f};
        for (size_t i = 0; i < 7; ++i) got.gates[i * 9] = special[i];
        Cell expected = got;
        got.forward(*table, variant), expected.forward(gc_kernels_scalar, variant);
        same(got, expected);
        got.backward(*table, variant, true), expected.backward(gc_kernels_scalar, variant, true);
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
    cell.forward(*table, GC_CELL_PLAIN);
    for (float g : cell.gates) CHECK(std::fabs(g) <= 1.0f);
    for (float h : cell.h) CHECK(std::fabs(h) <= 1.0f);
    cell.backward(*table, GC_CELL_PLAIN, true);
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
      Floats most(v), w2(w), m2(m), v2(v), most2(v);
      const gc_update plain = {0.5f, 0.1f, 0.9f, 0.999f, 0.1f, 0.001f, 1e-8f, 0.99f, 0, 0};
      for (float l2 : {0.0f, 0.03f}) {
        for (int32_t variant : {0, 1}) {  // Nesterov, AMSGrad
          gc_update u = plain;
          u.l2 = l2, u.nesterov = variant;
          table->sgd(w.data(), g.data(), m.data(), n, &u);
          gc_kernels_scalar.sgd(w2.data(), g.data(), m2.data(), n, &u);
          table->rmsprop(w.data(), g.data(), v.data(), n, &u);
          gc_kernels_scalar.rmsprop(w2.data(), g.data(), v2.data(), n, &u);
          table->adam(w.data(), g.data(), m.data(), v.data(), variant ? most.data() : nullptr, n, &u);
          gc_kernels_scalar.adam(w2.data(), g.data(), m2.data(), v2.data(), variant ? most2.data() : nullptr, n, &u);
        }
      }
      CHECK(difference(w, w2) == "");
      CHECK(difference(m, m2) == "");
      CHECK(difference(v, v2) == "");
      CHECK(difference(most, most2) == "");
    }
  }
}
