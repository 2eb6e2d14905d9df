// gru_reset.cc: the products between the two halves of a GRU whose reset gate comes before the product of n (Cho et al. 2014; ONNX's
// linear_before_reset = 0): n = tanh(W_in x + b_in + b_hn + W_hn (r * h)). They need r * h of all units, so one thread has all units of a row.
#include "lstm.h"

namespace gatecell {
namespace {
void multiply_new(const Lstm& s, const Packed& u, const float* rows_of_a, Range rows) {
  PackedProduct m;
  m.a = rows_of_a;
  m.a_row = s.ld;
  m.segment_length = u.k;
  m.b = &u;
  m.c = s.reset_product;
  m.c_row = s.ld;
  m.columns = s.ld;
  multiply(m, rows, {0, u.blocks});
}
}  // namespace

void gru_reset_forward(const Lstm& s, const Packed& u, Range rows, int64_t step) {
  multiply_new(s, u, s.reset_rows(step), rows);
  for (int64_t p = 0; p < s.panels; ++p) lstm_cells_forward(s, GC_CELL_RESET_STATE, rows, p, step);
}

// dc has the gradient of n's pre-activation.
void gru_reset_backward(const Lstm& s, const Packed& u, Range rows) { multiply_new(s, u, s.dc, rows); }
}  // namespace gatecell
