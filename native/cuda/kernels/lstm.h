// lstm.h: one LSTM or GRU layer over a whole sequence on the device, as the host sees it. lstm_view.h is the kernels' view. The recurrence
// as one kernel per step is in lstm_forward.cu and lstm_backward.cu, that in one launch in lstm_cluster*.cu and lstm_grid*.cu.
//
// The gate buffer is [row][panel][i f g o of 16 units]: it takes the input projection, then activations, and in the backward
// pass the gradients of the pre-activations, all in place, as on the processor.
#pragma once
#include "lstm_view.h"
#include "product.h"
#include "step_product.h"

namespace gatecell {
namespace cuda {

enum LstmBuffer {
  kGates,
  kCells,
  kDc,
  kDh,
  kSchedule,
  kMask,
  kOutputs,
  kDr,
  kNormX,
  kNormH,
  kNormDh,
  kNormDc,
  kStats,
  kWire,
  kWireBack,
  kPacked,
  kPackedBack,
  kProducts,  // packed operands of the products over all rows, as the next
  kProductsBack
};

struct Lstm {
  const Tensor *x, *w_ih, *w_hh, *b_ih, *b_hh, *h0, *c0, *lengths, *w_hr, *y, *hT, *cT;
  int64_t T, B, I, H, R, columns;
  int32_t precision;
  Gates input_gates, state_gates;
  LstmView view;
  // Layer normalisation (lstm_norm.cu): normalised W x and U h, the gradient of U h, that of the normalised c, statistics by row.
  const float *gain_ih, *gain_hh, *gain_c, *bias_c;
  float *norm_x, *norm_h, *norm_dh, *norm_dc, *stats;
  float* dr;  // with a projection: the gradient of h by row
  bool drops;
  uint32_t *packed, *packed_back;  // bf16: U in words, for the products of single steps
  uint32_t *wire, *wire_back;      // the words that blocks of the grid kernels exchange

