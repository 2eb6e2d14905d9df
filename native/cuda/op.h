// op.h: the definition of an op in the library, and the parts of a plan that ops use.
#pragma once
#include <cmath>
#include <cstdio>
#include <vector>

#include "gatecell/lstm_slots.h"
#include "math.h"
#include "runtime.h"

namespace gatecell {
namespace cuda {

using Tensor = gc_device_tensor;

// The failure of a run, written by the first op that finds invalid data, and read by the host at the end. The numbers of a failure are those
// of its message (failures.cu), in the same order.
enum class Fault : int32_t {
  kNone,
  kId,
  kTarget,
  kClassWeight,
  kTemperature,
  kTopK,
  kTopP,
  kLogits,
  kLength,
  kInputLength,
  kTargetLength,
  kLabel,
  kTooLong,
  kCharacter,
  kWeight,
  kBias,
  kPoint,
  kStuck,
  kRowLength
};
struct Failure {
  int32_t fault, node;
  int64_t position;
  double value;
  int64_t more[2];
};

// Scalars of one run, on the device: copied to it before the run, and back after it.
struct Control {
  uint64_t seed, step;
  double clip_norm, loss, grad_norm, counted;
  float beta1, beta2, rest1, rest2, scale;
  int32_t nesterov, applied;
  float average_share, accumulated_share;
  float *average, *accumulated;
  const int32_t* group_of;
  gc_device_group groups[GC_MAX_GROUPS];
  Failure failure;
};

// The kernels to record for an op that has several. For the first node of a stack: the number of chunks of time into which the passes of its
// layers are cut; 1 if the layers run one after the other.
struct Choice {
  int32_t forward = 0, backward = 0;
  int32_t chunks = 1, chunks_back = 1;
  int32_t forward_products = 0, backward_products = 0;  // ProductWay, of large products (kernels/product.h)
};

struct Plan {
  Tensor* tensors;
  gc_device_node* nodes;
  int32_t tensor_count, node_count, loss, optimizer, precision;
  gc_device_arenas arenas;
  Queue queue;
  Control* control = nullptr;   // on the device
  std::vector<Choice> choices;  // per node
  bool training = false;        // the run that is being recorded has dropout and a backward pass
};

// One node and its tensors.
struct Node {
  Plan& plan;
  gc_device_node& node;
  Queue& queue;
  Node(Plan& p, gc_device_node& n) : plan(p), node(n), queue(p.queue) {}

  Node partner() const { return Node(plan, plan.nodes[node.partner]); }
  Tensor* in(int32_t i) const { return i < node.inputs && node.in[i] >= 0 ? &plan.tensors[node.in[i]] : nullptr; }
  Tensor* out(int32_t i) const { return i < node.outputs && node.out[i] >= 0 ? &plan.tensors[node.out[i]] : nullptr; }
  double attribute(int32_t i) const { return node.attributes[i]; }
  bool accumulate(int32_t i) const { return node.accumulate[i] != 0; }
  template <class T = float>
  T* buffer(int32_t i) const {
    return reinterpret_cast<T*>(node.buffers[i].data);
  }
  void ask(int64_t bytes, gc_life life) const { node.buffers[node.buffer_count++] = {bytes, life, nullptr}; }
  // Returns the precision of products outside LSTM layers: exact if the plan's is, otherwise tf32. (On the processor they are always float32.)
  int32_t products() const { return plan.precision == GC_FLOAT ? GC_FLOAT : GC_TF32; }
  void why(const char* text) const { snprintf(node.why, sizeof node.why, "%s", text); }
};

inline const Choice& choice_of(const Node& n) { return n.plan.choices[static_cast<size_t>(n.node.index)]; }

struct OpDef {
  int32_t opcode;
  const char* name;
  gc_status (*prepare)(const Node&);  // buffers and choice; may be null
  void (*forward)(const Node&);
  void (*backward)(const Node&);
};
const OpDef* find_op(int32_t opcode);  // ops.cu; null if the library does not have the op

// ---- shared by the small ops -----------------------------------------------------------------------------------------------
// Writes a gradient, or adds it to those of other readers of the tensor.
__device__ __forceinline__ void put(float* to, float value, bool accumulate) { *to = accumulate ? *to + value : value; }

// Returns d * slope, but 0 if d is 0: then nothing depends on the element, and `slope` may be NaN.
__device__ __forceinline__ float flow(float d, float slope) { return d == 0 ? 0.0f : d * slope; }

// Sets the gradient of input i, into which nothing flows back, to zero, unless another op has written it.
inline void no_gradient(const Node& n, int32_t i) {
  const Tensor* t = n.in(i);
  if (t && t->grad && !n.accumulate(i)) n.queue.zero(t->grad, t->rows * t->ld * 4);
}
inline void no_gradients(const Node& n) {
  for (int32_t i = 0; i < n.node.inputs; ++i) no_gradient(n, i);
}

// Computes dx = f(dy, row, column) for ops of one input; dx is zero if nothing flows back.
template <class F>
void unary_gradient(const Node& n, F f) {
  const Tensor &x = *n.in(0), &y = *n.out(0);
  if (!x.grad) return;
  if (!y.grad) return no_gradient(n, 0);
  const bool accumulate = n.accumulate(0);
  float* dx = x.grad;
  const float* dy = y.grad;
  const int64_t ldx = x.ld, ldy = y.ld;
  each_element(n.queue, x.rows, x.cols, [=] __device__(int64_t row, int64_t j) {
    put(dx + row * ldx + j, f(dy[row * ldy + j], row, j), accumulate);
  });
}
}  // namespace cuda
}  // namespace gatecell
