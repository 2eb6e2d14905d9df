// table.h: the interface of the kernels. There is one constant table of functions for each instruction set, of which the core uses one.
//
// The determinism rule: every output is one FMA chain over k in increasing order, seeded by its start value; so all
// tables give the same bits. Kernel files include nothing but this header, the header of their intrinsics and stdint/stddef.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "activation_codes.h"
#include "map_codes.h"

// C[M x columns] (+)= A[M x K] * B[K x columns], k cut in `segments` of `segment_length`.
// A(m, s, k) = a[m * a_row + s * a_segment + k * a_k]; B(s, k, n) = b[s * b_segment + k * b_k + n]; C(m, n) = c[m * c_row + n].
typedef struct gc_gemm {
  const float* a;
  int64_t a_row, a_k, a_segment;
  const float* b;
  int64_t b_k, b_segment;
  int64_t b_tile;  // from one tile of `tile_columns` to the next
  float* c;
  int64_t c_row, c_tile;
  int64_t rows;     // M
  int64_t columns;  // N: whole tiles, the last one may be narrower (any count; stores never pass it)
  int64_t segments, segment_length;
  const float* start;  // N floats from which every row starts; null: from C itself if accumulate, otherwise from zero
  int32_t accumulate;
  int32_t a_far;        // A is in memory, not in a cache: its rows (a_k = 1) are fetched one tile ahead
  const float* c_next;  // the part of C that the next product reads first, which is only fetched; or null
} gc_gemm;

// The kind of cell, an index into the tables of cell kernels.
// GC_CELL_GRU: gates are r, z, n and the part of n that comes from h; in the backward pass c_prev is h_prev.
// GC_CELL_OPEN: without the output h = o * tanh(c) and its gradients, which the functions of layer normalisation compute (gc_norm).
// The others have a gc_form. GC_CELL_LSTM_FORM: the LSTM, with peepholes or without. GC_CELL_GRU_FORM: as GC_CELL_GRU.
// GC_CELL_RESET_GATES and GC_CELL_RESET_STATE: the two halves of a GRU whose reset gate comes before the product of n, which is computed
// between them. GC_CELL_RNN: up to 64 units in a panel, of which gates has the pre-activations in both passes.
enum {
  GC_CELL_PLAIN = 0,
  GC_CELL_PEEPHOLE = 1,
  GC_CELL_ZONEOUT = 2,
  GC_CELL_OPEN = 3,
  GC_CELL_GRU = 4,
  GC_CELL_LSTM_FORM = 5,
  GC_CELL_GRU_FORM = 6,
  GC_CELL_RESET_GATES = 7,
  GC_CELL_RESET_STATE = 8,
  GC_CELL_RNN = 9,
  GC_CELL_VARIANTS = 10
};

// One time step of the cell for `rows` batch rows of one panel of 16 hidden units.
// gates[row]: 64 floats i[16] f[16] g[16] o[16], pre-activations in, activations out (kept for the backward pass).
typedef struct gc_cell {
  float* gates;         // row stride 64
  const float* c_prev;  // row stride `state_row`
  float* c;
  float* h;
  int64_t state_row, h_row;
  int64_t rows;
  const float* peephole;         // i[16] f[16] o[16]
  const float *zone_c, *zone_h;  // shares of c_prev and h_prev that are kept; row stride zone_row, 0: 16 for all rows
  const float* h_prev;           // row stride h_row
  int64_t zone_row;
  const gc_form* form;
  float* pre;     // forms: the pre-activations for the backward pass, laid out as gates; or null
  int64_t units;  // GC_CELL_RNN: a multiple of 16
} gc_cell;

// The backward pass of the same. gates: activations in, gradients of the pre-activations out.
typedef struct gc_cell_backward {
  float* gates;         // row stride 64
  const float* c_prev;  // row stride state_row
  const float* c;
  const float* dy;  // gradient from the layer above, row stride dy_row; null: zero
  const float* dh;  // gradient from the next step, row stride dh_row
  float* dc;        // carried, in and out, row stride dc_row
  int64_t state_row, dy_row, dh_row, dc_row;
  int64_t rows;
  const float* peephole;
  const float *zone_c, *zone_h;
  float*
      dh_past;  // zoneout: the part of the gradient of h that goes directly to h_prev; may be dh itself, row stride dh_row
  int64_t zone_row;
  const gc_form* form;
  const float* pre;
  int64_t units;
} gc_cell_backward;

// Layer normalisation inside the cell, for one row. The comments of shared/norm.inl list what each function reads and writes.
typedef struct gc_norm {
  float* x;  // the values to normalise: a row of [panel][64] with `panel` floats from panel to panel, or c
  const float *gain, *bias;  // [panel][64], or [panel][16] for c
  float* out;                // laid out as a row of the gates
  float* d;                  // backward: the gradient of the normalised values
  float *h, *dc;
  const float *dh, *dy;
  float* stats;  // rstd, or mean and rstd
  int64_t panel, units;
} gc_norm;

