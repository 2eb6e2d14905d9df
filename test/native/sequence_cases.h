// sequence_cases.h: cases as in opcases.h for ops over sequences that differ in length, and the list of all cases.
#pragma once
#include "array_cases.h"
#include "map_cases.h"
#include "opcases.h"
#include "ops/attention_reference.h"
#include "ops/loss_reference.h"
#include "ops/window_reference.h"

namespace lab {

// Rows of every kind: full and short, empty targets, repeated labels, and (of several rows) one without any step.
inline ref::Ctc ctc_targets(int32_t T, int32_t B, int32_t K, int32_t L, int32_t blank) {
  ref::Ctc ctc = {static_cast<size_t>(T),
                  static_cast<size_t>(B),
                  static_cast<size_t>(K),
                  static_cast<size_t>(L),
                  Ids(static_cast<size_t>(B * L), -7),
                  {},
                  {},
                  static_cast<size_t>(blank)};
  Random random(static_cast<uint64_t>(1000 * T + B));
  for (int32_t b = 0; b < B; ++b) {
    const int32_t steps = b == 0 ? T : static_cast<int32_t>(random.below(T + 1));
    int32_t count = 0, needs = 0, before = -1;
    while (count < L && K > 1) {
      int32_t label = static_cast<int32_t>(random.below(K - 1));
      label += label >= blank;
      if (before >= 0 && random.below(3) == 0) label = before;
      needs += 1 + (label == before);
      if (needs > steps || random.below(8) == 0) break;
      ctc.targets[static_cast<size_t>(b * L + count++)] = before = label;
    }
    ctc.input_lengths.push_back(steps);
    ctc.target_lengths.push_back(count);
  }
  return ctc;
}

inline OpCase ctc_case(int32_t T, int32_t B, int32_t K, int32_t L, int32_t blank) {
  OpCase c = {"ctc", GC_OP_CTC, {{T, B, K}}, {2}, nullptr, nullptr};
  const ref::Ctc ctc = ctc_targets(T, B, K, L, blank);
  c.last_ids = {{{B, L}, ctc.targets}, {{B}, ctc.input_lengths}, {{B}, ctc.target_lengths}};
  c.attributes = {static_cast<double>(blank)};
  c.loss = true;
  c.forward = [=](const std::vector<Doubles>& in) { return Doubles{ctc.mean(in[0]), ctc.count()}; };
  c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    return std::vector<Doubles>{scaled(ctc.mean_backward(in[0]), dy[0])};
  };
  return c;
}

inline OpCase mixture_case(int32_t T, int32_t B, int32_t M, bool weighted) {
  OpCase c = {weighted ? "mixture_density with weights" : "mixture_density",
              GC_OP_MIXTURE_DENSITY,
              {{T, B, 6 * M + 1}, {T, B, 3}},
              {2},
              nullptr,
              nullptr};
  if (weighted) c.inputs.push_back({T, B});
  c.attributes = {0};
  c.loss = true;
  if (weighted)
    c.adjust = [](std::vector<Floats>& in) {
      for (float& w : in[2]) w = std::fabs(w);
    };
  const ref::Mixture mixture = {static_cast<size_t>(M)};
  c.forward = [=](const std::vector<Doubles>& in) {
    double total;
    const double mean = mixture.mean(in[0], in[1], weighted ? in[2] : Doubles(), &total);
    return Doubles{mean, total};
  };
  c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    const auto d = mixture.backward(in[0], in[1], weighted ? in[2] : Doubles());
    std::vector<Doubles> list = {scaled(d.y, dy[0]), scaled(d.x, dy[0])};
    if (weighted) list.push_back(scaled(d.weights, dy[0]));
    return list;
  };
  return c;
}

// Lengths from 0 to U, the first U.
inline Ids some_lengths(int32_t B, int32_t U) {
  Ids lengths = Random(31).ids(B, 0, U + 1);
  lengths[0] = U;
  return lengths;
}

