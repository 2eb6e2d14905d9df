// window_reference.h: Graves' soft window (2013, equations 46 to 51) in plain loops in double, forward and backward, and the LSTM layer with
// a window, composed of one-step LSTMs, the linear layer and one-step windows. Arrays are dense, row-major.
#pragma once
#include "reference.h"

namespace gatecell {
namespace reference {

struct Window {
  size_t T, B, K, U, C;
  Ids ids = {};                                        // [B, U]; empty: characters are vectors
  Ids lengths = {};                                    // [B]
  Array<double> w = {}, kappa = {}, phi = {};          // results: [T, B, C], every step's [T, B, K], [T, B, U]
  Array<double> draw = {}, dchars = {}, dkappa0 = {};  // gradients

  double character(const Array<double>& chars, size_t b, size_t u, size_t c) const {
    if (ids.empty()) return chars[(b * U + u) * C + c];
    return ids[b * U + u] == static_cast<int32_t>(c) ? 1 : 0;
  }
  size_t length(size_t b) const { return static_cast<size_t>(lengths[b]); }

  void forward(const Array<double>& raw, const Array<double>& chars, const Array<double>& kappa0) {
    w.assign(T * B * C, 0), kappa.assign(T * B * K, 0), phi.assign(T * B * U, 0);
    for (size_t row = 0; row < T * B; ++row) {
      const size_t b = row % B;
      for (size_t k = 0; k < K; ++k) {
        const double before = row >= B ? kappa[(row - B) * K + k] : kappa0.empty() ? 0 : kappa0[b * K + k];
        kappa[row * K + k] = before + std::exp(raw[row * 3 * K + 2 * K + k]);
        for (size_t u = 0; u < length(b); ++u) phi[row * U + u] += part(raw, row, k, u);
      }
      for (size_t u = 0; u < length(b); ++u)
        for (size_t c = 0; c < C; ++c) w[row * C + c] += phi[row * U + u] * character(chars, b, u, c);
    }
  }
  // dkappaT may be empty: zeros.
  void backward(const Array<double>& raw, const Array<double>& chars, const Array<double>& dw,
                const Array<double>& dkappaT) {
    draw.assign(raw.size(), 0), dchars.assign(chars.size(), 0), dkappa0.assign(B * K, 0);
    if (!dkappaT.empty()) dkappa0 = dkappaT;
    for (size_t row = T * B; row-- > 0;) {
      const size_t b = row % B;
      for (size_t u = 0; u < length(b); ++u) {
        double d = 0;
        for (size_t c = 0; c < C; ++c) {
          d += dw[row * C + c] * character(chars, b, u, c);
          if (ids.empty()) dchars[(b * U + u) * C + c] += dw[row * C + c] * phi[row * U + u];
        }
        for (size_t k = 0; k < K; ++k) {
          const double away = kappa[row * K + k] - static_cast<double>(u + 1), p = d * part(raw, row, k, u);
          const double beta = std::exp(raw[row * 3 * K + K + k]);
          draw[row * 3 * K + k] += p;
          draw[row * 3 * K + K + k] -= p * beta * away * away;
          dkappa0[b * K + k] -= 2 * p * beta * away;
        }
      }
      for (size_t k = 0; k < K; ++k)
        draw[row * 3 * K + 2 * K + k] = dkappa0[b * K + k] * std::exp(raw[row * 3 * K + 2 * K + k]);
    }
  }

 private:
  // Gaussian k at character u: alpha exp(-beta (kappa - u)^2), characters counted from 1.
  double part(const Array<double>& raw, size_t row, size_t k, size_t u) const {
    const double away = kappa[row * K + k] - static_cast<double>(u + 1), beta = std::exp(raw[row * 3 * K + K + k]);
    return std::exp(raw[row * 3 * K + k] - beta * away * away);
  }
};

struct WindowLstm {
  size_t I, H;
  Window window;
  // In the order of the op: x, w_ih, w_hh, w_window, b_window, and where given b_ih, b_hh, h0, c0, kappa0, window0.
  using Inputs = std::vector<Array<double>>;

