// product.cu: which products are packed, and whether what packs them is right on this device.
#include "product.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace gatecell {
namespace cuda {
namespace {
constexpr double kSmallest =
    64.0 * 1024 * 1024;  // multiply-adds of a product that may be worth two passes over its operands

// Values whose products and their sums are exact in float: any right way gives the same bits.
struct Steps {
  static constexpr bool kAlongK = true;
  int64_t salt;
  __device__ float operator()(int64_t i, int64_t j) const {
    const int64_t mixed = (i * 7919 + j * 104729 + salt) % 251;
    return static_cast<float>(mixed - 125) * 0.0625f;
  }
};

struct Check {
  Queue queue;
  void* memory[3] = {};  // of the two results, and of packed operands
  ~Check() {
    for (void* m : memory)
      if (m) device_release(m);
  }

  gc_status run(int32_t way, int32_t precision, const Extent& size, double* worst) {
    const int64_t count = size.m * size.n;
    gc_device_buffer packed = {packed_plan(way, precision, size, device_info().multiprocessors).bytes(), 0, nullptr};
    gc_status status = GC_OK;
    const int64_t bytes[3] = {count * 4, count * 4, packed.bytes};
    for (int i = 0; i < 3 && status == GC_OK; ++i) {
      if (memory[i]) device_release(memory[i]);
      status = device_allocate(bytes[i], &memory[i]);
    }
    if (status != GC_OK) return status;
    packed.data = static_cast<float*>(memory[2]);
    for (int i = 0; i < 2; ++i) {
      const Store store = {static_cast<float*>(memory[i]), size.n, size.n, Meet::kSet, nullptr};
      Products products(queue, i == 0 ? int32_t{kTiles} : way, packed);
      products.as_chosen(precision, Steps{1}, Steps{2}, store, size);
    }
    status = queue.wait();
    std::vector<float> results[2];
    for (int i = 0; i < 2 && status == GC_OK; ++i) {
      results[i].resize(static_cast<size_t>(count));
      status = device_download(results[i].data(), memory[i], bytes[i]);
    }
    for (size_t i = 0; status == GC_OK && i < results[0].size(); ++i) {
      const double apart = std::fabs(static_cast<double>(results[0][i]) - static_cast<double>(results[1][i]));
      if (!(apart <= *worst)) *worst = std::isnan(apart) ? INFINITY : apart;
    }
    return status;
  }
};
}  // namespace

int named_product_way() {
  const char* name = getenv("GATECELL_CUDA_PRODUCTS");
  for (int way = 0; name && way < kProductWays; ++way)
    if (strcmp(name, kProductWayNames[way]) == 0) return way;
  return name && strcmp(name, "fastest") == 0 ? kFastestWay : kProductWays;
}

int64_t product_bytes(int32_t precision, const Extent& size) {
  const double work =
      static_cast<double>(size.tiled_rows()) * static_cast<double>(size.n) * static_cast<double>(size.k);
  const int named = named_product_way();
  if (precision == GC_FLOAT || named == kTiles || (named == kProductWays && work < kSmallest)) return 0;
  int64_t most = 0;
  for (int32_t way : {kPackedMma, kPackedWgmma}) {
    const int64_t bytes = packed_plan(way, precision, size, device_info().multiprocessors).bytes();
    if (bytes > most) most = bytes;
  }
  return most;
}

gc_status check_product_way(int32_t way, double* worst) {
  *worst = 0;
  Check check;
  gc_status status = check.queue.open();
  // One tile of 128 columns; several of 256 with a ragged last; and a k that is long enough to be split.
  for (const Extent& size : {Extent{70, 90, 100}, Extent{150, 400, 200}, Extent{130, 60, 1100}})
    for (int32_t precision : {GC_BF16, GC_TF32})
      if (status == GC_OK) status = check.run(way, precision, size, worst);
  return status;
}

std::string product_refusal(int32_t way) {
  static struct {
    bool done = false;
    double worst = 0;
  } all[kProductWays];
  static std::mutex one;
  if (way == kTiles) return "";
  if (way == kPackedWgmma && device_info().major != 9) return "the device is not of compute capability 9.0";
  if (block_shared_bytes() < product_shared_bytes(way)) return "a block has too little shared memory";
  const std::lock_guard<std::mutex> lock(one);
  auto& tried = all[way];
  if (!tried.done && check_product_way(way, &tried.worst) != GC_OK)
    return std::string("small products failed: ") + last_error();
  tried.done = true;
  if (tried.worst == 0) return "";
  char text[120];
  snprintf(text, sizeof text, "on small products its results are up to %.3g from those of the tiles: not used",
           tried.worst);
  return text;
}
}  // namespace cuda
}  // namespace gatecell
