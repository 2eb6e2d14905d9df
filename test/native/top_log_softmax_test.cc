// top_log_softmax: the k largest log probabilities against a sorted softmax in double, ties, masked logits, further ids, refusals.
#include <algorithm>
#include <numeric>

#include "lab.h"

using namespace lab;

namespace {
struct Top {
  Graph g;
  int logits, nats, ids;
  Top(const Floats& x, int32_t rows, int32_t k, const Ids& also = {}, int threads = 1) {
    const int32_t V = static_cast<int32_t>(x.size()) / rows, width = k + (also.empty() ? 0 : 1);
    logits = g.host({rows, V}, x);
    std::vector<int> in = {logits};
    if (!also.empty()) in.push_back(g.ids({rows}, also));
    nats = g.host({rows, width}), ids = g.ids({rows, width});
    g.record(GC_OP_TOP_LOG_SOFTMAX, in, {nats, ids}, {});
    g.threads = threads;
    g.compile();
  }
};

Doubles log_softmax(const float* x, size_t n) {
  double most = static_cast<double>(*std::max_element(x, x + n)), sum = 0;
  for (size_t j = 0; j < n; ++j) sum += std::exp(static_cast<double>(x[j]) - most);
  Doubles nats(n);
  for (size_t j = 0; j < n; ++j) nats[j] = static_cast<double>(x[j]) - most - std::log(sum);
  return nats;
}
}  // namespace

TEST_CASE("top_log_softmax: the largest log probabilities in order, equal ones by id, on any number of threads") {
  for (size_t V : {1, 2, 15, 16, 17, 40, 300}) {
    for (size_t k : {size_t{1}, size_t{3}, size_t{10}, V}) {
      if (k > V) continue;
      CAPTURE(V);
      CAPTURE(k);
      const size_t rows = 5;
      Random random(V * 31 + k);
      Floats x = random.floats(static_cast<int64_t>(rows * V), 4);
      for (float& value : x) value = std::round(value * 4) / 4;  // many are equal
      if (V > 15) x[V + 3] = x[V + 11] = -HUGE_VALF;
      const Ids also = random.ids(static_cast<int64_t>(rows), 0, static_cast<int32_t>(V));
      Floats first;
      for (int threads : {1, 2, 3}) {
        Top top(x, static_cast<int32_t>(rows), static_cast<int32_t>(k), also, threads);
        top.g.run();
        const Floats nats = top.g.value(top.nats);
        const Ids ids = top.g.id_value(top.ids);
        if (threads > 1) CHECK(nats == first);
        first = nats;
        for (size_t row = 0; row < rows; ++row) {
          const Doubles expected = log_softmax(x.data() + row * V, V);
          Ids order(V);
          std::iota(order.begin(), order.end(), 0);
          std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
            return expected[static_cast<size_t>(a)] > expected[static_cast<size_t>(b)];
          });
          order.resize(k);
          order.push_back(also[row]);
          for (size_t i = 0; i <= k; ++i) {
            const size_t at = row * (k + 1) + i;
            CHECK(ids[at] == order[i]);
            const double wanted = expected[static_cast<size_t>(order[i])], found = static_cast<double>(nats[at]);
            CHECK((found == wanted || std::fabs(found - wanted) < 2e-7 * (1 + std::fabs(wanted))));
          }
        }
      }
    }
  }
}

TEST_CASE("top_log_softmax: refuses rows without a finite maximum and ids outside the row") {
  for (const Floats& bad : {Floats{1, NAN, 2}, Floats{NAN, 1, 2}, Floats(3, -HUGE_VALF), Floats{1, HUGE_VALF, 2}}) {
    Floats x = {1, 2, 3};
    x.insert(x.end(), bad.begin(), bad.end());
    Top top(x, 2, 2);
    CHECK(gc_plan_run(top.g.plan(), GC_FORWARD) == GC_OUT_OF_RANGE);
    CHECK(std::string(gc_last_error()).find("row 1 ") != std::string::npos);
  }
  for (int32_t id : {-1, 3}) {
    Top top({1, 2, 3, 4, 5, 6}, 2, 1, {0, id});
    CHECK(gc_plan_run(top.g.plan(), GC_FORWARD) == GC_OUT_OF_RANGE);
    CHECK(std::string(gc_last_error()).find("at position 1") != std::string::npos);
  }
}

TEST_CASE("top_log_softmax: refuses shapes that do not fit") {
  const auto status = [](const Dims& nats, const Dims& ids, const Dims& also) {
    Graph g;
    g.record(GC_OP_TOP_LOG_SOFTMAX, {g.host({2, 3, 4}), g.ids(also)}, {g.host(nats), g.ids(ids)}, {});
    return g.try_compile();
  };
  CHECK(status({2, 3, 3}, {2, 3, 3}, {2, 3}) == GC_OK);
  CHECK(status({2, 3, 5}, {2, 3, 5}, {2, 3}) == GC_OK);
  CHECK(status({2, 3, 6}, {2, 3, 6}, {2, 3}) == GC_INVALID_SHAPE);
  CHECK(status({2, 3, 1}, {2, 3, 1}, {2, 3}) == GC_INVALID_SHAPE);
  CHECK(status({2, 3, 3}, {2, 3, 2}, {2, 3}) == GC_INVALID_SHAPE);
  CHECK(status({3, 3}, {3, 3}, {2, 3}) == GC_INVALID_SHAPE);
  CHECK(status({2, 3, 3}, {2, 3, 3}, {3, 2}) == GC_INVALID_SHAPE);
}
