// cell.inl: one time step of the LSTM cell (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000) for one
// panel of 16 hidden units, forward, then backward; written on vec.h and math.inl names.

static void cell_forward(const gc_cell* s) {
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    for (int u = 0; u < 16; u += VL) {
      V i = v_load(gates + u), f = v_load(gates + 16 + u), g = v_load(gates + 32 + u), o = v_load(gates + 48 + u);
      v_gates(i, f, g, o);
      const V c = v_fma(f, v_load(s->c_prev + row * s->state_row + u), v_mul(i, g));
      v_store(s->c + row * s->state_row + u, c);
      v_store(s->h + row * s->h_row + u, v_mul(o, v_tanh(c)));
      v_store(gates + u, i);
      v_store(gates + 16 + u, f);
      v_store(gates + 32 + u, g);
      v_store(gates + 48 + u, o);
    }
  }
}

// x * (1 - x) * d and (1 - x^2) * d, with one rounding order on every ISA.
static inline V sigmoid_slope(V x, V d) { return v_mul(d, v_fnma(x, x, x)); }
static inline V tanh_slope(V x, V d) { return v_fnma(v_mul(x, x), d, d); }

static void cell_backward(const gc_cell_backward* s) {
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    for (int u = 0; u < 16; u += VL) {
      const V i = v_load(gates + u), f = v_load(gates + 16 + u), g = v_load(gates + 32 + u), o = v_load(gates + 48 + u);
      // tanh(c) is recomputed: one activation of five instead of H floats stored per cell.
      const V tc = v_tanh(v_load(s->c + row * s->state_row + u));
      V dh = v_load(s->dh + row * s->dh_row + u);
      if (s->dy) dh = v_add(dh, v_load(s->dy + row * s->dy_row + u));
      float* dc_at = s->dc + row * s->dc_row + u;
      const V dc = v_add(v_load(dc_at), tanh_slope(tc, v_mul(dh, o)));
      v_store(gates + u, sigmoid_slope(i, v_mul(dc, g)));
      v_store(gates + 16 + u, sigmoid_slope(f, v_mul(dc, v_load(s->c_prev + row * s->state_row + u))));
      v_store(gates + 32 + u, tanh_slope(g, v_mul(dc, i)));
      v_store(gates + 48 + u, sigmoid_slope(o, v_mul(dh, tc)));
      v_store(dc_at, v_mul(dc, f));
    }
  }
}
