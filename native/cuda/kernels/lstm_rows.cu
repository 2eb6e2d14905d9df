// lstm_rows.cu: the rows that are active at each step, from the lengths of the run; zeros after the end of each row; masks of recurrent dropout.
#include "faults.h"
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {

__device__ int32_t clamp_length(int32_t length, int64_t T) {
  return length < 0 ? 0 : length > T ? static_cast<int32_t>(T) : length;
}

// Sorts the rows, in one block. The position of a row is the number of rows before it: longer ones, and equally long ones of a lower number.
__global__ void __launch_bounds__(1024) lstm_rows_kernel(LstmRows s, const int32_t* lengths) {
  for (int64_t b = threadIdx.x; b < s.B; b += blockDim.x) {
    const int32_t mine = clamp_length(lengths[b], s.T);
    int64_t r = 0;
    for (int64_t other = 0; other < s.B; ++other) {
      const int32_t length = clamp_length(lengths[other], s.T);
      r += length > mine || (length == mine && other < b);
    }
    s.order[r] = static_cast<int32_t>(b);
    s.length[r] = mine;
  }
  for (int64_t t = threadIdx.x; t <= s.T; t += blockDim.x) {
    int32_t active = 0, begin = 0;
    for (int64_t b = 0; b < s.B; ++b) {
      const int32_t length = clamp_length(lengths[b], s.T);
      active += length > t;
      begin += length < t ? length : static_cast<int32_t>(t);
    }
    if (t < s.T) s.batch_sizes[t] = active;
    s.begin[t] = begin;
  }
}
}  // namespace

void lstm_plan_rows(const Node& n, const Lstm& s) {
  if (!s.lengths) return;
  check_ids(n, *s.lengths, 0, s.T, Fault::kRowLength);
  const LstmRows rows = s.rows();
  Shape one;
  one.grid = dim3(1);
  one.block = dim3(1024);
  launch(n.queue, one, lstm_rows_kernel, rows, reinterpret_cast<const int32_t*>(s.lengths->data));
  each_element(n.queue, s.T, s.B, [=] __device__(int64_t step, int64_t r) {
    if (r >= rows.batch_sizes[step]) return;
    const int64_t row = rows.begin[step] + r, t = rows.reverse ? rows.length[r] - 1 - step : step;
    rows.positions[row] = static_cast<int32_t>(t * rows.B + rows.order[r]);
    rows.previous[row] = static_cast<int32_t>(step > 0 ? rows.begin[step - 1] + r : -1);
  });
}

void lstm_plan_stretches(Queue& queue, const Lstm& s, int64_t steps) {
  if (!s.lengths) return;
  const LstmRows rows = s.rows();
  each(queue, (s.T + steps - 1) / steps, [=] __device__(int64_t i) {
    const int64_t from = i * steps, to = from + steps < rows.T ? from + steps : rows.T;
    rows.stretch[from] = rows.begin[to] - rows.begin[from];
  });
}

void lstm_clear_padding(Queue& queue, const Lstm& s, float* to, int64_t ld, int64_t columns) {
  if (!s.lengths) return;
  const int32_t* lengths = reinterpret_cast<const int32_t*>(s.lengths->data);
  const int64_t T = s.T, B = s.B;
  each_element(queue, T * B, columns, [=] __device__(int64_t row, int64_t j) {
    if (row / B >= clamp_length(lengths[row % B], T)) to[row * ld + j] = 0.0f;
  });
}

void lstm_draw_mask(const Node& n, const Lstm& s) {
  if (!s.view.mask) return;
  const double p = n.attribute(kDropout), limit = p * 4294967296.0;
  const uint32_t below = static_cast<uint32_t>(limit < 4294967295.0 ? limit : 4294967295.0);
  const float scale = static_cast<float>(1 / (1 - p));
  const uint64_t stream = static_cast<uint64_t>(n.attribute(kStream));
  const int64_t width = s.R, blocks = (width + 3) / 4;
  float* mask = n.buffer(kMask);
  const Control* control = n.plan.control;
  each(n.queue, s.B * blocks, [=] __device__(int64_t block) {
    const PhiloxBlock words =
        Draws(control->seed, stream, control->step, Draw::kMask).block(static_cast<uint64_t>(block));
    const int64_t b = block / blocks, first = block % blocks * 4;
    for (int i = 0; i < 4 && first + i < width; ++i) mask[b * width + first + i] = words.word[i] < below ? 0.0f : scale;
  });
}
}  // namespace cuda
}  // namespace gatecell
