// map_reference.h: a map program in plain loops, in float or double: the result and the gradient of every input.
#pragma once
#include <algorithm>
#include <cmath>

#include "../kernels/map_codes.h"
#include "map_program.h"
#include "reference.h"

namespace gatecell {
namespace reference {

// The derivative of log Gamma: the recurrence up to 30, then the asymptotic series.
template <class Real>
Real digamma(Real x) {
  Real sum = 0;
  for (; x < 30; x += 1) sum -= 1 / x;
  const Real q = 1 / (x * x);
  return sum + std::log(x) - Real(0.5) / x - q * (Real(1) / 12 - q * (Real(1) / 120 - q * (Real(1) / 252 - q / 240)));
}

template <class Real>
Real map_value(int code, Real a, Real b, Real c) {
  switch (code) {
    case GC_MAP_ADD: return a + b;
    case GC_MAP_SUB: return a - b;
    case GC_MAP_MUL: return a * b;
    case GC_MAP_DIV: return a / b;
    case GC_MAP_MIN: return std::isnan(a) || a < b ? a : b;
    case GC_MAP_MAX: return std::isnan(a) || a > b ? a : b;
    case GC_MAP_FLOW: return a == 0 ? 0 : a * b;
    case GC_MAP_LESS: return a < b ? 1 : 0;
    case GC_MAP_LESS_EQUAL: return a <= b ? 1 : 0;
    case GC_MAP_EQUAL: return a == b ? 1 : 0;
    case GC_MAP_SELECT: return a != 0 ? b : c;
    case GC_MAP_NEG: return -a;
    case GC_MAP_ABS: return std::fabs(a);
    case GC_MAP_SIGN: return a > 0 ? 1 : a < 0 ? -1 : a;
    case GC_MAP_EXP: return std::exp(a);
    case GC_MAP_LOG: return std::log(a);
    case GC_MAP_LOG1P: return std::log1p(a);
    case GC_MAP_SQRT: return std::sqrt(a);
    case GC_MAP_SIGMOID: return sigmoid(a);
    case GC_MAP_TANH: return std::tanh(a);
    case GC_MAP_ERF: return std::erf(a);
    case GC_MAP_LGAMMA: return std::lgamma(a);
    case GC_MAP_DIGAMMA: return digamma(a);
    default: return a;
  }
}

// Dimensions of the inputs and of the result, aligned at the last one.
struct MapShapes {
  std::vector<std::vector<size_t>> inputs;
  std::vector<size_t> out;
  // The element of input i that element `at` of the result reads.
  size_t source(size_t i, size_t at) const {
    size_t element = 0, stride = 1;
    for (size_t d = 0; d < out.size(); ++d) {
      const size_t whole = out[out.size() - 1 - d];
      const size_t size = d < inputs[i].size() ? inputs[i][inputs[i].size() - 1 - d] : 1;
      if (size > 1) element += at % whole * stride;
      at /= whole, stride *= size;
    }
    return element;
  }
};

// All values of element `at`; `d` is the gradient of the result.
template <class Real>
Array<Real> map_values(const MapProgram& p, const MapShapes& shapes, const std::vector<Array<Real>>& in, size_t at,
                       Real d) {
  Array<Real> value(static_cast<size_t>(p.count));
  for (size_t i = 0; i < in.size(); ++i) value[i] = in[i][shapes.source(i, at)];
  value[in.size()] = d;
  for (size_t id = in.size() + 1; id < value.size(); ++id) {
    const MapProgram::Value& v = p.value[id];
    const auto operand = [&](int k) { return v.operand[k] < 0 ? Real(0) : value[static_cast<size_t>(v.operand[k])]; };
    value[id] = v.code == GC_MAP_CONSTANT ? static_cast<Real>(v.constant)
                                          : map_value(v.code, operand(0), operand(1), operand(2));
  }
  return value;
}

template <class Real>
Array<Real> map(const MapProgram& p, const MapShapes& shapes, const std::vector<Array<Real>>& in) {
  size_t size = 1;
  for (size_t d : shapes.out) size *= d;
  Array<Real> y(size);
  for (size_t at = 0; at < size; ++at) y[at] = map_values(p, shapes, in, at, Real(0))[static_cast<size_t>(p.result)];
  return y;
}

template <class Real>
std::vector<Array<Real>> map_backward(const MapProgram& p, const MapShapes& shapes, const std::vector<Array<Real>>& in,
                                      const Array<Real>& dy) {
  std::vector<Array<Real>> d;
  for (const Array<Real>& x : in) d.emplace_back(x.size(), Real(0));
  for (size_t at = 0; at < dy.size(); ++at) {
    const Array<Real> value = map_values(p, shapes, in, at, dy[at]);
    for (size_t i = 0; i < in.size(); ++i)
      if (p.grads[i] >= 0) d[i][shapes.source(i, at)] += value[static_cast<size_t>(p.grads[i])];
  }
  return d;
}
}  // namespace reference
}  // namespace gatecell
