// Sampling: the distribution of the drawn ids under every setting, invalid settings, and loops that feed draws back.
#include <algorithm>

#include "core/philox.h"
#include "loops.h"

using namespace lab;
using gatecell::Draw;
using gatecell::Draws;

namespace {
// 99.99 % quantile of chi-square (Wilson and Hilferty 1931).
double chi_square_limit(double freedom) {
  const double a = 2 / (9 * freedom);
  return freedom * std::pow(1 - a + 3.719 * std::sqrt(a), 3);
}

struct Sampler {
  Graph g;
  int logits, control, out;
  int32_t rows;
  Sampler(const Floats& row, int32_t count, float temperature, float top_k, float top_p, double stream = 9)
      : rows(count) {
    Floats all;
    for (int32_t i = 0; i < count; ++i) all.insert(all.end(), row.begin(), row.end());
    logits = g.host({count, static_cast<int32_t>(row.size())}, all);
    control = g.host({4}, {temperature, top_k, top_p, 0});
    out = g.out(GC_OP_SAMPLE, {logits, control}, {count}, {stream}, GC_I32);
    g.compile();
  }
  Ids draw(double seed, double step) {
    g.control[GC_C_SEED] = seed, g.control[GC_C_STEP] = step;
    g.run();
    return g.id_value(out);
  }
};

// Reference distribution: softmax at the temperature over the ids that remain after top-k and then top-p.
Doubles distribution(const Floats& x, double temperature, size_t top_k, double top_p) {
  std::vector<size_t> order(x.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] > x[b]; });
  if (top_k > 0 && top_k < order.size()) order.resize(top_k);
  Doubles p(x.size(), 0);
  double total = 0, kept = 0;
  for (size_t i : order) total += std::exp(static_cast<double>(x[i]) / temperature);
  for (size_t i : order) {
    if (top_p > 0 && top_p < 1 && kept >= top_p * total) break;
    kept += p[i] = std::exp(static_cast<double>(x[i]) / temperature);
  }
  for (double& v : p) v /= kept;
  return p;
}
}  // namespace

TEST_CASE("sample: draws follow the softmax under every setting (chi-square, fixed seed)") {
  const Floats x = Random(41).floats(65, 3);
  struct Setting {
    float temperature, top_k, top_p;
  };
  for (const Setting& s :
       {Setting{1, 0, 1}, {0.5f, 0, 0}, {2, 0, 1}, {1, 5, 1}, {1, 0, 0.7f}, {0.8f, 20, 0.9f}, {1, 64, 1}, {1, 1, 1}}) {
    CAPTURE(s.temperature);
    CAPTURE(s.top_k);
    CAPTURE(s.top_p);
    const Doubles expected =
        distribution(x, static_cast<double>(s.temperature), static_cast<size_t>(s.top_k), static_cast<double>(s.top_p));
    Sampler sampler(x, 500, s.temperature, s.top_k, s.top_p);
    Doubles counts(x.size(), 0);
    const double draws = 40 * 500;
    for (int step = 0; step < 40; ++step)
      for (int32_t id : sampler.draw(77, step)) counts[static_cast<size_t>(id)] += 1;
    double chi = 0, freedom = -1, rare = 0, rare_expected = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (expected[i] == 0) CHECK(counts[i] == 0);
      if (expected[i] == 0) continue;
      if (expected[i] * draws < 5) {
        rare += counts[i], rare_expected += expected[i] * draws;
        continue;
      }
      chi += (counts[i] - expected[i] * draws) * (counts[i] - expected[i] * draws) / (expected[i] * draws);
      freedom += 1;
    }
    if (rare_expected > 0) chi += (rare - rare_expected) * (rare - rare_expected) / rare_expected, freedom += 1;
    if (freedom > 0) CHECK(chi < chi_square_limit(freedom));
  }
}

TEST_CASE("sample: a draw is a function of seed, stream, step and row") {
  const Floats x(100, 0);
  Sampler a(x, 64, 1, 0, 1), b(x, 64, 1, 0, 1), other(x, 64, 1, 0, 1, 10), fewer(x, 10, 1, 0, 1);
  const Ids first = a.draw(1, 5);
  CHECK(b.draw(1, 5) == first);
  CHECK(a.draw(1, 6) != first);
  CHECK(a.draw(2, 5) != first);
  CHECK(other.draw(1, 5) != first);
  CHECK(fewer.draw(1, 5) == Ids(first.begin(), first.begin() + 10));
  const Draws draws(1, 9, 5, Draw::kSample);
  for (size_t row = 0; row < first.size(); ++row) CHECK(first[row] == static_cast<int32_t>(draws.uniform(row) * 100));
}

