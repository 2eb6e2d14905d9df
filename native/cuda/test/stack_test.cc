// Stacks of recurrent layers that run at the same time in chunks of time: the bits of the processor in exact mode and, in every mode, the
// bits of the same layers one after the other, for any number of chunks; the layers that form a stack, and the explanation for the others.
#include "twins.h"

using namespace lab;

namespace {
struct Named {  // an environment variable while this lives
  const char* name;
  Named(const char* of, const std::string& value) : name(of) { setenv(of, value.c_str(), 1); }
  ~Named() { unsetenv(name); }
};

struct Stack {
  int32_t T, B, I, H;
  int layers = 2;
  double dropout = 0;
  bool variational = false, lengths = false, reverse = false, grus = false, projects = false;
  bool read_below = false;  // the loss reads y of the lowest layer, too
};

std::string text(const Stack& s) {
  return "T " + std::to_string(s.T) + " B " + std::to_string(s.B) + " H " + std::to_string(s.H) + " layers " +
         std::to_string(s.layers) + (s.dropout > 0 ? s.variational ? " variational dropout" : " dropout" : "") +
         (s.lengths ? " lengths" : "") + (s.reverse ? " reverse" : "") + (s.grus ? " grus" : "") +
         (s.projects ? " projects" : "") + (s.read_below ? " read below" : "");
}

void build(const Stack& s, Graph& g, Twins& t) {
  Random random(91);
  const int none = Graph::none;
  const auto add = [&](const Dims& dims, double size) {
    t.parameters.push_back(g.param(dims, random.floats(count_of(dims), size)));
    return t.parameters.back();
  };
  std::vector<int> read;
  int32_t total = 0;
  const auto look = [&](int id) {
    const auto n = static_cast<int32_t>(g.count(id));
    read.push_back(g.op(GC_OP_RESHAPE, {id}, {n}));
    total += n;
  };
  Ids ends = random.ids(s.B, 0, s.T + 1);
  ends[0] = s.T;
  int x = g.op(GC_OP_RESHAPE, {add({s.T * s.B * s.I}, 2)}, {s.T, s.B, s.I});
  const int lengths = s.lengths ? g.ids({s.B}, ends) : none;
  int32_t width = s.I;
  std::vector<int> seen;
  std::vector<std::pair<int, int>> states;  // made before the layers, so that there is no op between layers
  for (int layer = 0; layer < s.layers; ++layer) {
    const int h = g.op(GC_OP_RESHAPE, {add({s.B * s.H}, 1)}, {s.B, s.H});
    states.push_back({h, s.grus && layer == 1 ? none : g.op(GC_OP_RESHAPE, {add({s.B * s.H}, 2)}, {s.B, s.H})});
  }
  for (int layer = 0; layer < s.layers; ++layer) {
    if (layer > 0 && (s.dropout > 0 || s.variational))
      x = g.op(GC_OP_DROPOUT, {x}, {s.T, s.B, width}, {s.dropout, s.variational ? 1.0 : 0.0, 3.0 + layer});
    const bool gru = s.grus && layer == 1, projects = s.projects && layer != 1;
    const int32_t gates = gru ? 3 : 4;
    const int w_ih = add({gates * s.H, width}, 0.3), w_hh = add({gates * s.H, s.H}, 0.3),
              bias = add({gates * s.H}, 0.3);
    const int y = g.host({s.T, s.B, s.H}), hT = g.host({s.B, s.H}), cT = gru ? none : g.host({s.B, s.H});
    std::vector<int> in = {x, w_ih, w_hh, bias, none, states[static_cast<size_t>(layer)].first}, out = {y, hT};
    in.push_back(states[static_cast<size_t>(layer)].second);
    in.push_back(lengths);
    if (projects) in.push_back(none), in.push_back(add({s.H, s.H}, 0.3));
    if (!gru) out.push_back(cT);
    g.record(gru ? GC_OP_GRU : GC_OP_LSTM, in, out, {s.reverse ? 1.0 : 0.0, layer == 1 ? 0.2 : 0, 0, 0, 9.0 + layer});
    for (int id : out) t.results.push_back(id);
    if (layer + 1 == s.layers || (s.read_below && layer == 0)) seen.push_back(y);
    seen.push_back(hT);
    if (!gru) seen.push_back(cT);
    x = y, width = s.H;
  }
  for (int id : seen) look(id);
  const int all = g.op(GC_OP_CONCAT, read, {total});
  t.loss = g.out(GC_OP_MEAN_SQUARE, {all, g.host({total}, random.floats(total))}, {2});
}

bool says(const Graph& g, const std::string& what) {
  return std::string(gc_plan_explain(const_cast<Graph&>(g).plan())).find(what) != std::string::npos;
}

const std::vector<Stack> stacks = {{7, 3, 5, 18},
                                   {9, 2, 20, 17, 3},
                                   {5, 20, 4, 33, 3, 0.4},
                                   {6, 3, 7, 20, 3, 0.3, true, true},
                                   {8, 4, 5, 16, 2, 0, false, true, true},
                                   {7, 3, 5, 18, 2, 0.5, false, false, true, false, false, true},
                                   {5, 4, 6, 21, 3, 0.2, false, true, false, true, false, true},
                                   {6, 5, 6, 14, 3, 0, false, false, false, false, true, true},
                                   {2, 2, 3, 5, 8}};
}  // namespace

