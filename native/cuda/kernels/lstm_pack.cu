// lstm_pack.cu: packing of U for the products of single steps with bf16: words of two neighbours in k, made once per run and not once per
// step. A training run is an optimiser step, so U is packed once for each version of the weights.
#include "lstm.h"

namespace gatecell {
namespace cuda {

void lstm_pack(Queue& queue, const Lstm& s, bool backward) {
  if (s.precision != GC_BF16) return;
  const float* w = s.w_hh->data;
  const int64_t R = s.R, H = s.H, words = (R + 1) / 2;
  const Gates gates = s.state_gates;
  uint32_t* to = backward ? s.packed_back : s.packed;
  if (!backward)
    return each_element(queue, s.columns, words, [=] __device__(int64_t n, int64_t word) {
      const int64_t row = gate_row(n, H, gates), k = 2 * word;
      const float even = row >= 0 ? w[row * R + k] : 0.0f, odd = row >= 0 && k + 1 < R ? w[row * R + k + 1] : 0.0f;
      to[n * words + word] = Bf16Words::word(even, odd);
    });
  each_element(queue, s.columns / 2, R, [=] __device__(int64_t word, int64_t n) {
    const int64_t even = gate_row(2 * word, H, gates), odd = gate_row(2 * word + 1, H, gates);
    to[word * R + n] = Bf16Words::word(even >= 0 ? w[even * R + n] : 0.0f, odd >= 0 ? w[odd * R + n] : 0.0f);
  });
}
}  // namespace cuda
}  // namespace gatecell
