// Loops whose rows begin and end by themselves: draws as the op makes them, forced tokens, ends, penalties, log probabilities, and tables that
// are refused.
#include <algorithm>
#include <cstring>

#include "core/philox.h"
#include "gatecell/row_table.h"
#include "loops.h"

using namespace lab;

namespace {
constexpr int kVocabulary = 21;
constexpr int32_t kStream = 5;

int32_t word_of(float x) {
  int32_t word;
  memcpy(&word, &x, sizeof word);
  return word;
}
float float_of(int32_t word) {
  float x;
  memcpy(&x, &word, sizeof x);
  return x;
}

// A recurrence of some rows over tokens, and its table. With `op`, the op draws instead of the table.
struct Served {
  Graph g;
  int rows, token, logits, id = -1, op_table = -1, settings = -1;
  gc_loop how = loop_of({}, {});
  Ids table;
  Served(int count, bool op = false) : rows(count) {
    Random random(53);
    const int lookup = g.param({kVocabulary, 16}, random.floats(kVocabulary * 16, 2));
    const int head = g.param({kVocabulary, 16}, random.floats(16 * kVocabulary, 2));
    const int32_t B = count;
    token = g.ids({B}, Ids(static_cast<size_t>(count), 1));
    const int state = g.host({B, 16});
    const int next =
        g.op(GC_OP_TANH, {g.op(GC_OP_ADD, {g.op(GC_OP_EMBEDDING, {lookup, token}, {B, 16}), state}, {B, 16})}, {B, 16});
    g.carry(next, state);
    if (op) {
      op_table = g.ids({B, 4}, Ids(4 * static_cast<size_t>(count))), settings = g.host({B, 4});
      const int y = g.op(GC_OP_LINEAR, {next, head, Graph::none}, {B, kVocabulary});
      id = g.out(GC_OP_SAMPLE, {y, settings, op_table}, {B}, {kStream}, GC_I32);
      how = loop_of({{id, token}}, {id}, op_table);
    } else {
      logits = g.out(GC_OP_LINEAR, {next, head, Graph::none}, {B, kVocabulary});
    }
    g.compile();
    if (op) return;
    table.assign(GC_ROWS_HEAD + static_cast<size_t>(count) * GC_ROW_WORDS, 0);
    table[GC_H_ROWS] = count, table[GC_H_LOGITS] = logits, table[GC_H_TOKEN] = token;
    table[GC_H_STREAM] = kStream, table[GC_H_ALTERNATIVES] = -1;
    for (int r = 0; r < count; ++r) {
      int32_t* row = words(r);
      row[GC_R_LEFT] = 1000, row[GC_R_SEED] = r;
      row[GC_R_TEMPERATURE] = row[GC_R_TOP_P] = row[GC_R_REPETITION] = word_of(1), row[GC_R_ALTERNATIVES] = -1;
    }
  }
  int32_t* words(int row) { return table.data() + GC_ROWS_HEAD + row * GC_ROW_WORDS; }
  int width() const { return table[GC_H_ALTERNATIVES] < 0 ? 1 : 2 + 2 * table[GC_H_ALTERNATIVES]; }
  // Appends words and lets the pair of words at `place` of a row refer to them.
  void list(int row, int place, const Ids& ids, int each = 1) {
    words(row)[place] = static_cast<int32_t>(table.size());
    words(row)[place + 1] = static_cast<int32_t>(ids.size()) / each;
    table.insert(table.end(), ids.begin(), ids.end());
  }
  gc_status run(int32_t count, Ids& out, int32_t& done) {
    out.assign(static_cast<size_t>(count * rows * std::max(1, width())), -7);
    return gc_plan_generate_rows(g.plan(), &how, table.data(), static_cast<int64_t>(table.size()), count, out.data(),
                                 static_cast<int64_t>(out.size()), &done);
  }
  // Returns the tokens of a row in `done` runs.
  Ids tokens(const Ids& out, int row) {
    Ids mine;
    for (int i = 0; i < words(row)[GC_R_MADE]; ++i)
      mine.push_back(out[static_cast<size_t>((i * rows + row) * width())]);
    return mine;
  }
};
}  // namespace

