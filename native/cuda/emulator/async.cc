// async.cc: the implementation of async.h. Work that is under way is stored for each thread, bulk copies for each barrier.
#include "async.h"

#include <cstdio>
#include <deque>
#include <unordered_map>
#include <vector>

#include "simt.h"

namespace gatecell {
namespace emulator {
namespace {
struct Copy {
  void* to;
  const void* from;
  uint32_t bytes;
};
struct BulkCopy : Copy {
  uint64_t* barrier;
};
struct Product {
  float* d;
  int columns;
  uint64_t a, b;
  Wide element;
};
template <class T>
struct Groups {  // of asynchronous work: the open one, and those committed
  std::vector<T> open;
  std::deque<std::vector<T>> committed;
  bool idle() const { return open.empty() && committed.empty(); }
  void commit() {
    committed.push_back(std::move(open));
    open.clear();
  }
  template <class F>
  void wait(int most, F f) {
    for (; static_cast<int>(committed.size()) > most; committed.pop_front())
      for (const T& one : committed.front()) f(one);
  }
};
struct Thread {
  Groups<Copy> copies;
  Groups<Product> products;
  bool fenced = false;
};
std::unordered_map<const Place*, Thread> threads;  // by fiber
std::vector<BulkCopy> bulk;
bool unswizzled =
    false;  // GATECELL_EMULATOR_WGMMA=unswizzled: a device that reads the operands of products without the swizzle

Thread& mine() { return threads[&place()]; }

[[noreturn]] void stop(const char* what) {
  fprintf(stderr, "emulator: %s\n", what);
  abort();
}
bool set(const char* name, const char* value) {
  const char* text = getenv(name);
  return text && strcmp(text, value) == 0;
}
bool at_once() { return set("GATECELL_EMULATOR_ORDER", "reverse"); }
bool aligned(const void* at) { return reinterpret_cast<uintptr_t>(at) % 16 == 0; }
void carry(const Copy& c) { memcpy(c.to, c.from, c.bytes); }

constexpr uint32_t kBase = 1040;  // 16 bytes after a multiple of 1024

struct Barrier {
  uint32_t phase : 1, arrivals : 15, pending : 16;
  int32_t bytes;
  void settle() {
    if (pending == 0 && bytes == 0) phase ^= 1, pending = arrivals;
  }
};
static_assert(sizeof(Barrier) == 8, "an mbarrier is 8 bytes");

void arrive(const BulkCopy& c) {
  Barrier& barrier = *reinterpret_cast<Barrier*>(c.barrier);
  carry(c);
  barrier.bytes -= static_cast<int32_t>(c.bytes);
  barrier.settle();
}

float element(uint32_t word, int i, int per_word) {
  const uint32_t bits = per_word == 1 ? word & 0xffffe000u : i == 0 ? word << 16 : word & 0xffff0000u;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// An operand as its descriptor describes it.
struct Operand {
  uint32_t start, leading, stride, width, mask;
  const char* memory;
  explicit Operand(uint64_t descriptor) {
    const auto field = [&](int low) { return static_cast<uint32_t>(descriptor >> low & 0x3fff) << 4; };
    start = field(0), leading = field(16), stride = field(32);
    const uint32_t mode = static_cast<uint32_t>(descriptor >> 62);
    if ((descriptor >> 49 & 7) != 0) stop("a matrix descriptor has a base offset, which no pattern here needs");
    width = mode == 0 ? 0 : 256u >> mode, mask = mode == 0 || unswizzled ? 0 : (width / 16 - 1) << 4;
    memory = shared_memory();
  }
  uint32_t word(int row, int word) const {
    const uint32_t r = static_cast<uint32_t>(row), in_row = static_cast<uint32_t>(word) * 4;
    uint32_t at = start + r / 8 * stride;
    if (width == 0) at += in_row / 16 * leading + r % 8 * 16 + in_row % 16;  // core matrices of 8 rows of 16 bytes
    else at += r % 8 * width + in_row;  // rows whose pieces of 16 bytes are permuted by the address's bits 7 to 9
    at ^= at >> 3 & mask;
    uint32_t value;
    memcpy(&value, memory + (at - kBase), 4);
    return value;
  }
};

// Adds this thread's part of D: rows group and group + 8 of the 16 rows of its warp, two of every 8 columns.
template <int PerWord>
void multiply_words(const Product& p) {
  constexpr int depth = 8 * PerWord;
  const Place& at = place();
  const int flat = static_cast<int>(at.thread.x + at.block_size.x * (at.thread.y + at.block_size.y * at.thread.z));
  const int row = flat % 128 / 32 * 16 + flat % 32 / 4, member = flat % 4;
  const Operand first(p.a), second(p.b);
  float a[2][depth], b[depth];
  const auto read = [](const Operand& operand, int of, float* to) {
    for (int word = 0; word < 8; ++word) {
      const uint32_t bits = operand.word(of, word);
      for (int i = 0; i < PerWord; ++i) to[word * PerWord + i] = element(bits, i, PerWord);
    }
  };
  for (int i = 0; i < 2; ++i) read(first, row + 8 * i, a[i]);
  for (int pair = 0; pair < p.columns / 4; ++pair) {
    const int tile = pair / 2, side = pair % 2;
    read(second, 8 * tile + 2 * member + side, b);
    for (int i = 0; i < 2; ++i) {
      float sum = p.d[4 * tile + 2 * i + side];
      for (int k = 0; k < depth; ++k) sum += a[i][k] * b[k];
      p.d[4 * tile + 2 * i + side] = sum;
    }
  }
}
void multiply(const Product& p) {
  if (p.element == Wide::kBf16) multiply_words<2>(p);
  else multiply_words<1>(p);
}
}  // namespace

uint32_t shared_address(const void* at) {
  return kBase + static_cast<uint32_t>(static_cast<const char*>(at) - shared_memory());
}

void copy_async(void* to, const void* from) {
  if (!aligned(from) || shared_address(to) % 16 != 0) stop("cp.async of 16 bytes is off their boundary");
  if (at_once()) memcpy(to, from, 16);
  else mine().copies.open.push_back({to, from, 16});
}
void copy_commit() { mine().copies.commit(); }
void copy_wait(int most) { mine().copies.wait(most, carry); }

void barrier_init(uint64_t* barrier, uint32_t arrivals) {
  if (shared_address(barrier) % 8 != 0) stop("an mbarrier is off its boundary of 8 bytes");
  Barrier* b = reinterpret_cast<Barrier*>(barrier);
  b->phase = 0, b->bytes = 0, b->arrivals = b->pending = arrivals & 0x7fff;
}
void barrier_expect(uint64_t* barrier, uint32_t bytes) {
  Barrier& b = *reinterpret_cast<Barrier*>(barrier);
  b.bytes += static_cast<int32_t>(bytes);
  --b.pending;
  b.settle();
}
void barrier_wait(uint64_t* barrier, uint32_t parity) {
  const Barrier& b = *reinterpret_cast<const Barrier*>(barrier);
  for (int tries = 0; b.phase == parity; ++tries) {
    if (tries > 1000000) stop("a thread waits at an mbarrier that never completes");
    bool came = false;
    for (size_t i = 0; i < bulk.size() && b.pending == 0;) {
      if (bulk[i].barrier != barrier) {
        ++i;
        continue;
      }
      const BulkCopy copy = bulk[i];
      bulk.erase(bulk.begin() + static_cast<std::ptrdiff_t>(i));
      arrive(copy);
      came = true;
      if (b.phase != parity) return;
    }
    if (!came) yield();
  }
}
void copy_bulk(void* to, const void* from, uint32_t bytes, uint64_t* barrier) {
  if (!aligned(from) || shared_address(to) % 16 != 0 || bytes % 16 != 0) stop("cp.async.bulk is off 16 bytes");
  const BulkCopy copy = {{to, from, bytes}, barrier};
  if (at_once()) arrive(copy);
  else bulk.push_back(copy);
}

void load_matrices(uint32_t (&to)[4], const void* row) {
  if (shared_address(row) % 16 != 0) stop("ldmatrix reads a row off its boundary of 16 bytes");
  uint32_t words[2];
  memcpy(words, &row, sizeof row);
  const uint32_t(*all)[8] = exchange(words, 2);
  const unsigned lane = place().lane;
  for (unsigned i = 0; i < 4; ++i) {
    const char* from;
    memcpy(&from, all[8 * i + lane / 4], sizeof from);
    memcpy(&to[i], from + lane % 4 * 4, 4);
  }
}

uint32_t descriptor_word(uint64_t descriptor, int row, int word) { return Operand(descriptor).word(row, word); }

void wgmma(float* d, int columns, uint64_t a, uint64_t b, Wide element) {
  if (!mine().fenced) stop("wgmma.mma_async without wgmma.fence after its registers were written");
  mine().products.open.push_back({d, columns, a, b, element});
}
void wgmma_fence() { mine().fenced = true; }
void wgmma_commit() { mine().products.commit(); }
void wgmma_wait(int most) {
  unswizzled = set("GATECELL_EMULATOR_WGMMA", "unswizzled");
  mine().products.wait(most, multiply);
  mine().fenced = false;
}

void end_thread() {
  const auto found = threads.find(&place());
  if (found == threads.end()) return;
  if (!found->second.copies.idle()) stop("a thread ends with copies that it has not waited for");
  if (!found->second.products.idle()) stop("a thread ends with products that it has not waited for");
  threads.erase(found);
}
void end_launch() {
  if (!bulk.empty()) stop("a launch ends with bulk copies that nobody waited for");
}
}  // namespace emulator
}  // namespace gatecell
