// gru.inl: one time step of the GRU cell (Cho et al. 2014, in PyTorch's form: the reset gate scales the product with h, bias included) for
// one panel of 16 hidden units, forward, then backward; written with the names of vec.h and math.inl.
// gates[row]: r[16] z[16] n[16] m[16]: pre-activations of r, z, of n from x, and of n from h; then r, z, n and m as it was.
//   n = tanh(n + r * m), h = (1 - z) * n + z * h_prev

static void gru_forward(const gc_cell* s) {
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    for (int u = 0; u < 16; u += VL) {
      const V r = v_sigmoid(v_load(gates + u)), z = v_sigmoid(v_load(gates + 16 + u));
      const V n = v_tanh(v_fma(r, v_load(gates + 48 + u), v_load(gates + 32 + u)));
      const V kept = v_mul(v_sub(v_set(1.0f), z), n);
      v_store(s->h + row * s->h_row + u, v_fma(z, v_load(s->h_prev + row * s->h_row + u), kept));
      v_store(gates + u, r);
      v_store(gates + 16 + u, z);
      v_store(gates + 32 + u, n);
    }
  }
}

static void gru_backward(const gc_cell_backward* s) {
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    for (int u = 0; u < 16; u += VL) {
      const V r = v_load(gates + u), z = v_load(gates + 16 + u), n = v_load(gates + 32 + u), m = v_load(gates + 48 + u);
      V dh = v_load(s->dh + row * s->dh_row + u);
      if (s->dy) dh = v_add(dh, v_load(s->dy + row * s->dy_row + u));
      const V dn = tanh_slope(n, v_mul(dh, v_sub(v_set(1.0f), z)));
      const V turn = v_mul(dh, v_sub(v_load(s->c_prev + row * s->state_row + u), n));
      v_store(s->dh_past + row * s->dh_row + u, v_mul(dh, z));
      v_store(gates + u, sigmoid_slope(r, v_mul(dn, m)));
      v_store(gates + 16 + u, sigmoid_slope(z, turn));
      v_store(gates + 32 + u, dn);
      v_store(gates + 48 + u, v_mul(dn, r));
    }
  }
}