TEST_CASE("rows: draws are those of the op with the seed and step of the row") {
  for (const auto& [temperature, k, p] :
       {std::tuple<float, int, float>{1, 0, 1}, {0.7f, 5, 0.9f}, {2, 0, 0.5f}, {0, 0, 1}}) {
    Served op(3, true), served(3);
    for (int r = 0; r < 3; ++r) {
      const Ids row = {r, 0, 40 * r, r};
      std::copy(row.begin(), row.end(), op.g.id_data(op.op_table) + 4 * r);
      float* const s = op.g.data(op.settings) + 4 * r;
      s[0] = temperature, s[1] = static_cast<float>(k), s[2] = p;
      served.words(r)[GC_R_STEP] = 40 * r, served.words(r)[GC_R_STEP + 1] = r;
      served.words(r)[GC_R_TEMPERATURE] = word_of(temperature), served.words(r)[GC_R_TOP_P] = word_of(p);
      served.words(r)[GC_R_TOP_K] = k;
    }
    Ids expected(30), out;
    int32_t done = 0;
    REQUIRE(gc_plan_generate(op.g.plan(), &op.how, 10, expected.data(), 30, &done) == GC_OK);
    REQUIRE(served.run(10, out, done) == GC_OK);
    CHECK(out == expected);
    CHECK(served.words(1)[GC_R_STEP] == 50);
    CHECK(served.words(1)[GC_R_LEFT] == 990);
  }
}

TEST_CASE("rows: forced tokens come first and count as results, not as draws") {
  Served free(1), forced(1);
  Ids drawn, out;
  int32_t done = 0;
  REQUIRE(free.run(8, drawn, done) == GC_OK);
  forced.list(0, GC_R_FORCED, {3, 4, 5});
  forced.words(0)[GC_R_LEFT] = 2;
  REQUIRE(forced.run(8, out, done) == GC_OK);
  CHECK(done == 5);
  CHECK(forced.words(0)[GC_R_ENDED] == GC_ROW_FULL);
  CHECK(Ids(out.begin(), out.begin() + 3) == Ids{3, 4, 5});
  CHECK(forced.words(0)[GC_R_FORCED + 1] == 0);
  // Forcing the tokens that would be drawn changes nothing.
  Served same(1);
  same.list(0, GC_R_FORCED, Ids(drawn.begin(), drawn.begin() + 5));
  REQUIRE(same.run(8, out, done) == GC_OK);
  CHECK(out == drawn);
}

TEST_CASE("rows: the loop ends when asked, and rows that ended change nothing for others") {
  Served all(4);
  Ids whole, out;
  int32_t done = 0;
  REQUIRE(all.run(20, whole, done) == GC_OK);
  Served rows(4);
  rows.words(1)[GC_R_LEFT] = 3;
  rows.list(2, GC_R_STOPS, {19, all.tokens(whole, 2)[6]});
  rows.words(3)[GC_R_ENDED] = GC_ROW_FULL;
  REQUIRE(rows.run(20, out, done) == GC_OK);
  CHECK(done == 20);
  CHECK(rows.tokens(out, 0) == all.tokens(whole, 0));
  const Ids first = all.tokens(whole, 1), stopped = rows.tokens(out, 2);
  CHECK(rows.tokens(out, 1) == Ids(first.begin(), first.begin() + 3));
  CHECK(rows.words(2)[GC_R_ENDED] == GC_ROW_STOPPED);
  CHECK(stopped.back() == rows.table[static_cast<size_t>(rows.words(2)[GC_R_STOPS]) + 1]);
  CHECK(rows.words(3)[GC_R_MADE] == 0);
  for (int kind = 0; kind < 4; ++kind) {
    Served one(4);
    one.table[GC_H_ENDS] = 1;
    if (kind == 0) one.table[GC_H_INTERRUPT] = 1;
    if (kind == 1) one.words(0)[GC_R_NOTIFY] = 1;
    if (kind == 2) one.words(3)[GC_R_LEFT] = 1;
    if (kind == 3) one.table[GC_H_MICROSECONDS] = 1;
    REQUIRE(one.run(20000, out, done) == GC_OK);
    CHECK((kind == 3 ? done < 20000 : done == 1));
    CHECK(one.table[GC_H_ELAPSED] >= (kind == 3 ? 1 : 0));
  }
}

