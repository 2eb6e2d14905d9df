// window.cu: the soft window as an op over the steps of a sequence, or over one step, for networks in which the raw outputs do not depend on the
// window. If they do (Graves' synthesis network), window_lstm.cu has the layer and the window in one op.
#include "window.h"

namespace gatecell {
namespace cuda {
namespace window {
namespace {
enum { kRaw, kChars, kLengths, kKappa0 };
enum { kW, kKappaT, kPhi };  // outputs
enum { kKept, kBackward };   // buffers

Window window_of(const Node& n) {
  const Tensor& raw = *n.in(kRaw);
  Window s(*n.in(kChars), *n.in(kLengths), n.in(kKappa0), raw.dims[0], raw.dims[1], raw.cols / 3, n.out(kW)->cols);
  s.place(n.buffer(kKept), n.buffer(kBackward));
  return s;
}
}  // namespace

gc_status prepare(const Node& n) {
  const Window s = window_of(n);
  n.ask(s.kept_bytes(), n.node.trains ? GC_LIFE_SAVED : GC_LIFE_FORWARD);
  n.ask(s.backward_bytes(), GC_LIFE_BACKWARD);
  n.why("a block per row of the batch, its steps in turn");
  return GC_OK;
}

void forward(const Node& n) {
  const Window s = window_of(n);
  check_window(n, s);
  window_forward(n.queue, s, 0, s.T, n.in(kRaw)->data, n.in(kRaw)->ld, *n.out(kW));
  give_kappa(n.queue, s, n.out(kKappaT));
  give_phi(n.queue, s, n.out(kPhi));
}

void backward(const Node& n) {
  const Window s = window_of(n);
  const Tensor &raw = *n.in(kRaw), &w = *n.out(kW), *phi = n.out(kPhi);
  no_gradient(n, kChars);  // beyond the lengths; the kernel adds
  begin_dkappa(n.queue, s, n.out(kKappaT));
  window_backward(n.queue, s, 0, s.T, {w.grad, w.ld, nullptr, phi ? phi->grad : nullptr, phi ? phi->ld : 0});
  give_dkappa(n, s, kKappa0);
  if (!raw.grad) return;
  float* to = raw.grad;
  const float* from = s.draw;
  const int64_t ld = raw.ld, columns = raw.cols;
  const bool accumulate = n.accumulate(kRaw);
  each_element(n.queue, raw.rows, raw.cols,
               [=] __device__(int64_t row, int64_t j) { put(to + row * ld + j, from[row * columns + j], accumulate); });
}

Window::Window(const Tensor& chars, const Tensor& length_ids, const Tensor* start, int64_t steps, int64_t batch,
               int64_t gaussians, int64_t width)
    : T(steps), B(batch), K(gaussians), U(chars.dims[1]), C(width) {
  const bool one_hot = chars.dtype == GC_I32;
  ids = one_hot ? reinterpret_cast<const int32_t*>(chars.data) : nullptr;
  vectors = one_hot ? nullptr : chars.data;
  dvectors = one_hot ? nullptr : chars.grad;
  ld = chars.ld;
  lengths = reinterpret_cast<const int32_t*>(length_ids.data);
  kappa0 = start ? start->data : nullptr;
  ld_kappa0 = start ? start->ld : 0;
  place(nullptr, nullptr);
}

void Window::place(float* kept, float* backward) {
  const auto at = [](float* base, int64_t floats) { return base ? base + floats : nullptr; };
  const int64_t rows = T * B;
  rates = kept, kappa = at(kept, rows * 3 * K), phi = at(kept, rows * 4 * K);
  draw = backward, dkappa = at(backward, rows * 3 * K), dphi = at(backward, rows * 3 * K + B * K);
}

void check_window(const Node& n, const Window& s) {
  check_each(n, s.B, [=] __device__(int64_t b) {
    const int32_t length = s.lengths[b];
    if (length < 0 || length > s.U) return fault_at(Fault::kLength, b, static_cast<double>(length), s.U);
    for (int64_t u = 0; s.ids && u < length; ++u) {
      const int32_t id = s.ids[b * s.U + u];
      if (id < 0 || id >= s.C) return fault_at(Fault::kCharacter, b, static_cast<double>(id), s.C - 1);
    }
    return fault_at();
  });
}

void begin_dkappa(Queue& queue, const Window& s, const Tensor* kappaT) {
  const float* from = kappaT ? kappaT->grad : nullptr;
  const int64_t ld = kappaT ? kappaT->ld : 0;
  each_element(queue, s.B, s.K,
               [=] __device__(int64_t b, int64_t k) { s.dkappa[b * s.K + k] = from ? from[b * ld + k] : 0.0f; });
}

void give_dkappa(const Node& n, const Window& s, int32_t input) {
  const Tensor* kappa = n.in(input);
  if (!kappa || !kappa->grad) return;
  float* to = kappa->grad;
  const int64_t ld_to = kappa->ld;
  const bool accumulate = n.accumulate(input);
  each_element(n.queue, s.B, s.K,
               [=] __device__(int64_t b, int64_t k) { put(to + b * ld_to + k, s.dkappa[b * s.K + k], accumulate); });
}

void give_kappa(Queue& queue, const Window& s, const Tensor* kappaT) {
  if (!kappaT) return;
  float* to = kappaT->data;
  const int64_t ld_to = kappaT->ld, last = (s.T - 1) * s.B;
  each_element(queue, s.B, s.K,
               [=] __device__(int64_t b, int64_t k) { to[b * ld_to + k] = s.kappa[(last + b) * s.K + k]; });
}

void give_phi(Queue& queue, const Window& s, const Tensor* phi) {
  if (!phi) return;
  float* to = phi->data;
  const int64_t ld_to = phi->ld;
  each_element(queue, s.T * s.B, s.U,
               [=] __device__(int64_t row, int64_t u) { to[row * ld_to + u] = s.phi[row * s.U + u]; });
}
}  // namespace window

const OpDef op_window = {GC_OP_WINDOW, "window", window::prepare, window::forward, window::backward};
}  // namespace cuda
}  // namespace gatecell
