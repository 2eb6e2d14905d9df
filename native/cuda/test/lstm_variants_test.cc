// The variants of the LSTM layer on the device: the bits of the float reference in exact mode; and with lengths the kernels of one
// launch within their bounds.
#include "cuda/kernels/lstm_plan.h"
#include "lstm_lab.h"

using namespace lab;
using namespace gatecell::cuda;

namespace {
struct Named {  // the LSTM's kernel while this lives
  explicit Named(const char* kernel) { setenv("GATECELL_CUDA_LSTM", kernel, 1); }
  ~Named() { unsetenv("GATECELL_CUDA_LSTM"); }
};

void check_device_bits(const Shape& s) {
  Reference reference = make(s, 11);
  const Floats targets = targets_for(s, 12);
  reference.forward();
  set_gradients(reference, targets);
  reference.backward();
  Run run(s, reference, targets, 1, GC_FLOAT, GC_GRADIENT, true, GC_CUDA);
  each_result(run, reference, s, [&](const char* name, const Floats& got, const Floats& expected) {
    const std::string wrong = difference(got, expected);
    if (!wrong.empty()) FAIL_CHECK(text(s) << ", " << std::string(name) << ": " << wrong);
  });
}
// A named kernel of one launch (`back`: the one back in time where that does not fit), trained and inferred, against the float reference; and the
// same bits from a second run.
void check_kernel(const char* kernel, const Shape& s, int32_t precision, const char* back = nullptr) {
  const Named named(kernel);
  const double bound = precision == GC_TF32 ? 6e-3 : 4e-2;
  Reference r = make(s, 28);
  const Floats targets = targets_for(s, 29);
  r.forward();
  set_gradients(r, targets);
  r.backward();
  Run run(s, r, targets, 1, precision, GC_GRADIENT, true, GC_CUDA);
  const std::string explained = gc_plan_explain(run.graph.plan());
  const auto chosen = [](const char* name) { return std::string("\":{\"chosen\":\"") + name + "\"}"; };
  CHECK(explained.find("forward" + chosen(kernel)) != std::string::npos);
  CHECK(explained.find("backward" + chosen(back ? back : kernel)) != std::string::npos);
  std::vector<Floats> first;
  each_result(run, r, s, [&](const char* name, const Floats& got, const Floats& expected) {
    INFO(std::string(kernel) << " " << text(s) << " " << std::string(name));
    CHECK(error(got, expected, 1e-6) < bound);
    first.push_back(got);
  });
  run.graph.run(GC_GRADIENT);
  run.graph.fetch();
  size_t i = 0;
  each_result(run, r, s,
              [&](const char*, const Floats& got, const Floats&) { CHECK(difference(got, first[i++]) == ""); });
  Run inference(s, r, targets, 1, precision, GC_FORWARD, false, GC_CUDA);
  CHECK(error(inference.graph.value(inference.y), r.y) < bound);
  CHECK(error(inference.graph.value(inference.cT), r.cT) < bound);
}
}  // namespace

TEST_CASE("cuda lstm variants: the bits of the float reference in every combination") {
  for (int variant : variant_sets()) {
    check_device_bits({4, 4, 3, 6, variant % 2 == 0, true, true, variant});
    check_device_bits({3, 7, 5, 20, variant % 3 == 0, variant % 2 == 0, variant % 3 != 0, variant});
  }
  for (int variant : {kLengths | kNorm, kLengths | kDropout, kLengths | kZoneout, kLengths | kPeepholes | kProjection})
    check_device_bits({5, 33, 20, 37, true, true, true, variant});
}

TEST_CASE("cuda lstm variants without a backward pass: the same bits") {
  for (int variant : variant_sets()) {
    const Shape s = {5, 5, 4, 18, variant % 2 == 0, true, true, variant};
    Reference r = make(s, 24, false);
    r.forward();
    Run run(s, r, targets_for(s, 25), 1, GC_FLOAT, GC_FORWARD, false, GC_CUDA);
    CAPTURE(variant);
    CHECK(difference(run.graph.value(run.y), r.y) == "");
    CHECK(difference(run.graph.value(run.hT), r.hT) == "");
    CHECK(difference(run.graph.value(run.cT), r.cT) == "");
  }
}

TEST_CASE("cuda lstm variants: tf32 and bf16 within their bounds") {
  for (const auto& [precision, bound] : {std::pair<int32_t, double>{GC_TF32, 6e-3}, {GC_BF16, 4e-2}}) {
    for (int variant :
         {int{kLengths}, kLengths | kPeepholes | kDropout, kZoneout | kLengths, kProjection | kPeepholes}) {
      const Shape s = {4, 19, 9, 40, true, true, true, variant};
      Reference r = make(s, 26);
      const Floats targets = targets_for(s, 27);
      r.forward();
      set_gradients(r, targets);
      r.backward();
      Run run(s, r, targets, 1, precision, GC_GRADIENT, true, GC_CUDA);
      each_result(run, r, s, [&](const char* name, const Floats& got, const Floats& expected) {
        INFO(text(s) << " " << std::string(name));
        CHECK(error(got, expected, 1e-6) < bound);
      });
    }
  }
}

