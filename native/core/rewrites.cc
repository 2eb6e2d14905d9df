// rewrites.cc: the conditions of every rewrite.
//
//   fold        processor   an embedding becomes part of the only LSTM layer that reads it
//   output      processor   a linear layer becomes part of the cross-entropy that is the only reader of its logits
//   directions  both        two neighbouring layers that read one sequence in opposite directions run at the same time
//   stack       device      layers that read one another run at the same time, each some time steps after the one below
#include "rewrites.h"

#include "gatecell/lstm_slots.h"

namespace gatecell {
namespace {
int input(const Node& node, size_t at) { return at < node.in.size() ? node.in[at] : -1; }
bool is_reverse(const Node& layer) { return layer.attributes[kReverse] != 0; }

// ---- fold ----------------------------------------------------------------------------------------------------------------
// Returns whether an embedding that only feeds an LSTM layer is folded into it: the layer then takes W_ih e + b of each token from a table
// of V rows instead of multiplying T * B rows, forward and backward. This saves time if the table is shorter than the batch (training) or
// of moderate size (inference: it is computed once per weight version). The decision depends only on shapes; forward bits are equal.
bool folds(const Plan& plan, const Node& lstm, const Node& embedding, const std::vector<int>& uses) {
  if (embedding.op->opcode != GC_OP_EMBEDDING) return false;  // first, because another op may have only one input
  if (embedding.attributes[0] != 0) return false;             // the layer's backward pass would train the padding's row
  const Tensor &x = plan.tensors[lstm.in[kX]], &table = plan.tensors[embedding.in[0]];
  if (x.role != GC_INTERNAL || uses[lstm.in[kX]] != 1) return false;  // another op reads the embedded sequence
  if (x.keeps_grad) return false;                                     // the caller reads its gradient
  if (table.role != GC_PARAMETER) return false;
  if (input(lstm, kGainIh) >= 0) return false;  // W e is normalised before b is added
  if (plan.loss >= 0) return table.rows * 2 <= x.rows;
  return table.rows * panels_of(plan.tensors[lstm.out[kY]].cols) * 64 * 4 <= (int64_t{32} << 20);
}

// Returns how often each tensor is read: by ops, by carries and as the loss.
std::vector<int> count_uses(const Plan& plan) {
  std::vector<int> uses(plan.tensors.size(), 0);
  for (const Node& node : plan.nodes)
    for (int id : node.in)
      if (id >= 0) ++uses[id];
  for (size_t i = 0; i < plan.carry.size(); i += 2) ++uses[plan.carry[i]];
  if (plan.loss >= 0) ++uses[plan.loss];
  return uses;
}

// Removes the nodes that have become part of others.
void remove(Plan& plan, const std::vector<bool>& gone) {
  std::vector<Node> kept;
  for (Node& node : plan.nodes)
    if (!gone[node.index]) kept.push_back(std::move(node));
  plan.nodes = std::move(kept);
  for (size_t i = 0; i < plan.nodes.size(); ++i) {
    plan.nodes[i].index = static_cast<int>(i);
    for (int id : plan.nodes[i].out)
      if (id >= 0) plan.tensors[id].producer = static_cast<int>(i);
  }
}

void fold_embeddings(Plan& plan) {
  const std::vector<int> uses = count_uses(plan);
  std::vector<bool> gone(plan.nodes.size(), false);
  for (Node& node : plan.nodes) {
    if (node.op->opcode != GC_OP_LSTM || plan.tensors[node.in[kX]].producer < 0) continue;
    const Node& embedding = plan.nodes[plan.tensors[node.in[kX]].producer];
    if (!folds(plan, node, embedding, uses)) continue;
    gone[embedding.index] = true;
    plan.tensors[node.in[kX]].folded = true;
    plan.tensors[node.in[kX]].producer = -1;
    node.in.resize(kLstmInputs, -1);
    node.in[kX] = embedding.in[1];
    node.in.push_back(embedding.in[0]);
  }
  remove(plan, gone);
}

// ---- output --------------------------------------------------------------------------------------------------------------
// With fewer classes the logits are small, and the two ops are as fast.
constexpr int64_t kLeastClasses = 256;

// Returns whether a cross-entropy is the only reader of the logits that a linear layer gives, so that the two become one node, which computes the
// logits in blocks of rows. The decision depends only on shapes.
bool joins(const Plan& plan, const Node& loss, const std::vector<int>& uses) {
  if (loss.op->opcode != GC_OP_CROSS_ENTROPY) return false;
  const Tensor& logits = plan.tensors[loss.in[0]];
  if (logits.producer < 0 || plan.nodes[logits.producer].op->opcode != GC_OP_LINEAR) return false;
  if (logits.role != GC_INTERNAL || uses[loss.in[0]] != 1 || logits.keeps_grad) return false;
  return logits.cols >= kLeastClasses && logits.rows < INT32_MAX;
}

void join_outputs(Plan& plan) {
  const std::vector<int> uses = count_uses(plan);
  std::vector<bool> gone(plan.nodes.size(), false);
  for (Node& node : plan.nodes) {
    if (!joins(plan, node, uses)) continue;
    Tensor& logits = plan.tensors[node.in[0]];
    const Node& linear = plan.nodes[logits.producer];
    gone[linear.index] = true;
    logits.folded = true;
    logits.producer = -1;
    node.op = &op_output_loss;
    node.in.resize(4, -1);
    node.in[0] = linear.in[0];
    node.in.push_back(linear.in[1]);
    node.in.push_back(input(linear, 2));
  }
  remove(plan, gone);
}

// ---- directions ----------------------------------------------------------------------------------------------------------
// Returns whether one pass of the layer is enough work for several threads. It depends on shapes, not on lengths.
bool is_worth_a_team(const Plan& plan, const Node& layer) {
  const Tensor &y = plan.tensors[layer.out[kY]], &w_ih = plan.tensors[layer.in[kWeightIh]],
               &w_hh = plan.tensors[layer.in[kWeightHh]];
  const double weights = static_cast<double>(w_ih.rows * w_ih.cols + w_hh.rows * w_hh.cols),
               gates = layer.op->opcode == GC_OP_GRU   ? 3
                       : layer.op->opcode == GC_OP_RNN ? 1
                                                       : 4;
  return plan.team(16.0 * static_cast<double>(y.dims[0] * y.dims[1]) * weights / gates) > 1;
}

// Returns whether two neighbours read the same sequence (and lengths) in opposite directions, and nothing of each other. On the processor
// each gets half of the team, so each must have work for several threads; a device has room for both in any case.
bool are_directions(const Plan& plan, const Node& a, const Node& b) {
  if (a.op != b.op || !is_recurrent(a.op->opcode) || is_reverse(a) == is_reverse(b)) return false;
  if (input(a, kX) != input(b, kX) || input(a, kLengths) != input(b, kLengths)) return false;
  for (int id : b.in)
    if (id >= 0 && plan.tensors[id].producer == a.index) return false;
  return plan.on_device || (is_worth_a_team(plan, a) && is_worth_a_team(plan, b));
}

void pair_directions(Plan& plan) {
  for (size_t i = 0; i + 1 < plan.nodes.size(); ++i) {
    Node &a = plan.nodes[i], &b = plan.nodes[i + 1];
    if (a.partner < 0 && are_directions(plan, a, b)) a.partner = b.index, b.partner = a.index;
  }
}

// ---- stack ---------------------------------------------------------------------------------------------------------------
constexpr int kMostLayers = 8;  // the number of branches that a device runs at the same time

// Returns the layer whose y a layer reads, directly or through dropout; null if it reads another tensor.
Node* layer_below(Plan& plan, const Node& layer) {
  for (int id = layer.in[kX]; id >= 0 && plan.tensors[id].producer >= 0;) {
    Node& node = plan.nodes[plan.tensors[id].producer];
    if (is_recurrent(node.op->opcode)) return node.out[kY] == id ? &node : nullptr;
    if (node.op->opcode != GC_OP_DROPOUT) return nullptr;
    id = node.in[0];
  }
  return nullptr;
}

int layers_of(const Plan& plan, int first, int last) {
  int layers = 0;
  for (int i = first; i <= last; ++i) layers += is_recurrent(plan.nodes[i].op->opcode);
  return layers;
}

// Returns whether the nodes from the layer below to the layer are one chain, of which each reads the result of the one before it.
bool is_chain(const Plan& plan, const Node& below, const Node& layer) {
  for (int i = layer.index; i > below.index; --i)
    if (plan.tensors[plan.nodes[i].in[0]].producer != i - 1) return false;
  return true;
}

// Returns the reason why a layer cannot run at the same time as the one below it, whose stack begins at `first`; null if it can.
const char* keeps_apart(const Plan& plan, const Node& below, const Node& layer, int first) {
  if (below.partner >= 0 || layer.partner >= 0) return "one of them has two directions";
  if (is_reverse(below) != is_reverse(layer)) return "they read time in opposite order";
  if (input(below, kLengths) != input(layer, kLengths)) return "their lengths are not the same tensor";
  if (input(below, kGainIh) >= 0 || input(layer, kGainIh) >= 0)
    return "layer normalisation is done over all rows at once";
  for (size_t i = 1; i < layer.in.size(); ++i)
    if (layer.in[i] >= 0 && plan.tensors[layer.in[i]].producer >= first) return "it reads more than y of what is below";
  for (int i = below.index + 1; i < layer.index; ++i)
    if (plan.nodes[i].op->opcode != GC_OP_DROPOUT || (is_reverse(layer) && input(layer, kLengths) >= 0))
      return "other ops are between them";
  if (layers_of(plan, first, below.index) == kMostLayers) return "there are as many layers below as run side by side";
  return is_chain(plan, below, layer) ? nullptr : "other ops are between them";
}

void mark_stacks(Plan& plan) {
  for (Node& layer : plan.nodes) {
    if (!is_recurrent(layer.op->opcode) || plan.tensors[layer.in[kX]].dims[0] < 2) continue;
    const Node* below = layer_below(plan, layer);
    if (!below) continue;
    const int first = below->stack_first >= 0 ? below->stack_first : below->index;
    const char* apart = keeps_apart(plan, *below, layer, first);
    if (apart) {
      layer.stack_why = apart;
      continue;
    }
    for (int i = first; i <= layer.index; ++i)
      plan.nodes[i].stack_first = first, plan.nodes[i].stack_last = layer.index;
  }
}
}  // namespace

void rewrite_forward(Plan& plan) {
  if (!plan.on_device) fold_embeddings(plan), join_outputs(plan);
  pair_directions(plan);
  if (plan.on_device) mark_stacks(plan);
}

// Returns whether the layers run at the same time in the forward pass and each of them has a backward pass.
void rewrite_backward(Plan& plan) {
  for (Node& node : plan.nodes) {
    if (node.partner >= 0 && node.trains && plan.nodes[node.partner].trains) node.partner_back = node.partner;
    if (node.stack_first != node.index) continue;
    bool all = true;
    for (int i = node.stack_first; i <= node.stack_last; ++i) all = all && plan.nodes[i].trains;
    for (int i = node.stack_first; i <= node.stack_last; ++i) plan.nodes[i].stack_back = all;
  }
}
}  // namespace gatecell
