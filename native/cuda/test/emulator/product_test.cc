// Products of packed operands by themselves: every way, ragged sizes, live rows, sums cut along k, both orders of threads. Their sums
// are exact, so every right answer is one number.
#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "kernels/product.h"

using namespace gatecell::cuda;

namespace {
struct Case {
  int64_t m, n, k;
  int32_t m_now = -1, k_now = -1;
};
float small(int64_t i, int64_t j, int64_t salt) {
  return static_cast<float>((i * 7919 + j * 104729 + salt) % 125 - 62) * 0.125f;
}

struct Device {  // memory of it
  void* at = nullptr;
  explicit Device(int64_t bytes) { REQUIRE(device_allocate(bytes, &at) == GC_OK); }
  ~Device() { device_release(at); }
  float* floats() const { return static_cast<float*>(at); }
};

template <class A, class B, class Element>
void check(int32_t way, int32_t precision, const Case& c, const A& a, const B& b, Element element) {
  Queue queue;
  Extent size = {c.m, c.n, c.k, c.m_now >= 0 ? &c.m_now : nullptr, c.k_now >= 0 ? &c.k_now : nullptr};
  const Device memory(packed_plan(way, precision, size, device_info().multiprocessors).bytes()), result(c.m * c.n * 4);
  const gc_device_buffer buffer = {0, 0, memory.floats()};
  memset(memory.at, 0xff,
         static_cast<size_t>(packed_plan(way, precision, size, device_info().multiprocessors).bytes()));
  const int64_t rows = c.m_now >= 0 ? c.m_now : c.m, depth = c.k_now >= 0 ? c.k_now : c.k;
  for (Meet meet : {Meet::kSet, Meet::kChain, Meet::kAdd}) {
    for (int64_t i = 0; i < c.m * c.n; ++i) result.floats()[i] = 3.0f;
    Products(queue, way, buffer).as_chosen(precision, a, b, Store{result.floats(), c.n, c.n, meet, nullptr}, size);
    int64_t wrong = 0;
    for (int64_t m = 0; m < c.m; ++m) {
      for (int64_t n = 0; n < c.n; ++n) {
        double sum = m >= rows ? 3.0 : meet == Meet::kSet ? 0.0 : 3.0;
        for (int64_t k = 0; k < depth && m < rows; ++k) sum += element(m, n, k);
        wrong += static_cast<double>(result.floats()[m * c.n + n]) != sum;
      }
    }
    CHECK(wrong == 0);
  }
}

const std::vector<Case> cases = {{1, 1, 1},
                                 {70, 90, 100},
                                 {129, 130, 65},
                                 {150, 400, 257, 20},
                                 {130, 30, 1200},
                                 {40, 257, 1100, -1, 900},
                                 {200, 64, 700, -1, 40},
                                 {300, 70, 64, 128},
                                 {128, 256, 192, 0},
                                 {20, 64, 1030, -1, 0}};

void check_all(int32_t way) {
  gc_device_info info;
  REQUIRE(device_open(&info) == GC_OK);
  for (const Case& c : cases) {
    CAPTURE(c.m);
    CAPTURE(c.n);
    CAPTURE(c.k);
    std::vector<float> a(static_cast<size_t>(c.m * c.k)), b(static_cast<size_t>(c.n * c.k));
    for (int64_t i = 0; i < c.m * c.k; ++i) a[static_cast<size_t>(i)] = small(i / c.k, i % c.k, 1);
    for (int64_t i = 0; i < c.n * c.k; ++i) b[static_cast<size_t>(i)] = small(i / c.k, i % c.k, 2);
    for (int32_t precision : {GC_BF16, GC_TF32}) {
      CAPTURE(precision);
      // Both operands with k along memory; then both with k across it.
      check(way, precision, c, Rows{a.data(), c.k}, WeightRows{b.data(), c.k},
            [&](int64_t m, int64_t n, int64_t k) { return double{small(m, k, 1)} * double{small(n, k, 2)}; });
      check(way, precision, c, Columns{a.data(), c.m}, WeightColumns{b.data(), c.n},
            [&](int64_t m, int64_t n, int64_t k) {
              const int64_t i = k * c.m + m, j = k * c.n + n;
              return double{a[static_cast<size_t>(i)]} * double{b[static_cast<size_t>(j)]};
            });
    }
  }
}
}  // namespace

