// lstm_lab.h: the LSTM op with any set of its variants, and the reference with the same contents.
#pragma once
#include "core/philox.h"
#include "forms.h"
#include "lab.h"
#include "ops/lstm_reference.h"

namespace lab {
using Reference = gatecell::reference::Lstm<float>;
using Exact = gatecell::reference::Lstm<double>;

enum Variant {
  kPlain = 0,
  kLengths = 1,
  kPeepholes = 2,
  kLearned = 4,
  kDropout = 8,
  kZoneout = 16,
  kProjection = 32,
  kNorm = 64
};
struct Shape {
  int32_t T, B, I, H;
  bool reverse = false, biases = true, states = true;
  int variant = kPlain;
  int form = -1;  // of some_forms(); -1: the cell's own

  bool has(Variant v) const { return (variant & v) != 0; }
  int32_t R() const { return has(kProjection) ? H / 2 + 1 : H; }
};
constexpr double kDrop = 0.3, kZoneC = 0.25, kZoneH = 0.1, kStream = 3, kSeed = 8, kStep = 21;

inline std::string text(const Shape& s) {
  std::string t = "T " + std::to_string(s.T) + " B " + std::to_string(s.B) + " I " + std::to_string(s.I) + " H " +
                  std::to_string(s.H) + (s.reverse ? " reverse" : "") + (s.biases ? " biases" : "") +
                  (s.states ? " states" : "");
  const char* names[] = {" lengths", " peepholes", " learned", " dropout", " zoneout", " projection", " normalisation"};
  for (int i = 0; i < 7; ++i) t += s.variant >> i & 1 ? names[i] : "";
  if (s.form >= 0) t += " form " + std::to_string(s.form);
  return t;
}

// The masks by the definition in philox.h: word u % 4 of block u / 4 of a row, with rows rounded up to whole blocks.
inline Floats mask_of(gatecell::Draw use, int64_t rows, int64_t width, double p, float hit, float miss) {
  const gatecell::Draws draws(static_cast<uint64_t>(kSeed), static_cast<uint64_t>(kStream),
                              static_cast<uint64_t>(kStep), use);
  Floats mask;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t u = 0; u < width; ++u) {
      const auto block = static_cast<uint64_t>(row * ((width + 3) / 4) + u / 4);
      mask.push_back(draws.block(block).word[u % 4] < static_cast<uint32_t>(p * 4294967296.0) ? hit : miss);
    }
  return mask;
}

// A reference with random contents; gradients of y, hT and cT as the graph below makes them.
inline Reference make(const Shape& s, uint64_t seed, bool training = true) {
  Random random(seed);
  const double k = 1 / std::sqrt(static_cast<double>(s.H));
  Reference r;
  r.T = s.T, r.B = s.B, r.I = s.I, r.H = s.H, r.reverse = s.reverse;
  r.R = s.has(kProjection) ? s.R() : 0;
  if (s.form >= 0) r.form = some_forms()[static_cast<size_t>(s.form)];
  r.x = random.floats(int64_t{s.T} * s.B * s.I, 2);
  r.w_ih = random.floats(int64_t{4} * s.H * s.I, k);
  r.w_hh = random.floats(int64_t{4} * s.H * s.R(), k);
  if (s.biases) r.b_ih = random.floats(4 * s.H, k), r.b_hh = random.floats(4 * s.H, k);
  const int64_t rows = s.has(kLearned) ? 1 : s.B;
  if (s.states) r.h0 = random.floats(rows * s.R()), r.c0 = random.floats(rows * s.H, 2);
  if (s.has(kLengths)) {
    r.lengths = random.ids(s.B, 0, s.T + 1);
    r.lengths[static_cast<size_t>(random.below(s.B))] = random.below(4) ? s.T : 0;
  }
  if (s.has(kPeepholes)) r.peephole = random.floats(3 * s.H, 1);
  if (s.has(kProjection)) r.w_hr = random.floats(int64_t{s.R()} * s.H, k);
  if (s.has(kNorm)) {
    for (Floats* gain : {&r.gain_ih, &r.gain_hh})
      for (float& g : * gain = random.floats(4 * s.H, 0.5)) g += 1;
    for (float& g : r.gain_c = random.floats(s.H, 0.5)) g += 1;
    r.bias_c = random.floats(s.H, 0.5);
  }
  if (s.has(kDropout) && training)
    r.mask = mask_of(gatecell::Draw::kMask, s.B, s.R(), kDrop, 0, static_cast<float>(1 / (1 - kDrop)));
  if (s.has(kZoneout)) {
    const int64_t places = int64_t{s.T} * s.B;
    r.zone_c = training ? mask_of(gatecell::Draw::kZoneoutCell, places, s.H, kZoneC, 1, 0)
                        : Floats(static_cast<size_t>(places * s.H), static_cast<float>(kZoneC));
    r.zone_h = training ? mask_of(gatecell::Draw::kZoneoutState, places, s.H, kZoneH, 1, 0)
                        : Floats(static_cast<size_t>(places * s.H), static_cast<float>(kZoneH));
  }
  return r;
}