TEST_CASE("rows: penalties and biases change the logits as their equations do") {
  Served plain(1), rows(1);
  Ids out;
  int32_t done = 0;
  plain.words(0)[GC_R_TEMPERATURE] = word_of(0);
  REQUIRE(plain.run(1, out, done) == GC_OK);
  Floats x(kVocabulary);
  std::copy(plain.g.data(plain.logits), plain.g.data(plain.logits) + kVocabulary, x.begin());
  int32_t* row = rows.words(0);
  row[GC_R_TEMPERATURE] = word_of(0), row[GC_R_REPETITION] = word_of(1.7f);
  row[GC_R_PRESENCE] = word_of(0.4f), row[GC_R_FREQUENCY] = word_of(0.3f);
  Ids counts(kVocabulary);
  for (int j = 0; j < kVocabulary; ++j) counts[static_cast<size_t>(j)] = j % 3 == 0 ? 0 : (j % 3) - 1 + GC_COUNT_READ;
  rows.words(0)[GC_R_COUNTS] = static_cast<int32_t>(rows.table.size());
  rows.table.insert(rows.table.end(), counts.begin(), counts.end());
  rows.list(0, GC_R_BIAS, {7, word_of(0.8f), 11, word_of(-1.5f)}, 2);
  for (int j = 0; j < kVocabulary; ++j) {
    float& v = x[static_cast<size_t>(j)];
    if (j % 3 > 0) v = v > 0 ? v / 1.7f : v * 1.7f;
    if (j % 3 == 2) v -= 0.4f + 0.3f * 1.0f;
  }
  x[7] += 0.8f, x[11] += -1.5f;
  REQUIRE(rows.run(1, out, done) == GC_OK);
  const auto best = std::max_element(x.begin(), x.end()) - x.begin();
  CHECK(out[0] == best);
  CHECK(rows.table[static_cast<size_t>(rows.words(0)[GC_R_COUNTS] + best)] == counts[static_cast<size_t>(best)] + 1);
}

TEST_CASE("rows: min-p leaves out tokens below a share of the largest probability") {
  Served rows(1);
  Ids out;
  int32_t done = 0;
  rows.words(0)[GC_R_MIN_P] = word_of(0.4f), rows.words(0)[GC_R_TEMPERATURE] = word_of(1.5f);
  for (int i = 0; i < 300; ++i) {
    rows.g.id_data(rows.token)[0] = i % kVocabulary;
    REQUIRE(rows.run(1, out, done) == GC_OK);
    const float* x = rows.g.data(rows.logits);
    const float most = *std::max_element(x, x + kVocabulary);
    CHECK(std::exp((x[out[0]] - most) / 1.5f) >= 0.3999f);
  }
}

TEST_CASE("rows: log probabilities of the token and of the likeliest ones") {
  Served rows(2);
  rows.table[GC_H_ALTERNATIVES] = 25;
  rows.words(0)[GC_R_ALTERNATIVES] = 25;
  Ids out;
  int32_t done = 0;
  REQUIRE(rows.run(1, out, done) == GC_OK);
  const float* x = rows.g.data(rows.logits);
  double sum = 0;
  for (int j = 0; j < kVocabulary; ++j) sum += std::exp(static_cast<double>(x[j]));
  const auto log_probability = [&](int id) { return static_cast<double>(x[id]) - std::log(sum); };
  CHECK(static_cast<double>(float_of(out[1])) == doctest::Approx(log_probability(out[0])).epsilon(1e-5));
  std::vector<int> order(kVocabulary);
  for (int j = 0; j < kVocabulary; ++j) order[static_cast<size_t>(j)] = j;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return x[a] > x[b]; });
  for (int i = 0; i < kVocabulary; ++i) {
    CHECK(out[static_cast<size_t>(2 + i)] == order[static_cast<size_t>(i)]);
    CHECK(static_cast<double>(float_of(out[static_cast<size_t>(27 + i)])) ==
          doctest::Approx(log_probability(order[static_cast<size_t>(i)])).epsilon(1e-4));
  }
  CHECK(out[2 + kVocabulary] == -1);
  CHECK(out[static_cast<size_t>(rows.width()) + 1] == -7);  // row 1 asked for nothing
}

