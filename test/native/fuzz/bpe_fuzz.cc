// The only native parser of bytes: byte pair encoding of any text with any table of merges, in pieces, for libFuzzer.
//   cmake -S . -B build/fuzz-native -DGATECELL_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++ && cmake --build build/fuzz-native --target gatecell_bpe_fuzz
//   build/fuzz-native/gatecell_bpe_fuzz -runs=10000000 -max_len=512
#include <stdlib.h>

#include <vector>

#include "gatecell/bpe.h"

static void require(bool right) {
  if (!right) abort();
}

// The first byte is the number of merges, then come three bytes for each; the rest is the text, whose first byte divides it in two pieces.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t count = data[0] % 32;
  if (size < 2 + 3 * count) return 0;
  std::vector<int32_t> merges(3 * count);
  for (size_t i = 0; i < merges.size(); i++) merges[i] = static_cast<int8_t>(data[1 + i]) * (i % 3 == 2 ? 3 : 1);
  int32_t bytes[256];
  for (int i = 0; i < 256; i++) bytes[i] = i;
  const int64_t split = data[1 + 3 * count];
  const uint8_t* text = data + 2 + 3 * count;
  const int64_t length = static_cast<int64_t>(size - 2 - 3 * count);
  gc_bpe_encoder* encoder = nullptr;
  if (gc_bpe_encoder_create(merges.data(), static_cast<int32_t>(count), bytes, &encoder) == GC_OK) {
    const int64_t first = split < length ? split : length;
    int64_t total = 0;
    for (int end = 0; end < 2; end++) {
      const int64_t n = end == 0 ? first : length - first;
      std::vector<int32_t> out(static_cast<size_t>(gc_bpe_encoder_room(encoder, n)) + 1);
      int64_t written = 0;
      require(gc_bpe_encode(encoder, text + (end == 0 ? 0 : first), n, end, out.data(), &written) == GC_OK);
      require(written >= 0 && written < static_cast<int64_t>(out.size()));
      total += written;
    }
    require(total <= length);
    const gc_bpe_draws draws = {1, 2, 3};
    std::vector<int32_t> out(static_cast<size_t>(length) + 1);
    int64_t written = 0;
    require(gc_bpe_encode_dropped(encoder, text, length, split / 255.0, &draws, out.data(), &written) == GC_OK);
    require(written <= length);
    gc_bpe_encoder_destroy(encoder);
  }
  gc_bpe_trainer* trainer = nullptr;
  require(gc_bpe_trainer_create(1 << 20, &trainer) == GC_OK);
  int32_t done = 0;
  if (gc_bpe_trainer_add(trainer, text, length, 1) == GC_OK)
    while (!done) require(gc_bpe_trainer_step(trainer, 256 + static_cast<int32_t>(count), 1, &done) == GC_OK);
  std::vector<int32_t> made(2 * static_cast<size_t>(gc_bpe_trainer_count(trainer)) + 1);
  gc_bpe_trainer_merges(trainer, made.data());
  gc_bpe_trainer_destroy(trainer);
  return 0;
}
