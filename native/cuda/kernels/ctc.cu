// ctc.cu: minus the log-probability of a label sequence, summed over all its alignments with blanks and repeats (Graves, Fernandez, Gomez,
// Schmidhuber, ICML 2006), as on the processor: probabilities of paths are numbers of wide.h. The forward pass of a training step also
// computes the gradient, which the backward pass scales.
#include "ctc.h"

#include "losses.h"

namespace gatecell {
namespace cuda {
namespace ctc {

gc_status prepare(const Node& n) {
  const Job job(n);
  const int64_t bytes = job.T * 4 * (job.most + 1) * static_cast<int64_t>(sizeof(Wide));
  if (job.B > (int64_t{1} << 50) / bytes)
    return fail(GC_OUT_OF_MEMORY, "ctc: no device has memory for %lld rows of %lld steps and %lld labels",
                static_cast<long long>(job.B), static_cast<long long>(job.T), static_cast<long long>(job.most));
  const bool trains = n.node.trains != 0;
  const auto ask = [&](int64_t elements, size_t size, gc_life life) {
    n.ask(elements * static_cast<int64_t>(size), life);
  };
  ask(job.B + 1, sizeof(double), GC_LIFE_SAVED);
  ask(job.T * job.B, sizeof(double), GC_LIFE_FORWARD);
  ask(job.B * job.T * (job.most + 1), sizeof(Wide), GC_LIFE_FORWARD);
  ask(job.shared_bytes() > kMostShared ? job.B * 4 * (job.states() + 2) : 0, sizeof(Wide), GC_LIFE_FORWARD);
  ask(trains ? job.B * job.most : 0, sizeof(Link), GC_LIFE_FORWARD);
  for (int i = 0; i < 2; ++i) ask(trains ? job.B * job.T * job.states() : 0, sizeof(Wide), GC_LIFE_FORWARD);
  ask(trains ? job.T * job.B * job.ld : 0, sizeof(float), GC_LIFE_SAVED);
  n.why("a block per row and direction, two rows of the lattice in shared memory; probabilities with wide exponents");
  return GC_OK;
}

// Checks a row as the processor does, in the same order.
void check_rows(const Node& n, const Job& job) {
  const int64_t columns = n.in(kTargets)->cols;
  check_each(n, job.B, [=] __device__(int64_t b) {
    const int64_t steps = job.input_lengths[b], count = job.target_lengths[b];
    if (steps < 0 || steps > job.T) return fault_at(Fault::kInputLength, b, static_cast<double>(steps), job.T);
    if (count < 0 || count > columns) return fault_at(Fault::kTargetLength, b, static_cast<double>(count), columns);
    const int32_t* labels = job.targets + b * columns;
    int64_t needs = count;
    for (int64_t i = 0; i < count; ++i) {
      if (labels[i] < 0 || labels[i] >= job.K || labels[i] == job.blank)
        return fault_at(Fault::kLabel, b, static_cast<double>(labels[i]), job.K - 1, job.blank);
      needs += i > 0 && labels[i] == labels[i - 1];
    }
    if (needs > steps) return fault_at(Fault::kTooLong, b, static_cast<double>(needs), steps, count);
    return fault_at();
  });
}

void forward(const Node& n) {
  const Job job(n);
  check_rows(n, job);
  step_probabilities(n.queue, job);
  lattice(n.queue, job);
  if (job.gradient) shares(n.queue, job);
  float *loss = n.out(kLoss)->data, *rows = n.out(kRowLosses) ? n.out(kRowLosses)->data : nullptr;
  sum_rows(
      n.queue, job.B, [=] __device__(int64_t b) { return job.steps(b) > 0 ? job.nats[b + 1] : 0.0; },
      [=] __device__(int64_t b) { return job.steps(b) > 0 ? 1.0 : 0.0; },
      [=] __device__(double total, double count) {
        job.nats[0] = count;
        loss[0] = count > 0 ? static_cast<float>(total / count) : 0.0f;
        loss[1] = static_cast<float>(count);
      });
  if (rows) each(n.queue, job.B, [=] __device__(int64_t b) { rows[b] = static_cast<float>(job.nats[b + 1]); });
}

void backward(const Node& n) {
  const Tensor &x = *n.in(kLogits), *out = n.out(kLoss), *rows = n.out(kRowLosses);
  if (!x.grad) return;
  const double* nats = n.buffer<double>(kNats);
  const float *from = n.buffer(kGradient), *dloss = out->grad, *drows = rows ? rows->grad : nullptr;
  float* to = x.grad;
  const int64_t ld = x.ld, B = x.dims[1];
  const bool accumulate = n.accumulate(kLogits);
  each_element(n.queue, x.rows, x.cols, [=] __device__(int64_t row, int64_t j) {
    const float mean = dloss && nats[0] > 0 ? static_cast<float>(static_cast<double>(dloss[0]) / nats[0]) : 0.0f;
    const float scale = mean + (drows ? drows[row % B] : 0.0f);
    put(to + row * ld + j, flow(scale, from[row * ld + j]), accumulate);
  });
}

Job::Job(const Node& n) {
  const Tensor &logits = *n.in(kLogits), &labels = *n.in(kTargets);
  const auto ids = [&](int32_t i) { return reinterpret_cast<const int32_t*>(n.in(i)->data); };
  x = logits.data, ld = logits.ld, K = logits.cols, T = logits.dims[0], B = logits.dims[1];
  L = labels.cols, most = T < L ? T : L;
  targets = ids(kTargets), input_lengths = ids(kInputLengths), target_lengths = ids(kTargetLengths);
  blank = static_cast<int64_t>(n.attribute(0));
  nats = n.buffer<double>(kNats), log_sums = n.buffer<double>(kLogSums);
  step = n.buffer<Wide>(kStep), rows = shared_bytes() > kMostShared ? n.buffer<Wide>(kRows) : nullptr;
  links = n.buffer<Link>(kLinks), alpha = n.buffer<Wide>(kAlpha), beta = n.buffer<Wide>(kBeta);
  gradient = n.plan.training && n.node.trains ? n.buffer(kGradient) : nullptr;
}
}  // namespace ctc

const OpDef op_ctc = {GC_OP_CTC, "ctc", ctc::prepare, ctc::forward, ctc::backward};
}  // namespace cuda
}  // namespace gatecell
