// Random draws: the published vectors of Philox, and the masks of dropout.
#include <algorithm>
#include <array>

#include "core/philox.h"
#include "lab.h"

using namespace lab;
using gatecell::Draw;
using gatecell::Draws;
using gatecell::philox4x32;

namespace {
std::array<uint32_t, 4> words(const gatecell::PhiloxBlock& b) { return {b.word[0], b.word[1], b.word[2], b.word[3]}; }

}  // namespace

TEST_CASE("Philox4x32-10: the vectors of Random123") {
  CHECK(words(philox4x32({{0, 0, 0, 0}}, 0, 0)) ==
        std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const uint32_t f = 0xffffffff;
  CHECK(words(philox4x32({{f, f, f, f}}, f, f)) ==
        std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(words(philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0)) ==
        std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("draws of another seed, stream, step, use or block differ") {
  const auto draw = [](uint64_t seed, uint64_t stream, uint64_t step, Draw use, uint64_t block) {
    return words(Draws(seed, stream, step, use).block(block));
  };
  const uint64_t high = uint64_t{1} << 40;
  std::vector<std::array<uint32_t, 4>> all = {
      draw(1, 2, 3, Draw::kMask, 4),           draw(2, 2, 3, Draw::kMask, 4),
      draw(1, 3, 3, Draw::kMask, 4),           draw(1, 2, 4, Draw::kMask, 4),
      draw(1, 2, 3, Draw::kSample, 4),         draw(1, 2, 3, Draw::kMask, 5),
      draw(1 + high, 2, 3, Draw::kMask, 4),    draw(1, 2, 3 + high, Draw::kMask, 4),
      draw(1, 2, 3, Draw::kMask, 4 + high / 4)};
  std::sort(all.begin(), all.end());
  CHECK(std::unique(all.begin(), all.end()) == all.end());
}

namespace {
// y = dropout(x) with x all `value`; the loss makes the gradient of y equal to y, so that dx / scale shows the mask again.
struct Dropout {
  Graph g;
  int w, y, loss;
  Dropout(const Dims& dims, double p, bool variational, double stream, int32_t threads = 1, float value = 1) {
    g.threads = threads;
    const auto n = static_cast<int32_t>(count_of(dims));
    w = g.param({n}, Floats(static_cast<size_t>(n), value));
    y = g.out(GC_OP_DROPOUT, {g.op(GC_OP_RESHAPE, {w}, dims)}, dims, {p, variational ? 1.0 : 0.0, stream});
    loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host(dims)}, {2});
    g.compile(loss);
  }
  Floats mask(double seed, double step) {
    g.control[GC_C_SEED] = seed, g.control[GC_C_STEP] = step;
    g.run(GC_GRADIENT);
    return g.value(y);
  }
};
}  // namespace

TEST_CASE("dropout: zero or 1 / (1 - p), at the stated rate, and the gradient through the same mask") {
  for (double p : {0.1, 0.25, 0.5, 0.9}) {
    Dropout d({40, 10, 33}, p, false, 1);
    const Floats y = d.mask(7, 0), dx = d.g.grad(d.w);
    const float scale = static_cast<float>(1 / (1 - p));
    double kept = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      CHECK((y[i] == 0 || y[i] == scale));
      CHECK((y[i] == 0) == (dx[i] == 0));
      kept += y[i] != 0;
    }
    const double n = static_cast<double>(y.size());
    CHECK(std::fabs(kept - n * (1 - p)) < 4 * std::sqrt(n * p * (1 - p)));
  }
}

TEST_CASE("dropout: off in a forward run and for p = 0") {
  Dropout d({3, 5}, 0.5, false, 1);
  d.g.run(GC_FORWARD);
  CHECK(d.g.value(d.y) == Floats(15, 1));
  Dropout none({3, 5}, 0, false, 1);
  CHECK(none.mask(1, 1) == Floats(15, 1));
  CHECK(none.g.grad(none.w)[14] == doctest::Approx(2.0 / 15));
}

TEST_CASE("dropout: the mask is a function of seed, stream, step and element only") {
  Dropout d({7, 5, 33}, 0.3, false, 3), other({7, 5, 33}, 0.3, false, 4), flat({7 * 5 * 33}, 0.3, false, 3);
  const Floats first = d.mask(1, 10);
  CHECK(difference(d.mask(1, 10), first) == "");
  CHECK(difference(d.mask(1, 11), first) != "");
  CHECK(difference(d.mask(2, 10), first) != "");
  CHECK(difference(d.mask(1, 10), first) == "");
  CHECK(difference(other.mask(1, 10), first) != "");
  CHECK(difference(flat.mask(1, 10), first) == "");
  const Draws draws(1, 3, 10, Draw::kMask);
  for (size_t e = 0; e < first.size(); ++e)
    CHECK((first[e] != 0) == (draws.block(e / 4).word[e % 4] >= static_cast<uint32_t>(0.3 * 4294967296.0)));
}

TEST_CASE("dropout: a variational mask repeats over dimension 0, and an ordinary one does not") {
  for (bool variational : {true, false}) {
    Dropout d({6, 4, 33}, 0.5, variational, 1);
    const Floats y = d.mask(1, 1);
    bool repeats = true;
    for (size_t i = 0; i < y.size(); ++i) repeats = repeats && y[i] == y[i % (4 * 33)];
    CHECK(repeats == variational);
    const Floats first(y.begin(), y.begin() + 4 * 33);
    CHECK(std::count(first.begin(), first.end(), 0.0f) > 30);
  }
}

TEST_CASE("dropout: a dropped infinity is gone") {
  Dropout d({100}, 0.5, false, 1, 1, HUGE_VALF);
  for (float y : d.mask(1, 1)) CHECK((y == 0 || y == HUGE_VALF));
}

TEST_SUITE("threads") {
  TEST_CASE("dropout: masks do not depend on threads") {
    for (bool variational : {false, true}) {
      Dropout one({31, 43, 211}, 0.4, variational, 1, 1);
      const Floats expected = one.mask(3, 4);
      for (int32_t threads : {2, 3}) {
        Dropout team({31, 43, 211}, 0.4, variational, 1, threads);
        CHECK(difference(team.mask(3, 4), expected) == "");
        CHECK(difference(team.g.grad(team.w), one.g.grad(one.w)) == "");
      }
    }
  }
}
