// models.h: random models around each rewrite of the graph (native/core/rewrites.h), in which all its conditions hold, or one of them does
// not. The rest is drawn at random: carried or learned states, lengths, variants, dropout, other readers, attention, both losses.
#pragma once
#include <algorithm>

#include "core/rewrites.h"
#include "lab.h"

namespace lab {

// The numbers of rewrites that a plan must have.
struct Marks {
  int folds = 0, pairs = 0, pairs_back = 0, stacked = 0, joins = 0;
  bool operator==(const Marks& o) const {
    return folds == o.folds && pairs == o.pairs && pairs_back == o.pairs_back && stacked == o.stacked &&
           joins == o.joins;
  }
};

inline Marks marks_of(const gatecell::Plan& plan) {
  Marks m;
  for (const gatecell::Tensor& t : plan.tensors) m.folds += t.folded;
  for (const gatecell::Node& node : plan.nodes) {
    m.pairs += node.partner > node.index;
    m.pairs_back += node.partner_back > node.index;
    m.stacked += node.stack_first >= 0 && node.op->opcode != GC_OP_DROPOUT;
    m.joins += node.op == &gatecell::op_output_loss;
  }
  m.folds -= m.joins;  // the logits of a joined layer have no memory, either
  return m;
}

enum class Around { kFold, kDirections, kStack, kOutput };
// Names of the cases. In the first 4 (kDirections: 5, on a device 8) the rewrite applies; each of the others breaks one condition.
inline const std::vector<const char*>& conditions_of(Around around) {
  static const std::vector<const char*> fold = {"every condition holds",
                                                "ids made by an op",
                                                "one table under two layers",
                                                "the table is also the head's weights",
                                                "two layers read the embedding",
                                                "the embedding has a padding id",
                                                "the embedding is carried",
                                                "the embedding is a result",
                                                "the table is made by an op",
                                                "layer normalisation",
                                                "a table longer than half of the batch",
                                                "a GRU reads the embedding",
                                                "the embedding is the loss",
                                                "dropout on the embedding"};
  static const std::vector<const char*> directions = {"every condition holds",
                                                      "different widths",
                                                      "a third layer reads the sequence",
                                                      "each over its own embedding of the same ids",
                                                      "the second is not trained",
                                                      "the first is small",
                                                      "the second is small",
                                                      "both are small",
                                                      "one direction twice",
                                                      "different sequences",
                                                      "different lengths",
                                                      "the second starts with the last state of the first",
                                                      "an op between them",
                                                      "an LSTM and a GRU"};
  static const std::vector<const char*> stack = {"every condition holds",
                                                 "dropout between the layers",
                                                 "y below is read by others",
                                                 "an LSTM on a GRU",
                                                 "nine layers",
                                                 "opposite order of time",
                                                 "different lengths",
                                                 "layer normalisation",
                                                 "the upper starts with the last state of the lower",
                                                 "an op between them",
                                                 "two directions above",
                                                 "one step",
                                                 "dropout between reversed layers with lengths"};
  static const std::vector<const char*> output = {
      "every condition holds",      "the weight is also the table of an embedding",
      "two losses over one weight", "x has another reader",
      "the logits are a result",    "the logits are carried",
      "two losses read the logits", "the gradient of the logits is read",
      "an op between them",         "few classes"};
  return around == Around::kFold         ? fold
         : around == Around::kDirections ? directions
         : around == Around::kStack      ? stack
                                         : output;
}

struct Layer {
  int x = Graph::none;
  int32_t I = 0, H = 0, R = 0;  // R: 0 until it is prepared
  bool gru = false, reverse = false, norm = false;
  bool whole = false;  // no output projection
  int lengths = Graph::none;
  std::vector<int> in = {}, out = {};
  Doubles attributes = {};
};

class Model {
 public:
  Graph graph;
  int loss = Graph::none;
  bool normalises = false;
  int32_t longest_product = 1, depth = 4, rows = 1;  // from which the bounds for rounding are computed
  std::vector<int> parameters, results, inputs;      // float results and inputs in the host arena
  Marks trained, inferred, on_device;                // expected: on the processor with and without a loss on several
                                                     // threads; on a device with a loss
  std::string what;

