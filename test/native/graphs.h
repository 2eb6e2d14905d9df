// graphs.h: random graphs of all ops, for properties that must hold whatever a user describes.
#pragma once
#include <algorithm>

#include "random_layers.h"

namespace lab {

// Grows a graph op by op; every result may be read again by later ops.
class RandomGraph : public RandomLayers {
 public:
  int loss = Graph::none;

  // `smooth`: nothing with a kink or a jump, so that differences of the loss show its gradient. `forms`: also cells that a device lacks.
  RandomGraph(uint64_t seed, int ops, bool smooth, bool forms = true) : RandomLayers(seed, smooth, forms) {
    const Dims dims = {1 + pick(4), 1 + pick(3), 1 + pick(20)};
    values_.push_back({graph.host(dims, random_.floats(count_of(dims))), dims});
    add({parameter(dims), dims});
    for (int i = 0; i < ops; ++i) step();
    finish();
  }

 private:
  void step() {
    const Value x = any();
    switch (pick(13)) {
      case 0: emit(GC_OP_SIGMOID, {x.id}, x.dims); break;
      case 1: emit(GC_OP_TANH, {x.id}, x.dims); break;
      case 2: emit(smooth_ ? GC_OP_SOFTMAX : GC_OP_RELU, {x.id}, x.dims); break;
      case 3: emit(GC_OP_AFFINE, {x.id}, x.dims, {0.5 + random_.uniform(), random_.uniform()}); break;
      case 4: two(x); break;
      case 5: emit(GC_OP_FLIP, {x.id}, x.dims); break;
      case 6: slice(x); break;
      case 7: concat(x); break;
      case 8: reshape(x); break;
      case 9: linear(x); break;
      case 10:
        smooth_ ? linear(x)
                : (void)emit(GC_OP_DROPOUT, {x.id}, x.dims,
                             {0.3, x.dims.size() > 1 && random_.below(2) ? 1.0 : 0.0, static_cast<double>(pick(5))});
        break;
      case 11: pick(2) ? map(x) : arrays(x); break;
      default: x.dims.size() < 3 ? embed() : pick(4) ? lstm(x) : without_cells(x); break;
    }
  }

  void two(const Value& x) {
    const gc_opcode opcodes[] = {GC_OP_ADD, GC_OP_SUB, GC_OP_MUL};
    for (const Value& y : values_)
      if (y.id != x.id && y.dims == x.dims && random_.below(2))
        return (void)emit(opcodes[pick(3)], {x.id, y.id}, x.dims);
    emit(opcodes[pick(3)], {x.id, random_.below(3) ? parameter({x.dims.back()}) : x.id}, x.dims);
  }

  // Of a tensor, a parameter that is a row or one element, and what broadcasts from any of its dimensions.
  void map(const Value& x) {
    Dims other = x.dims;
    for (int32_t& size : other) size = random_.below(2) ? 1 : size;
    const int row = parameter({random_.below(2) ? x.dims.back() : 1}), part = parameter(other);
    if (random_.below(3) == 0) return reduce(x);
    if (random_.below(3) == 0) emit(GC_OP_MAP, {emit(GC_OP_TANH, {x.id}, x.dims)}, x.dims, special());
    else emit(GC_OP_MAP, {x.id, row, part}, x.dims, normalised());
  }

  void reduce(const Value& x) {
    const auto rank = static_cast<int32_t>(x.dims.size());
    const int32_t set = 1 + pick((1 << rank) - 1);
    Dims dims = x.dims;
    for (int32_t d = 0; d < rank; ++d)
      if (set >> d & 1) dims[static_cast<size_t>(d)] = 1;
    const double scale = static_cast<double>(count_of(dims)) / static_cast<double>(count_of(x.dims));
    emit(GC_OP_REDUCE, {x.id}, dims, {smooth_ || random_.below(2) ? 0.0 : 1.0, scale, static_cast<double>(set)});
  }

  void arrays(const Value& x) {
    const int32_t which = count_of(x.dims) > 1500 ? 0 : pick(4);  // the others make larger tensors
    if (which == 0) take(x);
    else if (which == 1) concat_along(x);
    else which == 2 && x.dims.size() > 1 ? matmul(x) : rearrange(x);
  }

  // By a parameter, one for all matrices or one for each, or of a small tensor by itself transposed.
  void matmul(const Value& x) {
    const int32_t K = x.dims.back(), N = 1 + pick(12);
    Dims dims = x.dims, of = {K, N};
    if (pick(3) == 0) {
      const int small = emit(GC_OP_AFFINE, {x.id}, x.dims, {1.0 / K, 0});
      dims.back() = dims[dims.size() - 2];
      return (void)emit(GC_OP_MATMUL, {small, small}, dims, {0, 1});
    }
    const bool transposed = pick(2) == 1;
    if (transposed) std::swap(of[0], of[1]);
    if (dims.size() > 2 && pick(2)) of.insert(of.begin(), pick(2) ? dims[dims.size() - 3] : 1);
    dims.back() = N;
    emit(GC_OP_MATMUL, {x.id, parameter(of, 1 / std::sqrt(K))}, dims, {0, transposed ? 1.0 : 0.0});
  }

