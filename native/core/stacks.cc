// stacks.cc: for a device: recurrent layers each of which reads the one below it, directly or through dropout. There they may run
// side by side, a layer some steps of time behind the one below (wavefront), so the memory of all of them is laid out together.
#include "gatecell/lstm_slots.h"
#include "graph.h"

namespace gatecell {
namespace {
constexpr int kMostLayers = 8;  // as many branches as a device runs side by side

bool is_recurrent(const Node& node) { return node.op->opcode == GC_OP_LSTM || node.op->opcode == GC_OP_GRU; }
int input(const Node& node, size_t at) { return at < node.in.size() ? node.in[at] : -1; }

// The layer below: whose y a layer reads, through dropout or as it is; null: it reads something else.
Node* layer_below(Plan& plan, const Node& layer) {
  for (int id = layer.in[kX]; id >= 0 && plan.tensors[id].producer >= 0;) {
    Node& node = plan.nodes[plan.tensors[id].producer];
    if (is_recurrent(node)) return node.out[kY] == id ? &node : nullptr;
    if (node.op->opcode != GC_OP_DROPOUT) return nullptr;
    id = node.in[0];
  }
  return nullptr;
}

int layers_of(const Plan& plan, int first, int last) {
  int layers = 0;
  for (int i = first; i <= last; ++i) layers += is_recurrent(plan.nodes[i]);
  return layers;
}

// Why a layer cannot run beside the one below it, which stands in a stack from `first` on; null: it can.
const char* what_keeps_apart(const Plan& plan, const Node& below, const Node& layer, int first) {
  if (below.partner >= 0 || layer.partner >= 0) return "one of them has two directions";
  if ((below.attributes[kReverse] != 0) != (layer.attributes[kReverse] != 0)) return "they read time in opposite order";
  if (input(below, kLengths) != input(layer, kLengths)) return "their lengths are not the same tensor";
  if (input(below, kGainIh) >= 0 || input(layer, kGainIh) >= 0)
    return "layer normalisation is done over all rows at once";
  for (size_t i = 1; i < layer.in.size(); ++i)
    if (layer.in[i] >= 0 && plan.tensors[layer.in[i]].producer >= first) return "it reads more than y of what is below";
  for (int i = below.index + 1; i < layer.index; ++i)
    if (plan.nodes[i].op->opcode != GC_OP_DROPOUT || (layer.attributes[kReverse] != 0 && input(layer, kLengths) >= 0))
      return "other ops stand between them";
  if (layers_of(plan, first, below.index) == kMostLayers) return "there are as many layers below as run side by side";
  return nullptr;
}

// Nodes from the layer below to the layer are one chain: each reads what the one before it made.
bool is_chain(const Plan& plan, const Node& below, const Node& layer) {
  for (int i = layer.index; i > below.index; --i)
    if (plan.tensors[plan.nodes[i].in[0]].producer != i - 1) return false;
  return true;
}
}  // namespace

void mark_stacks(Plan& plan) {
  for (Node& layer : plan.nodes) {
    if (!is_recurrent(layer) || plan.tensors[layer.in[kX]].dims[0] < 2) continue;
    const Node* below = layer_below(plan, layer);
    if (!below) continue;
    const int first = below->stack_first >= 0 ? below->stack_first : below->index;
    const char* apart = what_keeps_apart(plan, *below, layer, first);
    if (!apart && !is_chain(plan, *below, layer)) apart = "other ops stand between them";
    if (apart) {
      layer.stack_why = apart;
      continue;
    }
    for (int i = first; i <= layer.index; ++i)
      plan.nodes[i].stack_first = first, plan.nodes[i].stack_last = layer.index;
  }
}
}  // namespace gatecell
