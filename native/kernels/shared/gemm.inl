// gemm.inl: the matrix kernel, written with the names of vec.h and included inside the namespace of each instruction set.
// A tile is MR rows by NT * NV vectors; all its accumulators stay in registers for the whole of K. Every output is one FMA chain over k in
// increasing order, never split over k, so the bits depend neither on the tile, nor on the instruction set, nor on the batch size.
// GATECELL_TILE_VECTORS: vectors of one packed B tile (4 on AVX-512 and NEON, 2 on AVX2, 1 on scalar).
// Mac: the multiply-add of one k: float products here, pairs of bf16 in bf16.inl (a "float" then carries two of them).

struct FloatMac {
  GC_INLINE V run(V a, V b, V acc) { return v_fma(a, b, acc); }
};

constexpr int kMaxRows = 6;
constexpr int kTileVectors = GATECELL_TILE_VECTORS;
constexpr int64_t kLine = 16;                              // floats of a cache line
constexpr int64_t kPortion = kTileVectors == 4 ? 16 : 32;  // steps of k between two fetches

// Calls f(Index<0>()), ..., f(Index<N - 1>()). An array whose indices are all constants stays in registers; with plain loops GCC 12 copies
// the accumulators to the stack before and after the loop over k.
template <int I>
struct Index {
  static constexpr int value = I;
};
template <int N, int I = 0, class F>
GC_INLINE void each(const F& f) {
  if constexpr (I < N) {
    f(Index<I>());
    each<N, I + 1>(f);
  }
}

// The start values of a tile's chains: C itself (`from` is null), or a row that all rows share: the start vector or zeros.
struct TileStart {
  const float* from;
  int64_t row, tile;
};
GC_INLINE TileStart tile_start(const gc_gemm* g, const float* start) {
  alignas(64) static const float zeros[kTileVectors * VL] = {};
  if (start) return {start, 0, kTileVectors * VL};
  if (g->accumulate) return {nullptr, g->c_row, g->c_tile};
  return {zeros, 0, 0};
}

// Computes `tiles` tiles of MR rows, one below the other. c_after: the rows of C that are computed next, which are fetched. Whole: the last
// vector has all its lanes. Far: A is fetched one tile ahead.
template <class Mac, int MR, int NV, int NT, bool Whole, bool Far = false>
static void gemm_tiles(const gc_gemm* g, const float* a, const float* b, float* c, int64_t tiles, const float* c_after,
                       const float* start, int last_lanes) {
  constexpr int width = NT * NV;
  const int64_t c_row = g->c_row, c_tile = g->c_tile, a_row = g->a_row, a_k = g->a_k, b_k = g->b_k, b_tile = g->b_tile;
  const int64_t segments = g->segments, length = g->segment_length, a_segment = g->a_segment, b_segment = g->b_segment;
  const TileStart begin = tile_start(g, start);
  for (; tiles > 0; --tiles, a += MR * a_row) {
    V acc[MR * width];
    const float* from = begin.from ? begin.from : c;
    each<MR * width>([&](auto i) __attribute__((always_inline)) {
      constexpr int m = i.value / width, t = i.value % width / NV, n = i.value % NV;
      const float* at = from + m * begin.row + t * begin.tile + n * VL;
      acc[i.value] = Whole || n < NV - 1 ? v_load(at) : v_load_n(at, last_lanes);
    });
    const float *as = a, *bs = b;
    const auto step = [&]() __attribute__((always_inline)) {
      V bv[width];
      each<width>([&](auto n) __attribute__((always_inline)) {
        bv[n.value] = v_load(bs + n.value / NV * b_tile + n.value % NV * VL);
      });
      each<MR>([&](auto m) __attribute__((always_inline)) {
        const V av = v_set(as[m.value * a_row]);
        each<width>([&](auto n) __attribute__((always_inline)) {
          constexpr int i = m.value * width + n.value;
          acc[i] = Mac::run(av, bv[n.value], acc[i]);
        });
      });
      as += a_k;
      bs += b_k;
    };
    // The lines of C are fetched during the products, a row at a time: those that this tile stores without having read them, otherwise those
    // that the next tile reads. If A is far, so is a line of each row of A in the next tile, because the rows are too short for the hardware
    // prefetcher. Fetches are spread over the loop: many at once would fill the buffers for outstanding misses, and loads of B would wait.
    float* below = c + MR * c_row;
    const float* fetched = begin.from ? c : tiles > 1 ? below : c_after;
    int row = 0;
    const auto fetch = [&]() __attribute__((always_inline)) {
      for (int m = MR; m < 2 * MR && Far; ++m) v_prefetch(as + m * a_row);
      if (row == MR) return;
      const float* line = fetched + row++ * c_row;
      for (int t = 0; t < NT; ++t)
        for (int n = 0; n < NV * VL; n += kLine) v_prefetch(line + t * c_tile + n);
    };
    // The branch predictor misses the exit of a long loop, but not of a short one. The last portion is a loop of its own, so that the
    // misprediction is resolved before the stores. With one or two rows, loading B is the only bottleneck, so there are no portions.
    for (int64_t s = 0; s < segments; ++s) {
      constexpr int64_t portion = Far ? kLine : kPortion;
      as = a + s * a_segment;
      bs = b + s * b_segment;
      int64_t left = length;
      for (; MR > 2 && left > portion; left -= portion) {
        fetch();
        for (int64_t k = 0; k < portion; ++k) step();
      }
      fetch();
      for (; left > 0; --left) step();
    }
    each<MR * width>([&](auto i) __attribute__((always_inline)) {
      constexpr int m = i.value / width, t = i.value % width / NV, n = i.value % NV;
      float* to = c + m * c_row + t * c_tile + n * VL;
      if (Whole || n < NV - 1) v_store(to, acc[i.value]);
      else v_store_n(to, acc[i.value], last_lanes);
    });
    c = below;
  }
}

