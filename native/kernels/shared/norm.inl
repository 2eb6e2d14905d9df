// norm.inl: layer normalisation inside the LSTM cell (Ba, Kiros & Hinton 2016), one row at a time. The values of a row are in panels of 16
// units. Written with the names of vec.h and math.inl.
//
// Sums over a row run in 16 lanes (unit modulo 16) over panels and slots in order, then over the lanes in order: the same additions
// for every instruction set. Lanes after the last unit are zeros and do not contribute.

constexpr float kNormEpsilon = 1e-5f;  // as PyTorch's LayerNorm

// Returns x in the first `lanes` lanes and zeros after them.
static inline V first_lanes(float x, int64_t lanes) {
  if (lanes >= VL) return v_set(x);
  float part[VL];
  for (int k = 0; k < VL; ++k) part[k] = k < lanes ? x : 0.0f;
  return v_load(part);
}

struct LaneSum {
  V part[16 / VL];
  GC_INLINE LaneSum zero() {
    LaneSum s;
    for (int j = 0; j < 16 / VL; ++j) s.part[j] = v_zero();
    return s;
  }
};
static inline float total(const LaneSum& s) {
  float part[16], sum = 0;
  for (int j = 0; j < 16 / VL; ++j) v_store(part + j * VL, s.part[j]);
  for (int k = 0; k < 16; ++k) sum += part[k];
  return sum;
}
static inline float root_inverse(float squares, float count) {
  float lanes[VL];
  v_store(lanes, v_div(v_set(1.0f), v_sqrt(v_set(squares / count + kNormEpsilon))));
  return lanes[0];
}

// Calls body(panel, j, lanes) for every vector of 16 units; j is the index of the vector in its panel.
template <class F>
static inline void each_vector(int64_t units, F body) {
  const int64_t panels = (units + 15) / 16;
  for (int64_t p = 0; p < panels; ++p)
    for (int j = 0; j < 16 / VL; ++j) body(p, j, units - p * 16 - j * VL);
}

// Replaces x by (x - mean) * rstd; out = gain * that + bias, or, without a bias, out += gain * that.
static void norm_gates_forward(const gc_norm* n) {
  LaneSum sum = LaneSum::zero(), squares = LaneSum::zero();
  const float count = 4.0f * static_cast<float>(n->units);
  each_vector(n->units, [&](int64_t p, int j, int64_t) {
    for (int slot = 0; slot < 64; slot += 16)
      sum.part[j] = v_add(sum.part[j], v_load(n->x + p * n->panel + slot + j * VL));
  });
  const float mean = total(sum) / count;
  each_vector(n->units, [&](int64_t p, int j, int64_t lanes) {
    const V centre = first_lanes(mean, lanes);
    for (int slot = 0; slot < 64; slot += 16) {
      const V d = v_sub(v_load(n->x + p * n->panel + slot + j * VL), centre);
      squares.part[j] = v_fma(d, d, squares.part[j]);
    }
  });
  const float rstd = root_inverse(total(squares), count);
  n->stats[0] = rstd;
  each_vector(n->units, [&](int64_t p, int j, int64_t lanes) {
    const V centre = first_lanes(mean, lanes);
    for (int slot = 0; slot < 64; slot += 16) {
      const int64_t at = p * n->panel + slot + j * VL, packed = p * 64 + slot + j * VL;
      const V hat = v_mul(v_sub(v_load(n->x + at), centre), v_set(rstd));
      v_store(n->x + at, hat);
      v_store(n->out + at, v_fma(v_load(n->gain + packed), hat, v_load(n->bias ? n->bias + packed : n->out + at)));
    }
  });
}

