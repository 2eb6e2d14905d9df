// ctc.cc: connectionist temporal classification (Graves, Fernandez, Gomez, Schmidhuber, ICML 2006): minus the log-probability of a
// label sequence, summed over all its alignments with blanks and repeats. Softmax and gradient are computed in the same pass.
//
// Probabilities of paths are numbers of wide.h. One thread computes a batch row, forward and backward, with its alphas in the scratch of
// that thread. For the backward pass the gradient itself is saved.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../core/machine.h"
#include "../core/wide.h"
#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
using namespace wide;

enum { kLogits, kTargets, kInputLengths, kTargetLengths };
enum { kLoss, kRowLosses };           // outputs
enum { kScratch, kNats, kGradient };  // buffers; kNats: count, then nats of each row

constexpr int64_t kMostSteps = int64_t{1} << 20;

// Returns the largest number of labels of a row: a row cannot emit more labels than it has steps.
int64_t most_labels(const Tensor& logits, const Tensor& targets) { return std::min(logits.dims[0], targets.dims[1]); }

// The memory of one thread: alphas [T][S + 2], of which each row begins with two zeros; probabilities of the labels and the blank
// [T][L + 1]; betas; one row of exponentials.
struct Scratch {
  int64_t states;
  Wide *alpha, *step, *beta;
  float* row;
  Scratch(float* at, int64_t T, int64_t L) : states(2 * L + 1) {
    alpha = reinterpret_cast<Wide*>(at);
    step = alpha + T * (states + 2);
    beta = step + T * (L + 1);
    row = reinterpret_cast<float*>(beta + states + 2);
  }
  static int64_t bytes(int64_t T, int64_t L, int64_t ld) {
    return round_up((T * (2 * L + 3) + T * (L + 1) + 2 * L + 3) * static_cast<int64_t>(sizeof(Wide)) + ld * 4, 64);
  }
};

gc_status check(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, kLogits), &targets = *plan.input(node, kTargets),
               &out = *plan.output(node, kLoss);
  gc_status status = expect_dtype(node, x, "logits", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, targets, "targets", GC_I32);
  if (status == GC_OK) status = expect_dtype(node, out, "the result", GC_F32);
  if (status == GC_OK) status = expect_shape(plan, node, out, "the result", {2});
  if (status != GC_OK) return status;
  if (x.rank != 3 || targets.rank != 2 || targets.dims[0] != x.dims[1])
    return fail(GC_INVALID_SHAPE, "ctc: expected logits [T, B, K] and targets [B, L], got %s and %s", x.shape().c_str(),
                targets.shape().c_str());
  if (x.dims[0] > kMostSteps)
    return fail(GC_INVALID_SHAPE, "ctc: expected at most %lld steps, got %lld", static_cast<long long>(kMostSteps),
                static_cast<long long>(x.dims[0]));
  for (size_t i : {kInputLengths, kTargetLengths}) {
    status = expect_dtype(node, *plan.input(node, i), "lengths", GC_I32);
    if (status == GC_OK) status = expect_shape(plan, node, *plan.input(node, i), "lengths", {x.dims[1]});
    if (status != GC_OK) return status;
  }
  if (const Tensor* rows = plan.output(node, kRowLosses)) {
    status = expect_dtype(node, *rows, "the row losses", GC_F32);
    if (status == GC_OK) status = expect_shape(plan, node, *rows, "the row losses", {x.dims[1]});
    if (status != GC_OK) return status;
  }
  const double blank = node.attributes[0];
  if (!is_integer(blank, 0, static_cast<double>(x.cols - 1)))
    return fail(GC_INVALID_ARGUMENT, "ctc: expected a blank from 0 to %lld, got %g", static_cast<long long>(x.cols - 1),
                blank);
  return GC_OK;
}

