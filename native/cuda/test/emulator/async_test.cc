// The emulated instructions in small cases: the addresses of descriptors, the layout of fragments, and the times of copies and products.
#include <doctest/doctest.h>

#include <vector>

#include "copy.h"
#include "kernels/packed.h"
#include "runtime.h"
#include "wgmma.h"

using namespace gatecell::cuda;
namespace emulator = gatecell::emulator;

namespace {
struct Order {  // of threads, while this lives; with "reverse" copies arrive at once
  explicit Order(const char* name) { setenv("GATECELL_EMULATOR_ORDER", name, 1); }
  ~Order() { unsetenv("GATECELL_EMULATOR_ORDER"); }
};
void run(unsigned threads, size_t shared, const std::function<void()>& body) {
  emulator::Launch launch;
  launch.block = dim3(threads), launch.shared = shared;
  emulator::run(launch, body);
}
// On a boundary of 1024 bytes, as blocks are.
char* block_memory() {
  char* at = emulator::shared_memory();
  return at + (1024 - emulator::shared_address(at) % 1024) % 1024;
}
float small(int i, int j) { return static_cast<float>((i * 7 + j * 13) % 31 - 15) * 0.25f; }

// 64 x columns += A B by wgmma over `parts` times 32 bytes of k, both operands packed by hand.
template <class Words, int Columns>
std::vector<float> by_wgmma(int parts) {
  std::vector<float> d(64 * Columns);
  run(128, 1024 + (64 + Columns) * 128, [&] {
    uint32_t* a = reinterpret_cast<uint32_t*>(block_memory());
    uint32_t* b = a + 64 * kBlockWords;
    for (int e = static_cast<int>(threadIdx.x); e < (64 + Columns) * kBlockWords; e += 128) {
      const int row = e / kBlockWords, word = e % kBlockWords, k = word * Words::kPerWord;
      const int salt = row < 64 ? 0 : 100;
      a[row / 64 * 64 * kBlockWords + packed_word(row % 64, word)] =
          Words::word(small(row + salt, k), small(row + salt, k + 1));
    }
    __syncthreads();
    float acc[Columns / 2];
    for (float& x : acc) x = 1.0f;
    wgmma_fence();
    for (int part = 0; part < parts; ++part)
      Wgmma<Words, Columns>::add(acc, wgmma_rows(shared_address(a)) + wgmma_along(32 * part),
                                 wgmma_rows(shared_address(b)) + wgmma_along(32 * part));
    wgmma_commit();
    CHECK(acc[0] == 1.0f);  // nothing has happened yet
    wgmma_wait<0>(acc);
    const int warp = static_cast<int>(threadIdx.x) / 32, group = static_cast<int>(lane_id()) / 4,
              member = static_cast<int>(lane_id()) % 4;
    for (int i = 0; i < Columns / 2; ++i)
      d[static_cast<size_t>((warp * 16 + group + i % 4 / 2 * 8) * Columns + i / 4 * 8 + 2 * member + i % 2)] = acc[i];
  });
  return d;
}

template <class Words, int Columns>
void check_wgmma() {
  for (int parts : {1, 4}) {
    const std::vector<float> d = by_wgmma<Words, Columns>(parts);
    bool all = true;
    for (int m = 0; m < 64; ++m) {
      for (int n = 0; n < Columns; ++n) {
        float sum = 1.0f;
        for (int k = 0; k < parts * 8 * Words::kPerWord; ++k) sum += small(m, k) * small(64 + 100 + n, k);
        all = all && d[static_cast<size_t>(m * Columns + n)] == sum;
      }
    }
    CHECK(all);
  }
}
}  // namespace

TEST_CASE("descriptors: fields where the PTX ISA has them, and every swizzle of rows of k") {
  const uint64_t d = wgmma_rows(0x12340);
  CHECK((d & 0x3fff) == 0x1234);
  CHECK((d >> 32 & 0x3fff) == 64);  // 1024 bytes between groups of eight rows
  CHECK((d >> 62) == 1);            // 128-byte swizzle
  CHECK((d >> 49 & 7) == 0);
  run(1, 8192, [] {
    char* at = block_memory();
    const uint64_t start = (shared_address(at) & 0x3ffff) >> 4;
    for (int i = 0; i < 1536; ++i) reinterpret_cast<uint32_t*>(at)[i] = static_cast<uint32_t>(i);
    // Word w of row 11 (row 3 of the second group) is in piece w / 4.
    const auto mode = [&](uint64_t swizzle, uint64_t leading, uint64_t stride) {
      return start | leading >> 4 << 16 | stride >> 4 << 32 | swizzle << 62;
    };
    for (int w = 0; w < 8; ++w) {
      const uint32_t piece = static_cast<uint32_t>(w / 4), in = static_cast<uint32_t>(w % 4);
      const auto word = [&](uint64_t descriptor) { return emulator::descriptor_word(descriptor, 11, w); };
      CHECK(word(mode(1, 16, 1024)) == 256 + 3 * 32 + (piece ^ 3) * 4 + in);
      CHECK(word(mode(1, 16, 1024) + wgmma_along(64)) == 256 + 3 * 32 + ((piece + 4) ^ 3) * 4 + in);
      CHECK(word(mode(2, 16, 512)) == 128 + 3 * 16 + (piece ^ 1) * 4 + in);
      CHECK(word(mode(3, 16, 256)) == 64 + 3 * 8 + piece * 4 + in);
      CHECK(word(mode(0, 2048, 128)) == 32 + 3 * 4 + piece * 512 + in);
    }
  });
}