using gemm_tiles_fn = void (*)(const gc_gemm*, const float*, const float*, float*, int64_t, const float*, const float*,
                               int);

template <class Mac, int NV, bool Whole, bool Far = false>
static gemm_tiles_fn gemm_of_height(int64_t rows) {
  switch (rows) {
    case 1: return gemm_tiles<Mac, 1, NV, 1, Whole, Far>;
    case 2: return gemm_tiles<Mac, 2, NV, 1, Whole, Far>;
    case 3: return gemm_tiles<Mac, 3, NV, 1, Whole, Far>;
    case 4: return gemm_tiles<Mac, 4, NV, 1, Whole, Far>;
    case 5: return gemm_tiles<Mac, 5, NV, 1, Whole, Far>;
    default: return gemm_tiles<Mac, 6, NV, 1, Whole, Far>;
  }
}

template <class Mac, bool Whole>
static gemm_tiles_fn gemm_of_width(int64_t rows, int vectors) {
  switch (vectors) {
    case 1: return gemm_of_height<Mac, 1, Whole>(rows);
#if GATECELL_TILE_VECTORS > 1
    case 2: return gemm_of_height<Mac, 2, Whole>(rows);
#endif
#if GATECELL_TILE_VECTORS > 2
    case 3: return gemm_of_height<Mac, 3, Whole>(rows);
#endif
    default: return gemm_of_height<Mac, kTileVectors, Whole>(rows);
  }
}

// Divides the rows into balanced tiles: 16 rows are 6 + 5 + 5, not 6 + 6 + 4. c_after: the rows of C that are computed next.
template <class Mac>
static void gemm_rows(const gc_gemm* g, const float* b, float* c, const float* c_after, const float* start, int vectors,
                      int last_lanes) {
  if (g->rows <= 0) return;
  const bool whole = last_lanes == VL, far = g->a_far && whole && vectors == kTileVectors;
  const auto run = [&](int64_t rows, const float* a, float* to, int64_t tiles, const float* after) {
    const auto product = far     ? gemm_of_height<Mac, kTileVectors, true, true>(rows)
                         : whole ? gemm_of_width<Mac, true>(rows, vectors)
                                 : gemm_of_width<Mac, false>(rows, vectors);
    product(g, a, b, to, tiles, after, start, last_lanes);
  };
  const int64_t tiles = (g->rows + kMaxRows - 1) / kMaxRows, low = g->rows / tiles, high = g->rows % tiles;
  const int64_t above = high * (low + 1);  // rows in the higher tiles
  float* below = c + above * g->c_row;
  if (high > 0) run(low + 1, g->a, c, high, below);
  run(low, g->a + above * g->a_row, below, tiles - high, c_after);
}

// Returns how many tiles are computed together, so that at least eight FMA chains hide the latency if there are few rows (batch-1 steps).
static constexpr int gemm_group(int rows) {
  return rows == 1 ? 8 / kTileVectors : rows == 2 && kTileVectors < 4 ? 4 / kTileVectors : 1;
}

template <class Mac>
static void gemm_all(const gc_gemm* g) {
  constexpr int width = kTileVectors * VL;
  const int64_t tiles = (g->columns + width - 1) / width;
  const int group = g->rows == 1 ? gemm_group(1) : g->rows == 2 ? gemm_group(2) : 1;
  for (int64_t tile = 0; tile < tiles;) {
    const float* b = g->b + tile * g->b_tile;
    float* c = g->c + tile * g->c_tile;
    const float* start = g->start ? g->start + tile * width : nullptr;
    if (group > 1 && (tile + group) * width <= g->columns) {
      if (g->rows == 1) gemm_tiles<Mac, 1, kTileVectors, gemm_group(1), true>(g, g->a, b, c, 1, c, start, VL);
      else gemm_tiles<Mac, 2, kTileVectors, gemm_group(2), true>(g, g->a, b, c, 1, c, start, VL);
      tile += group;
      continue;
    }
    const int64_t columns = g->columns - tile * width < width ? g->columns - tile * width : width;
    const int vectors = static_cast<int>((columns + VL - 1) / VL);
    const float* next = tile + 1 < tiles ? c + g->c_tile : g->c_next ? g->c_next : c;
    gemm_rows<Mac>(g, b, c, next, start, vectors, static_cast<int>(columns - (vectors - 1) * VL));
    ++tile;
  }
}
