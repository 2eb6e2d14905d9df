// skipped_rows.h: random graphs in which some rows have no part in the loss, because their target is ignored, their weight is 0, or they
// are after the length of their sequence. The same seed gives the same graph with any `fill` in these rows.
#pragma once
#include "lab.h"

namespace lab {

enum class Skips {
  kCrossEntropy,
  kMixture,
  kCtc,
  kDotAttention,
  kAdditiveAttention,
  kWindow,
  kWindowLstm,
  kLstm,
  kGru,
  kTokens,
  kOutput,
  kResetGru,
  kRnn
};
constexpr int kSkipKinds = 13, kSkipKindsOnDevice = 11;
inline const char* name_of(Skips kind) {
  constexpr const char* names[kSkipKinds] = {"cross-entropy",
                                             "mixture density",
                                             "ctc",
                                             "dot attention",
                                             "additive attention",
                                             "window",
                                             "layer with window",
                                             "lstm",
                                             "gru",
                                             "tokens of an lstm",
                                             "output layer",
                                             "gru with the reset gate first",
                                             "rnn"};
  return names[static_cast<int>(kind)];
}

class SkippedRows {
 public:
  Graph graph;
  std::vector<int> parameters;

  SkippedRows(Skips kind, uint64_t seed, float fill, int32_t device = GC_CPU, int32_t precision = GC_FLOAT)
      : random_(100 * seed + static_cast<uint64_t>(kind)), fill_(fill) {
    graph.device = device, graph.precision = precision, graph.threads = 1 + static_cast<int32_t>(seed % 3);
    T_ = 3 + pick(5), B_ = 2 + pick(3), C_ = 3 + pick(18);
    for (int32_t b = 0; b < B_; ++b) lengths_.push_back(b == 0 ? T_ : pick(T_ + 1));
    if (kind == Skips::kCrossEntropy) cross_entropy(rows_of(sequence(T_, C_), {T_, B_, C_}, C_));
    else if (kind == Skips::kOutput) output();
    else if (kind == Skips::kMixture) mixture();
    else if (kind == Skips::kCtc) ctc();
    else if (kind == Skips::kDotAttention || kind == Skips::kAdditiveAttention)
      attention(kind == Skips::kAdditiveAttention);
    else if (kind == Skips::kWindow) window();
    else if (kind == Skips::kWindowLstm) window_lstm();
    else recurrent(kind);
    graph.compile(loss_);
    graph.run(GC_GRADIENT);
    graph.fetch();
  }
  double loss() const { return graph.control[GC_C_LOSS]; }

 private:
  int32_t pick(int32_t n) { return static_cast<int32_t>(random_.below(n)); }
  int parameter(const Dims& dims) {
    parameters.push_back(graph.param(dims, random_.floats(count_of(dims), 0.7)));
    return parameters.back();
  }
  int lengths() { return graph.ids({B_}, lengths_); }
  bool live(int32_t t, int32_t b) const { return t < lengths_[static_cast<size_t>(b)]; }
  // Returns float32 [n, B, columns] or, by rows of the batch, [B, n, columns], with `fill` after the lengths.
  int sequence(int32_t n, int32_t columns, bool by_batch = false) {
    Floats values = random_.floats(int64_t{n} * B_ * columns);
    for (int32_t t = 0; t < n; ++t)
      for (int32_t b = 0; b < B_ && fill_ != 0; ++b)
        for (int32_t c = 0; c < columns && !live(t, b); ++c)
          values[static_cast<size_t>((by_batch ? b * n + t : t * B_ + b) * columns + c)] = fill_;
    return graph.host(by_batch ? Dims{B_, n, columns} : Dims{n, B_, columns}, values);
  }
  // Records up to three ops with parameters that work row by row; the result has `columns` columns.
  int rows_of(int x, Dims dims, int32_t columns) {
    for (int ops = pick(3); ops > 0; --ops) {
      const int32_t width = dims.back();
      switch (pick(7)) {
        case 0: x = graph.op(GC_OP_TANH, {x}, dims); break;
        case 1: x = graph.op(GC_OP_SIGMOID, {x}, dims); break;
        case 2: x = graph.op(GC_OP_SOFTMAX, {x}, dims); break;
        case 3: x = graph.op(GC_OP_RELU, {x}, dims); break;
        case 4: x = graph.op(GC_OP_MUL, {x, parameter({width})}, dims); break;
        case 5: x = graph.op(GC_OP_SUB, {graph.op(GC_OP_MUL, {x, x}, dims), parameter({width})}, dims); break;
        default: x = linear(x, dims, 2 + pick(20));
      }
    }
    return dims.back() == columns && pick(2) ? graph.op(GC_OP_ADD, {x, parameter({columns})}, dims)
                                             : linear(x, dims, columns);
  }
  int linear(int x, Dims& dims, int32_t columns) {
    const int weight = parameter({columns, dims.back()}), bias = parameter({columns});
    dims.back() = columns;
    return graph.op(GC_OP_LINEAR, {x, weight, bias}, dims);
  }
  // Returns targets of all rows, which are `skipped` after the lengths.
  Ids targets(int32_t skipped) {
    Ids ids = random_.ids(int64_t{T_} * B_, 0, C_ - 1);
    for (int32_t i = 0; i < T_ * B_; ++i)
      if (!live(i / B_, i % B_)) ids[static_cast<size_t>(i)] = skipped;
    return ids;
  }
  // Returns weights of all rows, which are 0 after the lengths.
  Floats row_weights() {
    Floats weights = random_.floats(int64_t{T_} * B_);
    for (int32_t i = 0; i < T_ * B_; ++i) {
      float& w = weights[static_cast<size_t>(i)];
      w = live(i / B_, i % B_) ? std::fabs(w) + 0.25f : 0.0f;
    }
    return weights;
  }
  void square(int y, const Dims& dims) {
    loss_ = graph.out(GC_OP_MEAN_SQUARE, {y, graph.host(dims, random_.floats(count_of(dims)))}, {2});
  }

