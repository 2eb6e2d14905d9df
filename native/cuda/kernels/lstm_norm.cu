// lstm_norm.cu: layer normalisation inside the cell (Ba, Kiros & Hinton 2016; native/ops/lstm_norm.cc has the formulas), with one warp per row.
// Sums run in 16 lanes, unit modulo 16, and then over the lanes in order, with the same additions as on the processor.
#include "columns.h"
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr float kEpsilon = 1e-5f;  // as PyTorch's LayerNorm

// Returns a sum over the values of a row, [slots][units]; add(slot, unit, sum) returns the sum with one more value.
template <class F>
__device__ __forceinline__ float row_sum(int lane, int64_t units, int slots, F add) {
  float part = 0, sum = 0;
  for (int64_t p = 0; p < units && lane < 16; p += 16)
    for (int slot = 0; slot < slots; ++slot)
      if (p + lane < units) part = add(slot, p + lane, part);
  for (int k = 0; k < 16; ++k) sum = v_add(sum, __shfl_sync(kAllLanes, part, k));
  return sum;
}
template <class F>
__device__ __forceinline__ void each_unit(int lane, int64_t units, F f) {
  for (int64_t u = lane; u < units; u += kWarp) f(u);
}

__device__ __forceinline__ float root_inverse(float squares, float count) {
  return v_div(1.0f, sqrtf(v_add(v_div(squares, count), kEpsilon)));
}
__device__ __forceinline__ int64_t gate_at(int slot, int64_t unit) { return unit / 16 * 64 + slot * 16 + unit % 16; }

// Replaces x by (x - mean) * rstd, and sets `to` to gain * that + start(slot, unit).
template <class Start>
__device__ void norm_gates(int lane, int64_t units, float* x, const float* gain, float* to, float* rstd_at,
                           Start start) {
  const float count = 4.0f * static_cast<float>(units);
  const float mean = v_div(
      row_sum(lane, units, 4, [&](int slot, int64_t u, float sum) { return v_add(sum, x[gate_at(slot, u)]); }), count);
  const float rstd = root_inverse(row_sum(lane, units, 4,
                                          [&](int slot, int64_t u, float sum) {
                                            const float d = v_sub(x[gate_at(slot, u)], mean);
                                            return v_fma(d, d, sum);
                                          }),
                                  count);
  if (lane == 0) *rstd_at = rstd;
  __syncwarp();
  each_unit(lane, units, [&](int64_t u) {
    for (int slot = 0; slot < 4; ++slot) {
      const int64_t at = gate_at(slot, u);
      const float hat = v_mul(v_sub(x[at], mean), rstd);
      const float begin = start(slot, u);
      x[at] = hat;
      to[at] = v_fma(gain[slot * units + u], hat, begin);
    }
  });
}

// Computes the gradient of the values before normalisation from d, the gradient of gain * hat.
__device__ void norm_gates_backward(int lane, int64_t units, const float* hat, const float* gain, const float* d,
                                    float* to, float rstd) {
  const float count = 4.0f * static_cast<float>(units);
  const auto w = [&](int slot, int64_t u) { return v_mul(gain[slot * units + u], d[gate_at(slot, u)]); };
  const float mean =
      v_div(row_sum(lane, units, 4, [&](int slot, int64_t u, float sum) { return v_add(sum, w(slot, u)); }), count);
  const float slope =
      v_div(row_sum(lane, units, 4,
                    [&](int slot, int64_t u, float sum) { return v_fma(w(slot, u), hat[gate_at(slot, u)], sum); }),
            count);
  __syncwarp();
  each_unit(lane, units, [&](int64_t u) {
    for (int slot = 0; slot < 4; ++slot) {
      const int64_t at = gate_at(slot, u);
      to[at] = v_mul(rstd, v_fnma(hat[at], slope, v_sub(w(slot, u), mean)));
    }
  });
}

// The arguments of the kernels below, by value.
struct NormView {
  LstmView s;
  const float *gain_ih, *gain_hh, *gain_c, *bias_c, *b_ih, *b_hh;
  float *norm_x, *norm_h, *norm_dh, *norm_dc, *stats;
  bool projects;

