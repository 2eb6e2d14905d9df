// The variants of the LSTM op: lengths, peepholes, learned initial states, dropout, zoneout and output projection, in every set that
// goes together: the bits of the float reference; and what each of them promises.
#include "lstm_lab.h"

using namespace lab;

TEST_CASE("lstm variants on threads: the bits of the float reference in every combination") {
  for (int variant : variant_sets()) {
    check_bits({5, 4, 3, 6, false, true, true, variant}, {1, 2, 3});
    check_bits({4, 7, 5, 20, true, variant % 2 == 0, variant % 3 != 0, variant}, {1, 2});
    check_bits({3, 20, 4, 37, variant % 5 < 2, true, true, variant}, {2, 3});
  }
  for (int variant : std::vector<int>{kNorm, kLengths | kNorm, kLengths, kLengths | kDropout, kLengths | kZoneout,
                                      kLengths | kPeepholes})
    check_bits({9, 33, 40, 70, true, true, true, variant}, {1, 2, 4});
  for (int variant : std::vector<int>{kLengths, kPeepholes, kZoneout, kDropout})
    check_bits({7, 3, 40, 130, false, true, true, variant}, {4});
}

TEST_CASE("lstm forms on threads: the bits of the float reference, forward only as well") {
  for (const Shape& s : form_shapes(4, 7, 5, 20)) check_bits(s, {1, 2});
  for (const Shape& s : form_shapes(3, 2, 4, 70)) check_bits(s, {3});
  for (const Shape& s : form_shapes(150, 5, 4, 20)) {
    Reference r = make(s, 24, false);
    r.forward();
    Run run(s, r, targets_for(s, 25), 2, GC_FLOAT, GC_FORWARD, false);
    CHECK(difference(run.graph.value(run.y), r.y) == "");
    CHECK(difference(run.graph.value(run.cT), r.cT) == "");
  }
}

TEST_CASE("lstm: zoneout is its expectation and dropout the identity outside training") {
  for (int variant : std::vector<int>{kZoneout, kDropout, kZoneout | kDropout | kLengths}) {
    const Shape s = {6, 5, 7, 20, true, true, true, variant};
    Reference r = make(s, 19, false);
    r.forward();
    Run run(s, r, targets_for(s, 20), 2, GC_FLOAT, GC_FORWARD);
    CHECK(difference(run.graph.value(run.y), r.y) == "");
    CHECK(difference(run.graph.value(run.cT), r.cT) == "");
  }
}

TEST_CASE("lstm variants without a backward pass: the bits of the float reference over several chunks of steps") {
  for (int variant : variant_sets()) {
    const Shape s = {150, 5, 4, 20, variant % 2 == 0, true, true, variant};
    Reference r = make(s, 24, false);
    r.forward();
    for (int32_t threads : {1, 2, 3}) {
      CAPTURE(variant);
      CAPTURE(threads);
      Run run(s, r, targets_for(s, 25), threads, GC_FLOAT, GC_FORWARD, false);
      CHECK(difference(run.graph.value(run.y), r.y) == "");
      CHECK(difference(run.graph.value(run.hT), r.hT) == "");
      CHECK(difference(run.graph.value(run.cT), r.cT) == "");
    }
  }
}

