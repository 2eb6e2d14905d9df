// attention_reference.h: dot-product and additive attention in plain loops in double, forward and back. Dense, row-major. Not fast.
#pragma once
#include "reference.h"

namespace gatecell {
namespace reference {

struct Attention {
  size_t T, S, B, A, V;
  Ids lengths;                               // [B]
  double scale = 0;                          // of dot products; 0: additive, with v [A]
  Array<double> context = {}, weights = {};  // [T, B, V], [T, B, S]
  Array<double> dq = {}, dk = {}, dv = {}, dvalues = {};

  size_t length(size_t b) const { return static_cast<size_t>(lengths[b]); }
  double score(const Array<double>& q, const Array<double>& k, const Array<double>& v, size_t t, size_t s,
               size_t b) const {
    double sum = 0;
    for (size_t a = 0; a < A; ++a) {
      const double x = q[(t * B + b) * A + a], y = k[(s * B + b) * A + a];
      sum += scale != 0 ? scale * x * y : v[a] * std::tanh(x + y);
    }
    return sum;
  }
  void forward(const Array<double>& q, const Array<double>& k, const Array<double>& v, const Array<double>& values) {
    context.assign(T * B * V, 0), weights.assign(T * B * S, 0);
    for (size_t t = 0; t < T; ++t) {
      for (size_t b = 0; b < B; ++b) {
        if (length(b) == 0) continue;
        Array<double> row;
        for (size_t s = 0; s < length(b); ++s) row.push_back(score(q, k, v, t, s, b));
        row = softmax(row, row.size());
        for (size_t s = 0; s < length(b); ++s) {
          weights[(t * B + b) * S + s] = row[s];
          for (size_t j = 0; j < V; ++j) context[(t * B + b) * V + j] += row[s] * values[(s * B + b) * V + j];
        }
      }
    }
  }
  void backward(const Array<double>& q, const Array<double>& k, const Array<double>& v, const Array<double>& values,
                const Array<double>& dcontext) {
    dq.assign(q.size(), 0), dk.assign(k.size(), 0), dv.assign(v.size(), 0), dvalues.assign(values.size(), 0);
    for (size_t t = 0; t < T; ++t) {
      for (size_t b = 0; b < B; ++b) {
        Array<double> d(length(b), 0);
        double mean = 0;
        for (size_t s = 0; s < length(b); ++s) {
          const double w = weights[(t * B + b) * S + s];
          for (size_t j = 0; j < V; ++j) {
            d[s] += dcontext[(t * B + b) * V + j] * values[(s * B + b) * V + j];
            dvalues[(s * B + b) * V + j] += dcontext[(t * B + b) * V + j] * w;
          }
          mean += w * d[s];
        }
        for (size_t s = 0; s < length(b); ++s) {
          const double e = weights[(t * B + b) * S + s] * (d[s] - mean);
          for (size_t a = 0; a < A; ++a) {
            double &to_q = dq[(t * B + b) * A + a], &to_k = dk[(s * B + b) * A + a];
            const double x = q[(t * B + b) * A + a], y = k[(s * B + b) * A + a];
            if (scale != 0) {
              to_q += e * scale * y, to_k += e * scale * x;
              continue;
            }
            const double h = std::tanh(x + y);
            dv[a] += e * h;
            to_q += e * v[a] * (1 - h * h), to_k += e * v[a] * (1 - h * h);
          }
        }
      }
    }
  }
};
}  // namespace reference
}  // namespace gatecell
