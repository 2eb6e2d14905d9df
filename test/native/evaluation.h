// evaluation.h: the plain evaluation of a graph's tables in double: every op by its reference, in the order of the tables, with no
// rewrite and no shared memory. Results of one run from the inputs, parameters and states that the graph has when it begins.
#pragma once
#include <map>
#include <numeric>

#include "core/philox.h"
#include "lab.h"
#include "ops/attention_reference.h"
#include "ops/gru_reference.h"
#include "ops/map_reference.h"
#include "ops/matmul_reference.h"
#include "ops/move_reference.h"
#include "ops/reference.h"
#include "ops/rnn_reference.h"

namespace lab {
namespace ref = gatecell::reference;

class Evaluation {
 public:
  std::vector<Doubles> value, grad;  // by tensor; a gradient is empty where nothing flows back
  std::vector<Ids> ids;              // by tensor, of int32

  // `loss`: Graph::none for a plan without one. `training`: with dropout.
  Evaluation(Graph& graph, int loss, bool training) : graph_(graph), training_(training) {
    const size_t count = graph.tensors.size() / GC_TENSOR_FIELDS;
    value.resize(count), grad.resize(count), ids.resize(count);
    read_ops();
    std::vector<bool> made(count, false);
    for (const Op& op : ops_)
      for (int id : op.out)
        if (id >= 0) made[static_cast<size_t>(id)] = true;
    for (size_t id = 0; id < count; ++id) {
      if (made[id] || field(id, 1) == GC_INTERNAL) continue;
      if (field(id, 0) == GC_I32) ids[id] = graph.id_value(static_cast<int>(id));
      else value[id] = widen(graph.value(static_cast<int>(id)));
    }
    mark_reached(loss);
    for (size_t i = 0; i < ops_.size(); ++i) forward(i);
  }

  void backward(int loss) {
    grad[static_cast<size_t>(loss)].assign(value[static_cast<size_t>(loss)].size(), 0);
    grad[static_cast<size_t>(loss)][0] = 1;
    for (size_t i = ops_.size(); i-- > 0;) {
      bool flows = false;
      for (int id : ops_[i].out) flows = flows || (id >= 0 && !grad[static_cast<size_t>(id)].empty());
      if (flows) backward_of(i);
    }
  }
  // Of the targets of carries after the run, in their order: all sources are read before any target is written.
  std::vector<Doubles> carried() const {
    std::vector<Doubles> states;
    for (size_t i = 0; i < graph_.carries.size(); i += 2)
      states.push_back(value[static_cast<size_t>(graph_.carries[i])]);
    return states;
  }

 private:
  struct Op {
    int opcode;
    std::vector<int> in, out;
    Doubles attributes;
    double attribute(size_t i) const { return i < attributes.size() ? attributes[i] : 0; }
  };
  static constexpr size_t kLstmGradients = 14;

  int32_t field(size_t id, size_t i) const { return graph_.tensors[id * GC_TENSOR_FIELDS + i]; }
  size_t rank(int id) const { return static_cast<size_t>(field(static_cast<size_t>(id), 3)); }
  size_t dim(int id, size_t d) const { return static_cast<size_t>(field(static_cast<size_t>(id), 4 + d)); }
  size_t width(int id) const { return dim(id, rank(id) - 1); }
  size_t size(int id) const { return static_cast<size_t>(graph_.count(id)); }

  void read_ops() {
    auto attribute = graph_.attributes.begin();
    for (size_t at = 0; at < graph_.ops.size();) {
      const int32_t* r = &graph_.ops[at];
      Op op = {r[0], {r + 4, r + 4 + r[1]}, {r + 4 + r[1], r + 4 + r[1] + r[2]}, {attribute, attribute + r[3]}};
      attribute += r[3];
      at += static_cast<size_t>(4 + r[1] + r[2]);
      ops_.push_back(op);
    }
  }
  void mark_reached(int loss) {
    std::vector<bool> tensors(value.size(), false);
    reached_.assign(ops_.size(), false);
    if (loss >= 0) tensors[static_cast<size_t>(loss)] = true;
    for (size_t i = ops_.size(); i-- > 0;) {
      for (int id : ops_[i].out) reached_[i] = reached_[i] || (id >= 0 && tensors[static_cast<size_t>(id)]);
      for (int id : ops_[i].in)
        if (id >= 0 && reached_[i]) tensors[static_cast<size_t>(id)] = true;
    }
  }