TEST_CASE("lstm: a padded row gives the bits of the row by itself, for any values in the padding") {
  for (bool reverse : {false, true}) {
    const Shape s = {9, 6, 5, 21, reverse, true, true, kLengths};
    Reference r = make(s, 22);
    r.lengths = {3, 9, 0, 1, 9, 4};
    Run all(s, r, targets_for(s, 23), 2);
    const Floats y = all.graph.value(all.y), hT = all.graph.value(all.hT), cT = all.graph.value(all.cT),
                 dx = all.graph.grad(all.x);
    Reference other = r;  // other values in the padding
    for (int64_t t = 0; t < s.T; ++t)
      for (int64_t b = 0; b < s.B; ++b)
        for (int64_t i = 0; i < s.I && t >= r.lengths[static_cast<size_t>(b)]; ++i)
          other.x[static_cast<size_t>((t * s.B + b) * s.I + i)] = NAN;
    Run spoiled(s, other, targets_for(s, 23), 2);
    CHECK(difference(spoiled.graph.value(spoiled.y), y) == "");
    CHECK(difference(spoiled.graph.grad(spoiled.w_ih), all.graph.grad(all.w_ih)) == "");
    const auto part = [](const Floats& from, int64_t at, int64_t n) {
      return Floats(from.begin() + at, from.begin() + at + n);
    };
    for (int64_t b = 0; b < s.B; ++b) {
      const int32_t n = r.lengths[static_cast<size_t>(b)];
      for (int64_t t = n; t < s.T; ++t) CHECK(part(y, (t * s.B + b) * s.H, s.H) == Floats(21, 0));
      for (int64_t t = n; t < s.T; ++t) CHECK(part(dx, (t * s.B + b) * s.I, s.I) == Floats(5, 0));
      if (n == 0) CHECK(part(hT, b * s.H, s.H) == part(r.h0, b * s.H, s.H));
      if (n == 0) continue;
      const Shape one = {n, 1, s.I, s.H, reverse};
      Reference alone = r;
      alone.T = n, alone.B = 1, alone.lengths = {};
      alone.h0 = part(r.h0, b * s.H, s.H), alone.c0 = part(r.c0, b * s.H, s.H), alone.x = {};
      for (int64_t t = 0; t < n; ++t)
        for (float v : part(r.x, (t * s.B + b) * s.I, s.I)) alone.x.push_back(v);
      Run single(one, alone, targets_for(one, 24), 1);
      for (int64_t t = 0; t < n; ++t)
        CHECK(difference(part(single.graph.value(single.y), t * s.H, s.H), part(y, (t * s.B + b) * s.H, s.H)) == "");
      CHECK(difference(single.graph.value(single.hT), part(hT, b * s.H, s.H)) == "");
      CHECK(difference(single.graph.value(single.cT), part(cT, b * s.H, s.H)) == "");
    }
  }
}

TEST_CASE("lstm: all lengths zero give zeros, and a length out of range ends the run") {
  const Shape s = {3, 2, 4, 5, false, true, true, kLengths};
  Reference r = make(s, 25);
  r.lengths = {0, 0};
  Run run(s, r, targets_for(s, 26), 2);
  CHECK(run.graph.value(run.y) == Floats(30, 0));
  CHECK(run.graph.value(run.cT) == r.c0);
  CHECK(run.graph.grad(run.w_ih) == Floats(80, 0));
  CHECK(run.graph.grad(run.w_hh) == Floats(100, 0));
  CHECK(run.graph.grad(run.b_ih) == Floats(20, 0));
  for (int32_t bad : {-1, 4}) {
    run.graph.id_data(run.lengths)[1] = bad;
    CHECK(gc_plan_run(run.graph.plan(), GC_GRADIENT) == GC_OUT_OF_RANGE);
  }
}

TEST_CASE("lstm: variants that do not go together are refused") {
  const auto refused = [](int variant, int32_t precision, const Doubles& more = {}) {
    const Shape s = {2, 2, 3, 4, false, true, false, variant};
    const Reference r = make(s, 27);
    Graph g;
    g.precision = precision;
    const int none = Graph::none;
    const int x = g.host({2, 2, 3}, r.x), w = g.param({16, 3}, r.w_ih), u = g.param({16, s.R()}, r.w_hh);
    const int peephole = s.has(kPeepholes) ? g.param({12}, r.peephole) : none;
    const int w_hr = s.has(kProjection) ? g.param({s.R(), 4}, r.w_hr) : none;
    const int y = g.host({2, 2, s.R()});
    const bool norms = s.has(kNorm);
    const int a = norms ? g.param({16}, r.gain_ih) : none, b = norms ? g.param({16}, r.gain_hh) : none;
    const int c = norms ? g.param({4}, r.gain_c) : none, d = norms ? g.param({4}, r.bias_c) : none;
    Doubles attributes = {0, 0, s.has(kZoneout) ? 0.1 : 0, 0, 0};
    attributes.insert(attributes.end(), more.begin(), more.end());
    g.record(GC_OP_LSTM, {x, w, u, none, none, none, none, none, peephole, w_hr, a, b, c, d}, {y}, attributes);
    return g.try_compile();
  };
  CHECK(refused(kZoneout | kPeepholes, GC_FLOAT) == GC_UNSUPPORTED);
  CHECK(refused(kZoneout | kProjection, GC_FLOAT) == GC_UNSUPPORTED);
  CHECK(refused(kNorm | kPeepholes, GC_FLOAT) == GC_UNSUPPORTED);
  CHECK(refused(kNorm | kZoneout, GC_FLOAT) == GC_UNSUPPORTED);
  CHECK(refused(kNorm, GC_BF16) == GC_UNSUPPORTED);
  CHECK(refused(kNorm, GC_INT8) == GC_UNSUPPORTED);
  CHECK(refused(kNorm | kProjection, GC_FLOAT) == GC_OK);
  CHECK(refused(kProjection, GC_INT8) == GC_UNSUPPORTED);
  CHECK(refused(kProjection, GC_BF16) == GC_OK);
  CHECK(refused(kPeepholes, GC_INT8) == GC_OK);
  for (const Doubles& form : {Doubles{0.5}, Doubles{0, 1}, Doubles{0, 0, GC_ACTIVATION_RELU}}) {
    CHECK(refused(kPeepholes | kProjection, GC_FLOAT, form) == GC_OK);
    CHECK(refused(kPlain, GC_BF16, form) == GC_OK);
    CHECK(refused(kPlain, GC_INT8, form) == GC_UNSUPPORTED);
    CHECK(refused(kZoneout, GC_FLOAT, form) == GC_UNSUPPORTED);
    CHECK(refused(kNorm, GC_FLOAT, form) == GC_UNSUPPORTED);
  }
  CHECK(refused(kZoneout, GC_FLOAT, {0, 0, GC_ACTIVATION_SIGMOID, 0, 0, GC_ACTIVATION_TANH}) == GC_OK);
  for (const Doubles& form :
       {Doubles{-1}, Doubles{NAN}, Doubles{HUGE_VAL}, Doubles{0, 2}, Doubles{0, 0.5}, Doubles{0, 0, 12},
        Doubles{0, 0, 1.5}, Doubles{0, 0, -1}, Doubles{0, 0, GC_ACTIVATION_AFFINE, HUGE_VAL},
        Doubles{0, 0, GC_ACTIVATION_AFFINE, 1, NAN}})
    CHECK(refused(kPlain, GC_FLOAT, form) == GC_INVALID_ARGUMENT);
}

