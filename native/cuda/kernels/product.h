// product.h: the large products of a layer, with the operands and epilogues of gemm.h: on the tiles of gemm.h, or from operands packed
// beforehand (packed.h), in tiles of 128 rows. The method is chosen for each node by one measurement (choose_products.cu).
#pragma once
#include <string>

#include "gemm.h"
#include "packed_mma.h"

namespace gatecell {
namespace cuda {

constexpr int kBarrierBytes = 64;  // before the ring

// For few tiles and a long k: the range of k is cut into `count` parts, whose sums are stored and then added in order.
struct Split {
  int count;
  float* sums;  // [count][m][n]
};

template <class Core, class E>
__device__ __forceinline__ void finish_tile(const float* tile, const E& e, const Extent& size, const Split& split) {
  const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
  const int64_t m0 = int64_t{blockIdx.y} * kBlockRows, n0 = int64_t{blockIdx.x} * Core::kColumns;
  float* part = split.count > 1 ? split.sums + int64_t{blockIdx.z} * gridDim.y * kBlockRows * size.n : nullptr;
  for (int row = ty; row < kBlockRows && m0 + row < size.m; row += 16) {
    for (int group = 0; group < Core::kColumns && n0 + group < size.n; group += 64) {
      const float* from = tile + row * TileSums<Core::kColumns>::kStride + group + tx;
      float v[4];
      for (int g = 0; g < 4; ++g) {
        const int64_t n = n0 + group + tx + 16 * g;
        v[g] = from[16 * g];
        if (n >= size.n) continue;
        if (part) part[(m0 + row) * size.n + n] = v[g];
        else v[g] += e.start(m0 + row, n);
      }
      if (!part) e.finish(m0 + row, n0 + group, tx, v);
    }
  }
}

template <class Core, class Words, class E>
__global__ void __launch_bounds__(kTileThreads)
    packed_kernel(const char* a, const char* b, int64_t blocks, E e, Extent size, Split split) {
  if constexpr (Core::kHere) {
    if (size.m_now) size.m = *size.m_now;
    if (size.k_now) size.k = *size.k_now;
    if (int64_t{blockIdx.y} * kBlockRows >= size.m) return;
    char* ring = dynamic_shared() + kBarrierBytes;
    ring += (1024 - shared_address(ring) % 1024) % 1024;
    const int64_t live = (size.k + kBlockWords * Words::kPerWord - 1) / (kBlockWords * Words::kPerWord);
    const int64_t row = blockIdx.y, column = int64_t{blockIdx.x} * (Core::kColumns / 128);
    TileBlocks tile = {a + row * blocks * kBlockBytes, b + column * blocks * kBlockBytes, blocks, 0, 0, 1};
    tile.first = live * blockIdx.z / split.count, tile.last = live * (blockIdx.z + 1) / split.count;
    if (Core::kColumns > 128 && (column + 1) * 128 < size.n) tile.halves = 2;
    Core core;
    core.run(tile, ring, reinterpret_cast<uint64_t*>(dynamic_shared()));
    core.store(reinterpret_cast<float*>(ring));
    __syncthreads();
    finish_tile<Core>(reinterpret_cast<const float*>(ring), e, size, split);
  }
}

// Adds the sums of a split. A thread has the same four columns as a thread of gemm.h.
template <class E>
__global__ void __launch_bounds__(kTileThreads) sum_split_kernel(E e, Extent size, Split split, int64_t rows) {
  if (size.m_now) size.m = *size.m_now;
  const int tx = static_cast<int>(threadIdx.x) % 16;
  const int64_t m = int64_t{blockIdx.y} * 16 + threadIdx.x / 16, n0 = int64_t{blockIdx.x} * 64;
  if (m >= size.m) return;
  float v[4] = {};
  for (int g = 0; g < 4; ++g) {
    const int64_t n = n0 + tx + 16 * g;
    if (n >= size.n) continue;
    for (int i = 0; i < split.count; ++i) v[g] += split.sums[(i * rows + m) * size.n + n];
    v[g] += e.start(m, n);
  }
  e.finish(m, n0, tx, v);
}

enum ProductWay { kTiles, kPackedMma, kPackedWgmma, kProductWays };
constexpr const char* kProductWayNames[kProductWays] = {"tiles", "mma", "wgmma"};

constexpr size_t packed_shared_bytes(size_t ring) { return kBarrierBytes + 1024 + ring; }
// Returns the most bytes of shared memory that a block needs with this method.
inline int64_t product_shared_bytes(int32_t way) {
  const size_t ring = way == kPackedWgmma ? WarpgroupCore<Bf16Words, 256>::kBytes : WarpCore<Bf16Words>::kBytes;
  return way == kTiles ? 0 : static_cast<int64_t>(packed_shared_bytes(ring));
}

// The layout of a product of packed operands, for a device with the given number of multiprocessors. A product over a part of the rows has
// the layout of the whole product, which makes its sums the same.
struct PackedPlan {
  int columns;  // of a tile
  int split;
  int64_t blocks, a_bytes, b_bytes, sum_bytes;
  int64_t bytes() const { return a_bytes + b_bytes + sum_bytes; }
};
inline PackedPlan packed_plan(int32_t way, int32_t precision, const Extent& size, int multiprocessors) {
  const int per_word = precision == GC_BF16 ? 2 : 1;
  const int64_t rows = size.tiled_rows();
  PackedPlan p;
  p.columns = way == kPackedWgmma && size.n > 128 ? 256 : 128;
  p.blocks = packed_blocks(size.k, per_word);
  p.a_bytes = packed_bytes(rows, size.k, per_word), p.b_bytes = packed_bytes(size.n, size.k, per_word);
  const int64_t high = (rows + kBlockRows - 1) / kBlockRows;
  const int64_t tiles = high * ((size.n + p.columns - 1) / p.columns);
  // k is split into as many parts as fill the device once, each with at least eight blocks.
  const int64_t room = multiprocessors / tiles, most = p.blocks / 8;
  p.split = static_cast<int>(room < most ? room : most);
  if (p.split < 1) p.split = 1;
  p.sum_bytes = p.split > 1 ? p.split * high * kBlockRows * size.n * 4 : 0;
  return p;
}

// Returns the method that GATECELL_CUDA_PRODUCTS names: kFastestWay for `fastest`, kProductWays if the variable is not set. Small products
// are packed only if it is set (in tests).
constexpr int kFastestWay = kProductWays + 1;
int named_product_way();
// Returns the most bytes that a product of packed operands needs; 0 if it is too small to be packed.
int64_t product_bytes(int32_t precision, const Extent& size);
// Runs small products with this method and with tiles, and sets `worst` to the largest difference. Sums are exact: it must be 0.
gc_status check_product_way(int32_t way, double* worst);
// Returns why a method cannot be used: the device lacks it, or its results were wrong in the only check of the process. "" if it can.
std::string product_refusal(int32_t way);

class Products {
 public:
  // For the products of one node in one pass, one after the other: they share its memory.
  Products(Queue& queue, int32_t way, const gc_device_buffer& memory)
      : queue_(queue), way_(way), memory_(reinterpret_cast<char*>(memory.data)), bytes_(memory.bytes) {}