TEST_CASE("wgmma: fragments and sums of both widths and both kinds of elements, at its wait and not before") {
  check_wgmma<Bf16Words, 128>();
  check_wgmma<Bf16Words, 256>();
  check_wgmma<Tf32Words, 128>();
  check_wgmma<Tf32Words, 256>();
}

TEST_CASE("wgmma reads what is there at its wait: memory taken again too early shows") {
  float result = 0;
  run(128, 1024 + 192 * 128, [&] {
    uint32_t* a = reinterpret_cast<uint32_t*>(block_memory());
    for (int i = static_cast<int>(threadIdx.x); i < 192 * 32; i += 128) a[i] = Bf16Words::word(1, 1);
    __syncthreads();
    float acc[64] = {};
    wgmma_fence();
    Wgmma<Bf16Words, 128>::add(acc, wgmma_rows(shared_address(a)), wgmma_rows(shared_address(a + 64 * 32)));
    wgmma_commit();
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < 64 * 32; i += 128) a[i] = Bf16Words::word(2, 2);
    __syncthreads();
    wgmma_wait<0>(acc);
    if (threadIdx.x == 0) result = acc[0];
  });
  CHECK(result == 32.0f);  // 16 times 2, not 16 times 1
}

TEST_CASE("ldmatrix: word lane % 4 of row lane / 4 of each of four matrices") {
  std::vector<uint32_t> got(32 * 4);
  run(32, 1024, [&] {
    uint32_t* at = reinterpret_cast<uint32_t*>(emulator::shared_memory());
    for (int i = 0; i < 128; i += 32) at[i + static_cast<int>(threadIdx.x)] = static_cast<uint32_t>(i) + threadIdx.x;
    __syncwarp();
    uint32_t words[4];
    load_matrices(words, at + (31 - threadIdx.x) * 4);  // rows the other way round
    for (unsigned i = 0; i < 4; ++i) got[threadIdx.x * 4 + i] = words[i];
  });
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) CHECK(got[lane * 4 + i] == (31 - (8 * i + lane / 4)) * 4 + lane % 4);
}

TEST_CASE("cp.async: arrives with the wait for its group, or at once") {
  alignas(16) const uint32_t from[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  for (const char* order : {"", "reverse"}) {
    const Order named(order);
    const bool late = order[0] == 0;
    run(1, 64, [&] {
      uint32_t* to = reinterpret_cast<uint32_t*>(emulator::shared_memory());
      for (int i = 0; i < 8; ++i) to[i] = 0;
      copy_async(to, from);
      copy_commit();
      copy_async(to + 4, from + 4);
      copy_commit();
      CHECK(to[0] == (late ? 0u : 1u));
      copy_wait<1>();
      CHECK(to[3] == 4);
      CHECK(to[4] == (late ? 0u : 5u));
      copy_wait<0>();
      CHECK(to[7] == 8);
    });
  }
}

TEST_CASE("cp.async.bulk: a phase of its mbarrier ends with the arrival and all bytes") {
  alignas(16) uint32_t from[64];
  for (uint32_t i = 0; i < 64; ++i) from[i] = i;
  for (const char* order : {"", "reverse"}) {
    const Order named(order);
    std::vector<uint32_t> seen(2 * 64);
    run(64, 1024, [&] {
      uint64_t* barrier = reinterpret_cast<uint64_t*>(emulator::shared_memory());
      uint32_t* to = reinterpret_cast<uint32_t*>(emulator::shared_memory() + 64);
      if (threadIdx.x == 0) barrier_init(barrier), barriers_ready();
      __syncthreads();
      for (uint32_t round = 0; round < 2; ++round) {
        if (threadIdx.x == 0) {
          barrier_expect(barrier, 256);
          copy_bulk(to, from + 32 * round, 128, barrier);
          copy_bulk(to + 32, from, 128, barrier);
        }
        barrier_wait(barrier, round % 2);
        seen[round * 64 + threadIdx.x] = to[threadIdx.x];
        __syncthreads();
      }
    });
    for (uint32_t i = 0; i < 64; ++i) CHECK(seen[i] == i % 32);
    for (uint32_t i = 0; i < 64; ++i) CHECK(seen[64 + i] == (i < 32 ? 32 + i : i % 32));
  }
}