  // Computes h = o tanh(LN(c)), and the statistics of c.
  __device__ void output(int lane, int64_t row, int64_t r) const {
    const float* c = s.c_at(row, r, 0);
    const float count = static_cast<float>(s.H);
    const float mean = v_div(row_sum(lane, s.H, 1, [&](int, int64_t u, float sum) { return v_add(sum, c[u]); }), count);
    const float rstd = root_inverse(row_sum(lane, s.H, 1,
                                            [&](int, int64_t u, float sum) {
                                              const float d = v_sub(c[u], mean);
                                              return v_fma(d, d, sum);
                                            }),
                                    count);
    if (lane == 0) stats[row * 4 + 2] = mean, stats[row * 4 + 3] = rstd;
    each_unit(lane, s.H, [&](int64_t u) {
      const float l = v_fma(gain_c[u], v_mul(v_sub(c[u], mean), rstd), bias_c[u]);
      *s.output_at(row, r, u) = v_mul(s.gate(row, u)[48], v_tanh(l));
    });
  }
  // Computes, from the gradient of h, that of gate o, norm_dc, and the part of it that reaches c.
  __device__ void output_backward(int lane, int64_t row, int64_t r) const {
    const float *c = s.c_at(row, r, 0), *from = projects ? norm_dc + row * s.H : s.dh + r * s.R;
    const float count = static_cast<float>(s.H), mean = stats[row * 4 + 2], rstd = stats[row * 4 + 3];
    float* d_at = norm_dc + row * s.H;
    const auto hat = [&](int64_t u) { return v_mul(v_sub(c[u], mean), rstd); };
    each_unit(lane, s.H, [&](int64_t u) {
      const float t = v_tanh(v_fma(gain_c[u], hat(u), bias_c[u])), dh = from[u], o = s.gate(row, u)[48];
      s.gate(row, u)[48] = sigmoid_slope(o, v_mul(dh, t));
      d_at[u] = tanh_slope(t, v_mul(dh, o));
    });
    __syncwarp();
    const auto w = [&](int64_t u) { return v_mul(gain_c[u], d_at[u]); };
    const float middle =
        v_div(row_sum(lane, s.H, 1, [&](int, int64_t u, float sum) { return v_add(sum, w(u)); }), count);
    const float slope =
        v_div(row_sum(lane, s.H, 1, [&](int, int64_t u, float sum) { return v_fma(w(u), hat(u), sum); }), count);
    each_unit(lane, s.H, [&](int64_t u) {
      float* dc = s.dc + r * s.H + u;
      *dc = v_fma(rstd, v_fnma(hat(u), slope, v_sub(w(u), middle)), *dc);
    });
  }
  __device__ void clear_padding(int lane, float* row) const {
    for (int64_t u = s.H + lane; u < s.columns / 4; u += kWarp)
      for (int slot = 0; slot < 4; ++slot) row[gate_at(slot, u)] = 0.0f;
  }
};

NormView view_of(const Lstm& s) {
  const auto data = [](const Tensor* t) -> const float* { return t ? t->data : nullptr; };
  return {s.view,   s.gain_ih, s.gain_hh, s.gain_c,  s.bias_c, data(s.b_ih),     data(s.b_hh),
          s.norm_x, s.norm_h,  s.norm_dh, s.norm_dc, s.stats,  s.w_hr != nullptr};
}
}  // namespace

void lstm_norm_input(Queue& queue, const Lstm& s) {
  const NormView n = view_of(s);
  each_row(queue, s.all_rows(), [=] __device__(int64_t row, int lane) {
    if (row >= n.s.rows.count()) return;
    const int64_t H = n.s.H;
    norm_gates(lane, H, n.norm_x + row * n.s.columns, n.gain_ih, n.s.gate(row, 0), n.stats + row * 4,
               [&](int slot, int64_t u) {
                 return (n.b_ih ? n.b_ih[slot * H + u] : 0.0f) + (n.b_hh ? n.b_hh[slot * H + u] : 0.0f);
               });
  });
}

