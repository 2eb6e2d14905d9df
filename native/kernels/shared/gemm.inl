// gemm.inl: the one matrix kernel, written on vec.h names; included inside an ISA's namespace.
// Tile MR x (NT * NV) vectors, all accumulators in registers for the whole of K. Every output is one FMA chain over k in
// increasing order: no split over k, so the bits depend neither on the tile, nor on the ISA, nor on the batch size.
// GATECELL_TILE_VECTORS: vectors of one packed B tile (4 on AVX-512, 2 on AVX2, 1 on scalar).
// Mac: the multiply-add of one k: float products here, pairs of bf16 in bf16.inl (a "float" then carries two of them).

struct FloatMac {
  GC_INLINE V run(V a, V b, V acc) { return v_fma(a, b, acc); }
};

constexpr int kMaxRows = 6;
constexpr int kTileVectors = GATECELL_TILE_VECTORS;

// Where an accumulator starts: the start vector, C itself, or zero.
template <int NV, int NT>
static inline void gemm_start(const gc_gemm* g, const float* c, const float* start, int last_lanes, V* acc) {
  for (int t = 0; t < NT; ++t) {
    for (int n = 0; n < NV; ++n) {
      const float* from = start ? start + t * kTileVectors * VL + n * VL : c + t * g->c_tile + n * VL;
      const bool partial = n == NV - 1 && last_lanes < VL;
      V v = v_zero();
      if (start || g->accumulate) v = partial ? v_load_n(from, last_lanes) : v_load(from);
      acc[t * NV + n] = v;
    }
  }
}

// C's lines come while the products are made: those this tile stores without having read them, else those the next tile reads.
template <int NV, int NT>
static inline void gemm_fetch(const gc_gemm* g, const float* c) {
  for (int t = 0; t < NT; ++t)
    for (int n = 0; n < NV; ++n) v_prefetch(c + t * g->c_tile + n * VL);
}

template <class Mac, int MR, int NV, int NT>
static void gemm_tile(const gc_gemm* g, const float* a, const float* b, float* c, const float* c_next,
                      const float* start, int last_lanes) {
  V acc[MR][NT * NV];
  for (int m = 0; m < MR; ++m) gemm_start<NV, NT>(g, c + m * g->c_row, start, last_lanes, acc[m]);
  const int64_t a_row = g->a_row, a_k = g->a_k, b_k = g->b_k, b_tile = g->b_tile;
  const float* fetched = start || !g->accumulate ? c : c_next;
  int row = 0;
  for (; row < MR && !g->a_far; ++row) gemm_fetch<NV, NT>(g, fetched + row * g->c_row);
  // Where A is far, the next tile's rows of it come too, a line of each in time: their runs are too short for the hardware to
  // follow. All this in small portions: many lines at once would take the places for outstanding misses, and B would wait.
  const int64_t portion = g->a_far ? 16 : g->segment_length;
  for (int64_t s = 0; s < g->segments; ++s) {
    const float* as = a + s * g->a_segment;
    const float* bs = b + s * g->b_segment;
    for (int64_t left = g->segment_length; left > 0; left -= portion) {
      if (g->a_far) {
        for (int m = MR; m < 2 * MR; ++m) v_prefetch(as + m * a_row);
        if (row < MR) gemm_fetch<NV, NT>(g, fetched + row++ * g->c_row);
      }
      for (int64_t k = left < portion ? left : portion; k > 0; --k) {
        V bv[NT * NV];
        for (int t = 0; t < NT; ++t)
          for (int n = 0; n < NV; ++n) bv[t * NV + n] = v_load(bs + t * b_tile + n * VL);
        for (int m = 0; m < MR; ++m) {
          const V av = v_set(as[m * a_row]);
          for (int n = 0; n < NT * NV; ++n) acc[m][n] = Mac::run(av, bv[n], acc[m][n]);
        }
        as += a_k;
        bs += b_k;
      }
    }
  }
  for (int m = 0; m < MR; ++m) {
    for (int t = 0; t < NT; ++t) {
      for (int n = 0; n < NV; ++n) {
        float* to = c + m * g->c_row + t * g->c_tile + n * VL;
        if (n == NV - 1 && last_lanes < VL) v_store_n(to, acc[m][t * NV + n], last_lanes);
        else v_store(to, acc[m][t * NV + n]);
      }
    }
  }
}

using gemm_tile_fn = void (*)(const gc_gemm*, const float*, const float*, float*, const float*, const float*, int);

template <class Mac, int NV>
static gemm_tile_fn gemm_pick(int rows) {
  switch (rows) {
    case 1: return gemm_tile<Mac, 1, NV, 1>;
    case 2: return gemm_tile<Mac, 2, NV, 1>;
    case 3: return gemm_tile<Mac, 3, NV, 1>;
    case 4: return gemm_tile<Mac, 4, NV, 1>;
    case 5: return gemm_tile<Mac, 5, NV, 1>;
    default: return gemm_tile<Mac, 6, NV, 1>;
  }
}

template <class Mac>
static gemm_tile_fn gemm_pick_narrow(int rows, int vectors) {
  switch (vectors) {
    case 1: return gemm_pick<Mac, 1>(rows);
#if GATECELL_TILE_VECTORS > 1
    case 2: return gemm_pick<Mac, 2>(rows);
#endif
#if GATECELL_TILE_VECTORS > 2
    case 3: return gemm_pick<Mac, 3>(rows);
#endif
    default: return gemm_pick<Mac, kTileVectors>(rows);
  }
}

// Tiles taken together so that at least eight FMA chains hide the latency when there are few rows (batch-1 steps).
static constexpr int gemm_group(int rows) {
  return rows == 1 ? 8 / kTileVectors : rows == 2 && kTileVectors < 4 ? 4 / kTileVectors : 1;
}

// Rows in balanced tiles: 16 rows are 6 + 5 + 5, not 6 + 6 + 4. c_next: where C goes on after the last row.
template <class Mac>
static void gemm_rows(const gc_gemm* g, const float* b, float* c, const float* c_next, const float* start, int vectors,
                      int last_lanes) {
  const int64_t tiles = (g->rows + kMaxRows - 1) / kMaxRows;
  const float* a = g->a;
  for (int64_t tile = 0, left = g->rows; tile < tiles; ++tile) {
    const int rows = static_cast<int>((left + tiles - tile - 1) / (tiles - tile));
    float* below = c + rows * g->c_row;
    const float* next = left > rows ? below : c_next;
    gemm_pick_narrow<Mac>(rows, vectors)(g, a, b, c, next, start, last_lanes);
    a += rows * g->a_row;
    c = below;
    left -= rows;
  }
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
      if (g->rows == 1) gemm_tile<Mac, 1, kTileVectors, gemm_group(1)>(g, g->a, b, c, c, start, VL);
      else gemm_tile<Mac, 2, kTileVectors, gemm_group(2)>(g, g->a, b, c, c, start, VL);
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