  void cross_entropy(int logits);
  void output();
  void mixture();
  void ctc();
  void attention(bool additive);
  void window();
  void window_lstm();
  void recurrent(Skips kind);

  Random random_;
  float fill_;
  int32_t T_, B_, C_;
  Ids lengths_;
  int loss_ = Graph::none;
};

// A row is left out by the target -1, by an id of the caller's choice, by a weight of 0, or, with class weights and without smoothing, by a
// class of weight 0.
inline void SkippedRows::cross_entropy(int logits) {
  const int variant = pick(4);
  const bool weighted = variant % 2 == 1, smooth = variant > 1, by_class = weighted && !smooth && pick(2);
  const bool by_row = !by_class && pick(3) == 0;
  const int32_t skipped = by_class ? C_ - 1 : by_row ? 0 : pick(2) ? -1 : -100;
  std::vector<int> in = {logits, graph.ids({T_, B_}, targets(skipped))};
  Floats weights = random_.floats(C_);
  for (float& w : weights) w = std::fabs(w) + 0.25f;
  weights.back() = 0;
  if (weighted) in.push_back(graph.host({C_}, weights));
  if (by_row) {
    if (!weighted) in.push_back(Graph::none);
    in.push_back(graph.host({T_, B_}, row_weights()));
  }
  const bool others = by_class || by_row;  // -1, which does not occur, is the ignored target
  loss_ = graph.out(GC_OP_CROSS_ENTROPY, in, {2}, {others ? 0.0 : skipped + 1.0, smooth ? 0.1 : 0.0});
}

// With so many classes that the output layer is one node with the loss (native/core/rewrites.cc).
inline void SkippedRows::output() {
  Dims dims = {T_, B_, C_};
  const int x = rows_of(sequence(T_, C_), dims, C_);
  C_ = 256 + pick(40);
  cross_entropy(linear(x, dims, C_));
}

inline void SkippedRows::mixture() {
  const int32_t columns = 6 * (1 + pick(3)) + 1;
  const Floats weights = row_weights();
  const int y = rows_of(sequence(T_, C_), {T_, B_, C_}, columns), targets = rows_of(sequence(T_, 3), {T_, B_, 3}, 3);
  loss_ = graph.out(GC_OP_MIXTURE_DENSITY, {y, targets, graph.host({T_, B_}, weights)}, {2}, {0});
}

inline void SkippedRows::ctc() {
  const int logits = rows_of(sequence(T_, C_), {T_, B_, C_}, C_);
  Ids targets(static_cast<size_t>(B_) * 2, -7), counts;
  for (int32_t b = 0; b < B_; ++b) {
    counts.push_back(std::min(2, lengths_[static_cast<size_t>(b)]));
    for (int32_t i = 0; i < counts.back(); ++i) targets[static_cast<size_t>(2 * b + i)] = 1 + i;
  }
  loss_ = graph.out(GC_OP_CTC, {logits, graph.ids({B_, 2}, targets), lengths(), graph.ids({B_}, counts)}, {2}, {0});
}

inline void SkippedRows::attention(bool additive) {
  const int32_t width = 2 + pick(20);
  const int source = sequence(T_, C_);
  std::vector<int> in = {rows_of(sequence(T_, C_), {T_, B_, C_}, width), rows_of(source, {T_, B_, C_}, width)};
  if (additive) in.push_back(parameter({width}));
  in.push_back(pick(2) ? source : rows_of(source, {T_, B_, C_}, C_));
  in.push_back(lengths());
  const int context = graph.op(additive ? GC_OP_ADDITIVE_ATTENTION : GC_OP_DOT_ATTENTION, in, {T_, B_, C_},
                               additive ? Doubles{} : Doubles{0.5});
  loss_ = graph.out(GC_OP_CROSS_ENTROPY, {context, graph.ids({T_, B_}, targets(-1))}, {2});
}

inline void SkippedRows::window() {
  const int32_t steps = 1 + pick(3), gaussians = 1 + pick(3);
  const int chars = rows_of(sequence(T_, C_, true), {B_, T_, C_}, C_);
  const int raw = graph.op(GC_OP_RESHAPE, {parameter({steps * B_ * 3 * gaussians})}, {steps, B_, 3 * gaussians});
  square(graph.op(GC_OP_WINDOW, {raw, chars, lengths()}, {steps, B_, C_}), {steps, B_, C_});
}

inline void SkippedRows::window_lstm() {
  const int32_t steps = 1 + pick(3), hidden = 2 + pick(20), gaussians = 1 + pick(3), inputs = 3;
  const int chars = rows_of(sequence(T_, C_, true), {B_, T_, C_}, C_);
  const int x = graph.host({steps, B_, inputs}, random_.floats(int64_t{steps} * B_ * inputs));
  const int y = graph.internal({steps, B_, hidden}), w = graph.internal({steps, B_, C_});
  graph.record(GC_OP_WINDOW_LSTM,
               {x, parameter({4 * hidden, inputs + C_}), parameter({4 * hidden, hidden}),
                parameter({3 * gaussians, hidden}), parameter({3 * gaussians}), chars, lengths()},
               {y, w}, {});
  square(w, {steps, B_, C_});
}

// Two layers, in either direction, over a sequence, or over the embedding of ids of which the last occurs only after the lengths.
inline void SkippedRows::recurrent(Skips kind) {
  const bool reset = kind == Skips::kResetGru, gru = kind == Skips::kGru || reset, rnn = kind == Skips::kRnn;
  const int32_t gates = gru ? 3 : rnn ? 1 : 4, tokens = 4;
  int y;
  int32_t width = C_;
  if (kind == Skips::kTokens) {
    Ids ids = random_.ids(int64_t{T_} * B_, 0, tokens - 1);
    for (int32_t i = 0; i < T_ * B_; ++i)
      if (!live(i / B_, i % B_)) ids[static_cast<size_t>(i)] = tokens - 1;
    Floats table = random_.floats(int64_t{tokens} * C_);
    for (int32_t c = 0; c < C_ && fill_ != 0; ++c) table[static_cast<size_t>((tokens - 1) * C_ + c)] = fill_;
    parameters.push_back(graph.param({tokens, C_}, table));
    y = graph.op(GC_OP_EMBEDDING, {parameters.back(), graph.ids({T_, B_}, ids)}, {T_, B_, C_});
  } else {
    y = pick(2) ? sequence(T_, C_) : rows_of(sequence(T_, C_), {T_, B_, C_}, C_);
  }
  const int n = lengths();
  for (int layer = 0; layer < 2; ++layer) {
    const int32_t hidden = 2 + pick(40);
    const int out = graph.internal({T_, B_, hidden});
    Doubles attributes = {static_cast<double>(pick(2))};
    if (reset) attributes.resize(7), attributes.back() = 1;
    graph.record(gru   ? GC_OP_GRU
                 : rnn ? GC_OP_RNN
                       : GC_OP_LSTM,
                 {y, parameter({gates * hidden, width}), parameter({gates * hidden, hidden}),
                  parameter({gates * hidden}), parameter({gates * hidden}), Graph::none, Graph::none, n},
                 {out}, attributes);
    y = out, width = hidden;
  }
  square(y, {T_, B_, width});
}

// Returns "" if loss and gradients are finite and the same for all values in the skipped rows, else the difference.
inline std::string influence(Skips kind, uint64_t seed, int32_t device = GC_CPU, int32_t precision = GC_FLOAT) {
  SkippedRows numbers(kind, seed, 0, device, precision);
  const auto what = [&](float fill, const std::string& where) {
    return std::string(name_of(kind)) + ", seed " + std::to_string(seed) + ", filled with " + std::to_string(fill) +
           ": " + where;
  };
  for (float fill : {NAN, INFINITY, -INFINITY}) {
    SkippedRows filled(kind, seed, fill, device, precision);
    if (!(filled.loss() == numbers.loss()))
      return what(fill, "loss " + std::to_string(filled.loss()) + ", expected " + std::to_string(numbers.loss()));
    for (size_t i = 0; i < numbers.parameters.size(); ++i) {
      const Floats got = filled.graph.grad(filled.parameters[i]), expected = numbers.graph.grad(numbers.parameters[i]);
      for (size_t j = 0; j < got.size(); ++j)
        if (!(got[j] == expected[j]))
          return what(fill, "gradient of parameter " + std::to_string(i) + ": " + std::to_string(got[j]) +
                                ", expected " + std::to_string(expected[j]));
    }
  }
  return "";
}
}  // namespace lab