void prepare(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, kLogits), &targets = *plan.input(node, kTargets);
  const int64_t L = most_labels(x, targets);
  node.buffers.push_back({plan.threads * Scratch::bytes(x.dims[0], L, x.ld), Life::kForward});
  node.buffers.push_back({(x.dims[1] + 1) * 8, Life::kSaved});
  if (node.trains) node.buffers.push_back({x.bytes(), Life::kSaved});
  node.why = "rows split over threads; probabilities with wide exponents, no exp or log per alignment state";
}

struct Ctc {
  const Tensor &x, &targets, &input_lengths, &target_lengths;
  int64_t blank, B;
  float* gradient;  // null if only the loss is computed
  Ctc(Plan& plan, const Node& node)
      : x(*plan.input(node, kLogits)),
        targets(*plan.input(node, kTargets)),
        input_lengths(*plan.input(node, kInputLengths)),
        target_lengths(*plan.input(node, kTargetLengths)),
        blank(static_cast<int64_t>(node.attributes[0])),
        B(x.dims[1]),
        gradient(plan.training && node.buffers.size() > kGradient ? node.buffers[kGradient].data : nullptr) {}
  const int32_t* labels(int64_t b) const { return targets.ids + b * targets.cols; }
};

// Checks lengths and labels of one row, and that its steps suffice for its labels and a blank between equal neighbours.
gc_status check_row(const Ctc& c, int64_t b) {
  const int64_t steps = c.input_lengths.ids[b], count = c.target_lengths.ids[b];
  const auto number = [](int64_t n) { return static_cast<long long>(n); };
  if (steps < 0 || steps > c.x.dims[0])
    return fail(GC_OUT_OF_RANGE, "ctc: expected input lengths from 0 to %lld, got %lld in row %lld",
                number(c.x.dims[0]), number(steps), number(b));
  if (count < 0 || count > c.targets.cols)
    return fail(GC_OUT_OF_RANGE, "ctc: expected target lengths from 0 to %lld, got %lld in row %lld",
                number(c.targets.cols), number(count), number(b));
  const int32_t* labels = c.labels(b);
  int64_t needs = count;
  for (int64_t i = 0; i < count; ++i) {
    if (labels[i] < 0 || labels[i] >= c.x.cols || labels[i] == c.blank)
      return fail(GC_OUT_OF_RANGE, "ctc: expected labels from 0 to %lld without the blank %lld, got %d in row %lld",
                  number(c.x.cols - 1), number(c.blank), labels[i], number(b));
    needs += i > 0 && labels[i] == labels[i - 1];
  }
  if (needs <= steps) return GC_OK;
  return fail(
      GC_INVALID_ARGUMENT,
      "ctc: expected at least %lld steps for the %lld labels of row %lld, got %lld; leave the sample out or give more",
      number(needs), number(count), number(b), number(steps));
}

// Computes the softmax of each step (into the gradient, if one is wanted) and the probabilities of the row's labels, that of the blank
// last. Returns false if they are not finite.
bool step_probabilities(const Ctc& c, const Scratch& s, int64_t b, int64_t steps, int64_t count) {
  const int32_t* labels = c.labels(b);
  bool good = true;
  for (int64_t t = 0; t < steps; ++t) {
    const float* x = c.x.data + (t * c.B + b) * c.x.ld;
    float* p = c.gradient ? c.gradient + (t * c.B + b) * c.x.ld : s.row;
    float most = x[0];
    for (int64_t j = 1; j < c.x.cols; ++j) most = x[j] > most ? x[j] : most;
    for (int64_t j = 0; j < c.x.cols; ++j) p[j] = x[j] - most;
    kernels().exp(p, p, c.x.cols);
    double sum = 0;
    for (int64_t j = 0; j < c.x.cols; ++j) sum += static_cast<double>(p[j]);
    const float scale = static_cast<float>(1 / sum);
    if (c.gradient)
      for (int64_t j = 0; j < c.x.cols; ++j) p[j] *= scale;
    const double log_sum = std::log(sum) + static_cast<double>(most);
    good = good && std::isfinite(log_sum);
    Wide* to = s.step + t * (count + 1);
    for (int64_t i = 0; i < count; ++i) to[i] = probability(static_cast<double>(x[labels[i]]) - log_sum);
    to[count] = probability(static_cast<double>(x[c.blank]) - log_sum);
  }
  return good;
}

