// operands.h: what a product multiplies: functions of (m, k) and (k, n) over matrices as they lie, so that nothing is packed or
// transposed in memory. kAlongK: neighbours in k adjoin, which is the order in which a tile is read.
#pragma once
#include "../device.h"

namespace gatecell {
namespace cuda {

// Row of W[4H, ...] at position j of [panel][gate][16 units]; -1 in the padding. The gate buffer's order, as on the processor.
__device__ __forceinline__ int64_t gate_row(int64_t j, int64_t hidden) {
  const int64_t unit = j / 64 * 16 + j % 16, gate = j % 64 / 16;
  return unit < hidden ? gate * hidden + unit : -1;
}
inline int64_t gate_columns(int64_t hidden) { return (hidden + 15) / 16 * 64; }

// A(m, k) = a[m][k]: rows of activations or gradients; null stands for zeros.
struct Rows {
  static constexpr bool kAlongK = true;
  const float* a;
  int64_t ld;
  __device__ float operator()(int64_t m, int64_t k) const { return a ? a[m * ld + k] : 0.0f; }
};

// A(m, k) = a[k][m]: the transpose, for weight gradients.
struct Columns {
  static constexpr bool kAlongK = false;
  const float* a;
  int64_t ld;
  __device__ float operator()(int64_t m, int64_t k) const { return a[k * ld + m]; }
};

// B(k, n) = w[n][k]: y = x W^T.
struct WeightRows {
  static constexpr bool kAlongK = true;
  const float* w;
  int64_t ld;
  __device__ float operator()(int64_t k, int64_t n) const { return w[n * ld + k]; }
};

// The same with n running over [panel][gate][16 units].
struct GateRows {
  static constexpr bool kAlongK = true;
  const float* w;
  int64_t ld, hidden;
  __device__ float operator()(int64_t k, int64_t n) const {
    const int64_t row = gate_row(n, hidden);
    return row < 0 ? 0.0f : w[row * ld + k];
  }
};

// B(k, n) = w[k][n]: dx = dy W, and the activations of a weight gradient.
struct WeightColumns {
  static constexpr bool kAlongK = false;
  const float* w;
  int64_t ld;
  __device__ float operator()(int64_t k, int64_t n) const { return w[k * ld + n]; }
};

// The same with k running over [panel][gate][16 units]; zero in the padding of n.
struct GateColumns {
  static constexpr bool kAlongK = false;
  const float* w;
  int64_t ld, hidden;
  __device__ float operator()(int64_t k, int64_t n) const {
    const int64_t row = gate_row(k, hidden);
    return row < 0 || n >= ld ? 0.0f : w[row * ld + n];
  }
};

// B(k, n) = h[n] before the step of row k = (t, b): y of the step before, h0 (or zeros) before the first.
struct HiddenBefore {
  static constexpr bool kAlongK = false;
  const float *y, *h0;
  int64_t ld_y, ld_h0, rows, batch;
  bool reverse;
  __device__ float operator()(int64_t k, int64_t n) const {
    const int64_t before = reverse ? k + batch : k - batch;
    if (before >= 0 && before < rows) return y[before * ld_y + n];
    return h0 ? h0[k % batch * ld_h0 + n] : 0.0f;
  }
};
}  // namespace cuda
}  // namespace gatecell
