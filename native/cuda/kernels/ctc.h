// ctc.h: connectionist temporal classification on the device: the layout of its buffers. ctc.cu prepares, checks and sums, ctc_lattice.cu
// contains the kernels.
#pragma once
#include "../../core/wide.h"
#include "faults.h"
#include "ops.h"

namespace gatecell {
namespace cuda {
namespace ctc {
using wide::Wide;

enum Input { kLogits, kTargets, kInputLengths, kTargetLengths };
enum Output { kLoss, kRowLosses };
// kNats: the number of rows with a step, then the nats of each row. kRows: two rows of the lattice, if shared memory is too small for them.
enum Buffer { kNats, kLogSums, kStep, kRows, kLinks, kAlpha, kBeta, kGradient };
constexpr size_t kMostShared = 48 * 1024;

// Links the positions of equal labels: the gradient of a label is one chain of additions over its positions.
struct Link {
  int32_t next;   // the next position of the same label, -1: none
  int32_t first;  // 1 at the first position of a label
};

struct Job {
  const float* x;
  int64_t ld, K, T, B, L, most;  // most: labels of a row that its steps can hold at all
  const int32_t *targets, *input_lengths, *target_lengths;
  int64_t blank;
  double *nats, *log_sums;  // [1 + B], [T][B]
  Wide *step, *rows;        // [B][T][most + 1], [B][2 directions][2][stride]
  Link* links;              // [B][most]
  Wide *alpha, *beta;       // [B][T][states]
  float* gradient;          // [T][B][ld]; null if only the loss is computed

  explicit Job(const Node& n);
  int64_t states() const { return 2 * most + 1; }
  size_t shared_bytes() const { return static_cast<size_t>(2 * (states() + 2)) * sizeof(Wide); }

  // Returns clamped numbers: a run whose data are refused by a check still completes, and must stay in its memory.
  __device__ int64_t steps(int64_t b) const { return within_range(input_lengths[b], T); }
  __device__ int64_t count(int64_t b) const { return within_range(target_lengths[b], most); }
  __device__ int64_t label(int64_t b, int64_t i) const { return clamp_id(targets[b * L + i], K); }
  // Returns whether a label may follow the label before it without a blank, which is so if they differ.
  __device__ bool skips(int64_t b, int64_t i) const { return i > 0 && targets[b * L + i] != targets[b * L + i - 1]; }
  __device__ const Wide* steps_of(int64_t t, int64_t b) const { return step + (b * T + t) * (most + 1); }
  __device__ int64_t lattice(int64_t t, int64_t b) const { return (b * T + t) * (2 * most + 1); }
  __device__ static int64_t within_range(int64_t n, int64_t top) { return n < 0 ? 0 : n < top ? n : top; }
};

void step_probabilities(Queue& queue, const Job& job);  // ctc_lattice.cu, as the next
void lattice(Queue& queue, const Job& job);
void shares(Queue& queue, const Job& job);
}  // namespace ctc
}  // namespace cuda
}  // namespace gatecell