  explicit Lstm(const Node& n);
  const LstmRows& rows() const { return view.rows; }
  bool norm() const { return view.norm; }
  // Returns whether the kernels of one launch can compute the layer: it has no variants and needs no exact chains.
  bool plain() const;
  int64_t all_rows() const { return T * B; }
  // Return the sizes of products over the rows of a step, and over all rows.
  Extent step_extent(int64_t step, int64_t n, int64_t k) const { return {B, n, k, rows().live_now(step), nullptr}; }
  Extent rows_extent(int64_t n, int64_t k) const { return {T * B, n, k, rows().count_now(), nullptr}; }
  // The same over the rows of some steps, which begin at stretch(steps).
  Steps all_steps() const { return {0, T}; }
  Stretch stretch(Steps steps) const {
    if (rows().has_lengths) return {steps.from > 0 ? rows().begin + steps.from : nullptr, 0};
    return {nullptr, (rows().reverse ? T - steps.to : steps.from) * B};
  }
  Extent stretch_extent(Steps steps, int64_t n, int64_t k) const {
    if (steps.to - steps.from == T) return rows_extent(n, k);
    const int32_t* now = rows().has_lengths ? rows().stretch + steps.from : nullptr;
    return {(steps.to - steps.from) * B, n, k, now, nullptr, T * B};
  }
  Extent weight_extent(int64_t m, int64_t n) const { return {m, n, T * B, nullptr, rows().count_now()}; }
  // Returns the gradient that is multiplied by U.
  float* state_gradients() const { return norm() ? norm_dh : view.gates; }
};
// Computes dG U of a step. With bf16 U was packed by lstm_pack.
template <class A, class E>
void state_product_back(Queue& queue, const Lstm& s, const A& a, const E& e, const Extent& size) {
  if (s.precision == GC_BF16) gemm_in<Bf16>(queue, a, PackedColumns{s.packed_back, s.R}, e, size);
  else gemm_f32(queue, s.precision, a, GateColumns{s.w_hh->data, s.R, s.H, s.state_gates}, e, size);
}
// Compute a U^T (columns of the gate buffer) or dG U of a step. `follows`: the launch before this one on its branch is the step before.
template <class A, class E>
void chained_product(Queue& queue, const Lstm& s, bool follows, const A& a, const E& e, const Extent& size) {
  const GateRows u = {s.w_hh->data, s.R, s.H, s.state_gates};
  if (s.precision == GC_BF16) step_in<Bf16>(queue, follows, a, PackedRows{s.packed, (s.R + 1) / 2}, e, size);
  else if (s.precision == GC_FLOAT) step_in<Exact>(queue, follows, a, u, e, size);
  else step_in<Tf32>(queue, follows, a, u, e, size);
}
template <class A, class E>
void chained_product_back(Queue& queue, const Lstm& s, bool follows, const A& a, const E& e, const Extent& size) {
  const GateColumns u = {s.w_hh->data, s.R, s.H, s.state_gates};
  if (s.precision == GC_BF16) step_in<Bf16>(queue, follows, a, PackedColumns{s.packed_back, s.R}, e, size);
  else if (s.precision == GC_FLOAT) step_in<Exact>(queue, follows, a, u, e, size);
  else step_in<Tf32>(queue, follows, a, u, e, size);
}
void lstm_pack(Queue& queue, const Lstm& s, bool backward);  // lstm_pack.cu: U for the products above, once a run

// The kernels of the recurrence, forward and backward: one product per step, or one launch whose blocks keep U: the blocks of a cluster
// (lstm_cluster*.cu; `wide`: a cluster of 16 blocks, for which a device may have no room) or of the whole grid (lstm_grid*.cu).
enum LstmKernel { kLstmSteps, kLstmCluster, kLstmWideCluster, kLstmGrid, kLstmKernels };
constexpr const char* kLstmKernelNames[kLstmKernels] = {"steps", "cluster", "cluster16", "grid"};
bool lstm_fits(const Lstm& s, int32_t kernel, bool backward);

bool lstm_cluster_fits(const Lstm& s, bool wide);  // lstm_cluster.cu, as the next
void lstm_cluster_forward(Queue& queue, const Lstm& s, bool wide, Steps steps);
bool lstm_grid_fits(const Lstm& s);  // lstm_grid.cu, as the next
void lstm_grid_forward(const Node& n, const Lstm& s);
bool lstm_grid_backward_fits(const Lstm& s);  // lstm_grid_backward.cu, as the next
void lstm_grid_backward(const Node& n, const Lstm& s);
bool lstm_cluster_backward_fits(const Lstm& s, bool wide);  // lstm_cluster_backward.cu, as the next
void lstm_cluster_backward(Queue& queue, const Lstm& s, bool wide, Steps steps);

// lstm_rows.cu: computes the schedule of a run from its lengths; counts the rows of each stretch of `steps` steps; writes zeros after the end
// of each row; draws the masks of recurrent dropout.
void lstm_plan_rows(const Node& n, const Lstm& s);
void lstm_plan_stretches(Queue& queue, const Lstm& s, int64_t steps);
void lstm_clear_padding(Queue& queue, const Lstm& s, float* to, int64_t ld, int64_t columns);
void lstm_draw_mask(const Node& n, const Lstm& s);

// lstm_norm.cu
void lstm_norm_input(Queue& queue, const Lstm& s);
void lstm_norm_step(Queue& queue, const Lstm& s, int64_t step);
void lstm_norm_step_backward(Queue& queue, const Lstm& s, int64_t step);
void lstm_norm_gradients(const Node& n, const Lstm& s);  // of gains and biases; dG becomes the gradient of W x
void lstm_bias_gradients(const Node& n, const Lstm& s);  // lstm_gradients.cu, as the next
void lstm_begin_input_gradient(const Node& n, const Lstm& s);
void lstm_input_gradient(const Node& n, const Lstm& s, Steps steps);  // dx of some steps
void lstm_weight_gradients(const Node& n, const Lstm& s);             // of those in products
void lstm_gradients(const Node& n, const Lstm& s);                    // of everything but x, after the loop

// lstm_forward.cu: a forward pass in parts, for layers that run at the same time (lstm_stack.cu): the part before all steps, the product for
// the input of some steps, those steps, and the part after all steps.
void lstm_begin(const Node& n, const Lstm& s);
void lstm_project(const Node& n, const Lstm& s, Steps steps);
void lstm_steps(const Node& n, const Lstm& s, Steps steps);
void lstm_end(const Node& n, const Lstm& s);
// lstm_backward.cu: the same for the backward pass, from dy to dG; then from dG to all gradients, with or without dx.
void lstm_begin_back(const Node& n, const Lstm& s);
void lstm_steps_back(const Node& n, const Lstm& s, Steps steps);
void lstm_end_back(const Node& n, const Lstm& s);
void lstm_after_back(const Node& n, bool with_input);

// Records the work of two directions as branches of one recording. If the kernels of both need all their blocks to run at the same time,
// they must not share the device, and run one after the other.
void lstm_side_by_side(const Node& a, const Node& b, int32_t Choice::*way, void (*work)(const Node&));
void lstm_forward(const Node& n);  // lstm_forward.cu, as the next, which computes only one direction
void lstm_forward_alone(const Node& n);
void lstm_backward(const Node& n);  // lstm_backward.cu, as the next
void lstm_recurrence_back(const Node& n);

// lstm_stack.cu: a stack of layers in wavefront, with time cut into `chunks`: a chunk of a layer runs at the same time as the previous chunk
// of the layer above. Products and sums are the same as without chunks. The backward pass leads from dy of the top layer to dG of all.
void stack_forward(const Node& n, int64_t chunks);
void stack_back(const Node& n, int64_t chunks);
bool is_stack_layer(const gc_device_node& node);  // the other nodes of a stack are between layers
std::vector<Node> stack_layers(const Node& n);    // the layers of the stack to which a node belongs, lowest first
}  // namespace cuda
}  // namespace gatecell
