// graph.cc: strict reading of tensor and op tables. Every id, count and shape is checked here, so ops may trust them.
#include "graph.h"

#include <climits>

#include "gatecell/lstm_slots.h"
#include "rewrites.h"

namespace gatecell {
namespace {
constexpr int64_t kMaxElements = int64_t{1} << 40;

gc_status read_tensor(const gc_plan_desc& desc, const int32_t* record, int id, Plan& plan) {
  Tensor t;
  const int32_t dtype = record[0], role = record[1];
  if (dtype != GC_F32 && dtype != GC_I32) return fail(GC_INVALID_ARGUMENT, "tensor %d: unknown dtype %d", id, dtype);
  if (role < GC_INTERNAL || role > GC_PARAMETER)
    return fail(GC_INVALID_ARGUMENT, "tensor %d: unknown role %d", id, role);
  t.dtype = static_cast<gc_dtype>(dtype);
  t.role = static_cast<gc_role>(role);
  t.slot = record[2];
  t.rank = record[3];
  if (t.rank < 1 || t.rank > 4) return fail(GC_INVALID_SHAPE, "tensor %d: expected rank 1 to 4, got %d", id, t.rank);
  int64_t elements = 1;
  for (int d = 0; d < 4; ++d) {
    t.dims[d] = d < t.rank ? record[4 + d] : 1;
    if (t.dims[d] < 1)
      return fail(GC_INVALID_SHAPE, "tensor %d: expected positive dimensions, got %lld", id,
                  static_cast<long long>(t.dims[d]));
    if (t.dims[d] > kMaxElements / elements) return fail(GC_INVALID_SHAPE, "tensor %d has too many elements", id);
    elements *= t.dims[d];
  }
  t.cols = t.dims[t.rank - 1];
  t.rows = elements / t.cols;
  t.ld = t.dtype == GC_I32 || t.role == GC_PARAMETER ? t.cols : round_up(t.cols, 16);
  if (t.role == GC_HOST && (t.slot < 0 || t.slot % 16 != 0 || t.slot > desc.host_elements - elements))
    return fail(GC_INVALID_ARGUMENT, "tensor %d lies outside the host arena", id);
  if (t.role == GC_PARAMETER) {
    if (!plan.store || t.slot < 0 || t.slot >= static_cast<int32_t>(plan.store->params.size()))
      return fail(GC_INVALID_ARGUMENT, "tensor %d names parameter %d, which the store does not have", id, t.slot);
    const gc_param& p = plan.store->params[t.slot];
    if (t.dtype != GC_F32 || p.rank != t.rank || p.dims[0] != t.dims[0] || (p.rank == 2 && p.dims[1] != t.dims[1]))
      return fail(GC_INVALID_SHAPE, "tensor %d does not have the shape of parameter %d", id, t.slot);
    t.data = plan.store->data + p.offset;
  }
  plan.tensors.push_back(t);
  return GC_OK;
}

// Reads one op record at `at`; advances it and the attribute position.
gc_status read_node(const gc_plan_desc& desc, int64_t& at, int64_t& attribute, Plan& plan) {
  Node node;
  node.index = static_cast<int>(plan.nodes.size());
  if (desc.ops_length - at < 4) return fail(GC_INVALID_ARGUMENT, "op %d: record is cut off", node.index);
  const int32_t* r = desc.ops + at;
  node.op = find_op(r[0]);
  if (!node.op) return fail(GC_UNSUPPORTED, "op %d: unknown opcode %d", node.index, r[0]);
  const int32_t inputs = r[1], outputs = r[2], attributes = r[3];
  const OpDef& op = *node.op;
  if (inputs < op.min_inputs || inputs > op.max_inputs || outputs < op.min_outputs || outputs > op.max_outputs ||
      attributes < op.attributes || attributes > op.attributes + op.more_attributes)
    return fail(GC_INVALID_ARGUMENT, "%s: wrong number of inputs (%d), outputs (%d) or attributes (%d)", op.name,
                inputs, outputs, attributes);
  if (desc.ops_length - at - 4 < inputs + outputs || desc.attribute_count - attribute < attributes)
    return fail(GC_INVALID_ARGUMENT, "op %d: record is cut off", node.index);
  for (int i = 0; i < inputs + outputs; ++i) {
    const int32_t id = r[4 + i];
    const bool optional =
        i < inputs ? i >= op.min_inputs || (op.opcode == GC_OP_LSTM && i >= 3) : i - inputs >= op.min_outputs;
    if (id < (optional ? -1 : 0) || id >= desc.tensor_count)
      return fail(GC_INVALID_ARGUMENT, "%s: tensor id %d is out of range", op.name, id);
    (i < inputs ? node.in : node.out).push_back(id);
  }
  node.attributes.assign(desc.attributes + attribute, desc.attributes + attribute + attributes);
  if (!op.is_program) node.attributes.resize(static_cast<size_t>(op.attributes + op.more_attributes), 0);
  attribute += attributes;
  at += 4 + inputs + outputs;
  for (int id : node.in) {
    if (id < 0) continue;
    Tensor& t = plan.tensors[id];
    if (t.role == GC_INTERNAL && t.producer < 0)
      return fail(GC_INVALID_ARGUMENT, "%s: tensor %d is used before it is made", op.name, id);
    t.read = true;
  }
  for (int id : node.out) {
    if (id < 0) continue;
    Tensor& t = plan.tensors[id];
    if (t.producer >= 0 || t.role == GC_PARAMETER)
      return fail(GC_INVALID_ARGUMENT, "%s: tensor %d has two producers", op.name, id);
    if (t.read) return fail(GC_INVALID_ARGUMENT, "%s: tensor %d is used before it is made", op.name, id);
    t.producer = node.index;
  }
  plan.nodes.push_back(std::move(node));
  return GC_OK;
}

gc_status check_carry(const gc_plan_desc& desc, const Plan& plan) {
  if (desc.carry_count < 0 || (desc.carry_count > 0 && !desc.carry))
    return fail(GC_INVALID_ARGUMENT, "expected a table of carries");
  std::vector<bool> taken(plan.tensors.size(), false);
  for (int32_t i = 0; i < desc.carry_count; ++i) {
    const int32_t from = desc.carry[2 * i], to = desc.carry[2 * i + 1];
    if (from < 0 || from >= desc.tensor_count || to < 0 || to >= desc.tensor_count)
      return fail(GC_INVALID_ARGUMENT, "carry %d: tensor id out of range", i);
    const Tensor &a = plan.tensors[from], &b = plan.tensors[to];
    if (a.role == GC_PARAMETER || b.role != GC_HOST || b.producer >= 0 || a.dtype != b.dtype || !a.same_shape(b))
      return fail(GC_INVALID_ARGUMENT, "carry %d: expected a tensor and a host input of one shape", i);
    if (a.role == GC_INTERNAL && a.producer < 0)
      return fail(GC_INVALID_ARGUMENT, "carry %d: expected a tensor that an op makes", i);
    if (taken[to]) return fail(GC_INVALID_ARGUMENT, "carry %d: expected one carry for each input, got another", i);
    taken[to] = true;
  }
  return GC_OK;
}

// Returns whether a tensor is a copy of the cells or gates of a recurrent layer, through which no gradient flows.
bool is_copy(const Plan& plan, int id) {
  const int producer = plan.tensors[id].producer;
  if (producer < 0) return false;
  const Node& node = plan.nodes[producer];
  if (!is_recurrent(node.op->opcode)) return false;
  for (size_t i = kCellsOut; i < node.out.size(); ++i)
    if (node.out[i] == id) return true;
  return false;
}

// Reads the table of gradients that the caller reads after a run.
gc_status read_observed(const gc_plan_desc& desc, Plan& plan) {
  if (desc.gradient_count < 0 || (desc.gradient_count > 0 && !desc.gradients))
    return fail(GC_INVALID_ARGUMENT, "expected a table of gradients");
  if ((desc.gradient_count > 0 || desc.only_gradients != 0) && desc.loss < 0)
    return fail(GC_INVALID_ARGUMENT, "expected a loss, of which the gradients are");
  if (desc.only_gradients < 0 || desc.only_gradients > 1 || (desc.only_gradients == 1 && desc.optimizer != 0))
    return fail(GC_INVALID_ARGUMENT, "expected only_gradients to be 0, or 1 without an optimizer");
  for (int32_t i = 0; i < desc.gradient_count; ++i) {
    const int32_t id = desc.gradients[2 * i], slot = desc.gradients[2 * i + 1];
    if (id < 0 || id >= desc.tensor_count) return fail(GC_INVALID_ARGUMENT, "gradient %d: tensor id out of range", i);
    Tensor& t = plan.tensors[id];
    if (t.role == GC_PARAMETER || t.dtype != GC_F32 || t.keeps_grad || (t.role == GC_INTERNAL && t.producer < 0))
      return fail(GC_INVALID_ARGUMENT, "gradient %d: expected a float32 tensor that is no parameter, once", i);
    if (is_copy(plan, id))
      return fail(GC_UNSUPPORTED, "%s: no gradient flows through its cells and gates: read that of its output",
                  plan.nodes[t.producer].op->name);
    if (slot < 0 || slot % 16 != 0 || slot > desc.host_elements - t.rows * t.cols)
      return fail(GC_INVALID_ARGUMENT, "gradient %d lies outside the host arena", i);
    t.keeps_grad = true;
    plan.observed.push_back({id, slot});
  }
  plan.only_observed = desc.only_gradients == 1;
  return GC_OK;
}

// Marks the tensors between the loss and a parameter, or a tensor whose gradient the caller reads: only those have gradients.
gc_status mark_gradients(Plan& plan) {
  const Tensor& loss = plan.tensors[plan.loss];
  if (loss.producer < 0 || loss.dtype != GC_F32)
    return fail(GC_INVALID_ARGUMENT, "expected the loss to be a result of the graph");
  if (!plan.only_observed && (!plan.store || !plan.store->grad))
    return fail(GC_INVALID_ARGUMENT, "expected a store with gradients for a plan with a loss");
  std::vector<bool> reached(plan.tensors.size(), false);
  reached[plan.loss] = true;
  for (size_t i = plan.nodes.size(); i-- > 0;) {
    bool used = false;
    for (int id : plan.nodes[i].out) used = used || (id >= 0 && reached[id]);
    if (used)
      for (int id : plan.nodes[i].in)
        if (id >= 0) reached[id] = true;
  }
  for (size_t id = 0; id < plan.tensors.size(); ++id) {
    Tensor& t = plan.tensors[id];
    t.wants_grad = reached[id] && (t.role == GC_PARAMETER ? !plan.only_observed : t.keeps_grad);
  }
  for (Node& node : plan.nodes) {
    bool wants = false, used = false;
    for (int id : node.in) wants = wants || (id >= 0 && plan.tensors[id].wants_grad);
    for (int id : node.out) used = used || (id >= 0 && reached[id]);
    if (!wants || !used) continue;
    if (!node.op->backward)
      return fail(GC_UNSUPPORTED, "%s has no gradient, but stands between %s and the loss", node.op->name,
                  plan.only_observed ? "a tensor whose gradient is read" : "a parameter");
    node.trains = true;
    for (int id : node.out) {
      if (id < 0 || !reached[id]) continue;
      plan.tensors[id].wants_grad = plan.tensors[id].dtype == GC_F32;
      if (is_copy(plan, id))
        return fail(GC_UNSUPPORTED, "%s: no gradient flows through its cells and gates, but the loss depends on them",
                    node.op->name);
    }
  }
  return plan.tensors[plan.loss].wants_grad || plan.only_observed
             ? GC_OK
             : fail(GC_INVALID_ARGUMENT, "expected the loss to depend on a parameter");
}
}  // namespace

bool Tensor::same_shape(const Tensor& other) const {
  if (rank != other.rank) return false;
  for (int d = 0; d < rank; ++d)
    if (dims[d] != other.dims[d]) return false;
  return true;
}

std::string Tensor::shape() const {
  std::string text = "[";
  for (int d = 0; d < rank; ++d) text += (d ? ", " : "") + std::to_string(dims[d]);
  return text + "]";
}

gc_status read_graph(const gc_plan_desc& desc, Plan& plan) {
  if (!desc.tensors || !desc.ops || desc.tensor_count < 1 || desc.ops_length < 4 ||
      (desc.attribute_count > 0 && !desc.attributes))
    return fail(GC_INVALID_ARGUMENT, "expected at least one tensor and one op");
  for (int32_t i = 0; i < desc.tensor_count; ++i) {
    const gc_status status = read_tensor(desc, desc.tensors + int64_t{i} * GC_TENSOR_FIELDS, i, plan);
    if (status != GC_OK) return status;
  }
  for (int64_t at = 0, attribute = 0; at < desc.ops_length;) {
    const gc_status status = read_node(desc, at, attribute, plan);
    if (status != GC_OK) return status;
    const gc_status shapes = plan.nodes.back().op->check(plan, plan.nodes.back());
    if (shapes != GC_OK) return shapes;
  }
  const gc_status carry = check_carry(desc, plan);
  if (carry != GC_OK) return carry;
  if (desc.carry_count > 0) plan.carry.assign(desc.carry, desc.carry + 2 * int64_t{desc.carry_count});
  if (desc.loss < -1 || desc.loss >= desc.tensor_count)
    return fail(GC_INVALID_ARGUMENT, "loss: tensor id %d is out of range", desc.loss);
  plan.loss = desc.loss;
  const gc_status observed = read_observed(desc, plan);
  if (observed != GC_OK) return observed;
  rewrite_forward(plan);
  if (plan.loss < 0) return GC_OK;
  const gc_status gradients = mark_gradients(plan);
  if (gradients == GC_OK) rewrite_backward(plan);
  return gradients;
}

gc_status expect_shape(const Plan&, const Node& node, const Tensor& tensor, const char* what,
                       std::initializer_list<int64_t> dims) {
  bool same = tensor.rank == static_cast<int>(dims.size());
  std::string expected = "[";
  int d = 0;
  for (int64_t size : dims) {
    same = same && tensor.dims[d] == size;
    expected += (d++ ? ", " : "") + std::to_string(size);
  }
  if (same) return GC_OK;
  return fail(GC_INVALID_SHAPE, "%s: expected %s of shape %s], got %s", node.op->name, what, expected.c_str(),
              tensor.shape().c_str());
}

gc_status expect_dtype(const Node& node, const Tensor& tensor, const char* what, gc_dtype dtype) {
  if (tensor.dtype == dtype) return GC_OK;
  return fail(GC_INVALID_ARGUMENT, "%s: expected %s as %s", node.op->name, what, dtype == GC_F32 ? "float32" : "int32");
}

gc_status expect_same_shape(const Node& node, const Tensor& a, const Tensor& b) {
  if (a.same_shape(b) && a.dtype == b.dtype) return GC_OK;
  return fail(GC_INVALID_SHAPE, "%s: expected two tensors of one shape and type, got %s and %s", node.op->name,
              a.shape().c_str(), b.shape().c_str());
}
}  // namespace gatecell
