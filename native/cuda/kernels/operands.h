// operands.h: the operands of products: functions of (m, k) and (k, n) over matrices in their usual layout, so that nothing is packed or
// transposed in memory. kAlongK: neighbours in k are contiguous, and so a tile is read along k.
#pragma once
#include <type_traits>

#include "../device.h"

namespace gatecell {
namespace cuda {

// The meaning of the four gate slots of a unit, as on the processor: i, f, g, o of the LSTM, or r, z, n of x and n of h of the GRU.
enum class Gates { kLstm, kGruInput, kGruState };
// Returns the row of W[4H, ...] or W[3H, ...] at position j of [panel][slot][16 units], or -1 in the padding and in slots that W does not fill.
// This is the order of the gate buffer, as on the processor.
__device__ __forceinline__ int64_t gate_row(int64_t j, int64_t hidden, Gates gates = Gates::kLstm) {
  const int64_t unit = j / 64 * 16 + j % 16, place = j % 64 / 16;
  if (unit >= hidden || (gates == Gates::kGruInput && place == 3) || (gates == Gates::kGruState && place == 2))
    return -1;
  return (gates == Gates::kGruState && place == 3 ? 2 : place) * hidden + unit;
}
inline int64_t gate_columns(int64_t hidden) { return (hidden + 15) / 16 * 64; }

// A(m, k) = a[m][k]: rows of activations or gradients; zeros if `a` is null.
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
  Gates gates = Gates::kLstm;
  __device__ float operator()(int64_t k, int64_t n) const {
    const int64_t row = gate_row(n, hidden, gates);
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

// WeightColumns for x in the gradient dy^T x of a weight, with zeros in place of values that are not finite if dy of their row is zero. A row
// that the loss ignores may be NaN, and 0 * NaN is NaN. dy is read only for such values.
struct LiveColumns {
  static constexpr bool kAlongK = false;
  const float *x, *dy;
  int64_t ld, dy_ld, dy_columns;
  __device__ float operator()(int64_t k, int64_t n) const {
    const float value = x[k * ld + n];
    if (value - value == 0) return value;
    for (int64_t j = 0; j < dy_columns; ++j)
      if (dy[k * dy_ld + j] != 0) return value;
    return 0.0f;
  }
};

// WeightColumns with k running over [panel][gate][16 units]; zero in the padding of n.
struct GateColumns {
  static constexpr bool kAlongK = false;
  const float* w;
  int64_t ld, hidden;
  Gates gates = Gates::kLstm;
  __device__ float operator()(int64_t k, int64_t n) const {
    const int64_t row = gate_row(k, hidden, gates);
    return row < 0 || n >= ld ? 0.0f : w[row * ld + n];
  }
};

// B as words of two bf16 neighbours in k, packed once for many products: [n][words], or [word][n] for the transpose.
struct PackedRows {
  static constexpr bool kAlongK = true;
  const uint32_t* w;
  int64_t words;
  __device__ uint32_t word(int64_t n, int64_t at) const { return w[n * words + at]; }
};
struct PackedColumns {
  static constexpr bool kAlongK = false;
  const uint32_t* w;
  int64_t ld;
  __device__ uint32_t word(int64_t n, int64_t at) const { return n < ld ? w[at * ld + n] : 0; }
};
template <class B>
constexpr bool kIsPacked = std::is_same<B, PackedRows>::value || std::is_same<B, PackedColumns>::value;
}  // namespace cuda
}  // namespace gatecell
