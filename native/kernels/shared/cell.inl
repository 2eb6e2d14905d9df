// cell.inl: one time step of the LSTM cell (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000) for one
// panel of 16 hidden units, forward, then backward; written with the names of vec.h and math.inl.
//
// `variant` is one of GC_CELL_*; the plain cell has no code of the others. Peepholes (Gers & Schmidhuber 2000; Graves 2013, eqs. 7 to 11):
// i and f depend on c_prev, o depends on c. Zoneout (Krueger et al. 2017): c' = z c_prev + (1 - z) c, and the same for h, which is computed
// from the new c.

template <int variant>
static void cell_forward(const gc_cell* s) {
  constexpr bool peephole = variant == GC_CELL_PEEPHOLE, zoneout = variant == GC_CELL_ZONEOUT,
                 open = variant == GC_CELL_OPEN;
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    for (int u = 0; u < 16; u += VL) {
      V i = v_load(gates + u), f = v_load(gates + 16 + u), g = v_load(gates + 32 + u), o = v_load(gates + 48 + u);
      const V c_prev = v_load(s->c_prev + row * s->state_row + u);
      if (peephole) {
        i = v_sigmoid(v_fma(v_load(s->peephole + u), c_prev, i));
        f = v_sigmoid(v_fma(v_load(s->peephole + 16 + u), c_prev, f));
        g = v_tanh(g);
      } else {
        v_gates(i, f, g, o);
      }
      V c = v_fma(f, c_prev, v_mul(i, g));
      if (peephole) o = v_sigmoid(v_fma(v_load(s->peephole + 32 + u), c, o));
      V h = open ? v_zero() : v_mul(o, v_tanh(c));
      if (zoneout) {
        const V zc = v_load(s->zone_c + row * s->zone_row + u), zh = v_load(s->zone_h + row * s->zone_row + u);
        c = v_fma(zc, c_prev, v_mul(v_sub(v_set(1.0f), zc), c));
        h = v_fma(zh, v_load(s->h_prev + row * s->h_row + u), v_mul(v_sub(v_set(1.0f), zh), h));
      }
      v_store(s->c + row * s->state_row + u, c);
      if (!open) v_store(s->h + row * s->h_row + u, h);
      v_store(gates + u, i);
      v_store(gates + 16 + u, f);
      v_store(gates + 32 + u, g);
      v_store(gates + 48 + u, o);
    }
  }
}

template <int variant>
static void cell_backward(const gc_cell_backward* s) {
  constexpr bool peephole = variant == GC_CELL_PEEPHOLE, zoneout = variant == GC_CELL_ZONEOUT,
                 open = variant == GC_CELL_OPEN;
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    for (int u = 0; u < 16; u += VL) {
      const V i = v_load(gates + u), f = v_load(gates + 16 + u), g = v_load(gates + 32 + u), o = v_load(gates + 48 + u);
      const V c_prev = v_load(s->c_prev + row * s->state_row + u);
      // tanh(c) is computed again, which is one activation of five, instead of being stored for each cell. With zoneout c is computed again, too.
      const V tc =
          open ? v_zero() : v_tanh(zoneout ? v_fma(f, c_prev, v_mul(i, g)) : v_load(s->c + row * s->state_row + u));
      V dh = open ? v_zero() : v_load(s->dh + row * s->dh_row + u);
      if (!open && s->dy) dh = v_add(dh, v_load(s->dy + row * s->dy_row + u));
      float* dc_at = s->dc + row * s->dc_row + u;
      V dc = v_load(dc_at), past = v_zero();
      if (zoneout) {
        const V zc = v_load(s->zone_c + row * s->zone_row + u), zh = v_load(s->zone_h + row * s->zone_row + u);
        v_store(s->dh_past + row * s->dh_row + u, v_mul(zh, dh));
        dh = v_mul(v_sub(v_set(1.0f), zh), dh);
        past = v_mul(zc, dc);
        dc = v_mul(v_sub(v_set(1.0f), zc), dc);
      }
      if (!open) dc = v_add(dc, tanh_slope(tc, v_mul(dh, o)));
      const V d_o = sigmoid_slope(o, v_mul(dh, tc));
      if (peephole) dc = v_fma(v_load(s->peephole + 32 + u), d_o, dc);
      const V d_i = sigmoid_slope(i, v_mul(dc, g)), d_f = sigmoid_slope(f, v_mul(dc, c_prev));
      v_store(gates + u, d_i);
      v_store(gates + 16 + u, d_f);
      v_store(gates + 32 + u, tanh_slope(g, v_mul(dc, i)));
      if (!open) v_store(gates + 48 + u, d_o);
      V before = v_mul(dc, f);
      if (peephole) before = v_fma(v_load(s->peephole + u), d_i, v_fma(v_load(s->peephole + 16 + u), d_f, before));
      if (zoneout) before = v_add(past, before);
      v_store(dc_at, before);
    }
  }
}