TEST_CASE("packed products by mma.sync: every element, whatever the sizes and the live rows") { check_all(kPackedMma); }
TEST_CASE("packed products by wgmma: every element, whatever the sizes and the live rows") { check_all(kPackedWgmma); }

TEST_CASE("packed products: gates' rows, and one operand for two products") {
  gc_device_info info;
  REQUIRE(device_open(&info) == GC_OK);
  const int64_t rows = 150, H = 20, I = 37, columns = gate_columns(H);
  std::vector<float> x(static_cast<size_t>(rows * I)), w(static_cast<size_t>(4 * H * I));
  for (size_t i = 0; i < x.size(); ++i) x[i] = small(static_cast<int64_t>(i), 0, 3);
  for (size_t i = 0; i < w.size(); ++i) w[i] = small(static_cast<int64_t>(i), 0, 4);
  for (int32_t way : {kPackedMma, kPackedWgmma}) {
    Queue queue;
    const Extent size = {rows, columns, I};
    const Device memory(packed_plan(way, GC_BF16, size, 132).bytes()), first(rows * columns * 4),
        second(rows * columns * 4);
    Products products(queue, way, {0, 0, memory.floats()});
    const GateRows gates = {w.data(), I, H, Gates::kLstm};
    products.as_chosen(GC_BF16, Rows{x.data(), I}, gates, Store{first.floats(), columns, columns, Meet::kSet, nullptr},
                       size);
    products.as_chosen(GC_BF16, Rows{nullptr, 0}, gates, Store{second.floats(), columns, columns, Meet::kSet, nullptr},
                       size, true);
    int64_t wrong = 0;
    for (int64_t m = 0; m < rows; ++m) {
      for (int64_t n = 0; n < columns; ++n) {
        const int64_t row = gate_row(n, H);
        double sum = 0;
        for (int64_t k = 0; k < I && row >= 0; ++k)
          sum += double{x[static_cast<size_t>(m * I + k)]} * double{w[static_cast<size_t>(row * I + k)]};
        wrong += static_cast<double>(first.floats()[m * columns + n]) != sum;
        wrong += static_cast<double>(second.floats()[m * columns + n]) != sum;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE(
    "the check of a way says nothing where it is right, and how far off it is where the device reads operands "
    "otherwise") {
  gc_device_info info;
  REQUIRE(device_open(&info) == GC_OK);
  double worst = -1;
  for (int32_t way : {kPackedMma, kPackedWgmma}) {
    CHECK(check_product_way(way, &worst) == GC_OK);
    CHECK(worst == 0);
  }
  setenv("GATECELL_EMULATOR_WGMMA", "unswizzled", 1);
  CHECK(check_product_way(kPackedWgmma, &worst) == GC_OK);
  CHECK(worst > 1);
  CHECK(check_product_way(kPackedMma, &worst) == GC_OK);
  CHECK(worst == 0);
  unsetenv("GATECELL_EMULATOR_WGMMA");
}

TEST_CASE("a way that cannot be tried is left out with the reason, and tried again") {
  gc_device_info info;
  REQUIRE(device_open(&info) == GC_OK);
  setenv("GATECELL_EMULATOR_BYTES", "1000", 1);
  CHECK(product_refusal(kPackedMma).find("small products failed: expected") == 0);
  unsetenv("GATECELL_EMULATOR_BYTES");
  CHECK(product_refusal(kPackedMma) == "");
}