  const Doubles& in(const Op& op, size_t i) const {
    static const Doubles none;
    return i < op.in.size() && op.in[i] >= 0 ? value[static_cast<size_t>(op.in[i])] : none;
  }
  Ids in_ids(const Op& op, size_t i) const {
    return i < op.in.size() && op.in[i] >= 0 ? ids[static_cast<size_t>(op.in[i])] : Ids();
  }
  void give(const Op& op, size_t i, const Doubles& y) {
    if (i < op.out.size() && op.out[i] >= 0) value[static_cast<size_t>(op.out[i])] = y;
  }
  // The gradient of a result; zeros where nothing flows back into it.
  Doubles out_grad(const Op& op, size_t i) const {
    if (i >= op.out.size() || op.out[i] < 0) return {};
    const Doubles& d = grad[static_cast<size_t>(op.out[i])];
    return d.empty() ? Doubles(size(op.out[i]), 0) : d;
  }
  void add(const Op& op, size_t i, const Doubles& d) {
    if (i >= op.in.size() || op.in[i] < 0) return;
    Doubles& to = grad[static_cast<size_t>(op.in[i])];
    to.resize(size(op.in[i]), 0);
    REQUIRE(to.size() == d.size());
    for (size_t k = 0; k < d.size(); ++k) to[k] += d[k];
  }

  // Masks as philox.h and the ops state them: word u % 4 of block u / 4 of a row, rows rounded up to whole blocks.
  Doubles mask(gatecell::Draw use, double stream, size_t rows, size_t columns, double p, double hit,
               double miss) const {
    const gatecell::Draws draws(static_cast<uint64_t>(graph_.control[GC_C_SEED]), static_cast<uint64_t>(stream),
                                static_cast<uint64_t>(graph_.control[GC_C_STEP]), use);
    Doubles all;
    for (size_t row = 0; row < rows; ++row)
      for (size_t u = 0; u < columns; ++u)
        all.push_back(draws.block(row * ((columns + 3) / 4) + u / 4).word[u % 4] <
                              static_cast<uint32_t>(p * 4294967296.0)
                          ? hit
                          : miss);
    return all;
  }
  static double kept(double p) { return static_cast<double>(static_cast<float>(1 / (1 - p))); }
  // One factor for each element of dropout's x. Its mask is one row of all elements; variational: of one step, repeated.
  Doubles dropout_mask(const Op& op) const {
    const size_t n = size(op.in[0]), one = op.attribute(1) != 0 ? n / dim(op.in[0], 0) : n;
    if (!training_ || op.attribute(0) <= 0) return Doubles(n, 1);
    const Doubles m = mask(gatecell::Draw::kMask, op.attribute(2), 1, one, op.attribute(0), 0, kept(op.attribute(0)));
    Doubles all;
    while (all.size() < n) all.insert(all.end(), m.begin(), m.end());
    return all;
  }

  void forward(size_t i);
  void forward_recurrent(size_t i);
  // Return the form of a recurrent op with `count` functions; and set the inputs of a layer without cells, and give its results.
  static gc_form form_of(const Op& op, int count);
  template <class Layer>
  void forward_cells(const Op& op, Layer& l, const Doubles& drops, int count);
  template <class Layer>
  void backward_cells(const Op& op, Layer& l);
  void forward_attention(size_t i);
  void backward_of(size_t i);
  void backward_recurrent(size_t i);
  void backward_attention(size_t i);
  void backward_binary(const Op& op, const Doubles& dy);
  bool moves(const Op& op) const {
    return op.opcode == GC_OP_RESHAPE || op.opcode == GC_OP_FLIP || op.opcode == GC_OP_SLICE ||
           op.opcode == GC_OP_CONCAT || op.opcode == GC_OP_REARRANGE;
  }
  std::vector<size_t> source_of(const Op& op) const;
  std::vector<size_t> dims_of(int id) const {
    std::vector<size_t> dims;
    for (size_t d = 0; d < rank(id); ++d) dims.push_back(dim(id, d));
    return dims;
  }
  ref::MapShapes shapes_of(const Op& op) const {
    ref::MapShapes shapes;
    for (int id : op.in) shapes.inputs.push_back(dims_of(id));
    shapes.out = dims_of(op.out[0]);
    return shapes;
  }
  std::vector<Doubles> all_in(const Op& op) const {
    std::vector<Doubles> all;
    for (int id : op.in) all.push_back(value[static_cast<size_t>(id)]);
    return all;
  }
  ref::MatMul matmul(const Op& op) const {
    return {dims_of(op.in[0]), dims_of(op.in[1]), dims_of(op.out[0]), op.attribute(0) != 0, op.attribute(1) != 0};
  }
  // Of gather and scatter_add: where the rows come from in the table.
  std::vector<size_t> take_source(const Op& op) const {
    const int table = op.opcode == GC_OP_GATHER ? op.in[0] : op.out[0];
    return ref::take_source(dims_of(table), in_ids(op, 1), static_cast<size_t>(op.attribute(0)));
  }
  ref::CrossEntropy<double> cross_entropy(const Op& op) const {
    return {width(op.in[0]), in(op, 2), op.attribute(1), static_cast<int32_t>(op.attribute(0)) - 1, in(op, 3)};
  }

  Graph& graph_;
  bool training_;
  std::vector<Op> ops_;
  std::vector<bool> reached_;  // ops that the loss depends on: those that train
  std::map<size_t, ref::Lstm<double>> lstms_;
  std::map<size_t, ref::Gru<double>> grus_;
  std::map<size_t, ref::Rnn<double>> rnns_;
  std::map<size_t, ref::Attention> attentions_;
};

}  // namespace lab