TEST_CASE(
    "cuda lstm: the kernels of one launch with lengths and learned states, within their bounds, the same bits twice") {
  for (const char* kernel : {"cluster", "grid"})
    for (const Shape& s : std::vector<Shape>{{6, 5, 4, 20, false, true, true, kLengths},
                                             {5, 21, 3, 70, true, true, true, kLengths | kLearned},
                                             {4, 35, 5, 130, false, true, true, kLengths},
                                             {3, 3, 5, 33, true, false, false, kPlain}})
      for (int32_t precision : {GC_TF32, GC_BF16}) check_kernel(kernel, s, precision);
}

TEST_CASE("cuda lstm: clusters of 16 blocks, of one panel and of more, within their bounds, the same bits twice") {
  check_kernel("cluster16", {4, 17, 3, 250, false, true, true, kLengths}, GC_BF16);
  check_kernel("cluster16", {3, 2, 3, 256, true, true, true, kPlain}, GC_TF32);
  check_kernel("cluster16", {2, 1, 3, 300, true, true, true, kLengths | kLearned}, GC_BF16);
}

TEST_CASE("cuda lstm: more of U than registers hold, in each kernel, within their bounds, the same bits twice") {
  check_kernel("cluster", {3, 3, 3, 280, false, true, true, kLengths}, GC_TF32, "steps");
  check_kernel("cluster", {2, 1, 3, 380, true, true, true, kPlain}, GC_BF16);
  check_kernel("grid", {3, 5, 3, 530, true, true, true, kLengths | kLearned}, GC_TF32);
}

TEST_CASE("cuda lstm: a sequence that goes around the ring of the grid kernel back in time, whole and with lengths") {
  check_kernel("grid", {70, 3, 2, 20, false, true, true, kPlain}, GC_TF32);
  check_kernel("grid", {53, 19, 2, 35, true, true, true, kLengths}, GC_BF16);
  check_kernel("grid", {33, 2, 2, 17, false, true, true, kLengths}, GC_BF16);
}

TEST_CASE("cuda lstm: a grid with fewer blocks than slices, which then take several each, around the ring") {
  const char* library = getenv("GATECELL_CUDA_LIBRARY");
  if (!library || !strstr(library, "emulator")) return;  // a GPU has as many as it has
  setenv("GATECELL_EMULATOR_MULTIPROCESSORS", "5", 1);
  check_kernel("grid", {40, 64, 2, 20, false, true, true, kLengths}, GC_BF16);
  check_kernel("grid", {36, 33, 2, 17, true, true, true, kPlain}, GC_TF32);
  unsetenv("GATECELL_EMULATOR_MULTIPROCESSORS");
}

TEST_CASE("cuda lstm: what stands in the padding reaches nothing, and a length out of range ends the run") {
  for (const char* kernel : {"steps", "cluster"}) {
    const Named named(kernel);
    const Shape s = {5, 4, 3, 20, true, true, true, kLengths};
    Reference r = make(s, 30);
    r.lengths = {3, 5, 0, 1};
    Run clean(s, r, targets_for(s, 31), 1, GC_TF32, GC_GRADIENT, true, GC_CUDA);
    for (int64_t row = 0; row < s.T * s.B; ++row)
      for (int64_t i = 0; i < s.I && row / s.B >= r.lengths[static_cast<size_t>(row % s.B)]; ++i)
        r.x[static_cast<size_t>(row * s.I + i)] = NAN;
    Run spoiled(s, r, targets_for(s, 31), 1, GC_TF32, GC_GRADIENT, true, GC_CUDA);
    CHECK(difference(spoiled.graph.value(spoiled.y), clean.graph.value(clean.y)) == "");
    CHECK(difference(spoiled.graph.grad(spoiled.w_ih), clean.graph.grad(clean.w_ih)) == "");
    CHECK(difference(spoiled.graph.grad(spoiled.x), clean.graph.grad(clean.x)) == "");
    for (int32_t bad : {-1, 6}) {
      spoiled.graph.id_data(spoiled.lengths)[1] = bad;
      CHECK(gc_plan_run(spoiled.graph.plan(), GC_GRADIENT) == GC_OUT_OF_RANGE);
      CHECK(std::string(gc_last_error()) ==
            "lstm: expected lengths from 0 to 5, got " + std::to_string(bad) + " for row 1");
    }
  }
}

