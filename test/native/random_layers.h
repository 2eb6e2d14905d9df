// random_layers.h: the part of random graphs that has parameters: linear layers, embeddings, recurrent layers with any of their variants.
#pragma once
#include "forms.h"
#include "map_cases.h"

namespace lab {

struct Value {
  int id;
  Dims dims;
};

class RandomLayers {
 public:
  Graph graph;
  std::vector<int> parameters, results;  // results: float tensors in the host arena

 protected:
  RandomLayers(uint64_t seed, bool smooth, bool forms) : random_(seed), smooth_(smooth), forms_(forms) {}

  int32_t pick(int32_t n) { return static_cast<int32_t>(random_.below(n)); }
  const Value& any() { return values_[static_cast<size_t>(random_.below(static_cast<int64_t>(values_.size())))]; }
  void add(const Value& v) { values_.push_back(v); }

  // A tensor of parameters; of rank 1 or 2 as it is, else reshaped.
  int parameter(const Dims& dims, double size = 0.7) {
    const auto n = static_cast<int32_t>(count_of(dims));
    parameters.push_back(graph.param(dims.size() < 3 ? dims : Dims{n}, random_.floats(n, size)));
    return dims.size() < 3 ? parameters.back() : graph.op(GC_OP_RESHAPE, {parameters.back()}, dims);
  }

  int emit(gc_opcode opcode, const std::vector<int>& in, const Dims& dims, const Doubles& attributes = {}) {
    const bool out = random_.below(4) == 0;
    const int id = graph.op(opcode, in, dims, attributes, out);
    if (out) results.push_back(id);
    add({id, dims});
    return id;
  }

  void linear(const Value& x) {
    const int32_t O = 1 + pick(24), I = x.dims.back();
    Dims dims = x.dims;
    dims.back() = O;
    const int w = parameter({O, I}, 1 / std::sqrt(I));
    emit(GC_OP_LINEAR, {x.id, w, random_.below(2) ? parameter({O}) : Graph::none}, dims);
  }

  void embed() {
    const int32_t V = 2 + pick(9), E = 1 + pick(12), T = 1 + pick(6), B = 1 + pick(5);
    const int ids = graph.ids({T, B}, random_.ids(T * B, 0, V));
    const Doubles padding = random_.below(3) == 0 ? Doubles{1.0 + pick(V)} : Doubles();
    emit(GC_OP_EMBEDDING, {parameter({V, E}), ids}, {T, B, E}, padding);
  }

  // One direction, or two over the same lengths.
  void lstm(const Value& x) {
    const int lengths =
        random_.below(2) ? graph.ids({x.dims[1]}, random_.ids(x.dims[1], 0, x.dims[0] + 1)) : Graph::none;
    const bool reverse = random_.below(2);
    direction(x, lengths, reverse);
    if (random_.below(3) == 0) direction(x, lengths, !reverse);
  }

  void direction(const Value& x, int lengths, bool reverse) {
    const int32_t T = x.dims[0], B = x.dims[1], I = x.dims[2], H = 1 + pick(20);
    const bool projects = random_.below(4) == 0, zones = !smooth_ && !projects && random_.below(4) == 0;
    const int32_t R = projects ? 1 + pick(H) : H;
    const double k = 1 / std::sqrt(H);
    std::vector<int> in = {x.id, parameter({4 * H, I}, k), parameter({4 * H, R}, k)};
    for (int i = 0; i < 2; ++i) in.push_back(random_.below(2) ? parameter({4 * H}, k) : Graph::none);
    for (int32_t size : {R, H}) {
      const auto kind = random_.below(4);  // the last one has an op of its own, which keeps two directions apart
      in.push_back(kind == 0   ? Graph::none
                   : kind == 1 ? parameter({size})
                   : kind == 2 ? graph.host({B, size}, random_.floats(int64_t{B} * size))
                               : graph.op(GC_OP_TANH, {parameter({B, size})}, {B, size}));
    }
    in.push_back(lengths);
    in.push_back(!zones && random_.below(3) == 0 ? parameter({3 * H}) : Graph::none);
    in.push_back(projects ? parameter({R, H}, k) : Graph::none);
    const int y = graph.host({T, B, R});
    std::vector<int> out = {y};
    results.push_back(y);
    add({y, {T, B, R}});
    for (int32_t size : {R, H}) {
      const bool wanted = random_.below(2);
      out.push_back(wanted ? graph.host({B, size}) : Graph::none);
      if (wanted) results.push_back(out.back()), add({out.back(), {B, size}});
    }
    Doubles attributes = {reverse ? 1.0 : 0.0, smooth_ || random_.below(3) ? 0 : 0.4, zones ? 0.3 : 0, zones ? 0.2 : 0,
                          static_cast<double>(pick(5))};
    if (forms_ && !zones && random_.below(3) == 0) add_form(attributes, 3, random_.below(3) == 0);
    graph.record(GC_OP_LSTM, in, out, attributes);
  }

  // Appends a form with `count` functions; `second`: coupled gates, or the reset gate first.
  void add_form(Doubles& attributes, int count, bool second) {
    const int32_t smooth[] = {GC_ACTIVATION_SIGMOID, GC_ACTIVATION_TANH, GC_ACTIVATION_SCALED_TANH,
                              GC_ACTIVATION_SOFTSIGN, GC_ACTIVATION_SOFTPLUS};
    const auto function = [&] { return smooth_ ? smooth[pick(5)] : 1 + pick(GC_ACTIVATION_COUNT - 1); };
    gc_form form = form_of(function(), function(), function(), 0.4f, 0.3f, !smooth_ && pick(2) ? 0.7f : 0.0f);
    if (pick(2)) form.f = {GC_ACTIVATION_SIGMOID, 0, 0};  // others let c grow with the steps
    const Doubles more = form_attributes(form, count, second);
    attributes.insert(attributes.end(), more.begin(), more.end());
  }

  // A GRU, whose reset gate may come first, or an RNN.
  void without_cells(const Value& x) {
    const bool rnn = forms_ && random_.below(2);
    const int32_t T = x.dims[0], B = x.dims[1], I = x.dims[2], H = 1 + pick(rnn ? 80 : 20), rows = rnn ? H : 3 * H;
    const double k = 1 / std::sqrt(H);
    const int none = Graph::none;
    std::vector<int> in = {x.id, parameter({rows, I}, k), parameter({rows, H}, k)};
    for (int i = 0; i < 2; ++i) in.push_back(random_.below(2) ? parameter({rows}, k) : none);
    in.push_back(random_.below(2) ? parameter({H}) : none);
    in.push_back(none);
    in.push_back(random_.below(2) ? graph.ids({B}, random_.ids(B, 0, T + 1)) : none);
    const int y = graph.host({T, B, H}), hT = random_.below(2) ? graph.host({B, H}) : none;
    for (int id : {y, hT})
      if (id >= 0) results.push_back(id);
    add({y, {T, B, H}});
    if (hT >= 0) add({hT, {B, H}});
    Doubles attributes = {random_.below(2) ? 1.0 : 0.0, smooth_ || random_.below(3) ? 0 : 0.4, 0, 0,
                          static_cast<double>(pick(5))};
    if (forms_ && random_.below(2)) add_form(attributes, rnn ? 1 : 2, !rnn && random_.below(2));
    graph.record(rnn ? GC_OP_RNN : GC_OP_GRU, in, {y, hT}, attributes);
  }

  Random random_;
  bool smooth_, forms_;
  std::vector<Value> values_;
};
}  // namespace lab