TEST_CASE("cuda stacks: side by side the processor's bits, forward and back, however time is cut") {
  for (const Stack& s : stacks) {
    for (int chunks : {2, 3, s.T, 1000}) {
      INFO(text(s) << ", chunks " << chunks);
      const Named named("GATECELL_CUDA_WAVEFRONT", std::to_string(chunks));
      Twins twins([&](Graph& g, Twins& t) { build(s, g, t); });
      for (Graph* g : {&twins.cpu, &twins.device}) g->control[GC_C_SEED] = 5, g->control[GC_C_STEP] = 2;
      twins.compile();
      twins.run(GC_GRADIENT);
      CHECK(twins.first_difference() == "");
      for (const char* pass : {"forward", "backward"}) {
        const std::string prefix = std::string(", ") + pass + "\":{\"why\":\"named by GATECELL_CUDA_WAVEFRONT\"";
        CHECK(says(twins.device, prefix + ",\"chosen\":\"side by side in " + std::to_string(chunks) + " chunks\""));
      }
      twins.run(GC_FORWARD);
      CHECK(twins.first_difference() == "");
      twins.loss = Graph::none;
      twins.parameters.clear();
      twins.compile();
      twins.run(GC_FORWARD);
      CHECK(twins.first_difference() == "");
    }
  }
}

TEST_CASE("cuda stacks: in tf32 and bf16 the bits of one layer after the other, a product a step or on clusters") {
  std::vector<Stack> wide = stacks;
  wide.push_back({5, 35, 6, 70, 2, 0.3, false, true});
  for (const char* kernel : {"steps", "cluster"}) {
    const Named way("GATECELL_CUDA_LSTM", kernel);
    for (int32_t precision : {GC_TF32, GC_BF16}) {
      for (const Stack& s : wide) {
        std::vector<Floats> apart;
        for (int chunks : {1, 2, 3, s.T}) {
          INFO(text(s) << ", " << std::string(kernel) << ", precision " << precision << ", chunks " << chunks);
          const Named named("GATECELL_CUDA_WAVEFRONT", std::to_string(chunks));
          for (const bool trained : {true, false}) {
            Twins twins([&](Graph& g, Twins& t) { build(s, g, t); }, precision);
            if (!trained) twins.loss = Graph::none, twins.parameters.clear();
            Graph& g = twins.device;
            g.control[GC_C_SEED] = 5, g.control[GC_C_STEP] = 2;
            g.compile(twins.loss);
            g.run(trained ? GC_GRADIENT : GC_FORWARD);
            g.fetch();
            std::vector<Floats> got;
            for (int id : twins.results) got.push_back(g.value(id));
            for (int id : twins.parameters) got.push_back(g.grad(id));
            if (chunks == 1) {
              apart.insert(apart.end(), got.begin(), got.end());
              continue;
            }
            REQUIRE(apart.size() > got.size());
            const size_t first = trained ? 0 : apart.size() - got.size();
            for (size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], apart[first + i]) == "");
          }
        }
      }
    }
  }
}

