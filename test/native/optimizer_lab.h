// optimizer_lab.h: a small problem whose gradients are known exactly, for the tests of the optimisers and of the update.
#pragma once
#include "lab.h"

namespace lab {
// w (3 x 7), b (5): loss = mean square of [w; b] flattened against a target, so the gradient is 2 (value - target) / 26.
struct Problem {
  Graph g;
  int w, b, target, loss;
  explicit Problem(int optimizer, int32_t threads = 1) {
    Random random(31);
    g.threads = threads;
    w = g.param({3, 7}, random.floats(21));
    b = g.param({5}, random.floats(5));
    target = g.host({26}, random.floats(26));
    const int all = g.op(GC_OP_CONCAT, {g.op(GC_OP_RESHAPE, {w}, {21}), b}, {26});
    loss = g.out(GC_OP_MEAN_SQUARE, {all, target}, {2});
    g.control[GC_C_LEARNING_RATE] = 0.01;
    g.control[GC_C_BETA1] = 0.9;
    g.control[GC_C_BETA2] = 0.999;
    g.control[GC_C_EPSILON] = 1e-8;
    g.compile(loss, optimizer);
  }
  Floats values() {
    Floats v = g.value(w);
    const Floats tail = g.value(b);
    v.insert(v.end(), tail.begin(), tail.end());
    return v;
  }
  Doubles gradients(const Doubles& at) {
    const Floats t = g.value(target);
    Doubles d;
    for (size_t i = 0; i < at.size(); ++i) d.push_back(2 * (at[i] - static_cast<double>(t[i])) / 26);
    return d;
  }
};

inline double norm(const Doubles& v) {
  double sum = 0;
  for (double x : v) sum += x * x;
  return std::sqrt(sum);
}

}  // namespace lab