  Array<double> y = {}, w = {};
  std::vector<Lstm<double>> cells = {};
  std::vector<Window> windows = {};
  Inputs gradients = {};

  static Array<double> part(const Array<double>& v, size_t t, size_t size) {
    const auto at = v.begin() + static_cast<std::ptrdiff_t>(t * size);
    return Array<double>(at, at + static_cast<std::ptrdiff_t>(size));
  }
  void forward(const Inputs& in) {
    const size_t T = window.T, B = window.B, C = window.C;
    y.clear(), w.clear(), cells.clear(), windows.clear();
    Array<double> h = in[7], c = in[8], kappa = in[9], before = in[10];
    for (size_t t = 0; t < T; ++t) {
      Lstm<double> cell;
      cell.T = 1, cell.B = static_cast<int64_t>(B), cell.I = static_cast<int64_t>(I + C),
      cell.H = static_cast<int64_t>(H);
      for (size_t b = 0; b < B; ++b) {
        for (size_t i = 0; i < I; ++i) cell.x.push_back(in[0][(t * B + b) * I + i]);
        for (size_t i = 0; i < C; ++i) cell.x.push_back(before[b * C + i]);
      }
      cell.w_ih = in[1], cell.w_hh = in[2], cell.b_ih = in[5], cell.b_hh = in[6], cell.h0 = h, cell.c0 = c;
      cell.forward();
      h = cell.hT, c = cell.cT;
      Window step = window;
      step.T = 1;
      step.forward(linear(cell.y, in[3], in[4], H, 3 * window.K), {}, kappa);
      kappa = step.kappa, before = step.w;
      y.insert(y.end(), h.begin(), h.end());
      w.insert(w.end(), before.begin(), before.end());
      cells.push_back(cell), windows.push_back(step);
    }
  }
  void backward(const Inputs& in, const Array<double>& dy, const Array<double>& dw) {
    const size_t T = window.T, B = window.B, C = window.C, K = window.K;
    gradients.clear();
    for (const auto& v : in) gradients.emplace_back(v.size(), 0.0);
    const auto add = [](Array<double>& to, const Array<double>& from) {
      for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
    };
    Array<double> dh(B * H, 0), dc(B * H, 0), dkappa(B * K, 0), dbefore(B * C, 0);
    for (size_t t = T; t-- > 0;) {
      Lstm<double>& cell = cells[t];
      const Array<double> raw = linear(cell.y, in[3], in[4], H, 3 * K);
      add(dbefore, part(dw, t, B * C));
      windows[t].backward(raw, {}, dbefore, dkappa);
      dkappa = windows[t].dkappa0;
      Array<double> dx, dweight, dbias;
      linear_backward(cell.y, in[3], windows[t].draw, H, 3 * K, dx, dweight, dbias);
      add(gradients[3], dweight), add(gradients[4], dbias), add(dh, dx), add(dh, part(dy, t, B * H));
      cell.dhT = dh, cell.dcT = dc;
      cell.backward();
      add(gradients[1], cell.dw_ih), add(gradients[2], cell.dw_hh), add(gradients[5], cell.db),
          add(gradients[6], cell.db);
      dh = cell.dh0, dc = cell.dc0;
      for (size_t b = 0; b < B; ++b) {
        for (size_t i = 0; i < I; ++i) gradients[0][(t * B + b) * I + i] = cell.dx[b * (I + C) + i];
        for (size_t i = 0; i < C; ++i) dbefore[b * C + i] = cell.dx[b * (I + C) + I + i];
      }
    }
    add(gradients[7], dh), add(gradients[8], dc), add(gradients[9], dkappa), add(gradients[10], dbefore);
  }
};
}  // namespace reference
}  // namespace gatecell