TEST_CASE("cuda stacks: chunks chosen by their time, whose results are the same bits") {
  const Named named("GATECELL_CUDA_WAVEFRONT", "measured"), way("GATECELL_CUDA_LSTM", "cluster");
  for (int32_t precision : {GC_FLOAT, GC_BF16}) {
    Twins twins([&](Graph& g, Twins& t) { build({17, 3, 5, 18, 3, 0.3, false, true}, g, t); }, precision);
    twins.compile();
    twins.run(GC_GRADIENT);
    if (precision == GC_FLOAT) CHECK(twins.first_difference() == "");
    else CHECK(twins.worst() < 3e-2);
    CHECK(says(twins.device, "forward\":{\"one_after_the_other_us\":"));
    CHECK(says(twins.device, "backward\":{\"one_after_the_other_us\":"));
    CHECK(says(twins.device, "\"4_chunks_of_steps_us\":"));
    CHECK(says(twins.device, "\"4_chunks_us\":") == (precision == GC_BF16));  // on clusters
    CHECK(says(twins.device, "\"chosen\":\""));
  }
}

TEST_CASE("cuda stacks: on clusters of 16 blocks the bits of one layer after the other") {
  const Named way("GATECELL_CUDA_LSTM", "cluster16");
  for (const bool lengths : {false, true}) {
    std::vector<Floats> apart;
    for (int chunks : {1, 3}) {
      CAPTURE(chunks);
      const Named named("GATECELL_CUDA_WAVEFRONT", std::to_string(chunks));
      Twins twins([&](Graph& g, Twins& t) { build({5, 17, 3, 250, 2, 0, false, lengths}, g, t); }, GC_BF16);
      Graph& g = twins.device;
      g.compile(twins.loss);
      g.run(GC_GRADIENT);
      g.fetch();
      for (const char* pass : {"forward", "backward"})
        CHECK(says(g, std::string(", ") + pass + "\":{\"chosen\":\"cluster16\"}"));
      std::vector<Floats> got;
      for (int id : twins.results) got.push_back(g.value(id));
      for (int id : twins.parameters) got.push_back(g.grad(id));
      if (chunks == 1) apart = got;
      for (size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], apart[i]) == "");
    }
  }
}

TEST_CASE("cuda stacks: chunks on kernels that the device refuses are left out, with the reason") {
  const Named named("GATECELL_CUDA_WAVEFRONT", "measured"), way("GATECELL_CUDA_LSTM", "grid");
  const Named refused("GATECELL_EMULATOR_REFUSED", "8");
  Twins twins([&](Graph& g, Twins& t) { build({9, 3, 5, 250, 2}, g, t); }, GC_BF16);
  twins.compile();
  twins.run(GC_GRADIENT);
  CHECK(twins.worst() < 3e-2);
  CHECK(says(twins.device, "\"2_chunks\":\"the emulator was told to refuse clusters of 8 blocks\""));
  CHECK(says(twins.device, "\"2_chunks_of_steps_us\":"));
}