// x, h0 and c0 come from rank-1 parameters by reshape, so that their gradients land where a test can see them. The loss is the mean
// square of [y; hT; cT] flattened to one row, against a target: with n elements the gradient of each is 2 (value - target) / n.
struct Run {
  Graph graph;
  int x, w_ih, w_hh, b_ih = Graph::none, b_hh = Graph::none, h0 = Graph::none, c0 = Graph::none, lengths = Graph::none,
                     peephole = Graph::none, w_hr = Graph::none, norm[4] = {-1, -1, -1, -1}, y, hT, cT, all, target,
                     loss;
  int32_t sequence, h_state, c_state;

  // Without `trains` the plan has no backward pass and runs as GC_FORWARD.
  Run(const Shape& s, const Reference& r, const Floats& targets, int32_t threads, int32_t precision = GC_FLOAT,
      gc_mode mode = GC_GRADIENT, bool trains = true, int32_t device = GC_CPU)
      : sequence(s.T * s.B * s.R()), h_state(s.B * s.R()), c_state(s.B * s.H) {
    graph.threads = threads;
    graph.precision = precision;
    graph.device = device;
    graph.control[GC_C_SEED] = kSeed, graph.control[GC_C_STEP] = kStep;
    const auto shaped = [&](int flat, const Dims& dims) { return graph.op(GC_OP_RESHAPE, {flat}, dims); };
    x = graph.param({s.T * s.B * s.I}, r.x);
    w_ih = graph.param({4 * s.H, s.I}, r.w_ih);
    w_hh = graph.param({4 * s.H, s.R()}, r.w_hh);
    if (s.biases) b_ih = graph.param({4 * s.H}, r.b_ih), b_hh = graph.param({4 * s.H}, r.b_hh);
    const bool learned = s.has(kLearned);
    if (s.states)
      h0 = graph.param({learned ? s.R() : h_state}, r.h0), c0 = graph.param({learned ? s.H : c_state}, r.c0);
    const int x3 = shaped(x, {s.T, s.B, s.I});
    const int h2 = s.states && !learned ? shaped(h0, {s.B, s.R()}) : h0,
              c2 = s.states && !learned ? shaped(c0, {s.B, s.H}) : c0;
    if (s.has(kLengths)) lengths = graph.ids({s.B}, r.lengths);
    if (s.has(kPeepholes)) peephole = graph.param({3 * s.H}, r.peephole);
    if (s.has(kProjection)) w_hr = graph.param({s.R(), s.H}, r.w_hr);
    if (s.has(kNorm)) {
      norm[0] = graph.param({4 * s.H}, r.gain_ih), norm[1] = graph.param({4 * s.H}, r.gain_hh);
      norm[2] = graph.param({s.H}, r.gain_c), norm[3] = graph.param({s.H}, r.bias_c);
    }
    y = graph.host({s.T, s.B, s.R()}), hT = graph.host({s.B, s.R()}), cT = graph.host({s.B, s.H});
    Doubles attributes = {s.reverse ? 1.0 : 0.0, s.has(kDropout) ? kDrop : 0, s.has(kZoneout) ? kZoneC : 0,
                          s.has(kZoneout) ? kZoneH : 0, kStream};
    const Doubles more = form_attributes(r.form, 3);
    if (s.form >= 0) attributes.insert(attributes.end(), more.begin(), more.end());
    graph.record(GC_OP_LSTM,
                 {x3, w_ih, w_hh, b_ih, b_hh, h2, c2, lengths, peephole, w_hr, norm[0], norm[1], norm[2], norm[3]},
                 {y, hT, cT}, attributes);
    const int n = sequence + h_state + c_state;
    all = graph.op(GC_OP_CONCAT, {shaped(y, {sequence}), shaped(hT, {h_state}), shaped(cT, {c_state})}, {n});
    target = graph.host({n}, targets);
    loss = graph.out(GC_OP_MEAN_SQUARE, {all, target}, {2});
    graph.compile(trains ? loss : Graph::none);
    graph.run(mode);
    if (device != GC_CPU) graph.fetch();
  }
};

inline Floats targets_for(const Shape& s, uint64_t seed) {
  return Random(seed).floats(int64_t{s.T} * s.B * s.R() + int64_t{s.B} * (s.R() + s.H));
}

