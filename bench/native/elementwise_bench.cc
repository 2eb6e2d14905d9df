// Loops over contiguous values: activations, sums, the optimisers' updates, conversions to bf16 and int8.
#include "tables.h"

namespace bench {
namespace {

constexpr int64_t kCount = 1024;  // 4 KB an array: four of them lie in L1

template <class F>
void add_loop(const char* kernel, const char* isa, int64_t bytes, F body) {
  add(kernel, isa, std::to_string(kCount), [=](benchmark::State& state) {
    const auto w = floats(kCount), g = floats(kCount), m = floats(kCount), v = floats(kCount);
    for (int64_t i = 0; i < kCount; i++) v.get()[i] *= v.get()[i];  // a mean square
    for (auto _ : state) {
      body(w.get(), g.get(), m.get(), v.get());
      benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * kCount);
    state.SetBytesProcessed(state.iterations() * kCount * bytes);
  });
}

void add_table(const gc_kernels* t) {
  using F = float*;
  add_loop("sigmoid", t->name, 8, [=](F w, F g, F, F) { t->sigmoid(g, w, kCount); });
  add_loop("tanh", t->name, 8, [=](F w, F g, F, F) { t->tanh(g, w, kCount); });
  add_loop("exp", t->name, 8, [=](F w, F g, F, F) { t->exp(g, w, kCount); });
  add_loop("add", t->name, 12, [=](F w, F g, F, F) { t->add(g, w, kCount); });
  // Rates of zero leave the weights where they are, however long it runs.
  static const gc_update u = {1, 0, 0.9f, 0.999f, 0.1f, 0.001f, 1e-8f, 1, 0, 0};
  add_loop("sgd", t->name, 20, [=](F w, F g, F m, F) { t->sgd(w, g, m, kCount, &u); });
  add_loop("rmsprop", t->name, 20, [=](F w, F g, F, F v) { t->rmsprop(w, g, v, kCount, &u); });
  add_loop("adam", t->name, 28, [=](F w, F g, F m, F v) { t->adam(w, g, m, v, nullptr, kCount, &u); });
}

void add_bf16(const gc_bf16_kernels* t) {
  using F = float*;
  add_loop("bf16_narrow", t->name, 6,
           [=](F w, F g, F, F) { t->narrow(g, 64, reinterpret_cast<uint16_t*>(w), 64, kCount / 64, 64); });
  add_loop("bf16_pair", t->name, 8, [=](F w, F g, F, F) {
    const uint16_t* rows = reinterpret_cast<const uint16_t*>(g);
    t->pair(rows, rows + kCount, reinterpret_cast<uint32_t*>(w), kCount);
  });
  add_loop("bf16_add", t->name, 10, [=](F w, F g, F, F) { t->add(reinterpret_cast<const uint16_t*>(g), w, kCount); });
}

void add_int8(const gc_int8_kernels* t) {
  using F = float*;
  add_loop("int8_quantize", t->name, 5, [=](F w, F g, F, F) {
    t->quantize(g, 64, reinterpret_cast<uint8_t*>(w), 64, kCount / 64, 64, w + kCount / 2);
  });
  add_loop("int8_dequantize_add", t->name, 12, [=](F w, F g, F m, F v) {
    t->dequantize_add(reinterpret_cast<const int32_t*>(g), reinterpret_cast<const int32_t*>(m), v, v, w, kCount / 64);
  });
}
}  // namespace

void register_elementwise() {
  const auto all = tables();
  for (const gc_kernels* table : all) add_table(table);
  add_bf16(&gc_bf16_scalar);
  add_int8(&gc_int8_scalar);
#if defined(GATECELL_X86)
  if (all.size() > 1) add_bf16(&gc_bf16_avx2), add_int8(&gc_int8_avx2);
  if (all.size() > 2) add_bf16(&gc_bf16_avx512), add_int8(&gc_int8_avx512);
  if (all.size() > 2 && has("avx512_bf16")) add_bf16(&gc_bf16_avx512bf16);
  if (all.size() > 2 && has("avx512_vnni")) add_int8(&gc_int8_avx512vnni);
#elif defined(GATECELL_ARM64)
  add_bf16(&gc_bf16_neon), add_int8(&gc_int8_neon);
  if (has("bf16")) add_bf16(&gc_bf16_neonbf16);
  if (has("dotprod")) add_int8(&gc_int8_neondot);
  if (has("i8mm")) add_int8(&gc_int8_neoni8mm);
#endif
}
}  // namespace bench