// Returns whether label i may follow the one before it without a blank. State 2 i is the blank before label i, state 2 i + 1 is the label.
bool skips(const int32_t* labels, int64_t i) { return i > 0 && labels[i] != labels[i - 1]; }

// Computes alpha(t, s), the probability of all paths through step t that end in state s (equations 5 to 7), and returns that of the labels.
Wide alphas(const Ctc& c, const Scratch& s, int64_t b, int64_t steps, int64_t count) {
  const int32_t* labels = c.labels(b);
  const int64_t states = 2 * count + 1, row = states + 2;
  for (int64_t j = 0; j < row; ++j) s.alpha[j] = zero();
  s.alpha[2] = normal(s.step[count].m, s.step[count].e);
  if (count > 0) s.alpha[3] = normal(s.step[0].m, s.step[0].e);
  for (int64_t t = 1; t < steps; ++t) {
    const Wide *before = s.alpha + (t - 1) * row + 2, *p = s.step + t * (count + 1);
    Wide* to = s.alpha + t * row + 2;
    to[-2] = to[-1] = zero();
    for (int64_t i = 0; i < count; ++i) {
      const Wide both = plus(before[2 * i + 1], before[2 * i]);
      to[2 * i] = times(plus(before[2 * i], before[2 * i - 1]), p[count]);
      to[2 * i + 1] = times(skips(labels, i) ? plus(both, before[2 * i - 1]) : both, p[i]);
    }
    to[2 * count] = times(plus(before[2 * count], before[2 * count - 1]), p[count]);
  }
  const Wide* last = s.alpha + (steps - 1) * row + 2;
  return plus(last[2 * count], last[2 * count - 1]);
}

// Subtracts the shares of the states at step t, alpha(t, s) beta(t, s) divided by their sum, from the softmax (equation 16).
void subtract_shares(const Ctc& c, const Scratch& s, int64_t b, int64_t t, int64_t count) {
  const int32_t* labels = c.labels(b);
  const int64_t states = 2 * count + 1;
  Wide* alpha = s.alpha + t * (states + 2) + 2;
  int64_t most = 2 * kNever;
  for (int64_t j = 0; j < states; ++j) most = std::max(most, alpha[j].e + s.beta[j].e);
  double sum = 0;
  for (int64_t j = 0; j < states; ++j)
    sum += alpha[j].m = alpha[j].m * s.beta[j].m * power_of_two(alpha[j].e + s.beta[j].e - most);
  float* to = c.gradient + (t * c.B + b) * c.x.ld;
  double blanks = 0;
  for (int64_t j = 0; j < states; j += 2) blanks += alpha[j].m;
  to[c.blank] -= static_cast<float>(blanks / sum);
  for (int64_t i = 0; i < count; ++i) to[labels[i]] -= static_cast<float>(alpha[2 * i + 1].m / sum);
}

// Computes the gradient from beta(t, s): all ways to finish from state s after step t (equations 10 and 11 without the factor of step t).
void backward_row(const Ctc& c, const Scratch& s, int64_t b, int64_t steps, int64_t count) {
  const int32_t* labels = c.labels(b);
  const int64_t states = 2 * count + 1;
  Wide* beta = s.beta;  // two zeros follow the states
  for (int64_t j = 0; j < states + 2; ++j) beta[j] = zero();
  beta[states - 1] = {1, 0};
  if (count > 0) beta[states - 2] = {1, 0};
  for (int64_t t = steps - 1;; --t) {
    subtract_shares(c, s, b, t, count);
    if (t == 0) return;
    const Wide* p = s.step + t * (count + 1);
    for (int64_t i = 0; i < count; ++i) {
      beta[2 * i] = times(beta[2 * i], p[count]);
      beta[2 * i + 1] = times(beta[2 * i + 1], p[i]);
    }
    beta[2 * count] = times(beta[2 * count], p[count]);
    for (int64_t i = 0; i < count; ++i) {
      const Wide both = plus(beta[2 * i + 1], beta[2 * i + 2]);
      const Wide blank = plus(beta[2 * i], beta[2 * i + 1]);
      const Wide label = i + 1 < count && skips(labels, i + 1) ? plus(both, beta[2 * i + 3]) : both;
      beta[2 * i] = normal(blank.m, blank.e);
      beta[2 * i + 1] = normal(label.m, label.e);
    }
  }
}