TEST_CASE("cuda lstm directions: both in the time of the first, the processor's bits") {
  for (bool has_lengths : {false, true}) {
    for (gc_opcode opcode : {GC_OP_LSTM, GC_OP_GRU}) {
      std::vector<Floats> sides[2];
      for (int side = 0; side < 2; ++side) {
        Random random(28);
        const int32_t T = 5, B = 6, I = 7, H = 20, gates = opcode == GC_OP_LSTM ? 4 : 3;
        Graph g;
        g.device = side == 0 ? GC_CPU : GC_CUDA;
        const int x = g.param({T * B * I}, random.floats(T * B * I, 2)), none = Graph::none;
        const int x3 = g.op(GC_OP_RESHAPE, {x}, {T, B, I});
        const int lengths = has_lengths ? g.ids({B}, {3, 5, 0, 1, 5, 4}) : none;
        std::vector<int> parameters = {x}, parts, results;
        for (double reverse : {0.0, 1.0}) {
          for (const Dims& dims : {Dims{gates * H, I}, Dims{gates * H, H}, Dims{gates * H}, Dims{H}})
            parameters.push_back(g.param(dims, random.floats(count_of(dims), 0.3)));
          const int* p = &parameters[parameters.size() - 4];
          const int y = g.host({T, B, H}), hT = g.host({B, H});
          g.record(opcode, {x3, p[0], p[1], p[2], none, p[3], none, lengths}, {y, hT}, {reverse, 0.2, 0, 0, reverse});
          parts.push_back(y);
          for (int id : {y, hT}) results.push_back(id);
        }
        const int wide = g.op(GC_OP_CONCAT, parts, {T, B, 2 * H});
        const int loss = g.out(GC_OP_MEAN_SQUARE, {wide, g.host({T, B, 2 * H}, random.floats(T * B * 2 * H))}, {2});
        g.compile(loss);
        if (side == 1)
          CHECK(std::string(gc_plan_explain(g.plan())).find("side by side with the other direction") !=
                std::string::npos);
        for (gc_mode mode : {GC_FORWARD, GC_GRADIENT}) {
          g.run(mode);
          for (int id : results) sides[side].push_back(g.value(id));
        }
        g.fetch();
        for (int id : parameters) sides[side].push_back(g.grad(id));
      }
      for (size_t i = 0; i < sides[0].size(); ++i) CHECK(difference(sides[1][i], sides[0][i]) == "");
    }
  }
}

TEST_CASE("cuda lstm: a block of the grid that never runs ends the run with an error, and the next run is whole") {
  const char* library = getenv("GATECELL_CUDA_LIBRARY");
  if (!library || !strstr(library, "emulator")) return;  // a GPU has room for all
  const Named named("grid");
  const Shape s = {4, 18, 3, 40, false, true, true, kPlain};
  Reference r = make(s, 33);
  for (bool trained : {false, true}) {
    const gc_mode mode = trained ? GC_GRADIENT : GC_FORWARD;
    Run run(s, r, targets_for(s, 34), 1, GC_BF16, mode, trained, GC_CUDA);
    const Floats y = run.graph.value(run.y);
    setenv("GATECELL_EMULATOR_ABSENT", "1", 1);
    CHECK(gc_plan_run(run.graph.plan(), mode) == GC_UNSUPPORTED);
    CHECK(std::string(gc_last_error()).find("one waited too long at step 1") != std::string::npos);
    unsetenv("GATECELL_EMULATOR_ABSENT");
    run.graph.run(mode);
    CHECK(difference(run.graph.value(run.y), y) == "");
  }
}

TEST_CASE(
    "cuda lstm: a cluster that the device refuses is left out of the choice, with its reason in the explanation") {
  const char* library = getenv("GATECELL_CUDA_LIBRARY");
  if (!library || !strstr(library, "emulator")) return;  // a GPU refuses as it likes
  const Named named("fastest");
  const Shape s = {1, 2, 3, 250, false, true, true, kPlain};
  Reference r = make(s, 35);
  r.forward();
  const auto explained = [&] {
    Run run(s, r, targets_for(s, 36), 1, GC_BF16, GC_FORWARD, false, GC_CUDA);
    CHECK(error(run.graph.value(run.y), r.y) < 4e-2);
    return std::string(gc_plan_explain(run.graph.plan()));
  };
  const auto says = [](const std::string& text, const char* what) { return text.find(what) != std::string::npos; };
  const std::string whole = explained();
  for (const char* kernel : {"steps_us", "cluster_us", "cluster16_us", "grid_us", "chosen"}) {
    INFO(whole);
    CHECK(says(whole, kernel));
  }
  setenv("GATECELL_EMULATOR_CLUSTER", "8", 1);
  CHECK(says(explained(), "\"cluster16\":\"the device has no room for 16 blocks"));
  unsetenv("GATECELL_EMULATOR_CLUSTER");
  setenv("GATECELL_EMULATOR_REFUSED", "16", 1);
  const std::string refused = explained();
  CHECK(says(refused, "\"cluster16\":\"the emulator was told to refuse clusters of 16 blocks\""));
  CHECK(says(refused, "\"cluster_us\""));
  unsetenv("GATECELL_EMULATOR_REFUSED");
}