TEST_CASE("sample: temperature 0 and top-k 1 take the first of the largest") {
  for (size_t n : {1, 3, 16, 17, 65, 256}) {
    Random random(n);
    Floats x = random.floats(static_cast<int64_t>(n), 2);
    const size_t best = static_cast<size_t>(random.below(static_cast<int64_t>(n)));
    x[best] = 5;
    if (best + 3 < n) x[best + 3] = 5;
    for (const auto& [temperature, k] : {std::pair<float, float>{0, 0}, {0, 7}, {1, 1}, {100, 1}}) {
      Sampler sampler(x, 3, temperature, k, 1);
      CHECK(sampler.draw(1, 1) == Ids(3, static_cast<int32_t>(best)));
    }
    Sampler cold(x, 1, 1e-40f, 0, 1), narrow(x, 1, 1, 0, 1e-9f);
    CHECK(std::fabs(x[static_cast<size_t>(cold.draw(1, 1)[0])] - 5) == 0);
    CHECK(narrow.draw(1, 1) == Ids{static_cast<int32_t>(best)});
  }
}

TEST_CASE("sample: masked logits are never drawn") {
  Floats x(200, -HUGE_VALF);
  x[150] = 1, x[151] = 1;
  for (float k : {0.0f, 2.0f, 100.0f}) {
    Sampler sampler(x, 200, 1, k, k > 2 ? 0.99f : 1.0f);
    for (int32_t id : sampler.draw(3, 3)) CHECK((id == 150 || id == 151));
  }
}

TEST_CASE("sample: refuses bad settings and rows without a finite maximum") {
  const float settings[][3] = {{-1, 0, 1},   {NAN, 0, 1}, {HUGE_VALF, 0, 1}, {1, -1, 1},
                               {1, 0.5f, 1}, {1, NAN, 1}, {1, 0, -0.1f},     {1, 0, NAN}};
  for (const auto& s : settings) {
    Sampler sampler(Floats(5, 1), 1, s[0], s[1], s[2]);
    CHECK(gc_plan_run(sampler.g.plan(), GC_FORWARD) == GC_INVALID_ARGUMENT);
  }
  for (float temperature : {0.0f, 1.0f}) {
    for (const Floats& row : {Floats{1, NAN, 2}, Floats{NAN, 1, 2}}) {
      Sampler sampler(row, 1, temperature, 0, 1);
      CHECK(gc_plan_run(sampler.g.plan(), GC_FORWARD) == GC_OUT_OF_RANGE);
    }
  }
  Sampler infinite({1, HUGE_VALF}, 1, 1, 0, 1), empty({-HUGE_VALF, -HUGE_VALF}, 1, 1, 0, 1);
  CHECK(gc_plan_run(infinite.g.plan(), GC_FORWARD) == GC_OUT_OF_RANGE);
  CHECK(gc_plan_run(empty.g.plan(), GC_FORWARD) == GC_OUT_OF_RANGE);
}

TEST_CASE("generate: feeds each draw back, carries states, stops where asked") {
  const auto build = [](Graph& g) {
    Random random(43);
    const int table = g.param({20, 20}, random.floats(400, 2)), token = g.ids({1}, {3}),
              control = g.host({4}, {1, 0, 1, 0});
    const int out = g.out(GC_OP_SAMPLE, {g.op(GC_OP_EMBEDDING, {table, token}, {1, 20}), control}, {1}, {0}, GC_I32);
    g.compile();
    return std::pair<int, int>{token, out};
  };
  Graph loop, steps;
  const auto [token, out] = build(loop);
  build(steps);
  Ids drawn(50), expected;
  int32_t done = 0;
  gc_loop how = loop_of({{out, token}}, {out});
  REQUIRE(gc_plan_generate(loop.plan(), &how, 50, drawn.data(), 50, &done) == GC_OK);
  CHECK(done == 50);
  CHECK(loop.control[GC_C_STEP] == 50);
  for (int i = 0; i < 50; ++i) {
    steps.control[GC_C_STEP] = i;
    steps.run();
    expected.push_back(steps.id_value(out)[0]);
    steps.id_data(token)[0] = expected.back();
  }
  CHECK(drawn == expected);
  loop.control[GC_C_STEP] = 0, loop.id_data(token)[0] = 3;
  how.watched = out, how.stop = expected[9];
  REQUIRE(gc_plan_generate(loop.plan(), &how, 50, drawn.data(), 50, &done) == GC_OK);
  CHECK(done == 1 + (std::find(expected.begin(), expected.end(), expected[9]) - expected.begin()));
  CHECK(gc_plan_generate(loop.plan(), &how, 50, drawn.data(), 49, &done) == GC_INVALID_ARGUMENT);
  for (const gc_loop& bad : {loop_of({{0, token}}, {}), loop_of({{out, out}}, {}), loop_of({{99, token}}, {}),
                             loop_of({}, {-1}), loop_of({}, {out}, token)})
    CHECK(gc_plan_generate(loop.plan(), &bad, 1, drawn.data(), 1, &done) == GC_INVALID_ARGUMENT);
}