// The engine's own rounding of the loss gradient: s * (a - b) with s = 2 / n in float.
template <class Real>
void set_gradients(gatecell::reference::Lstm<Real>& r, const Floats& targets) {
  const size_t sequence = r.y.size(), state = r.hT.size(), cells = r.cT.size();
  const Real scale = static_cast<Real>(2.0 / static_cast<double>(targets.size()));
  const auto d = [&](Real value, size_t i) { return scale * (value - static_cast<Real>(targets[i])); };
  r.dy.resize(sequence), r.dhT.resize(state), r.dcT.resize(cells);
  for (size_t i = 0; i < sequence; ++i) r.dy[i] = d(r.y[i], i);
  for (size_t i = 0; i < state; ++i) r.dhT[i] = d(r.hT[i], sequence + i);
  for (size_t i = 0; i < cells; ++i) r.dcT[i] = d(r.cT[i], sequence + state + i);
}

inline Exact widened(const Reference& r) {
  Exact e;
  e.T = r.T, e.B = r.B, e.I = r.I, e.H = r.H, e.R = r.R, e.reverse = r.reverse, e.lengths = r.lengths, e.form = r.form;
  e.gain_ih = widen(r.gain_ih), e.gain_hh = widen(r.gain_hh), e.gain_c = widen(r.gain_c), e.bias_c = widen(r.bias_c);
  e.peephole = widen(r.peephole), e.w_hr = widen(r.w_hr), e.mask = widen(r.mask), e.zone_c = widen(r.zone_c),
  e.zone_h = widen(r.zone_h);
  e.x = widen(r.x), e.w_ih = widen(r.w_ih), e.w_hh = widen(r.w_hh), e.b_ih = widen(r.b_ih), e.b_hh = widen(r.b_hh),
  e.h0 = widen(r.h0), e.c0 = widen(r.c0);
  return e;
}

// Calls see(name, engine's values, member of the reference) for every result and gradient.
template <class Real, class F>
void each_result(Run& run, const gatecell::reference::Lstm<Real>& r, const Shape& s, F see) {
  see("y", run.graph.value(run.y), r.y);
  see("hT", run.graph.value(run.hT), r.hT);
  see("cT", run.graph.value(run.cT), r.cT);
  see("dx", run.graph.grad(run.x), r.dx);
  see("dw_ih", run.graph.grad(run.w_ih), r.dw_ih);
  see("dw_hh", run.graph.grad(run.w_hh), r.dw_hh);
  if (s.biases) see("db_ih", run.graph.grad(run.b_ih), r.db), see("db_hh", run.graph.grad(run.b_hh), r.db);
  if (s.states) see("dh0", run.graph.grad(run.h0), r.dh0), see("dc0", run.graph.grad(run.c0), r.dc0);
  if (s.has(kPeepholes)) see("dpeephole", run.graph.grad(run.peephole), r.dpeephole);
  if (s.has(kNorm)) {
    see("dgain_ih", run.graph.grad(run.norm[0]), r.dgain_ih), see("dgain_hh", run.graph.grad(run.norm[1]), r.dgain_hh);
    see("dgain_c", run.graph.grad(run.norm[2]), r.dgain_c), see("dbias_c", run.graph.grad(run.norm[3]), r.dbias_c);
  }
  if (s.has(kProjection)) see("dw_hr", run.graph.grad(run.w_hr), r.dw_hr);
}

inline void check_bits(const Shape& s, std::initializer_list<int32_t> teams) {
  Reference reference = make(s, 11);
  const Floats targets = targets_for(s, 12);
  reference.forward();
  set_gradients(reference, targets);
  reference.backward();
  for (int32_t threads : teams) {
    Run run(s, reference, targets, threads);
    each_result(run, reference, s, [&](const char* name, const Floats& got, const Floats& expected) {
      const std::string wrong = difference(got, expected);
      if (!wrong.empty()) FAIL_CHECK(text(s) << ", " << threads << " threads, " << name << ": " << wrong);
    });
  }
  CHECK(!reference.y.empty());
}

// Returns every set of variants that may be combined.
inline std::vector<int> variant_sets() {
  std::vector<int> sets;
  for (int v = 1; v < 128; ++v) {
    const bool zoneout = v & kZoneout, peepholes = v & kPeepholes;
    if (!(zoneout && (peepholes || v & kProjection)) && !(v & kNorm && (zoneout || peepholes))) sets.push_back(v);
  }
  return sets;
}

// Returns shapes with each form, plain and with variants that go together with it.
inline std::vector<Shape> form_shapes(int32_t T, int32_t B, int32_t I, int32_t H) {
  const int with[] = {kLengths | kPeepholes, kProjection | kDropout, kLengths | kLearned, kPeepholes | kProjection};
  std::vector<Shape> shapes;
  for (int form = 0; form < static_cast<int>(some_forms().size()); ++form) {
    shapes.push_back({T, B, I, H, false, true, true, kPlain, form});
    shapes.push_back({T, B, I, H, form % 2 == 0, true, true, with[form % 4], form});
  }
  return shapes;
}
}  // namespace lab
