// Gradients that the caller reads, of inputs and of tensors between two ops: on the device the bits of the processor. Refused are copies of
// cells and gates, and gradients without noise of layers that have it.
#include "gatecell/lstm_slots.h"
#include "twins.h"

using namespace lab;

namespace {
constexpr int32_t T = 5, B = 3, I = 7, H = 9;

// Two layers over an input with lengths, under a linear layer. Returns the tensors whose gradients are read.
std::vector<int> stack(Graph& g, Twins& twins, double dropout = 0) {
  Random random(4);
  const auto weights = [&](const Dims& dims) {
    twins.parameters.push_back(g.param(dims, random.floats(count_of(dims), 0.6)));
    return twins.parameters.back();
  };
  const int x = g.host({T, B, I}, random.floats(T * B * I)), lengths = g.ids({B}, {T, 2, 4});
  int below = x, width = I;
  std::vector<int> observed = {x};
  for (int layer = 0; layer < 2; ++layer) {
    const int y = g.internal({T, B, H}), none = Graph::none;
    g.record(GC_OP_LSTM, {below, weights({4 * H, width}), weights({4 * H, H}), none, none, none, none, lengths}, {y},
             {0, dropout, 0, 0, 3});
    observed.push_back(y);
    below = y, width = H;
  }
  const int out = g.out(GC_OP_LINEAR, {below, weights({4, H})}, {T, B, 4});
  twins.loss = g.out(GC_OP_MEAN_SQUARE, {out, g.host({T, B, 4}, random.floats(T * B * 4))}, {2});
  twins.results = {out, twins.loss};
  for (int id : observed) g.observe(id);
  g.observe(g.host({4}));  // the loss does not depend on it
  return observed;
}
}  // namespace

TEST_CASE("cuda observed: gradients of inputs and of tensors between layers") {
  std::vector<int> observed;
  Twins twins([&](Graph& g, Twins& t) { observed = stack(g, t); });
  for (int only : {0, 1}) {
    twins.cpu.only_gradients = twins.device.only_gradients = only;
    twins.compile();
    for (int run = 0; run < 2; ++run) twins.run(GC_GRADIENT);
    CHECK(twins.first_difference() == "");
    for (int id : observed) {
      CHECK(difference(twins.device.observed(id), twins.cpu.observed(id)) == "");
      CHECK(error(twins.cpu.observed(id), Floats(twins.cpu.observed(id).size(), 0)) > 0);
    }
    CHECK(twins.device.observed(twins.device.gradients[6]) == Floats(4, 0));
  }
}

TEST_CASE("cuda observed: what the device lacks is refused") {
  Graph gated;
  const int x = gated.host({T, B, I}), w = gated.param({4 * H, I}, Floats(4 * H * I, 0)),
            u = gated.param({4 * H, H}, Floats(4 * H * H, 0));
  std::vector<int> out = {gated.host({T, B, H}), Graph::none, Graph::none, gated.host({T, B, H})};
  gated.record(GC_OP_LSTM, {x, w, u}, out, {0});
  gated.device = GC_CUDA;
  CHECK(gated.try_compile() == GC_UNSUPPORTED);
  CHECK(std::string(gc_last_error()).find("has no kernel for the GPU that copies its cells and gates") !=
        std::string::npos);
  gated.device = GC_CPU;
  CHECK(gated.try_compile() == GC_OK);

  // Forms of cells, which auto computes on the processor, and RNN layers.
  for (const Doubles& form : {Doubles{0.5}, Doubles{0, 1}, Doubles{0, 0, 3}}) {
    Graph formed;
    const int x1 = formed.host({T, B, I}), w1 = formed.param({4 * H, I}, Floats(4 * H * I, 0)),
              u1 = formed.param({4 * H, H}, Floats(4 * H * H, 0));
    Doubles attributes(5, 0);
    attributes.insert(attributes.end(), form.begin(), form.end());
    formed.record(GC_OP_LSTM, {x1, w1, u1}, {formed.host({T, B, H})}, attributes);
    formed.device = GC_CUDA;
    CHECK(formed.try_compile() == GC_UNSUPPORTED);
    CHECK(std::string(gc_last_error()).find("lstm has no kernel for the GPU with clip") != std::string::npos);
    formed.device = GC_AUTO;
    CHECK(formed.try_compile() == GC_OK);
  }
  for (gc_opcode opcode : {GC_OP_GRU, GC_OP_RNN}) {
    Graph other;
    const int32_t rows = opcode == GC_OP_GRU ? 3 * H : H;
    const int x1 = other.host({T, B, I}), w1 = other.param({rows, I}, Floats(static_cast<size_t>(rows * I), 0)),
              u1 = other.param({rows, H}, Floats(static_cast<size_t>(rows * H), 0));
    other.record(opcode, {x1, w1, u1}, {other.host({T, B, H})}, {0, 0, 0, 0, 0, 0, opcode == GC_OP_GRU ? 1.0 : 0.0});
    other.device = GC_CUDA;
    CHECK(other.try_compile() == GC_UNSUPPORTED);
    CHECK(std::string(gc_last_error()).find(opcode == GC_OP_GRU ? "gru" : "rnn") != std::string::npos);
    other.device = GC_AUTO;
    CHECK(other.try_compile() == GC_OK);
  }

  Twins noisy([&](Graph& g, Twins& t) { stack(g, t, 0.4); });
  noisy.compile();
  noisy.device.only_gradients = 1;
  CHECK(noisy.device.try_compile(noisy.loss) == GC_UNSUPPORTED);
  CHECK(std::string(gc_last_error()) ==
        "lstm has no gradient without its noise on the GPU: compute it on the processor");
}
