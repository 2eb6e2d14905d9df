// lstm.h: one LSTM layer over a whole sequence on the device: where everything lies, and the cell.
//
// The gate buffer is [t][b][panel][i f g o of 16 units]: it takes the input projection, then activations, and in the backward
// pass the gradients of the pre-activations, all in place, as on the processor.
#pragma once
#include "gemm.h"
#include "ops.h"

namespace gatecell {
namespace cuda {

enum LstmInput { kX, kWeightIh, kWeightHh, kBiasIh, kBiasHh, kH0, kC0 };
enum LstmOutput { kY, kHT, kCT };
enum LstmBuffer { kGates, kCells, kDc };

// A matrix [B][ld] of one step's states; null: zeros.
struct State {
  float* data;
  int64_t ld;
  __device__ float at(int64_t b, int64_t unit) const { return data ? data[b * ld + unit] : 0.0f; }
};

struct Lstm {
  const Tensor *x, *w_ih, *w_hh, *b_ih, *b_hh, *h0, *c0, *y, *hT, *cT;
  int64_t T, B, I, H, columns;  // columns: of the gate buffer
  bool reverse, keep;           // keep: the cell state of every step stays for the backward pass
  int32_t precision;
  float *gates, *cells, *dc;

  explicit Lstm(const Node& n);
  int64_t time(int64_t step) const { return reverse ? T - 1 - step : step; }
  float* gate_rows(int64_t step) const { return gates + time(step) * B * columns; }
  State h_after(int64_t step) const { return {y->data + time(step) * B * y->ld, y->ld}; }
  State c_after(int64_t step) const { return {cells + (keep ? time(step) * B * H : 0), H}; }
  State h_before(int64_t step) const {
    return step > 0 ? h_after(step - 1) : State{h0 ? h0->data : nullptr, h0 ? h0->ld : 0};
  }
  State c_before(int64_t step) const {
    return step > 0 ? c_after(step - 1) : State{c0 ? c0->data : nullptr, c0 ? c0->ld : 0};
  }
};

// One unit forward: pre-activations become activations; c and h are written (Hochreiter & Schmidhuber 1997, Gers et al. 2000).
struct CellForward {
  float* gates;  // [B][columns]
  int64_t columns, hidden;
  State c_before, c, h;

  __device__ float start(int64_t b, int64_t n) const { return gates[b * columns + n]; }
  __device__ void finish(int64_t b, int64_t n0, int tx, const float (&v)[4]) const {
    const int64_t unit = n0 / 4 + tx;
    float* to = gates + b * columns + n0 + tx;
    float i = v[0], f = v[1], g = v[2], o = v[3];
    v_gates(i, f, g, o);
    to[0] = i, to[16] = f, to[32] = g, to[48] = o;
    if (unit >= hidden) return;
    const float cell = v_fma(f, c_before.at(b, unit), v_mul(i, g));
    c.data[b * c.ld + unit] = cell;
    h.data[b * h.ld + unit] = v_mul(o, v_tanh(cell));
  }
};

// One unit back: activations become gradients of the pre-activations; dc is carried. `dh` comes from the step after.
struct CellBackward {
  float* gates;
  int64_t columns, hidden;
  State c_before, c, dy, dc;

  __device__ float* gate(int64_t b, int64_t unit) const { return gates + b * columns + unit / 16 * 64 + unit % 16; }
  __device__ void unit(int64_t b, int64_t unit, float dh) const {
    float* at = gate(b, unit);
    const float i = at[0], f = at[16], g = at[32], o = at[48];
    const float tc = v_tanh(c.at(b, unit));  // recomputed, as on the processor
    if (dy.data) dh = v_add(dh, dy.at(b, unit));
    const float d = v_add(dc.at(b, unit), tanh_slope(tc, v_mul(dh, o)));
    at[0] = sigmoid_slope(i, v_mul(d, g));
    at[16] = sigmoid_slope(f, v_mul(d, c_before.at(b, unit)));
    at[32] = tanh_slope(g, v_mul(d, i));
    at[48] = sigmoid_slope(o, v_mul(dh, tc));
    dc.data[b * dc.ld + unit] = v_mul(d, f);
  }
  __device__ void padding(int64_t b, int64_t unit) const {
    float* at = gate(b, unit);
    at[0] = at[16] = at[32] = at[48] = 0.0f;
  }
  // As the epilogue of dh = dG U of the step after.
  __device__ float start(int64_t, int64_t) const { return 0.0f; }
  __device__ void finish(int64_t b, int64_t n0, int tx, const float (&v)[4]) const {
    for (int k = 0; k < 4; ++k) {
      const int64_t u = n0 + tx + 16 * k;
      if (u < hidden) unit(b, u, v[k]);
      else if (u < columns / 4) padding(b, u);
    }
  }
};

// Ways through the forward recurrence: a product a step, or one launch that keeps U in the shared memory of a cluster.
enum LstmKernel { kLstmSteps, kLstmCluster, kLstmKernels };
constexpr const char* kLstmKernelNames[kLstmKernels] = {"steps", "cluster"};
bool lstm_cluster_fits(const Lstm& s);  // lstm_cluster.cu, as the next
void lstm_cluster_steps(Queue& queue, const Lstm& s);

void lstm_forward(const Node& n);   // lstm_forward.cu
void lstm_backward(const Node& n);  // lstm_backward.cu
}  // namespace cuda
}  // namespace gatecell
