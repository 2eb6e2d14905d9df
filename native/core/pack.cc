// pack.cc: packing of weights into the layouts that the kernels read: blocks of 64 columns, [tile][k][tile columns], a word per (k, column).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "machine.h"
#include "store.h"
#include "transpose.h"

namespace gatecell {
namespace {
// Returns the row of W at position j of the packed dimension that runs over W's rows; -1 in the padding.
int64_t source_row(const Packed& p, int64_t j, int64_t rows) {
  if (p.gates == Gates::kNone) return j < rows ? j : -1;
  return j < order_length(rows, p.gates) ? gate_row(j, rows / gate_count(p.gates), p.gates) : -1;
}

// Packs B(k, n) = W[row(n)][k] for four neighbouring columns n, k0 <= k < k1; zeros if there is no row.
void transpose_columns(const float* const rows[4], int64_t k0, int64_t k1, int64_t width, float* to) {
  int64_t k = k0;
  if (rows[0] && rows[1] && rows[2] && rows[3])
    for (; k + 4 <= k1; k += 4) {
      const float* const from[] = {rows[0] + k, rows[1] + k, rows[2] + k, rows[3] + k};
      float* at = to + k * width;
      float* const square[] = {at, at + width, at + 2 * width, at + 3 * width};
      transpose_square(from, square, false);
    }
  for (; k < k1; ++k)
    for (int64_t n = 0; n < 4; ++n) to[k * width + n] = rows[n] ? rows[n][k] : 0.0f;
}

// Packs B(k, n) = W[row(n)][k]: reads four lines of a row at a time, so that the hardware prefetches the next; writes stay in L1.
void pack_transposed(const Store& s, const Packed& p, int64_t block) {
  const gc_param& param = s.params[p.param];
  const int64_t width = kernels().tile_columns;
  const float* rows[64];
  for (int64_t n = 0; n < 64; ++n) {
    const int64_t row = source_row(p, block * 64 + n, param.dims[0]);
    rows[n] = row < 0 ? nullptr : s.data + param.offset + row * p.k;
  }
  for (int64_t k = 0; k < p.k; k += 64)
    for (int64_t n = 0; n < 64; n += 4)
      transpose_columns(rows + n, k, std::min(k + 64, p.k), width,
                        p.block.floats() + block * p.k * 64 + n / width * width * p.k + n % width);
}

// Packs B(k, n) = W[row(k)][n]: rows are copied in pieces of one tile.
void pack_straight(const Store& s, const Packed& p, int64_t block) {
  const gc_param& param = s.params[p.param];
  const int64_t width = kernels().tile_columns, rows = param.dims[0], columns = param.rank == 2 ? param.dims[1] : 1;
  const float* w = s.data + param.offset;
  for (int64_t k = 0; k < p.k; ++k) {
    const int64_t row = source_row(p, k, rows);
    for (int64_t tile = 0; tile < 64; tile += width) {
      float* to = p.block.floats() + block * p.k * 64 + tile * p.k + k * width;
      const int64_t first = block * 64 + tile,
                    count = row < 0 ? 0 : std::max<int64_t>(0, std::min(width, columns - first));
      if (count > 0) memcpy(to, w + row * columns + first, static_cast<size_t>(count) * 4);
      if (count < width) memset(to + count, 0, static_cast<size_t>(width - count) * 4);
    }
  }
}

// Packs B(k, n) = W[row(n)][k] in bf16: a rounded row of W is already a row of words, which are stored column by column.
void pack_pairs_transposed(const Store& s, const Packed& p, int64_t block) {
  const gc_param& param = s.params[p.param];
  const int64_t width = kernels().tile_columns, columns = param.rank == 2 ? param.dims[1] : 1;
  for (int64_t n = 0; n < 64; ++n) {
    const int64_t row = source_row(p, block * 64 + n, param.dims[0]);
    auto* to = reinterpret_cast<uint32_t*>(p.block.floats()) + block * p.k * 64 + n / width * width * p.k + n % width;
    for (int64_t k0 = 0; k0 < p.k; k0 += 32) {
      const int64_t words = std::min<int64_t>(32, p.k - k0), count = std::min(2 * words, columns - 2 * k0);
      uint32_t part[32] = {};
      if (row >= 0)
        bf16_kernels().narrow(s.data + param.offset + row * columns + 2 * k0, 64, reinterpret_cast<uint16_t*>(part), 64,
                              1, count);
      for (int64_t k = 0; k < words; ++k) to[(k0 + k) * width] = part[k];
    }
  }
}

// Packs B(k, n) = W[row(k)][n] in bf16: two rows are rounded and interleaved.
void pack_pairs_straight(const Store& s, const Packed& p, int64_t block) {
  const gc_param& param = s.params[p.param];
  const int64_t width = kernels().tile_columns, columns = param.rank == 2 ? param.dims[1] : 1;
  const int64_t first = block * 64, count = std::min<int64_t>(64, columns - first);
  for (int64_t k = 0; k < p.k; ++k) {
    uint16_t rows[2][64] = {};
    uint32_t words[64];
    for (int64_t i = 0; i < 2; ++i) {
      const int64_t row = source_row(p, 2 * k + i, param.dims[0]);
      if (row >= 0) bf16_kernels().narrow(s.data + param.offset + row * columns + first, 64, rows[i], 64, 1, count);
    }
    bf16_kernels().pair(rows[0], rows[1], words, 64);
    for (int64_t tile = 0; tile < 64; tile += width)
      memcpy(p.block.floats() + block * p.k * 64 + tile * p.k + k * width, words + tile,
             static_cast<size_t>(width) * 4);
  }
}

// Packs B(k, n) = W[row(n)][k] in int8: the codes of one row share a scale, which is the row's largest magnitude divided by 127.
void pack_bytes_transposed(const Store& s, const Packed& p, int64_t block) {
  const gc_param& param = s.params[p.param];
  const int64_t width = kernels().tile_columns, columns = param.rank == 2 ? param.dims[1] : 1;
  float* const scale = p.block.floats() + p.floats();
  auto* const correction = reinterpret_cast<int32_t*>(scale + p.blocks * 64);
  for (int64_t n = 0; n < 64; ++n) {
    const int64_t row = source_row(p, block * 64 + n, param.dims[0]);
    const float* w = row < 0 ? nullptr : s.data + param.offset + row * columns;
    float most = 0;
    bool finite = true;
    for (int64_t k = 0; w && k < columns; ++k) {
      finite &= std::isfinite(w[k]);
      most = std::max(most, std::fabs(w[k]));
    }
    if (!finite) w = nullptr, most = NAN;  // there is no code for NaN or infinity, so the scale makes every sum NaN
    const float inverse = most > 0 ? 127.0f / most : 0.0f;
    auto* to = reinterpret_cast<int8_t*>(p.block.floats() + block * p.k * 64 + n / width * width * p.k + n % width);
    int32_t sum = 0;
    for (int64_t k = 0; k < 4 * p.k; ++k) {
      const int32_t code = w && k < columns ? static_cast<int32_t>(std::lrint(w[k] * inverse)) : 0;
      to[k / 4 * width * 4 + k % 4] = static_cast<int8_t>(code);
      sum += code;
    }
    scale[block * 64 + n] = most / (127.0f * 127.0f);  // the other factor 127 is that of the activations' codes
    correction[block * 64 + n] = 128 * sum;
  }
}
// Packs the sum of both biases in the order of the gate buffer, with zeros in the padding.
void pack_bias(const Store& s, const Packed& p, int64_t block) {
  const GateBias& b = p.biases;
  const auto value = [&](int param, Gates gates, int64_t j) {
    const int64_t row = param < 0 ? -1 : gate_row(j, b.hidden, gates);
    return row < 0 ? 0.0f : s.data[s.params[param].offset + row];
  };
  for (int64_t j = block * 64; j < block * 64 + 64; ++j)
    p.block.floats()[j] = value(b.b_ih, b.ih, j) + value(b.b_hh, b.hh, j);
}
}  // namespace

void pack_block(const Store& s, const Packed& p, int64_t block) {
  if (p.kind == PackKind::kGateBias) return pack_bias(s, p, block);
  const bool transposed = p.kind == PackKind::kForward;
  if (p.format == Format::kInt8) pack_bytes_transposed(s, p, block);
  else if (p.format == Format::kBf16)
    transposed ? pack_pairs_transposed(s, p, block) : pack_pairs_straight(s, p, block);
  else transposed ? pack_transposed(s, p, block) : pack_straight(s, p, block);
}
}  // namespace gatecell
