// sample.cu: one id per row of logits, drawn from softmax(logits / temperature) after top-k and then top-p (the smallest set of
// most likely ids that has that share of the mass; Holtzman et al. 2020). Temperature 0 takes the first of the largest. One block computes a
// row, with the same Philox draw and the same sums in the same order as on the processor, and so the same ids.
//
// With top-k or top-p each kept id costs one search of the row by the block, which is fast enough for the usual tens of ids.
#include "../../core/philox.h"
#include "candidate.h"
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace sample {
enum { kWeights, kSums, kOrder };  // buffers, per row: exp; sums of 16 of them; kept ids, most likely first
constexpr int kThreads = 256;
constexpr int64_t kBlock = 16;

gc_status prepare(const Node& n) {
  const Tensor& x = *n.in(0);
  n.ask(x.rows * x.cols * 4, GC_LIFE_FORWARD);
  n.ask(x.rows * ((x.cols + kBlock - 1) / kBlock) * 8, GC_LIFE_FORWARD);
  n.ask(x.rows * x.cols * 4, GC_LIFE_FORWARD);
  n.why("a block per row; one search of the row for each id that top-k or top-p keep");
  return GC_OK;
}

struct Settings {
  float temperature;
  int64_t top_k;  // 0 keeps all ids
  double top_p;   // 1 keeps all ids
};

// Returns a fault for the first setting that is out of range.
__device__ Failure settings_fault(const float* given) {
  const float temperature = given[0], k = given[1], p = given[2];
  Fault fault = Fault::kNone;
  float value = 0;
  if (!(p >= 0)) fault = Fault::kTopP, value = p;
  if (!(k >= 0) || k != floorf(k)) fault = Fault::kTopK, value = k;
  if (!(temperature >= 0 && temperature <= 3.4e38f)) fault = Fault::kTemperature, value = temperature;
  return fault_at(fault, 0, static_cast<double>(value));
}

// Returns false if a setting is out of range. If all rows share the settings, only the first row reports it.
__device__ bool read_settings(const float* given, int64_t vocabulary, int32_t node, Control* control, bool shared,
                              Settings& s) {
  const float temperature = given[0], k = given[1], p = given[2];
  Failure failure = settings_fault(given);
  if (failure.fault != 0) {
    failure.node = node;
    if (shared && blockIdx.x == 0 && threadIdx.x == 0) report(control, failure);
    return false;
  }
  s.temperature = temperature;
  s.top_k = k < static_cast<float>(vocabulary) ? static_cast<int64_t>(k) : 0;
  s.top_p = p > 0 && p < 1 ? static_cast<double>(p) : 1;
  return true;
}

// Returns the best of the candidates of the block's threads.
__device__ Candidate best_of_block(Candidate mine, Candidate* shared) {
  mine = best_of_warp(mine);
  __syncthreads();
  if (lane_id() == 0) shared[threadIdx.x / kWarp] = mine;
  __syncthreads();
  Candidate best = shared[0];
  for (int i = 1; i < kThreads / kWarp; ++i) best = better(best, shared[i]);
  return best;
}

// Returns the first id after `last` in the order of likelihood.
__device__ Candidate next_best(const float* x, int64_t n, Candidate last, Candidate* shared) {
  return best_of_block(best_after(x, n, last, threadIdx.x, kThreads), shared);
}

__device__ double sum_of_block(const float* w, int64_t n) {
  double lane[4] = {};
  int64_t j = 0;
  for (; j + 4 <= n; j += 4)
    for (int l = 0; l < 4; ++l) lane[l] += static_cast<double>(w[j + l]);
  for (; j < n; ++j) lane[0] += static_cast<double>(w[j]);
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

// Returns the first of `count` ids at which the running sum of weights exceeds `at`; ids of weight 0 are never drawn.
template <class Id>
__device__ int64_t pick(const float* weights, int64_t count, double at, Id id) {
  double sum = 0;
  int64_t last = id(0);
  for (int64_t i = 0; i < count; ++i) {
    const double w = static_cast<double>(weights[id(i)]);
    if (!(w > 0)) continue;
    last = id(i);
    sum += w;
    if (sum > at) break;
  }
  return last;
}

__device__ int64_t pick_all(const float* weights, int64_t n, double u, const double* sums) {
  double total = 0, before = 0, sum = 0;
  for (int64_t b = 0; b * kBlock < n; ++b) total += sums[b];
  const double at = u * total;
  int64_t first = 0;
  for (int64_t b = 0; b * kBlock < n && sum <= at; ++b) {
    if (sums[b] > 0) first = b * kBlock, before = sum;
    sum += sums[b];
  }
  const int64_t count = n - first < kBlock ? n - first : kBlock;
  return first + pick(weights + first, count, at - before, [](int64_t i) { return i; });
}

// Keeps the most likely ids until top-k or top-p is reached. Their number and mass are the same on every thread.
__device__ int64_t select(const float* x, const float* weights, int64_t n, const Settings& s, const double* sums,
                          int32_t* order, Candidate* shared, double& mass) {
  const int64_t most = s.top_k > 0 ? s.top_k : n;
  double limit = 0;
  if (s.top_k == 0)
    for (int64_t b = 0; b * kBlock < n; ++b) limit += sums[b];
  int64_t kept = 0;
  mass = 0;
  for (Candidate last = {0, -1}; kept < most;) {
    last = next_best(x, n, last, shared);
    if (threadIdx.x == 0) order[kept] = last.id;
    ++kept;
    mass += static_cast<double>(weights[last.id]);
    if (s.top_k == 0 && mass >= s.top_p * limit) break;
  }
  __syncthreads();  // all of `order` is written
  if (s.top_k == 0 || s.top_p == 1) return kept;
  limit = mass;  // top-p is a share of the mass that is left after top-k
  mass = 0;
  for (kept = 0; kept < most && mass < s.top_p * limit; ++kept) mass += static_cast<double>(weights[order[kept]]);
  return kept;
}

struct Job {
  const float* logits;
  int64_t ld, n;
  const float* settings;
  int64_t own_settings;  // floats from the settings of a row to those of the next; 0 if all rows share them
  const int32_t* seeds;  // per row, see draws_of_row; null for those of the plan
  int64_t ld_seeds;
  float* weights;
  double* sums;
  int32_t* order;
  int32_t* out;
  uint64_t stream;
  int32_t node;
  Control* control;
};

__global__ void __launch_bounds__(kThreads) sample_kernel(Job job) {
  __shared__ Candidate shared[kThreads / kWarp];
  __shared__ int bad;
  const int64_t row = blockIdx.x, n = job.n, blocks = (n + kBlock - 1) / kBlock;
  const float* x = job.logits + row * job.ld;
  float* weights = job.weights + row * n;
  double* sums = job.sums + row * blocks;
  int32_t* order = job.order + row * n;
  Settings s;
  if (threadIdx.x == 0) job.out[row] = 0, bad = 0;
  if (!read_settings(job.settings + row * job.own_settings, n, job.node, job.control, job.own_settings == 0, s)) return;
  __syncthreads();
  for (int64_t j = threadIdx.x; j < n; j += kThreads)
    if (x[j] != x[j]) bad = 1;
  const Candidate top = next_best(x, n, {0, -1}, shared);  // has barriers between the writes and the reads of `bad`
  if (bad || (s.temperature > 0 && !(fabsf(top.value) <= 3.4e38f))) {
    // Rows report in any order. The host finds the first of them by the mark in the result.
    if (threadIdx.x == 0) job.out[row] = -1;
    return;
  }
  if (s.temperature == 0) {
    if (threadIdx.x == 0) job.out[row] = top.id;
    return;
  }
  const float inverse = 1 / s.temperature < 3.4e38f ? 1 / s.temperature : 3.4e38f;
  for (int64_t j = threadIdx.x; j < n; j += kThreads) weights[j] = v_exp((x[j] - top.value) * inverse);
  __syncthreads();
  for (int64_t b = threadIdx.x; b < blocks; b += kThreads)
    sums[b] = sum_of_block(weights + b * kBlock, n - b * kBlock < kBlock ? n - b * kBlock : kBlock);
  __syncthreads();
  const Draws draws = job.seeds ? draws_of_row(job.seeds + row * job.ld_seeds, job.stream, Draw::kSample)
                                : Draws(job.control->seed, job.stream, job.control->step, Draw::kSample);
  const double u = draws.uniform(job.seeds ? 0 : static_cast<uint64_t>(row));
  if (s.top_k == 0 && s.top_p == 1) {
    if (threadIdx.x == 0) job.out[row] = static_cast<int32_t>(pick_all(weights, n, u, sums));
    return;
  }
  double mass;
  const int64_t kept = select(x, weights, n, s, sums, order, shared, mass);
  if (threadIdx.x != 0) return;
  job.out[row] = static_cast<int32_t>(pick(weights, kept, u * mass, [=](int64_t i) { return int64_t{order[i]}; }));
}

void forward(const Node& n) {
  const Tensor &x = *n.in(0), &out = *n.out(0);
  Job job;
  job.logits = x.data, job.ld = x.ld, job.n = x.cols;
  const Tensor &control = *n.in(1), *table = n.in(2);
  job.settings = control.data, job.own_settings = control.rank == 2 ? control.ld : 0;
  job.seeds = table ? reinterpret_cast<const int32_t*>(table->data) : nullptr, job.ld_seeds = table ? table->ld : 0;
  if (job.own_settings != 0) {
    const float* settings = job.settings;
    const int64_t own = job.own_settings;
    check_each(n, x.rows, [=] __device__(int64_t row) { return settings_fault(settings + row * own); });
  }
  job.weights = n.buffer(kWeights), job.sums = n.buffer<double>(kSums), job.order = n.buffer<int32_t>(kOrder);
  job.out = reinterpret_cast<int32_t*>(out.data);
  job.stream = static_cast<uint64_t>(n.attribute(0));
  job.node = n.node.index;
  job.control = n.plan.control;
  Shape shape;
  shape.grid = dim3(static_cast<unsigned>(x.rows));
  shape.block = dim3(kThreads);
  launch(n.queue, shape, sample_kernel, job);
  check_ids(n, out, 0, x.cols - 1, Fault::kLogits);
}
}  // namespace sample

const OpDef op_sample = {GC_OP_SAMPLE, "sample", sample::prepare, sample::forward, nullptr};
}  // namespace cuda
}  // namespace gatecell
