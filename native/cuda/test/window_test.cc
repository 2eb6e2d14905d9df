// Soft window, window_lstm and attention on the device compared with the processor: second results and their gradients, states, rows
// without a source, invalid data.
#include "sequence_twins.h"

using namespace lab;

TEST_CASE("cuda window: kappa and phi as results, a first kappa, over ids and over vectors") {
  const int32_t T = 4, B = 3, K = 5, U = 40, C = 35;
  for (bool ids : {true, false}) {
    CAPTURE(ids);
    check_twins([&](Maker& make) {
      const int raw = make.tensor({T, B, 3 * K}, 0.6, -0.5f), kappa0 = make.tensor({B, K}, 0.5, 0.5f);
      const int chars = ids ? make.g.ids({B, U}, Random(53).ids(B * U, 0, C)) : make.tensor({B, U, C});
      const int w = make.result({T, B, C}), kappaT = make.result({B, K}), phi = make.result({T, B, U});
      make.g.record(GC_OP_WINDOW, {raw, chars, make.lengths({U, 0, 17}), kappa0}, {w, kappaT, phi}, {});
    });
  }
}

TEST_CASE("cuda window: lengths and characters out of range") {
  const auto refuse = [](const Ids& ids, const Ids& lengths, const char* what) {
    check_refusal(
        [&](Graph& g) {
          g.out(GC_OP_WINDOW, {g.host({2, 2, 6}), g.ids({2, 3}, ids), g.ids({2}, lengths)}, {2, 2, 4}, {});
        },
        what);
  };
  refuse({0, 1, 3, 2, 9, -1}, {3, 2}, "window: expected characters from 0 to 3, got 9 in row 1");
  refuse({0, 1, 3, 2, 9, -1}, {4, 1}, "window: expected lengths from 0 to 3, got 4 in row 0");
}

namespace {
struct WindowLayer {
  int32_t T, B, I, H, C, K, U;
  bool ids, states, biases;
  void build(Maker& make) const {
    const double k = 1 / std::sqrt(static_cast<double>(H));
    const int x = make.tensor({T, B, I}), w_ih = make.parameter({4 * H, I + C}, k),
              w_hh = make.parameter({4 * H, H}, k), w_window = make.parameter({3 * K, H}, k),
              b_window = make.parameter({3 * K}, 0.5);
    const int chars = ids ? make.g.ids({B, U}, Random(54).ids(B * U, 0, C)) : make.tensor({B, U, C});
    std::vector<int> in = {x, w_ih, w_hh, w_window, b_window, chars, make.lengths(some_lengths(B, U))};
    for (int i = 0; i < 2; ++i) in.push_back(biases ? make.parameter({4 * H}, k) : Graph::none);
    for (int32_t width : {H, H, K, C}) in.push_back(states ? make.tensor({B, width}) : Graph::none);
    std::vector<int> out = {make.result({T, B, H}), make.result({T, B, C})};
    for (int32_t width : {H, H, K, C}) out.push_back(states ? make.result({B, width}) : Graph::none);
    out.push_back(states ? make.result({T, B, U}) : Graph::none);
    make.g.record(GC_OP_WINDOW_LSTM, in, out, {});
  }
};
const std::vector<WindowLayer> window_layers = {{4, 3, 2, 5, 6, 2, 5, true, true, true},
                                                {3, 1, 3, 33, 20, 3, 4, false, true, true},
                                                {3, 20, 5, 16, 7, 11, 9, true, false, false},
                                                {1, 2, 1, 1, 1, 1, 1, false, true, false},
                                                {2, 35, 40, 20, 70, 4, 12, true, true, true}};
}  // namespace

TEST_CASE("cuda window_lstm: the processor's results and gradients") {
  for (const WindowLayer& layer : window_layers) {
    CAPTURE(layer.H);
    check_twins([&](Maker& make) { layer.build(make); }, 2e-6);
  }
}

TEST_CASE("cuda: sequences in tf32 and bf16 within their bound, and two runs give the same bits") {
  for (int32_t precision : {GC_TF32, GC_BF16}) {
    for (const WindowLayer& layer : window_layers)
      check_twins([&](Maker& make) { layer.build(make); }, 4e-3, precision);
    for (bool additive : {false, true}) {
      check_twins(
          [&](Maker& make) {
            std::vector<int> in = {make.tensor({5, 3, 20}), make.tensor({7, 3, 20})};
            if (additive) in.push_back(make.parameter({20}));
            in.push_back(make.tensor({7, 3, 18}));
            in.push_back(make.lengths({7, 0, 4}));
            make.g.record(additive ? GC_OP_ADDITIVE_ATTENTION : GC_OP_DOT_ATTENTION, in, {make.result({5, 3, 18})},
                          additive ? Doubles{} : Doubles{0.3});
          },
          4e-3, precision);
    }
  }
}

TEST_CASE("cuda attention: weights as a result, rows without a source, more steps than a tile") {
  for (bool additive : {false, true}) {
    CAPTURE(additive);
    check_twins([&](Maker& make) {
      const int32_t T = 37, S = 70, B = 3, A = 21, V = 66;
      std::vector<int> in = {make.tensor({T, B, A}), make.tensor({S, B, A})};
      if (additive) in.push_back(make.parameter({A}));
      in.push_back(make.tensor({S, B, V}));
      in.push_back(make.lengths({S, 0, 33}));
      make.g.record(additive ? GC_OP_ADDITIVE_ATTENTION : GC_OP_DOT_ATTENTION, in,
                    {make.result({T, B, V}), make.result({T, B, S})}, additive ? Doubles{} : Doubles{0.25});
    });
    check_refusal(
        [&](Graph& g) {
          std::vector<int> in = {g.host({2, 2, 3}), g.host({4, 2, 3})};
          if (additive) in.push_back(g.host({3}));
          in.push_back(g.host({4, 2, 5}));
          in.push_back(g.ids({2}, {4, 5}));
          g.out(additive ? GC_OP_ADDITIVE_ATTENTION : GC_OP_DOT_ATTENTION, in, {2, 2, 5},
                additive ? Doubles{} : Doubles{1});
        },
        "expected lengths from 0 to 4, got 5 in row 1");
  }
}
