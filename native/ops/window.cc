// window.cc: the soft window as an op over the steps of a sequence, or over one step, for networks in which the raw outputs do not depend
// on the window. If they do (Graves' synthesis network), window_lstm.cc has the layer and the window in one op.
#include "window.h"

#include <algorithm>
#include <cstring>

#include "ops.h"
#include "rows.h"

namespace gatecell {
namespace {
enum { kRaw, kChars, kLengths, kKappa0 };
enum { kW, kKappaT, kPhi };  // outputs
enum { kKappas, kPhis, kZeros, kScratch, kDKappa };

Window window_of(Plan& plan, const Node& node) {
  const Tensor &raw = *plan.input(node, kRaw), &chars = *plan.input(node, kChars), &w = *plan.output(node, kW);
  return {raw.cols / 3, chars.dims[1], w.cols, &chars, plan.input(node, kLengths)};
}

gc_status check(Plan& plan, Node& node) {
  const Tensor &raw = *plan.input(node, kRaw), &w = *plan.output(node, kW);
  gc_status status = expect_dtype(node, raw, "the raw outputs", GC_F32);
  if (status == GC_OK) status = expect_dtype(node, w, "the window", GC_F32);
  if (status != GC_OK) return status;
  if (raw.rank != 3 || raw.cols % 3 != 0)
    return fail(GC_INVALID_SHAPE, "window: expected raw outputs [T, B, 3K], got %s", raw.shape().c_str());
  const int64_t T = raw.dims[0], B = raw.dims[1];
  status = expect_shape(plan, node, w, "the window", {T, B, w.cols});
  if (status == GC_OK)
    status =
        check_window(plan, node, *plan.input(node, kChars), *plan.input(node, kLengths), T, B, raw.cols / 3, w.cols);
  for (const Tensor* kappa : {plan.input(node, kKappa0), plan.output(node, kKappaT)}) {
    if (!kappa || status != GC_OK) continue;
    status = expect_dtype(node, *kappa, "kappa", GC_F32);
    if (status == GC_OK) status = expect_shape(plan, node, *kappa, "kappa", {B, raw.cols / 3});
  }
  const Tensor* phi = plan.output(node, kPhi);
  if (!phi || status != GC_OK) return status;
  status = expect_dtype(node, *phi, "phi", GC_F32);
  return status == GC_OK ? expect_shape(plan, node, *phi, "phi", {T, B, plan.input(node, kChars)->dims[1]}) : status;
}

void prepare(Plan& plan, Node& node) {
  const Tensor& raw = *plan.input(node, kRaw);
  const Window s = window_of(plan, node);
  const Life kept = node.trains ? Life::kSaved : Life::kForward;
  node.buffers.push_back({raw.rows * s.K * 4, kept});
  node.buffers.push_back({raw.rows * s.U * 4, kept});
  node.buffers.push_back({s.K * 4, Life::kForward});
  node.buffers.push_back({plan.threads * s.scratch() * 4, kept});
  node.buffers.push_back({raw.dims[1] * s.K * 4, Life::kBackward});
  node.why = "rows of the batch split over threads, steps in turn";
}

double flops(const Tensor& raw, const Window& s) { return 10.0 * static_cast<double>(raw.rows * s.K * s.U); }

void forward(Plan& plan, Node& node) {
  const Tensor &raw = *plan.input(node, kRaw), &w = *plan.output(node, kW), *kappa0 = plan.input(node, kKappa0),
               *kappaT = plan.output(node, kKappaT), *phi_out = plan.output(node, kPhi);
  const Window s = window_of(plan, node);
  const int64_t T = raw.dims[0], B = raw.dims[1];
  plan.run_status = check_window_data(node, s, B);
  if (plan.run_status != GC_OK) return;
  float *kappas = node.buffers[kKappas].data, *phis = node.buffers[kPhis].data, *zeros = node.buffers[kZeros].data;
  memset(zeros, 0, static_cast<size_t>(s.K) * 4);
  parallel(plan.team(flops(raw, s)), [&](int index, int team) {
    float* scratch = node.buffers[kScratch].data + index * s.scratch();
    const Range mine = share(B, index, team);
    for (int64_t b = mine.begin; b < mine.end; ++b) {
      const float* before = kappa0 ? kappa0->data + b * kappa0->ld : zeros;
      for (int64_t t = 0; t < T; ++t) {
        const int64_t row = t * B + b;
        float *kappa = kappas + row * s.K, *phi = phis + row * s.U;
        s.forward(b, raw.data + row * raw.ld, before, kappa, phi, w.data + row * w.ld, scratch);
        if (phi_out) memcpy(phi_out->data + row * phi_out->ld, phi, static_cast<size_t>(s.U) * 4);
        before = kappa;
      }
      if (kappaT) memcpy(kappaT->data + b * kappaT->ld, before, static_cast<size_t>(s.K) * 4);
    }
  });
}

void backward(Plan& plan, Node& node) {
  const Tensor &raw = *plan.input(node, kRaw), &chars = *plan.input(node, kChars), &w = *plan.output(node, kW),
               *kappa0 = plan.input(node, kKappa0), *kappaT = plan.output(node, kKappaT),
               *phi_out = plan.output(node, kPhi);
  const Window s = window_of(plan, node);
  const int64_t T = raw.dims[0], B = raw.dims[1];
  const bool add_chars = !s.one_hot() && chars.grad;
  if (add_chars && !node.accumulate[kChars]) memset(chars.grad, 0, static_cast<size_t>(chars.bytes()));
  parallel(plan.team(2 * flops(raw, s)), [&](int index, int team) {
    float *scratch = node.buffers[kScratch].data + index * s.scratch(), *draw = scratch + 2 * s.U;
    const Range mine = share(B, index, team);
    for (int64_t b = mine.begin; b < mine.end; ++b) {
      float* dkappa = node.buffers[kDKappa].data + b * s.K;
      const float* last = kappaT && kappaT->grad ? kappaT->grad + b * kappaT->ld : nullptr;
      for (int64_t k = 0; k < s.K; ++k) dkappa[k] = last ? last[k] : 0;
      for (int64_t t = T - 1; t >= 0; --t) {
        const int64_t row = t * B + b;
        s.backward(b, raw.data + row * raw.ld, node.buffers[kKappas].data + row * s.K,
                   node.buffers[kPhis].data + row * s.U, w.grad ? w.grad + row * w.ld : nullptr,
                   phi_out && phi_out->grad ? phi_out->grad + row * phi_out->ld : nullptr, draw, dkappa, add_chars,
                   scratch);
        if (raw.grad) put(raw.grad + row * raw.ld, raw.cols, node.accumulate[kRaw], [=](int64_t j) { return draw[j]; });
      }
      if (kappa0 && kappa0->grad)
        put(kappa0->grad + b * kappa0->ld, s.K, node.accumulate[kKappa0], [=](int64_t k) { return dkappa[k]; });
    }
  });
}
}  // namespace

void Window::forward(int64_t b, const float* raw, const float* kappa_before, float* kappa, float* phi, float* w,
                     float* scratch) const {
  const int64_t n = length(b);
  float *e = scratch, *rates = scratch + 2 * U;
  kernels().exp(raw, rates, 3 * K);
  for (int64_t u = 0; u < U; ++u) phi[u] = 0;
  for (int64_t k = 0; k < K; ++k) {
    const float alpha = rates[k], beta = rates[K + k], at = kappa_before[k] + rates[2 * K + k];
    kappa[k] = at;
    for (int64_t u = 0; u < n; ++u) {
      const float d = at - static_cast<float>(u + 1);
      e[u] = -beta * (d * d);
    }
    kernels().exp(e, e, n);
    for (int64_t u = 0; u < n; ++u) phi[u] += alpha * e[u];
  }
  for (int64_t c = 0; c < C; ++c) w[c] = 0;
  for (int64_t u = 0; u < n; ++u) {
    if (one_hot()) {
      w[id(b, u)] += phi[u];
      continue;
    }
    const float *from = vector(b, u), share = phi[u];
    for (int64_t c = 0; c < C; ++c) w[c] += share * from[c];
  }
}

void Window::backward(int64_t b, const float* raw, const float* kappa, const float* phi, const float* dw,
                      const float* dphi, float* draw, float* dkappa, bool add_chars, float* scratch) const {
  const int64_t n = length(b);
  float *e = scratch, *d = scratch + U;  // d: gradient of phi
  for (int64_t u = 0; u < n; ++u) {
    double sum = dphi ? static_cast<double>(dphi[u]) : 0;
    if (dw && one_hot()) sum += static_cast<double>(dw[id(b, u)]);
    if (dw && !one_hot()) {
      const float* from = vector(b, u);
      for (int64_t c = 0; c < C; ++c) sum += static_cast<double>(dw[c]) * static_cast<double>(from[c]);
    }
    d[u] = static_cast<float>(sum);
    if (!add_chars || !dw) continue;
    float* to = chars->grad + (b * U + u) * chars->ld;
    for (int64_t c = 0; c < C; ++c) to[c] += phi[u] * dw[c];
  }
  kernels().exp(raw, draw, 3 * K);
  for (int64_t k = 0; k < K; ++k) {
    const float alpha = draw[k], beta = draw[K + k], at = kappa[k];
    for (int64_t u = 0; u < n; ++u) {
      const float away = at - static_cast<float>(u + 1);
      e[u] = -beta * (away * away);
    }
    kernels().exp(e, e, n);
    double mass = 0, first = 0, second = 0;  // moments of d e about kappa
    for (int64_t u = 0; u < n; ++u) {
      const double part = static_cast<double>(d[u]) * static_cast<double>(e[u]),
                   away = static_cast<double>(at) - static_cast<double>(u + 1);
      mass += part;
      first += part * away;
      second += part * away * away;
    }
    const double a = static_cast<double>(alpha), ab = a * static_cast<double>(beta);
    draw[k] = static_cast<float>(a * mass);
    draw[K + k] = static_cast<float>(-ab * second);
    dkappa[k] += static_cast<float>(-2 * ab * first);
    draw[2 * K + k] *= dkappa[k];
  }
}

gc_status check_window(const Plan& plan, const Node& node, const Tensor& chars, const Tensor& lengths, int64_t T,
                       int64_t B, int64_t K, int64_t C) {
  const bool fits = chars.dtype == GC_I32 ? chars.rank == 2 : chars.rank == 3 && chars.dims[2] == C;
  if (!fits || chars.dims[0] != B)
    return fail(GC_INVALID_SHAPE, "%s: expected characters i32 [B, U] or f32 [B, U, C] of B = %lld, C = %lld, got %s",
                node.op->name, static_cast<long long>(B), static_cast<long long>(C), chars.shape().c_str());
  constexpr int64_t most = int64_t{1} << 40;  // phi and kappa of every step are not tensors of the graph
  if (T * B > most / std::max(chars.dims[1], 4 * K))
    return fail(GC_INVALID_SHAPE, "%s: too many characters or Gaussians for %lld steps", node.op->name,
                static_cast<long long>(T * B));
  const gc_status status = expect_dtype(node, lengths, "lengths", GC_I32);
  return status == GC_OK ? expect_shape(plan, node, lengths, "lengths", {B}) : status;
}

gc_status check_window_data(const Node& node, const Window& w, int64_t B) {
  const auto number = [](int64_t n) { return static_cast<long long>(n); };
  for (int64_t b = 0; b < B; ++b) {
    if (w.length(b) < 0 || w.length(b) > w.U)
      return fail(GC_OUT_OF_RANGE, "%s: expected lengths from 0 to %lld, got %lld in row %lld", node.op->name,
                  number(w.U), number(w.length(b)), number(b));
    for (int64_t u = 0; w.one_hot() && u < w.length(b); ++u)
      if (w.id(b, u) < 0 || w.id(b, u) >= w.C)
        return fail(GC_OUT_OF_RANGE, "%s: expected characters from 0 to %lld, got %d in row %lld", node.op->name,
                    number(w.C - 1), w.id(b, u), number(b));
  }
  return GC_OK;
}

const OpDef op_window = {GC_OP_WINDOW, "window", 3, 4, 1, 3, 0, true, false, false, check, prepare, forward, backward};
}  // namespace gatecell