  // `forms`: half of the layers that can have coupled gates, or the reset gate first, have them, for which a device has no kernels.
  Model(Around around, size_t condition, uint64_t seed, bool forms = false)
      : random_(seed), case_(condition), forms_(forms) {
    what = std::string(conditions_of(around)[condition]) + ", seed " + std::to_string(seed);
    T_ = 2 + pick(6), B_ = 1 + pick(5);
    if (around == Around::kFold) fold();
    else if (around == Around::kDirections) directions();
    else if (around == Around::kStack) stack();
    else output();
    if (loss < 0) finish();
    graph.control[GC_C_SEED] = static_cast<double>(1 + seed % 1000);
  }

 private:
  int32_t pick(int32_t n) { return static_cast<int32_t>(random_.below(n)); }
  bool chance(int32_t n) { return pick(n) == 0; }
  bool is(const char* name, Around around) const { return std::string(conditions_of(around)[case_]) == name; }

  int parameter(const Dims& dims, double size) {
    const auto n = static_cast<int32_t>(count_of(dims));
    parameters.push_back(graph.param(dims.size() < 3 ? dims : Dims{n}, random_.floats(n, size)));
    return dims.size() < 3 ? parameters.back() : graph.op(GC_OP_RESHAPE, {parameters.back()}, dims);
  }
  int weights(int32_t outputs, int32_t width) {
    longest_product = std::max(longest_product, width);
    return parameter({outputs, width}, 1 / std::sqrt(width));
  }
  int host_input(const Dims& dims) {
    inputs.push_back(graph.host(dims, random_.floats(count_of(dims))));
    return inputs.back();
  }
  int result(const Dims& dims) {
    results.push_back(graph.host(dims));
    return results.back();
  }
  int emit(gc_opcode opcode, const std::vector<int>& in, const Dims& dims, const Doubles& attributes = {}) {
    const int id = graph.op(opcode, in, dims, attributes, chance(4));
    if (graph.tensors[static_cast<size_t>(id) * GC_TENSOR_FIELDS + 1] == GC_HOST) results.push_back(id);
    return id;
  }
  int dropout(int x, const Dims& dims) {
    return emit(GC_OP_DROPOUT, {x}, dims, {chance(4) ? 0 : 0.3, chance(2) ? 1.0 : 0.0, static_cast<double>(pick(9))});
  }
  Ids some_lengths() {
    Ids v = random_.ids(B_, 0, T_ + 1);
    v[static_cast<size_t>(pick(B_))] = T_;
    return v;
  }
  int lengths() { return chance(2) ? graph.ids({B_}, some_lengths()) : Graph::none; }
  int sequence(int32_t I) {
    const Dims dims = {T_, B_, I};
    const int kind = pick(3);
    return kind == 0   ? host_input(dims)
           : kind == 1 ? parameter(dims, 0.7)
                       : emit(GC_OP_TANH, {parameter(dims, 0.7)}, dims);
  }

  // Makes all inputs of a layer, and its results; `record` then adds only the op of the layer.
  Layer prepare(Layer l);
  void record(const Layer& l) { graph.record(l.gru ? GC_OP_GRU : GC_OP_LSTM, l.in, l.out, l.attributes); }
  // Makes an initial state of `size`, and the carry from `last` to it if it is a host tensor.
  int state(int32_t size, int last);
  void see(int id) { seen_.push_back(id); }
  // Adds other readers of a layer, and its part of the loss.
  void use(const Layer& l, bool trained, bool top);
  void fold();
  void directions();
  void stack();
  void output();
  // Returns a width at or somewhat above the smallest with which a layer over I inputs is work for several threads; or one far below it.
  int32_t width_of(int32_t I, bool small);
  void delay_line(int from, const Dims& dims);
  // Adds the head over all sequences, the mean square of the other tensors that the loss reads, and the sum of both losses.
  void finish();
  int attention(int y, int32_t width);
  int cross_entropy(int y, int32_t width);
  // Returns the loss of logits [T, B, V], with random targets and weights.
  int loss_of(int logits, int32_t V);

  Random random_;
  size_t case_;
  bool forms_;
  int32_t T_, B_;
  std::vector<Layer> sequences_;  // layers whose y the head reads
  std::vector<int> seen_;         // the other tensors that the loss reads
  std::vector<int> losses_;       // parts of the loss
  int tied_ = Graph::none;        // the table that is also the weights of the head, if there is one
  int32_t tokens_ = 0;            // rows of that table
};
}  // namespace lab