// Computes the gradient before the normalisation from d, that of gain * hat (+ ...): rstd * (w - mean(w) - hat * mean(w * hat)), w = gain * d.
static void norm_gates_backward(const gc_norm* n) {
  LaneSum sum = LaneSum::zero(), along = LaneSum::zero();
  const float count = 4.0f * static_cast<float>(n->units);
  each_vector(n->units, [&](int64_t p, int j, int64_t) {
    for (int slot = 0; slot < 64; slot += 16) {
      const int64_t at = p * n->panel + slot + j * VL;
      const V w = v_mul(v_load(n->gain + p * 64 + slot + j * VL), v_load(n->d + at));
      sum.part[j] = v_add(sum.part[j], w);
      along.part[j] = v_fma(w, v_load(n->x + at), along.part[j]);
    }
  });
  const float mean = total(sum) / count, slope = total(along) / count;
  each_vector(n->units, [&](int64_t p, int j, int64_t lanes) {
    const V centre = first_lanes(mean, lanes);
    for (int slot = 0; slot < 64; slot += 16) {
      const int64_t at = p * n->panel + slot + j * VL;
      const V w = v_mul(v_load(n->gain + p * 64 + slot + j * VL), v_load(n->d + at));
      const V rest = v_fnma(v_load(n->x + at), v_set(slope), v_sub(w, centre));
      v_store(n->out + at, v_mul(v_set(n->stats[0]), rest));
    }
  });
}

// Computes h = o * tanh(gain * (c - mean) * rstd + bias). x: c of one row, in panels of 16; out: gates of the row; stats: mean, rstd.
static void norm_cell_forward(const gc_norm* n) {
  LaneSum sum = LaneSum::zero(), squares = LaneSum::zero();
  const float count = static_cast<float>(n->units);
  each_vector(n->units,
              [&](int64_t p, int j, int64_t) { sum.part[j] = v_add(sum.part[j], v_load(n->x + p * 16 + j * VL)); });
  const float mean = total(sum) / count;
  each_vector(n->units, [&](int64_t p, int j, int64_t lanes) {
    const V d = v_sub(v_load(n->x + p * 16 + j * VL), first_lanes(mean, lanes));
    squares.part[j] = v_fma(d, d, squares.part[j]);
  });
  const float rstd = root_inverse(total(squares), count);
  n->stats[0] = mean;
  n->stats[1] = rstd;
  each_vector(n->units, [&](int64_t p, int j, int64_t lanes) {
    const int64_t at = p * 16 + j * VL;
    const V hat = v_mul(v_sub(v_load(n->x + at), first_lanes(mean, lanes)), v_set(rstd));
    const V l = v_fma(v_load(n->gain + at), hat, v_load(n->bias + at));
    v_store(n->h + at, v_mul(v_load(n->out + p * n->panel + 48 + j * VL), v_tanh(l)));
  });
}

// Computes, from dh (+ dy), the gradient of o's pre-activation, which replaces o in the gates, and that of the normalised cell, d; adds to dc.
static void norm_cell_backward(const gc_norm* n) {
  LaneSum sum = LaneSum::zero(), along = LaneSum::zero();
  const float count = static_cast<float>(n->units), mean = n->stats[0], rstd = n->stats[1];
  each_vector(n->units, [&](int64_t p, int j, int64_t lanes) {
    const int64_t at = p * 16 + j * VL;
    const V hat = v_mul(v_sub(v_load(n->x + at), first_lanes(mean, lanes)), v_set(rstd)), gain = v_load(n->gain + at);
    const V t = v_tanh(v_fma(gain, hat, v_load(n->bias + at)));
    V dh = v_load(n->dh + at);
    if (n->dy) dh = v_add(dh, v_load(n->dy + at));
    float* o_at = n->out + p * n->panel + 48 + j * VL;
    const V o = v_load(o_at), d = tanh_slope(t, v_mul(dh, o)), w = v_mul(gain, d);
    v_store(o_at, sigmoid_slope(o, v_mul(dh, t)));
    v_store(n->d + at, d);
    sum.part[j] = v_add(sum.part[j], w);
    along.part[j] = v_fma(w, hat, along.part[j]);
  });
  const float middle = total(sum) / count, slope = total(along) / count;
  each_vector(n->units, [&](int64_t p, int j, int64_t lanes) {
    const int64_t at = p * 16 + j * VL;
    const V hat = v_mul(v_sub(v_load(n->x + at), first_lanes(mean, lanes)), v_set(rstd));
    const V w = v_mul(v_load(n->gain + at), v_load(n->d + at));
    const V rest = v_fnma(hat, v_set(slope), v_sub(w, first_lanes(middle, lanes)));
    v_store(n->dc + at, v_fma(v_set(rstd), rest, v_load(n->dc + at)));
  });
}
