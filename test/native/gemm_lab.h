// gemm_lab.h: one product of the matrix kernel with awkward distances, and the plain loops it must equal.
#pragma once
#include "kernels/table.h"
#include "lab.h"

namespace lab {

// One product of the matrix kernel.
struct GemmCase {
  int64_t rows, columns, segments, length;
  int start;  // 0: zero, 1: C, 2: a start vector
};

constexpr float kSentinel = 12345.5f;  // what nothing may write over

struct GemmProblem {
  GemmCase shape;
  gc_gemm g = {};
  Floats a, b, c, start;

  // Distances between rows, segments and tiles are larger than they need be, so that a mixed-up one shows.
  GemmProblem(const GemmCase& s, int64_t width, Random& random) : shape(s) {
    const int64_t tiles = (s.columns + width - 1) / width;
    g.a_k = random.below(2) ? 1 : 6;
    g.a_segment = s.length * g.a_k + random.below(3);
    g.a_row = g.a_k == 1 ? g.a_segment * s.segments + random.below(5) : 1;
    g.b_k = width;
    g.b_segment = s.length * width;
    g.b_tile = s.segments * s.length * width + width * random.below(2);
    g.c_tile = width;
    g.c_row = tiles * width + random.below(4);
    g.rows = s.rows, g.columns = s.columns, g.segments = s.segments, g.segment_length = s.length;
    g.accumulate = s.start == 1;
    a = random.floats(s.rows * g.a_row + s.segments * g.a_segment + s.length * g.a_k + 8);
    b = random.floats(tiles * g.b_tile);
    c = s.start == 1 ? random.floats(s.rows * g.c_row) : Floats(static_cast<size_t>(s.rows * g.c_row), kSentinel);
    start = random.floats(tiles * width);
    g.a = a.data(), g.b = b.data(), g.c = c.data();
    g.start = s.start == 2 ? start.data() : nullptr;
    g.a_far = g.a_k == 1 && random.below(2);  // only fetches: the numbers must not change
    g.c_next = random.below(2) ? c.data() : nullptr;
  }

  // Each output as one chain over k of mac(a, b, sum).
  template <class Mac>
  Floats expected(int64_t width, Mac mac) const {
    Floats to = c;
    for (int64_t m = 0; m < g.rows; ++m) {
      for (int64_t n = 0; n < g.columns; ++n) {
        float& at = to[static_cast<size_t>(m * g.c_row + n)];
        float sum = shape.start == 2 ? start[static_cast<size_t>(n)] : shape.start == 1 ? at : 0.0f;
        for (int64_t s = 0; s < g.segments; ++s)
          for (int64_t k = 0; k < g.segment_length; ++k)
            sum = mac(a[static_cast<size_t>(m * g.a_row + s * g.a_segment + k * g.a_k)],
                      b[static_cast<size_t>(n / width * g.b_tile + s * g.b_segment + k * g.b_k + n % width)], sum);
        at = sum;
      }
    }
    return to;
  }
};
}  // namespace lab