TEST_CASE("rows: a row with bad logits ends by itself") {
  Served rows(3);
  rows.g.data(rows.token + 1)[16] = NAN;  // the state of row 1
  Ids out;
  int32_t done = 0;
  REQUIRE(rows.run(5, out, done) == GC_OK);
  CHECK(done == 5);
  CHECK(rows.words(1)[GC_R_ENDED] == GC_ROW_BAD);
  CHECK(rows.words(1)[GC_R_MADE] == 0);
  Served healthy(3);
  Ids expected;
  REQUIRE(healthy.run(5, expected, done) == GC_OK);
  CHECK(rows.tokens(out, 0) == healthy.tokens(expected, 0));
  CHECK(rows.tokens(out, 2) == healthy.tokens(expected, 2));
}

TEST_CASE("rows: tables that are not valid are refused, whatever their words") {
  const auto refused = [](int word, int32_t bad, bool head = false) {
    Served rows(2);
    (head ? rows.table.data() : rows.words(1))[word] = bad;
    Ids out;
    int32_t done = 0;
    CAPTURE(word);
    CAPTURE(bad);
    CHECK(rows.run(2, out, done) != GC_OK);
  };
  for (int32_t bad : {-1, 0, 3, 5000, INT32_MAX}) refused(GC_H_ROWS, bad, true);
  for (int32_t bad : {-1, 1, 99}) refused(GC_H_LOGITS, bad, true), refused(GC_H_TOKEN, bad == 1 ? 0 : bad, true);
  for (int32_t bad : {-2, 65}) refused(GC_H_ALTERNATIVES, bad, true);
  for (float bad : {-1.0f, NAN, HUGE_VALF}) refused(GC_R_TEMPERATURE, word_of(bad));
  for (float bad : {0.0f, -1.0f, NAN}) refused(GC_R_TOP_P, word_of(bad)), refused(GC_R_REPETITION, word_of(bad));
  for (float bad : {-0.1f, 1.1f, NAN}) refused(GC_R_MIN_P, word_of(bad));
  for (float bad : {NAN, -HUGE_VALF}) refused(GC_R_PRESENCE, word_of(bad)), refused(GC_R_FREQUENCY, word_of(bad));
  for (int32_t bad : {-1, 0}) refused(GC_R_LEFT, bad);
  refused(GC_R_TOP_K, -1), refused(GC_R_ALTERNATIVES, 0), refused(GC_R_COUNTS, 50), refused(GC_R_COUNTS, -1);
  for (int list : {GC_R_FORCED, GC_R_STOPS, GC_R_BIAS})
    for (int32_t bad : {-1, 1, 1000, INT32_MAX}) refused(list + 1, bad);
  Served outside(1);
  outside.list(0, GC_R_FORCED, {kVocabulary});
  Ids out;
  int32_t done = 0;
  CHECK(outside.run(1, out, done) == GC_OUT_OF_RANGE);
  Random random(59);
  for (int i = 0; i < 3000; ++i) {
    Served rows(2);
    for (int n = 0; n < 3; ++n)
      rows.table[static_cast<size_t>(random.below(static_cast<int64_t>(rows.table.size())))] =
          static_cast<int32_t>(random.below(int64_t{1} << 32));
    const gc_status status = gc_plan_generate_rows(rows.g.plan(), &rows.how, rows.table.data(),
                                                   static_cast<int64_t>(rows.table.size()), 2, out.data(), 1, &done);
    CHECK(status != GC_BUSY);
  }
}