  // Dimensions in another order, with some padding; of some dimensions but the last one of the result patches.
  void rearrange(const Value& x) {
    const auto rank = static_cast<int32_t>(x.dims.size());
    Dims order, dims(x.dims.size());
    for (int32_t a = 0; a < rank; ++a) order.insert(order.begin() + pick(a + 1), a);
    Doubles attributes = {0.5};
    int32_t patches = 1;
    for (int32_t a = 0; a < rank; ++a) {
      const int32_t before = pick(3), target = order[static_cast<size_t>(a)];
      const bool last = target == rank - 1, cut = !last && patches == 1 && pick(4) == 0;
      const int32_t kernel = cut ? 2 : 1, stride = cut ? 1 + pick(2) : 1;
      patches *= kernel;
      const int32_t padded = x.dims[static_cast<size_t>(a)] + before + pick(2);
      dims[static_cast<size_t>(target)] = std::max(1, padded / stride);
      for (int32_t value : {target, before, stride, kernel}) attributes.push_back(value);
    }
    dims.back() *= patches;
    emit(GC_OP_REARRANGE, {x.id}, dims, attributes);
  }

  void take(const Value& x) {
    const auto axis = static_cast<size_t>(pick(static_cast<int32_t>(x.dims.size())));
    const int32_t n = 1 + pick(5), size = x.dims[axis];
    Dims dims = x.dims;
    dims[axis] = pick(2) ? n : size;
    const bool gathers = dims[axis] != size || pick(2);
    const int ids = graph.ids({dims[axis]}, random_.ids(dims[axis], 0, gathers ? size : n));
    if (!gathers) dims[axis] = n;
    emit(gathers ? GC_OP_GATHER : GC_OP_SCATTER_ADD, {x.id, ids}, dims, {static_cast<double>(axis)});
  }

  // With itself, or with a parameter of another size along any dimension.
  void concat_along(const Value& x) {
    const auto axis = static_cast<size_t>(pick(static_cast<int32_t>(x.dims.size())));
    Dims dims = x.dims, other = x.dims;
    other[axis] = 1 + pick(3);
    const int part = pick(2) ? x.id : parameter(other);
    dims[axis] += part == x.id ? x.dims[axis] : other[axis];
    emit(GC_OP_CONCAT, {x.id, part}, dims, {static_cast<double>(x.dims.size() - 1 - axis)});
  }

  void slice(const Value& x) {
    const auto dim = static_cast<size_t>(pick(static_cast<int32_t>(x.dims.size())));
    const int32_t begin = pick(x.dims[dim]);
    Dims dims = x.dims;
    dims[dim] = 1 + pick(dims[dim] - begin);
    emit(GC_OP_SLICE, {x.id}, dims, {static_cast<double>(dim), static_cast<double>(begin)});
  }

  void concat(const Value& x) {
    std::vector<int> in = {x.id};
    Dims dims = x.dims;
    for (const Value& y : values_) {
      if (in.size() == 3 || y.dims.size() != x.dims.size() ||
          !std::equal(x.dims.begin(), x.dims.end() - 1, y.dims.begin()) || dims.back() + y.dims.back() > 60)
        continue;
      in.push_back(y.id);
      dims.back() += y.dims.back();
    }
    emit(GC_OP_CONCAT, in, dims);
  }

  void reshape(const Value& x) {
    const auto n = static_cast<int32_t>(count_of(x.dims));
    int32_t inner = 1 + pick(n);
    while (n % inner) --inner;
    const Dims shapes[] = {{n}, {n / inner, inner}, {1, n / inner, inner}, {inner, 1, n / inner}};
    emit(GC_OP_RESHAPE, {x.id}, shapes[pick(4)]);
  }

  // Of one row; with class weights, label smoothing and a weight of the row, or without.
  int cross_entropy(int logits, int32_t classes) {
    std::vector<int> in = {logits, graph.ids({1}, {pick(classes)})};
    Floats weights = random_.floats(classes);
    for (float& w : weights) w = 0.5f + std::fabs(w);
    if (random_.below(2)) in.push_back(graph.host({classes}, weights));
    in.resize(3, Graph::none);
    if (random_.below(3) == 0) in.push_back(graph.host({1}, {0.7f}));
    return graph.out(GC_OP_CROSS_ENTROPY, in, {2}, {0, random_.below(2) ? 0.2 : 0});
  }

  // The last five values and the first parameter are joined under the loss.
  void finish() {
    std::vector<int> flat;
    int32_t total = 0;
    for (size_t i = 1; i < values_.size(); ++i) {
      if (i > 1 && i + 5 < values_.size()) continue;
      const auto n = static_cast<int32_t>(count_of(values_[i].dims));
      flat.push_back(graph.op(GC_OP_RESHAPE, {values_[i].id}, {1, n}));
      total += n;
    }
    const int all = graph.op(GC_OP_CONCAT, flat, {1, total});
    loss = random_.below(3) == 0
               ? cross_entropy(all, total)
               : graph.out(GC_OP_MEAN_SQUARE, {all, graph.host({1, total}, random_.floats(total))}, {2});
    results.push_back(loss);
  }
};
}  // namespace lab