void lstm_norm_step(Queue& queue, const Lstm& s, int64_t step) {
  const NormView n = view_of(s);
  each_row(queue, s.B, [=] __device__(int64_t r, int lane) {
    if (r >= n.s.rows.live(step)) return;
    const int64_t row = n.s.rows.first(step) + r;
    float* gates = n.s.gate(row, 0);
    norm_gates(lane, n.s.H, n.norm_h + row * n.s.columns, n.gain_hh, gates, n.stats + row * 4 + 1,
               [&](int slot, int64_t u) { return gates[gate_at(slot, u)]; });
    each_unit(lane, n.s.H, [&](int64_t u) {
      const float* at = n.s.gate(row, u);
      const float v[4] = {at[0], at[16], at[32], at[48]};
      cell_forward(n.s, row, r, u, v);
    });
    __syncwarp();
    n.output(lane, row, r);
  });
}

void lstm_norm_step_backward(Queue& queue, const Lstm& s, int64_t step) {
  const NormView n = view_of(s);
  each_row(queue, s.B, [=] __device__(int64_t r, int lane) {
    if (r >= n.s.rows.live(step)) return;
    const int64_t row = n.s.rows.first(step) + r;
    n.output_backward(lane, row, r);
    __syncwarp();
    each_unit(lane, n.s.columns / 4, [&](int64_t u) { cell_backward(n.s, row, r, u, 0.0f); });
    __syncwarp();
    const int64_t at = row * n.s.columns;
    norm_gates_backward(lane, n.s.H, n.norm_h + at, n.gain_hh, n.s.gates + at, n.norm_dh + at, n.stats[row * 4 + 1]);
    n.clear_padding(lane, n.norm_dh + at);
  });
}

namespace {
// Computes grad[slot * H + unit] = or += the sum over rows of f(row, slot, unit).
template <class F>
void gain_gradient(const Node& n, const Lstm& s, int input, int slots, F f) {
  float* grad = n.in(input)->grad;
  if (!grad) return;
  const bool accumulate = n.accumulate(input);
  const int64_t H = s.H;
  const LstmRows rows = s.rows();
  sum_columns(
      n.plan, n.queue, s.all_rows(), slots * H, [] __device__(int64_t) { return 0.0f; },
      [=] __device__(int64_t row, int64_t j) {
        return row < rows.count() ? f(row, static_cast<int>(j / H), j % H) : 0.0f;
      },
      [=] __device__(int64_t j, float sum) { put(grad + j, sum, accumulate); });
}
}  // namespace

void lstm_norm_gradients(const Node& node, const Lstm& s) {
  const NormView n = view_of(s);
  lstm_bias_gradients(node, s);
  const auto product = [=] __device__(const float* hat, int64_t row, int slot, int64_t u) {
    const int64_t at = row * n.s.columns + gate_at(slot, u);
    return v_mul(n.s.gates[at], hat[at]);
  };
  gain_gradient(node, s, kGainIh, 4,
                [=] __device__(int64_t row, int slot, int64_t u) { return product(n.norm_x, row, slot, u); });
  gain_gradient(node, s, kGainHh, 4,
                [=] __device__(int64_t row, int slot, int64_t u) { return product(n.norm_h, row, slot, u); });
  gain_gradient(node, s, kGainC, 1, [=] __device__(int64_t row, int, int64_t u) {
    const float hat = v_mul(v_sub(n.s.cells[row * n.s.H + u], n.stats[row * 4 + 2]), n.stats[row * 4 + 3]);
    return v_mul(n.norm_dc[row * n.s.H + u], hat);
  });
  gain_gradient(node, s, kBiasC, 1, [=] __device__(int64_t row, int, int64_t u) { return n.norm_dc[row * n.s.H + u]; });
  each_row(node.queue, s.all_rows(), [=] __device__(int64_t row, int lane) {
    if (row >= n.s.rows.count()) return;
    float* dg = n.s.gates + row * n.s.columns;
    norm_gates_backward(lane, n.s.H, n.norm_x + row * n.s.columns, n.gain_ih, dg, dg, n.stats[row * 4]);
  });
}
}  // namespace cuda
}  // namespace gatecell