// Numbers of one optimiser step, computed once in double by the caller. scale clips the gradient; lr and epsilon of Adam contain the bias
// correction; beta1 is SGD's momentum and RMSprop's alpha; decay = 1 - rate * decoupled weight decay (AdamW) or 1; l2 * w is added to the
// gradient if l2 is not 0; nesterov: 0 or 1. rest1 and rest2 are 1 - beta1 and 1 - beta2, subtracted in double: with the float nearest to
// a beta close to 1 the difference would be wrong by several percent.
typedef struct gc_update {
  float scale, lr, beta1, beta2, rest1, rest2, epsilon, decay, l2;
  int32_t nesterov;
} gc_update;

typedef struct gc_kernels {
  const char* name;      // "scalar", "avx2", "avx512", "neon"
  int32_t tile_columns;  // columns of one packed B tile: 64 or 16
  void (*gemm)(const gc_gemm* g);
  void (*cell_forward[GC_CELL_VARIANTS])(const gc_cell* c);
  void (*cell_backward[GC_CELL_VARIANTS])(const gc_cell_backward* c);
  void (*norm_gates_forward)(const gc_norm* n);
  void (*norm_gates_backward)(const gc_norm* n);
  void (*norm_cell_forward)(const gc_norm* n);
  void (*norm_cell_backward)(const gc_norm* n);
  // Compute y = f(x) for n elements; y may be x.
  void (*sigmoid)(const float* x, float* y, int64_t n);
  void (*tanh)(const float* x, float* y, int64_t n);
  void (*exp)(const float* x, float* y, int64_t n);
  // y[i] += x[i]
  void (*add)(const float* x, float* y, int64_t n);
  // Optimisers: n elements. `most` (AMSGrad's largest v) may be null.
  void (*sgd)(float* w, const float* g, float* velocity, int64_t n, const gc_update* u);
  void (*rmsprop)(float* w, const float* g, float* square, int64_t n, const gc_update* u);
  void (*adam)(float* w, const float* g, float* m, float* v, float* most, int64_t n, const gc_update* u);
  // Runs the steps of a map program one after the other on blocks of n elements.
  void (*map)(const gc_map_step* steps, int count, int64_t n);
} gc_kernels;

// Products of bf16 pairs: in gc_gemm every 32-bit word of A and B is two bf16 neighbours in k, and k counts words.
typedef struct gc_bf16_kernels {
  const char* name;
  void (*gemm)(const gc_gemm* g);
  // Rounds f32 rows to bf16 rows (to nearest, ties to even); y may overlap the beginning of the rows of x.
  void (*narrow)(const float* x, int64_t x_row, uint16_t* y, int64_t y_row, int64_t rows, int64_t columns);
  void (*pair)(const uint16_t* even, const uint16_t* odd, uint32_t* to, int64_t n);
  void (*add)(const uint16_t* x, float* y, int64_t n);  // y[i] += x[i]
} gc_bf16_kernels;

// Products of int8: every word of A is four unsigned codes, of B four signed ones, C is int32.
typedef struct gc_int8_kernels {
  const char* name;
  void (*gemm)(const gc_gemm* g);
  // Compute the codes round(127 x / range) + 128. quantize uses the largest magnitude of each row as its range. quantize_within uses the
  // ranges in `given`, and sets the range to NaN for rows with a value that is not finite.
  void (*quantize)(const float* x, int64_t x_row, uint8_t* y, int64_t y_row, int64_t rows, int64_t columns,
                   float* ranges);
  void (*quantize_within)(const float* x, int64_t x_row, uint8_t* y, int64_t y_row, int64_t rows, int64_t columns,
                          const float* given, float* ranges);
  void (*dequantize_add)(const int32_t* sums, const int32_t* correction, const float* scale, const float* ranges,
                         float* y, int64_t rows);
} gc_int8_kernels;

#ifdef __cplusplus
extern "C" {
#endif
extern const gc_int8_kernels gc_int8_scalar, gc_int8_avx2, gc_int8_avx512, gc_int8_avx512vnni;
extern const gc_int8_kernels gc_int8_neon, gc_int8_neondot, gc_int8_neoni8mm;
extern const gc_bf16_kernels gc_bf16_scalar, gc_bf16_avx2, gc_bf16_avx512, gc_bf16_avx512bf16;
extern const gc_bf16_kernels gc_bf16_neon, gc_bf16_neonbf16;
extern const gc_kernels gc_kernels_scalar;
extern const gc_kernels gc_kernels_avx2;
extern const gc_kernels gc_kernels_avx512;
extern const gc_kernels gc_kernels_neon;
#ifdef __cplusplus
}
#endif