TEST_CASE("lstm directions on threads: side by side they give the bits of one thread") {
  const auto both = [](int32_t threads, bool has_lengths, int32_t precision) {
    Random random(28);
    const int32_t T = 6, B = 7, I = 24, H = 40;
    Graph g;
    g.threads = threads, g.precision = precision;
    const int x = g.param({T * B * I}, random.floats(T * B * I, 2));
    const int x3 = g.op(GC_OP_RESHAPE, {x}, {T, B, I});
    const int lengths = has_lengths ? g.ids({B}, {3, 6, 0, 1, 6, 4, 2}) : Graph::none;
    std::vector<int> parameters = {x}, parts, results;
    for (double reverse : {0.0, 1.0}) {
      for (const Dims& dims : {Dims{4 * H, I}, Dims{4 * H, H}, Dims{4 * H}, Dims{H}})
        parameters.push_back(g.param(dims, random.floats(count_of(dims), 0.3)));
      const int* p = &parameters[parameters.size() - 4];
      const int y = g.host({T, B, H}), hT = g.host({B, H}), cT = g.host({B, H}), none = Graph::none;
      g.record(GC_OP_LSTM, {x3, p[0], p[1], p[2], none, p[3], none, lengths}, {y, hT, cT},
               {reverse, 0.2, 0, 0, reverse});
      parts.push_back(y);
      for (int id : {y, hT, cT}) results.push_back(id);
    }
    const int wide = g.op(GC_OP_CONCAT, parts, {T, B, 2 * H});
    const int loss = g.out(GC_OP_MEAN_SQUARE, {wide, g.host({T, B, 2 * H}, random.floats(T * B * 2 * H))}, {2});
    g.compile(loss);
    CHECK(g.plan()->nodes[1].partner == (threads > 1 ? 2 : -1));
    CHECK(g.plan()->nodes[2].partner == (threads > 1 ? 1 : -1));
    std::vector<Floats> all;
    for (gc_mode mode : {GC_FORWARD, GC_GRADIENT}) {
      g.run(mode);
      for (int id : results) all.push_back(g.value(id));
    }
    for (int id : parameters) all.push_back(g.grad(id));
    return all;
  };
  for (bool has_lengths : {false, true}) {
    for (int32_t precision : {GC_FLOAT, GC_BF16}) {
      const std::vector<Floats> one = both(1, has_lengths, precision);
      for (int32_t threads : {2, 3, 4}) {
        const std::vector<Floats> more = both(threads, has_lengths, precision);
        for (size_t i = 0; i < one.size(); ++i) CHECK(difference(more[i], one[i]) == "");
      }
    }
  }
}
