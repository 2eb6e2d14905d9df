// limits_kernels.cc: the engine's own kernels without a plan around them: the packed product and the cell.
#include "limits.h"
#include "machine.h"
#include "packed_product.h"
#include "store.h"

namespace gatecell {
namespace {
constexpr int64_t kMostElements = int64_t{1} << 31;

// Returns small, different values, as f32, pairs of bf16 or any bytes. Sums of them stay finite in any number of rounds.
void fill(Block& block, Format format) {
  uint32_t* words = reinterpret_cast<uint32_t*>(block.data());
  const int64_t count = block.bytes() / 4;
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t mantissa = static_cast<uint32_t>(i * 2654435761u) >> 9;
    words[i] = format == Format::kBf16 ? 0x3c003c00u | (mantissa & 0x007f007fu) : 0x3c000000u | mantissa;
  }
}

bool small(int64_t a, int64_t b) { return a >= 1 && b >= 1 && a <= kMostElements / b; }
}  // namespace

gc_status measure_gemm(const gc_probe& probe, gc_measurement* out) {
  if (probe.precision < GC_FLOAT || probe.precision > GC_INT8)
    return fail(GC_INVALID_ARGUMENT, "unknown precision %d", probe.precision);
  const Format formats[] = {Format::kF32, Format::kBf16, Format::kInt8};  // their values are the operands in a word
  const Format format = formats[probe.precision];
  if (!small(probe.rows, probe.columns) || !small(probe.rows, probe.inner) || !small(probe.columns, probe.inner))
    return fail(GC_INVALID_SHAPE, "expected rows, columns and inner >= 1 with matrices below 2^31 elements");
  Packed packed;
  packed.format = format;
  packed.k = (probe.inner + static_cast<int64_t>(format) - 1) / static_cast<int64_t>(format);
  packed.blocks = (probe.columns + 63) / 64;
  Block a, c;
  if (!packed.block.allocate(packed.blocks * packed.k * 256) || !a.allocate(probe.rows * packed.k * 4) ||
      !c.allocate(probe.rows * packed.blocks * 256))
    return fail(GC_OUT_OF_MEMORY, "no memory for a product of %lld x %lld x %lld", static_cast<long long>(probe.rows),
                static_cast<long long>(probe.inner), static_cast<long long>(probe.columns));
  fill(packed.block, format);
  fill(a, format);
  PackedProduct m;
  m.a = a.floats();
  m.a_row = packed.k;
  m.segment_length = packed.k;
  m.b = &packed;
  m.c = c.floats();
  m.c_row = packed.blocks * 64;
  m.columns = packed.blocks * 64;
  const int team = probe.threads;
  // Threads split the product as in the layers: by whole tiles of rows if there are enough, otherwise by columns.
  const bool by_rows = probe.rows >= kRowTile * team;
  const auto pass = [&](int index, int64_t rounds) {
    const Range rows = by_rows ? share(probe.rows, index, team, kRowTile) : Range{0, probe.rows};
    const Range blocks = by_rows ? Range{0, packed.blocks} : share(packed.blocks, index, team);
    for (int64_t r = 0; r < rounds; ++r) multiply(m, rows, blocks);
  };
  const double flops =
      2.0 * static_cast<double>(probe.rows) * static_cast<double>(probe.columns) * static_cast<double>(probe.inner);
  return measure_rate(team, flops / team, probe.seconds, pass, out);
}

gc_status measure_gates(const gc_probe& probe, gc_measurement* out) {
  if (probe.rows < 1 || probe.rows > 1 << 20)
    return fail(GC_INVALID_SHAPE, "expected 1 to 2^20 rows, got %lld", static_cast<long long>(probe.rows));
  const int64_t rows = probe.rows;
  std::vector<Block> blocks(probe.threads);
  for (Block& block : blocks) {
    if (!block.allocate(rows * (64 + 3 * 16) * 4))
      return fail(GC_OUT_OF_MEMORY, "no memory for %lld rows of cells", static_cast<long long>(rows));
    fill(block, Format::kF32);
  }
  const auto pass = [&](int index, int64_t rounds) {
    gc_cell cell = {};
    cell.gates = blocks[index].floats();
    float* c_prev = cell.gates + rows * 64;
    cell.c_prev = c_prev;
    cell.c = c_prev + rows * 16;
    cell.h = cell.c + rows * 16;
    cell.state_row = 16;
    cell.h_row = 16;
    cell.rows = rows;
    for (int64_t r = 0; r < rounds; ++r) kernels().cell_forward[0](&cell);
  };
  return measure_rate(probe.threads, static_cast<double>(rows) * 16, probe.seconds, pass, out);
}
}  // namespace gatecell