TEST_CASE("cuda stacks: training steps with dropout and carried states, the parameters of one layer after the other") {
  std::vector<Floats> apart;
  for (int chunks : {1, 3}) {
    const Named named("GATECELL_CUDA_WAVEFRONT", std::to_string(chunks));
    Graph g;
    g.device = GC_CUDA;
    Random random(92);
    const int32_t T = 7, B = 3, H = 20, V = 11;
    std::vector<int> parameters;
    const auto add = [&](const Dims& dims) {
      parameters.push_back(g.param(dims, random.floats(count_of(dims), 0.3)));
      return parameters.back();
    };
    const int tokens = g.ids({T, B}, random.ids(T * B, 0, V)), targets = g.ids({T, B}, random.ids(T * B, -1, V));
    int x = g.op(GC_OP_EMBEDDING, {add({V, H}), tokens}, {T, B, H});
    for (int layer = 0; layer < 3; ++layer) {
      const int h = g.host({B, H}), c = g.host({B, H}), hT = g.host({B, H}), cT = g.host({B, H});
      if (layer > 0) x = g.op(GC_OP_DROPOUT, {x}, {T, B, H}, {0.3, 0, static_cast<double>(layer)});
      const int y = g.host({T, B, H});
      g.record(GC_OP_LSTM, {x, add({4 * H, H}), add({4 * H, H}), add({4 * H}), add({4 * H}), h, c}, {y, hT, cT}, {0});
      g.carry(hT, h), g.carry(cT, c);
      x = y;
    }
    const int logits = g.out(GC_OP_LINEAR, {x, add({V, H}), add({V})}, {T, B, V});
    g.compile(g.out(GC_OP_CROSS_ENTROPY, {logits, targets}, {2}), GC_ADAM);
    for (int step = 0; step < 4; ++step) {
      g.control[GC_C_SEED] = 9, g.control[GC_C_STEP] = step;
      g.control[GC_C_LEARNING_RATE] = 1e-2, g.control[GC_C_CLIP_NORM] = 0.05;
      g.control[GC_C_BETA1] = 0.9, g.control[GC_C_BETA2] = 0.99, g.control[GC_C_EPSILON] = 1e-8;
      g.run(GC_TRAIN);
      CHECK(g.control[GC_C_APPLIED] == 1);
    }
    g.fetch();
    std::vector<Floats> got = {g.value(logits)};
    for (int id : parameters) got.push_back(g.value(id));
    if (chunks == 1) apart = got;
    for (size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], apart[i]) == "");
  }
}

TEST_CASE(
    "cuda stacks: what a layer on another one must not have, and the grid's kernel, which shares the device with "
    "nothing") {
  const Named named("GATECELL_CUDA_WAVEFRONT", "2");
  const int none = Graph::none;
  struct Case {
    const char* what;
    bool reverse, lengths, state, between, directions;
  };
  for (const Case& c : {Case{"they read time in opposite order", true, false, false, false, false},
                        Case{"their lengths are not the same tensor", false, true, false, false, false},
                        Case{"it reads more than y of what is below", false, false, true, false, false},
                        Case{"other ops are between them", false, false, false, true, false},
                        Case{"one of them has two directions", false, false, false, false, true}}) {
    CAPTURE(c.what);
    Twins twins([&](Graph& g, Twins& t) {
      Random random(93);
      const int32_t T = 5, B = 3, H = 9;
      const auto weights = [&] { return g.param({4 * H, H}, random.floats(4 * H * H, 0.3)); };
      const int x = g.host({T, B, H}, random.floats(T * B * H));
      const int y = g.op(GC_OP_RESHAPE, {x}, {T, B, H}), below = g.host({T, B, H}), hT = g.host({B, H});
      g.record(GC_OP_LSTM, {y, weights(), weights()}, {below, hT, none}, {0});
      if (c.between) t.results.push_back(g.host({B, H})), g.record(GC_OP_TANH, {hT}, {t.results[0]}, {});
      const int lengths = c.lengths ? g.ids({B}, {5, 3, 1}) : none;
      for (const bool reverse : {c.reverse, !c.reverse}) {
        if (reverse != c.reverse && !c.directions) continue;
        const int above = g.host({T, B, H});
        g.record(GC_OP_LSTM, {below, weights(), weights(), none, none, c.state ? hT : none, none, lengths},
                 {above, none, none}, {reverse ? 1.0 : 0.0});
        t.results.push_back(above);
      }
    });
    twins.compile();
    twins.run(GC_FORWARD);
    CHECK(twins.first_difference() == "");
    CHECK(says(twins.device, std::string("after the layer below it, because ") + c.what));
    CHECK(!says(twins.device, "side by side in"));
  }
  const Named grid("GATECELL_CUDA_LSTM", "grid");
  Twins twins([&](Graph& g, Twins& t) { build({6, 3, 5, 20}, g, t); }, GC_BF16);
  twins.compile();
  twins.run(GC_GRADIENT);
  CHECK(says(twins.device,
             "backward\":{\"why\":\"a kernel of the whole grid shares the device with nothing\",\"chosen\":"
             "\"one after the other\""));
  CHECK(twins.worst() < 3e-2);
}
