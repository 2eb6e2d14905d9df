// char_model.h: a small character model and its training settings, for tests of whole training steps.
#pragma once
#include "lab.h"

namespace lab {
// A small character model: embedding, two layers with dropout between, linear, cross-entropy; states carried.
struct CharModel {
  int tokens, targets, loss, logits;
  std::vector<int> parameters, states;

  explicit CharModel(Graph& g, int32_t T = 5, int32_t B = 3, int32_t H = 20, int32_t V = 11) {
    Random random(51);
    const auto add = [&](const Dims& dims) {
      parameters.push_back(g.param(dims, random.floats(count_of(dims), 0.3)));
      return parameters.back();
    };
    tokens = g.ids({T, B}, random.ids(T * B, 0, V)), targets = g.ids({T, B}, random.ids(T * B, -1, V));
    int x = g.op(GC_OP_EMBEDDING, {add({V, H}), tokens}, {T, B, H});
    for (int layer = 0; layer < 2; ++layer) {
      const int h = g.host({B, H}), c = g.host({B, H});
      states.insert(states.end(), {h, c});
      const int y = g.op(GC_OP_DROPOUT, {x}, {T, B, H}, {layer * 0.2, 0, static_cast<double>(layer)});
      x = g.host({T, B, H});
      const int hT = g.host({B, H}), cT = g.host({B, H});
      g.record(GC_OP_LSTM, {y, add({4 * H, H}), add({4 * H, H}), add({4 * H}), add({4 * H}), h, c}, {x, hT, cT}, {0});
      g.carry(hT, h);
      g.carry(cT, c);
    }
    logits = g.out(GC_OP_LINEAR, {x, add({V, H}), add({V})}, {T, B, V});
    loss = g.out(GC_OP_CROSS_ENTROPY, {logits, targets}, {2});
  }
};

inline void set_control(Graph& g, int optimizer, int step) {
  g.control[GC_C_SEED] = 9, g.control[GC_C_STEP] = step;
  g.control[GC_C_LEARNING_RATE] = optimizer == GC_SGD ? 0.1 : 1e-2;
  g.control[GC_C_CLIP_NORM] = 0.05;
  g.control[GC_C_BETA1] = 0.9, g.control[GC_C_BETA2] = 0.99, g.control[GC_C_EPSILON] = 1e-8;
  g.control[GC_C_WEIGHT_DECAY] = 0.1;
}
}  // namespace lab