  // Computes C = A B in precision f32 (exact), tf32 or bf16. `again`: A is that of the last product.
  template <class A, class B, class E>
  void multiply(int32_t precision, const A& a, const B& b, const E& e, const Extent& size, bool again = false) {
    const int64_t bytes = product_bytes(precision, size);
    if (bytes > 0 && bytes <= bytes_) return as_chosen(precision, a, b, e, size, again);
    holds_a_ = false;
    gemm(queue_, precision, a, b, e, size);
  }
  // Computes a product of any size with the chosen method.
  template <class A, class B, class E>
  void as_chosen(int32_t precision, const A& a, const B& b, const E& e, const Extent& size, bool again = false) {
    if (way_ == kTiles) return gemm(queue_, precision, a, b, e, size);
    again = again && holds_a_;
    holds_a_ = true;
    if (precision == GC_BF16) packed<Bf16Words>(precision, a, b, e, size, again);
    else packed<Tf32Words>(precision, a, b, e, size, again);
  }

 private:
  template <class Words, class A, class B, class E>
  void packed(int32_t precision, const A& a, const B& b, const E& e, const Extent& size, bool again) {
    const PackedPlan p = packed_plan(way_, precision, size, device_info().multiprocessors);
    if (!again) pack<Words>(queue_, a, {size.m, size.k, p.blocks, size.m_now, size.k_now}, words(0));
    pack<Words>(queue_, ByColumn<B>{b}, {size.n, size.k, p.blocks, nullptr, size.k_now}, words(p.a_bytes));
    if (way_ == kPackedMma) tiles<WarpCore<Words>, Words>(p, e, size);
    else if (p.columns == 128) tiles<WarpgroupCore<Words, 128>, Words>(p, e, size);
    else tiles<WarpgroupCore<Words, 256>, Words>(p, e, size);
  }

  template <class Core, class Words, class E>
  void tiles(const PackedPlan& p, const E& e, const Extent& size) {
    static_assert(TileSums<Core::kColumns>::kBytes <= Core::kBytes, "the sums take the ring's place");
    const Split split = {p.split, reinterpret_cast<float*>(memory_ + p.a_bytes + p.b_bytes)};
    Shape shape;
    shape.grid = dim3(static_cast<unsigned>((size.n + Core::kColumns - 1) / Core::kColumns),
                      static_cast<unsigned>((size.m + kBlockRows - 1) / kBlockRows), static_cast<unsigned>(p.split));
    shape.block = dim3(kTileThreads);
    shape.shared = packed_shared_bytes(Core::kBytes);
    launch(queue_, shape, packed_kernel<Core, Words, E>, memory_, memory_ + p.a_bytes, p.blocks, e, size, split);
    if (p.split == 1) return;
    const int64_t rows = int64_t{shape.grid.y} * kBlockRows;
    Shape sums;
    sums.grid = dim3(static_cast<unsigned>((size.n + 63) / 64), static_cast<unsigned>((size.m + 15) / 16));
    sums.block = dim3(kTileThreads);
    launch(queue_, sums, sum_split_kernel<E>, e, size, split, rows);
  }

  uint32_t* words(int64_t offset) const { return reinterpret_cast<uint32_t*>(memory_ + offset); }

  Queue& queue_;
  int32_t way_;
  char* memory_;
  int64_t bytes_;
  bool holds_a_ = false;
};
}  // namespace cuda
}  // namespace gatecell