double row_nats(const Ctc& c, const Scratch& s, int64_t b) {
  const int64_t steps = c.input_lengths.ids[b], count = c.target_lengths.ids[b];
  if (c.gradient)
    for (int64_t t = steps; t < c.x.dims[0]; ++t)
      memset(c.gradient + (t * c.B + b) * c.x.ld, 0, static_cast<size_t>(c.x.cols) * 4);
  if (steps == 0) return 0;
  if (!step_probabilities(c, s, b, steps, count)) {
    for (int64_t t = 0; c.gradient && t < steps; ++t) std::fill_n(c.gradient + (t * c.B + b) * c.x.ld, c.x.cols, NAN);
    return NAN;
  }
  const double nats = -log_of(alphas(c, s, b, steps, count));
  if (c.gradient) backward_row(c, s, b, steps, count);
  return nats > 0 ? nats : 0;  // rounding may leave a probability above 1
}

void forward(Plan& plan, Node& node) {
  const Ctc c(plan, node);
  const Tensor &out = *plan.output(node, kLoss), *rows = plan.output(node, kRowLosses);
  double* nats = reinterpret_cast<double*>(node.buffers[kNats].data);
  int64_t count = 0, states = 0;
  for (int64_t b = 0; b < c.B; ++b) {
    plan.run_status = check_row(c, b);
    if (plan.run_status != GC_OK) return;
    count += c.input_lengths.ids[b] > 0;
    states += c.input_lengths.ids[b] * (2 * c.target_lengths.ids[b] + 1 + c.x.cols / 4);
  }
  const int64_t L = most_labels(c.x, c.targets);
  const int64_t floats = Scratch::bytes(c.x.dims[0], L, c.x.ld) / 4;
  parallel(plan.team(40.0 * static_cast<double>(states)), [&](int index, int team) {
    const Scratch scratch(node.buffers[kScratch].data + index * floats, c.x.dims[0], L);
    const Range mine = share(c.B, index, team);
    for (int64_t b = mine.begin; b < mine.end; ++b) nats[b + 1] = row_nats(c, scratch, b);
  });
  nats[0] = static_cast<double>(count);
  double total = 0;
  for (int64_t b = 0; b < c.B; ++b) total += nats[b + 1];
  out.data[0] = count ? static_cast<float>(total / static_cast<double>(count)) : 0.0f;
  out.data[1] = static_cast<float>(count);
  if (!rows) return;
  for (int64_t b = 0; b < c.B; ++b) rows->data[b] = static_cast<float>(nats[b + 1]);
}

void backward(Plan& plan, Node& node) {
  const Tensor &x = *plan.input(node, kLogits), &out = *plan.output(node, kLoss), *rows = plan.output(node, kRowLosses);
  if (!x.grad) return;
  const double count = *reinterpret_cast<const double*>(node.buffers[kNats].data);
  const float mean = out.grad && count > 0 ? static_cast<float>(static_cast<double>(out.grad[0]) / count) : 0.0f;
  const float* from = node.buffers[kGradient].data;
  for_rows(plan, x, 2, [&](int64_t row) {
    const float scale = mean + (rows && rows->grad ? rows->grad[row % x.dims[1]] : 0.0f);
    const float* d = from + row * x.ld;
    put(x.grad + row * x.ld, x.cols, node.accumulate[kLogits], [=](int64_t j) { return flow(scale, d[j]); });
  });
}
}  // namespace

const OpDef op_ctc = {GC_OP_CTC, "ctc", 4, 4, 1, 2, 1, false, false, false, check, prepare, forward, backward};
}  // namespace gatecell