inline OpCase window_case(int32_t T, int32_t B, int32_t K, int32_t U, int32_t C, bool ids) {
  OpCase c = {
      ids ? "window over ids" : "window over vectors", GC_OP_WINDOW, {{T, B, 3 * K}}, {T, B, C}, nullptr, nullptr};
  ref::Window window = {static_cast<size_t>(T), static_cast<size_t>(B), static_cast<size_t>(K),
                        static_cast<size_t>(U), static_cast<size_t>(C), {},
                        some_lengths(B, U)};
  if (ids) window.ids = Random(32).ids(B * U, 0, C);
  c.any_width = ids;
  if (!ids) c.inputs.push_back({B, U, C});
  if (ids) c.last_ids.push_back({{B, U}, window.ids});
  c.last_ids.push_back({{B}, window.lengths});
  // Windows of modest width that move on by less than a character a step.
  c.adjust = [](std::vector<Floats>& in) {
    for (float& x : in[0]) x = x * 0.5f - 0.7f;
  };
  const auto chars = [ids](const std::vector<Doubles>& in) { return ids ? Doubles() : in[1]; };
  c.forward = [=](const std::vector<Doubles>& in) {
    ref::Window run = window;
    run.forward(in[0], chars(in), {});
    return run.w;
  };
  c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    ref::Window run = window;
    run.forward(in[0], chars(in), {});
    run.backward(in[0], chars(in), dy, {});
    std::vector<Doubles> list = {run.draw};
    if (!ids) list.push_back(run.dchars);
    return list;
  };
  return c;
}

inline OpCase attention_case(int32_t T, int32_t S, int32_t B, int32_t A, int32_t V, bool additive) {
  OpCase c = {additive ? "additive_attention" : "dot_attention",
              additive ? GC_OP_ADDITIVE_ATTENTION : GC_OP_DOT_ATTENTION,
              {{T, B, A}, {S, B, A}},
              {T, B, V},
              nullptr,
              nullptr};
  if (additive) c.inputs.push_back({A}), c.as_parameter = {false, false, true};
  c.inputs.push_back({S, B, V});
  const double scale = 1 / std::sqrt(static_cast<double>(A));
  if (!additive) c.attributes = {scale};
  ref::Attention attention = {static_cast<size_t>(T), static_cast<size_t>(S), static_cast<size_t>(B),
                              static_cast<size_t>(A), static_cast<size_t>(V), some_lengths(B, S)};
  attention.scale = additive ? 0 : static_cast<double>(static_cast<float>(scale));
  c.last_ids.push_back({{B}, attention.lengths});
  const auto v = [additive](const std::vector<Doubles>& in) { return additive ? in[2] : Doubles(); };
  c.forward = [=](const std::vector<Doubles>& in) {
    ref::Attention run = attention;
    run.forward(in[0], in[1], v(in), in.back());
    return run.context;
  };
  c.backward = [=](const std::vector<Doubles>& in, const Doubles& dy) {
    ref::Attention run = attention;
    run.forward(in[0], in[1], v(in), in.back());
    run.backward(in[0], in[1], v(in), in.back(), dy);
    std::vector<Doubles> list = {run.dq, run.dk, run.dvalues};
    if (additive) list.insert(list.begin() + 2, run.dv);
    return list;
  };
  return c;
}

inline std::vector<OpCase> sequence_cases(int32_t T, int32_t B, int32_t C) {
  return {attention_case(T, T + 3, B, C, C + 2, false),
          attention_case(T, T + 3, B, 1 + C / 3, C, true),
          window_case(T, B, 1 + C / 10, T + 1, C, true),
          window_case(T, B, 1 + C / 30, T + 1, C, false),
          mixture_case(T, B, 1 + C / 6, false),
          mixture_case(T, B, 1 + C / 20, true),
          ctc_case(T, B, C, 3, 0),
          ctc_case(2 * T + 5, B, C, T + 2, C - 1)};
}

inline std::vector<OpCase> op_cases(int32_t T, int32_t B, int32_t C) {
  std::vector<OpCase> list;
  for (auto part : {elementwise_cases({T, B, C}), move_cases(T, B, C), product_cases(T, B, C, 19), loss_cases(T, B, C),
                    sequence_cases(T, B, C), map_cases(T, B, C), reduce_cases(T, B, C), array_cases(T, B, C)})
    list.insert(list.end(), part.begin(), part.end());
  return list;
}
}  // namespace lab