namespace {
// A recurrence of `rows` rows that draws ids and pen points, which feed its inputs. Each row has its own seed, step and settings.
struct Rows {
  Graph g;
  int token, point, state, table, settings, id, drawn;
  gc_loop how;
  int64_t width;  // of a run's records
  explicit Rows(const std::vector<int>& names) : width(4 * static_cast<int64_t>(names.size())) {
    const int B = static_cast<int>(names.size());
    Random random(47);
    const int head = g.param({13, 13}, random.floats(169, 2)), pen = g.param({13, 3}, random.floats(39));
    const int lookup = g.param({13, 13}, random.floats(169, 2));
    token = g.ids({B}, Ids(names.size(), 1)), point = g.host({B, 3}), state = g.host({B, 13});
    table = g.ids({B, 4}, Ids(4 * names.size())), settings = g.host({B, 4});
    const int seen =
        g.op(GC_OP_ADD,
             {g.op(GC_OP_EMBEDDING, {lookup, token}, {B, 13}), g.op(GC_OP_LINEAR, {point, pen, Graph::none}, {B, 13})},
             {B, 13});
    const int next = g.op(GC_OP_TANH, {g.op(GC_OP_ADD, {seen, state}, {B, 13})}, {B, 13});
    g.carry(next, state);
    const int y = g.op(GC_OP_LINEAR, {next, head, Graph::none}, {B, 13});
    id = g.out(GC_OP_SAMPLE, {y, settings, table}, {B}, {5}, GC_I32);
    drawn = g.out(GC_OP_MIXTURE_SAMPLE, {y, settings, table}, {B, 3}, {6});
    g.compile();
    for (size_t r = 0; r < names.size(); ++r) {
      Ids row = {names[r], 0, -2 + names[r], names[r]};  // the steps pass 2^32
      std::copy(row.begin(), row.end(), g.id_data(table) + 4 * r);
      g.data(settings)[4 * r] = static_cast<float>(names[r]), g.data(settings)[4 * r + 2] = 1;
    }
    how = loop_of({{id, token}, {drawn, point}}, {id, drawn}, table);
  }
  // [runs][ids of the rows, points of the rows]
  Ids run(int32_t count) {
    Ids out(static_cast<size_t>(count * width));
    int32_t done = 0;
    REQUIRE(gc_plan_generate(g.plan(), &how, count, out.data(), count * width, &done) == GC_OK);
    CHECK(done == count);
    return out;
  }
};
}  // namespace

TEST_CASE("generate: a row draws by its own seed and step, whatever the rows next to it") {
  const int32_t runs = 6;
  const auto of_row = [&](const Ids& all, size_t rows, size_t row) {
    Ids mine;
    for (int32_t i = 0; i < runs; ++i) {
      const auto run = all.begin() + static_cast<ptrdiff_t>(4 * rows) * i;
      mine.push_back(run[static_cast<ptrdiff_t>(row)]);
      const auto first = run + static_cast<ptrdiff_t>(rows + 3 * row);
      mine.insert(mine.end(), first, first + 3);
    }
    return mine;
  };
  std::vector<Ids> alone;
  for (int name = 0; name < 8; ++name) {
    alone.push_back(of_row(Rows({name}).run(runs), 1, 0));
    for (int other = 0; other < name; ++other) CHECK(alone[name] != alone[other]);
  }
  for (const std::vector<int>& names :
       {std::vector<int>{0, 1}, {7, 2, 5}, {3, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}}) {
    Rows rows(names);
    const Ids all = rows.run(runs);
    for (size_t r = 0; r < names.size(); ++r) {
      CHECK(of_row(all, names.size(), r) == alone[static_cast<size_t>(names[r])]);
      const int32_t* table = rows.g.id_data(rows.table) + 4 * r;
      CHECK(table[2] == static_cast<int32_t>(static_cast<uint32_t>(-2 + names[r]) + runs));
      CHECK(table[3] == names[r] + (names[r] < 2 ? 1 : 0));
    }
  }
}
