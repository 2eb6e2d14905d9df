// lstm_cluster.cu: the forward recurrence in one launch. The blocks of a cluster share out the hidden units and keep their rows of
// U in shared memory for the whole sequence; the batch is cut into slices of 16 rows, a cluster each, so no barrier spans the
// grid. A step: products on the tensor cores, slices of k summed in a fixed order, the cell in registers, and each block writes
// its part of h into the shared memory of all of them (two buffers in turn), which meet once a step. With lengths a slice holds
// rows of about equal length, and ends with its longest.
#include "../cluster.h"
#include "lstm_resident.h"

namespace gatecell {
namespace cuda {
namespace {

// h of this thread's unit into the next buffer of every block of the cluster; lanes of neighbouring units share a word of bf16.
template <class Words>
__device__ __forceinline__ void give(const LstmJob& j, uint32_t* next, int64_t unit, float h) {
  const float neighbour = __shfl_xor_sync(kAllLanes, h, 1);
  const int64_t word = unit / Words::kPerWord;
  if (unit % Words::kPerWord != 0 || word >= j.words) return;
  const uint32_t value = Words::word(h, neighbour);
  uint32_t* to = next + static_cast<int>(threadIdx.x) / 16 * j.stride + word;
  for (unsigned rank = 0; rank < j.blocks; ++rank) store_to_peer(to, rank, value);
}

template <class Words, int Panels>
__global__ void __launch_bounds__(kTileThreads, 1) lstm_persistent_cluster_kernel(LstmJob j) {
  const LstmView& s = j.s;
  uint32_t* u = reinterpret_cast<uint32_t*>(dynamic_shared());  // [panels * 64][stride]
  uint32_t* h = u + Panels * 64 * j.stride;                     // [2][16][stride]
  float* sums = reinterpret_cast<float*>(h + 2 * kSliceRows * j.stride);
  const int64_t r0 = int64_t{blockIdx.y} * kSliceRows, r = r0 + threadIdx.x / 16;
  const int64_t first = int64_t{blockIdx.x} * Panels * 16 + threadIdx.x % 16;
  const int64_t longest = s.rows.steps_of(r0), mine = r < s.rows.B ? s.rows.steps_of(r) : 0;
  const int64_t begin = j.steps.from, end = j.steps.to < longest ? j.steps.to : longest;
  if (begin >= end) return;  // all blocks of the cluster
  load_rows<Words>(j, u, int64_t{blockIdx.x} * Panels, Panels);
  load_first_state<Words>(j, h, r0);
  // The other buffer's padding nobody writes.
  for (int e = static_cast<int>(threadIdx.x); e < kSliceRows * j.stride; e += kTileThreads)
    h[kSliceRows * j.stride + e] = 0;
  float c[Panels];
#pragma unroll
  for (int p = 0; p < Panels; ++p)
    c[p] = begin < mine && first + 16 * p < s.H ? s.c_before(s.rows.first(begin) + r, r, first + 16 * p) : 0.0f;
  cluster_sync();  // nobody writes into a peer that is still loading
  for (int64_t step = begin; step < end; ++step) {
    const int64_t row = step < mine ? s.rows.first(step) + r : -1;
    float start[Panels][4];
    load_start<Panels>(s, row, first, start);
    multiply_slice<Words, Panels>(j, u, h + (step - begin) % 2 * kSliceRows * j.stride, sums);
    __syncthreads();
#pragma unroll
    for (int p = 0; p < Panels; ++p) {
      const bool last = step + 1 == mine || step + 1 == end;
      const float out = resident_cell<Panels>(s, sums, p, start[p], row, r, first + 16 * p, last, c[p]);
      give<Words>(j, h + (step + 1 - begin) % 2 * kSliceRows * j.stride, first + 16 * p, out);
    }
    cluster_sync();
  }
}

template <class Words>
void launch_cluster(Queue& queue, const LstmJob& j, int panels, const Shape& shape) {
  switch (panels) {
    case 1: return launch(queue, shape, lstm_persistent_cluster_kernel<Words, 1>, j);
    case 2: return launch(queue, shape, lstm_persistent_cluster_kernel<Words, 2>, j);
    case 3: return launch(queue, shape, lstm_persistent_cluster_kernel<Words, 3>, j);
    default: return launch(queue, shape, lstm_persistent_cluster_kernel<Words, 4>, j);
  }
}

LstmPlan plan_of(const Lstm& s) { return cluster_forward_plan(shape_of(s), lstm_device()); }
}  // namespace

bool lstm_cluster_fits(const Lstm& s) { return s.plain() && device_info().cluster_blocks > 1 && plan_of(s).blocks > 0; }

void lstm_cluster_forward(Queue& queue, const Lstm& s, Steps steps) {
  const LstmPlan plan = plan_of(s);
  const Shape shape = cluster_shape(s, plan);
  if (s.precision == GC_BF16) launch_cluster<Bf16Words>(queue, job_of(s, plan, steps), plan.panels, shape);
  else launch_cluster<Tf32Words>(queue, job_of(s, plan, steps), plan.panels, shape);
}
}  // namespace cuda
}  // namespace gatecell
