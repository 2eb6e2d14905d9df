// choose_products.cu: the choice of the method for the large products of a node (kernels/product.h). Each method that this device has is timed
// with the shapes of the plan, and the fastest is recorded. GATECELL_CUDA_PRODUCTS=tiles|mma|wgmma names the method instead; `fastest` also times
// small products. A method with packed operands is first tried on small products, once per process; if its results differ from those of tiles, it
// is not used, and plan.explain() contains the reason. An emulated device, whose times mean nothing, uses tiles unless the variable is set.
#include "kernels/lstm.h"
#include "plan.h"

namespace gatecell {
namespace cuda {
namespace {

// The work that is timed, and the memory for packed operands. Without that memory there is no choice.
struct Part {
  std::string what;  // for plan.explain()
  int32_t buffer;
  void (*work)(const Node&);
  int32_t Choice::*way;
};

void lstm_forward_part(const Node& n) {
  const Lstm s(n);
  lstm_plan_rows(n, s);
  lstm_project(n, s, s.all_steps());
}
void lstm_backward_part(const Node& n) {
  const Lstm s(n);
  lstm_weight_gradients(n, s);
  lstm_input_gradient(n, s, s.all_steps());
}
void op_forward(const Node& n) { find_op(n.node.opcode)->forward(n); }
void op_backward(const Node& n) { find_op(n.node.opcode)->backward(n); }

gc_status choose_part(gc_device_plan& p, const Node& node, const Part& part) {
  if (node.node.buffers[part.buffer].bytes == 0) return GC_OK;
  int32_t& way = p.plan.choices[static_cast<size_t>(node.node.index)].*part.way;
  const int named = named_product_way();
  if (device_info().emulated && named == kProductWays) return GC_OK;
  std::string text;
  double best = -1;
  int32_t chosen = kTiles;
  for (int32_t k = 0; k < kProductWays; ++k) {
    if (named < kProductWays && k != named) continue;
    double seconds = -1;
    std::string trouble = product_refusal(k);
    if (trouble.empty() && k == named) {
      chosen = k;
      break;
    }
    if (trouble.empty()) {
      way = k;
      const auto work = [&] { part.work(node); };
      const gc_status status = seconds_of(p.plan, work, seconds, trouble);
      if (status != GC_OK && k == kTiles) return status;
    }
    if (trouble.empty() && (best < 0 || seconds < best)) best = seconds, chosen = k;
    text += timed(kProductWayNames[k], seconds, trouble);
  }
  way = chosen;
  add_explanation(p, part.what + std::to_string(node.node.index),
                  text + "\"chosen\":\"" + kProductWayNames[chosen] + "\"");
  return GC_OK;
}
}  // namespace

gc_status choose_products(gc_device_plan& p, const Node& node) {
  const int32_t opcode = node.node.opcode;
  Part parts[2] = {{"forward products of op ", 0, op_forward, &Choice::forward_products},
                   {"backward products of op ", 1, op_backward, &Choice::backward_products}};
  if (opcode == GC_OP_LSTM || opcode == GC_OP_GRU) {
    parts[0].buffer = kProducts, parts[0].work = lstm_forward_part;
    parts[1].buffer = kProductsBack, parts[1].work = lstm_backward_part;
  } else if (opcode != GC_OP_LINEAR) {
    return GC_OK;
  }
  gc_status status = choose_part(p, node, parts[0]);
  if (status == GC_OK) status = choose_part(p, node, parts[1]);
  return status;
}
}  // namespace cuda
}  // namespace gatecell
