// table.h: what one instruction set offers. One constant table per ISA; the core picks one per plan.
//
// The determinism rule: every output is one FMA chain over k in increasing order, seeded by its start value; so all
// tables give the same bits. Kernel files include nothing but this header, immintrin.h and stdint/stddef.
#pragma once
#include <stddef.h>
#include <stdint.h>

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
  const float* start;  // N floats every row starts from; null: C itself if accumulate, else zero
  int32_t accumulate;
  int32_t a_far;        // A lies in memory: its rows (a_k = 1) are fetched one tile ahead
  const float* c_next;  // what of C the next product reads first, or null; only fetched
} gc_gemm;

// Which cell: an index into the tables of cell kernels.
// GC_CELL_GRU: gates are r, z, n, and what of n comes from h; backward c_prev is h_prev.
// GC_CELL_OPEN: without the output h = o * tanh(c) and its gradients, which the normalised cell makes (gc_norm).
enum {
  GC_CELL_PLAIN = 0,
  GC_CELL_PEEPHOLE = 1,
  GC_CELL_ZONEOUT = 2,
  GC_CELL_OPEN = 3,
  GC_CELL_GRU = 4,
  GC_CELL_VARIANTS = 5
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
  const float *zone_c, *zone_h;  // 0 to 1: how much stays of c_prev and h_prev; row stride zone_row, 0: 16 for all
  const float* h_prev;           // row stride h_row
  int64_t zone_row;
} gc_cell;

// Backward of the same: gates: activations in, gradients of the pre-activations out.
typedef struct gc_cell_backward {
  float* gates;         // row stride 64
  const float* c_prev;  // row stride state_row
  const float* c;
  const float* dy;  // gradient from above, row stride dy_row; null: zero
  const float* dh;  // gradient from the next step, row stride dh_row
  float* dc;        // carried, in and out, row stride dc_row
  int64_t state_row, dy_row, dh_row, dc_row;
  int64_t rows;
  const float* peephole;
  const float *zone_c, *zone_h;
  float*
      dh_past;  // zoneout: what of the gradient of h goes past the cell to h_prev; may be dh itself, row stride dh_row
  int64_t zone_row;
} gc_cell_backward;

// Layer normalisation inside the cell, of one row; shared/norm.inl says what each function reads and writes.
typedef struct gc_norm {
  float* x;                  // what is normalised: a row of [panel][64] with `panel` floats between panels, or c
  const float *gain, *bias;  // [panel][64], or [panel][16] for c
  float* out;                // laid out as a row of the gates
  float* d;                  // backward: the gradient of the normalised values
  float *h, *dc;
  const float *dh, *dy;
  float* stats;  // rstd, or mean and rstd
  int64_t panel, units;
} gc_norm;

// Numbers of one optimiser step, computed once in double by the caller. scale clips the gradient; lr and epsilon of Adam hold
// the bias correction; beta1 is SGD's momentum and RMSprop's alpha; decay = 1 - rate * decoupled weight decay (AdamW) or 1;
// l2 * w is added to the gradient where l2 is not 0; nesterov: 0 or 1. rest1 and rest2 are 1 - beta1 and 1 - beta2, subtracted
// in double: the float nearest to a beta close to 1 leaves a difference that is wrong by several percent.
typedef struct gc_update {
  float scale, lr, beta1, beta2, rest1, rest2, epsilon, decay, l2;
  int32_t nesterov;
} gc_update;

typedef struct gc_kernels {
  const char* name;      // "scalar", "avx2", "avx512"
  int32_t tile_columns;  // columns of one packed B tile: 64 or 16
  void (*gemm)(const gc_gemm* g);
  void (*cell_forward[GC_CELL_VARIANTS])(const gc_cell* c);
  void (*cell_backward[GC_CELL_VARIANTS])(const gc_cell_backward* c);
  void (*norm_gates_forward)(const gc_norm* n);
  void (*norm_gates_backward)(const gc_norm* n);
  void (*norm_cell_forward)(const gc_norm* n);
  void (*norm_cell_backward)(const gc_norm* n);
  // y = f(x), n elements, in place allowed.
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
  // f32 rows to bf16 rows (nearest even); y may lie over the beginning of x's rows.
  void (*narrow)(const float* x, int64_t x_row, uint16_t* y, int64_t y_row, int64_t rows, int64_t columns);
  void (*pair)(const uint16_t* even, const uint16_t* odd, uint32_t* to, int64_t n);
  void (*add)(const uint16_t* x, float* y, int64_t n);  // y[i] += x[i]
} gc_bf16_kernels;

// Products of int8: every word of A is four unsigned codes, of B four signed ones, C is int32.
typedef struct gc_int8_kernels {
  const char* name;
  void (*gemm)(const gc_gemm* g);
  // Codes round(127 x / range) + 128. quantize gives each row its largest magnitude as range; quantize_within takes the ranges
  // in `given` and writes only the range NaN, of rows with a value that is not finite.
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
extern const gc_bf16_kernels gc_bf16_scalar, gc_bf16_avx2, gc_bf16_avx512, gc_bf16_avx512bf16;
extern const gc_kernels gc_kernels_scalar;
extern const gc_kernels gc_kernels_avx2;
extern const gc_kernels gc_kernels_avx512;
#ifdef __cplusplus
}
#endif
