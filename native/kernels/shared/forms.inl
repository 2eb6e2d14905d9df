// forms.inl: one time step of the cells that have a gc_form, for one panel, forward, then backward; written with the names of vec.h and
// activation.inl. gates[row] and pre[row] have the slots of the plain cells; in the backward pass gates has activations.

// The LSTM: coupled gates (f = 1 - i; Greff et al. 2017, "LSTM: A search space odyssey"), clipped pre-activations, any activations.
static void lstm_form_forward(const gc_cell* s) {
  const gc_form* form = s->form;
  for (int64_t row = 0; row < s->rows; ++row) {
    float *gates = s->gates + row * 64, *pre = s->pre ? s->pre + row * 64 : nullptr;
    for (int u = 0; u < 16; u += VL) {
      V i = v_load(gates + u), f = v_load(gates + 16 + u), g = v_load(gates + 32 + u), o = v_load(gates + 48 + u);
      const V c_prev = v_load(s->c_prev + row * s->state_row + u);
      if (s->peephole) {
        i = v_fma(v_load(s->peephole + u), c_prev, i);
        f = v_fma(v_load(s->peephole + 16 + u), c_prev, f);
      }
      i = activate_clipped(form, &form->f, i, pre, u);
      f = form->coupled ? v_sub(v_set(1.0f), i) : activate_clipped(form, &form->f, f, pre, 16 + u);
      g = activate_clipped(form, &form->g, g, pre, 32 + u);
      const V c = v_fma(f, c_prev, v_mul(i, g));
      if (s->peephole) o = v_fma(v_load(s->peephole + 32 + u), c, o);
      o = activate_clipped(form, &form->f, o, pre, 48 + u);
      v_store(s->c + row * s->state_row + u, c);
      v_store(s->h + row * s->h_row + u, v_mul(o, activate(&form->h, c)));
      v_store(gates + u, i);
      v_store(gates + 16 + u, f);
      v_store(gates + 32 + u, g);
      v_store(gates + 48 + u, o);
    }
  }
}

static void lstm_form_backward(const gc_cell_backward* s) {
  const gc_form* form = s->form;
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    const float* pre = s->pre + row * 64;
    for (int u = 0; u < 16; u += VL) {
      const V i = v_load(gates + u), f = v_load(gates + 16 + u), g = v_load(gates + 32 + u), o = v_load(gates + 48 + u);
      const V c_prev = v_load(s->c_prev + row * s->state_row + u), c = v_load(s->c + row * s->state_row + u);
      const V out = activate(&form->h, c);
      V dh = v_load(s->dh + row * s->dh_row + u);
      if (s->dy) dh = v_add(dh, v_load(s->dy + row * s->dy_row + u));
      float* dc_at = s->dc + row * s->dc_row + u;
      V dc = v_add(v_load(dc_at), activation_slope(&form->h, c, out, v_mul(dh, o)));
      const V d_o = clipped_slope(form, &form->f, v_load(pre + 48 + u), o, v_mul(dh, out));
      if (s->peephole) dc = v_fma(v_load(s->peephole + 32 + u), d_o, dc);
      const V to_i = form->coupled ? v_mul(dc, v_sub(g, c_prev)) : v_mul(dc, g);
      const V d_i = clipped_slope(form, &form->f, v_load(pre + u), i, to_i);
      const V d_f =
          form->coupled ? v_zero() : clipped_slope(form, &form->f, v_load(pre + 16 + u), f, v_mul(dc, c_prev));
      v_store(gates + u, d_i);
      v_store(gates + 16 + u, d_f);
      v_store(gates + 32 + u, clipped_slope(form, &form->g, v_load(pre + 32 + u), g, v_mul(dc, i)));
      v_store(gates + 48 + u, d_o);
      V before = v_mul(dc, f);
      if (s->peephole) before = v_fma(v_load(s->peephole + u), d_i, v_fma(v_load(s->peephole + 16 + u), d_f, before));
      v_store(dc_at, before);
    }
  }
}

// The GRU of gru.inl, with a form.
static void gru_form_forward(const gc_cell* s) {
  const gc_form* form = s->form;
  for (int64_t row = 0; row < s->rows; ++row) {
    float *gates = s->gates + row * 64, *pre = s->pre ? s->pre + row * 64 : nullptr;
    for (int u = 0; u < 16; u += VL) {
      const V r = activate_clipped(form, &form->f, v_load(gates + u), pre, u);
      const V z = activate_clipped(form, &form->f, v_load(gates + 16 + u), pre, 16 + u);
      const V sum = v_fma(r, v_load(gates + 48 + u), v_load(gates + 32 + u));
      const V n = activate_clipped(form, &form->g, sum, pre, 32 + u), kept = v_mul(v_sub(v_set(1.0f), z), n);
      v_store(s->h + row * s->h_row + u, v_fma(z, v_load(s->h_prev + row * s->h_row + u), kept));
      v_store(gates + u, r);
      v_store(gates + 16 + u, z);
      v_store(gates + 32 + u, n);
    }
  }
}

static void gru_form_backward(const gc_cell_backward* s) {
  const gc_form* form = s->form;
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    const float* pre = s->pre + row * 64;
    for (int u = 0; u < 16; u += VL) {
      const V r = v_load(gates + u), z = v_load(gates + 16 + u), n = v_load(gates + 32 + u), m = v_load(gates + 48 + u);
      V dh = v_load(s->dh + row * s->dh_row + u);
      if (s->dy) dh = v_add(dh, v_load(s->dy + row * s->dy_row + u));
      const V dn = clipped_slope(form, &form->g, v_load(pre + 32 + u), n, v_mul(dh, v_sub(v_set(1.0f), z)));
      const V turn = v_mul(dh, v_sub(v_load(s->c_prev + row * s->state_row + u), n));
      v_store(s->dh_past + row * s->dh_row + u, v_mul(dh, z));
      v_store(gates + u, clipped_slope(form, &form->f, v_load(pre + u), r, v_mul(dn, m)));
      v_store(gates + 16 + u, clipped_slope(form, &form->f, v_load(pre + 16 + u), z, turn));
      v_store(gates + 32 + u, dn);
      v_store(gates + 48 + u, v_mul(dn, r));
    }
  }
}

// The GRU whose reset gate comes before the product (ONNX's linear_before_reset = 0), first half: r, z, and c = r * c_prev, where c_prev is the
// operand of the recurrent product. Only then can n's part of h be computed: the product of W_hn and c.
static void reset_gates_forward(const gc_cell* s) {
  const gc_form* form = s->form;
  for (int64_t row = 0; row < s->rows; ++row) {
    float *gates = s->gates + row * 64, *pre = s->pre ? s->pre + row * 64 : nullptr;
    for (int u = 0; u < 16; u += VL) {
      const V r = activate_clipped(form, &form->f, v_load(gates + u), pre, u);
      v_store(s->c + row * s->state_row + u, v_mul(r, v_load(s->c_prev + row * s->state_row + u)));
      v_store(gates + u, r);
      v_store(gates + 16 + u, activate_clipped(form, &form->f, v_load(gates + 16 + u), pre, 16 + u));
    }
  }
}

// Second half: n = g(n + c_prev), where c_prev is that product; h = (1 - z) * n + z * h_prev.
static void reset_state_forward(const gc_cell* s) {
  const gc_form* form = s->form;
  for (int64_t row = 0; row < s->rows; ++row) {
    float *gates = s->gates + row * 64, *pre = s->pre ? s->pre + row * 64 : nullptr;
    for (int u = 0; u < 16; u += VL) {
      const V sum = v_add(v_load(gates + 32 + u), v_load(s->c_prev + row * s->state_row + u));
      const V z = v_load(gates + 16 + u), n = activate_clipped(form, &form->g, sum, pre, 32 + u);
      const V kept = v_mul(v_sub(v_set(1.0f), z), n);
      v_store(s->h + row * s->h_row + u, v_fma(z, v_load(s->h_prev + row * s->h_row + u), kept));
      v_store(gates + 32 + u, n);
    }
  }
}

// The second half comes first: c_prev is h_prev; dc takes the gradient of n's pre-activation, whose product with W_hn is that of r * h.
static void reset_state_backward(const gc_cell_backward* s) {
  const gc_form* form = s->form;
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    const float* pre = s->pre + row * 64;
    for (int u = 0; u < 16; u += VL) {
      const V z = v_load(gates + 16 + u), n = v_load(gates + 32 + u);
      V dh = v_load(s->dh + row * s->dh_row + u);
      if (s->dy) dh = v_add(dh, v_load(s->dy + row * s->dy_row + u));
      const V dn = clipped_slope(form, &form->g, v_load(pre + 32 + u), n, v_mul(dh, v_sub(v_set(1.0f), z)));
      const V turn = v_mul(dh, v_sub(v_load(s->c_prev + row * s->state_row + u), n));
      v_store(s->dh_past + row * s->dh_row + u, v_mul(dh, z));
      v_store(s->dc + row * s->dc_row + u, dn);
      v_store(gates + 16 + u, clipped_slope(form, &form->f, v_load(pre + 16 + u), z, turn));
      v_store(gates + 32 + u, dn);
      v_store(gates + 48 + u, v_zero());
    }
  }
}

// Then c is the gradient of r * c_prev, of which c_prev's part is added to dh, if that is not null, and stored as dh_past.
static void reset_gates_backward(const gc_cell_backward* s) {
  const gc_form* form = s->form;
  for (int64_t row = 0; row < s->rows; ++row) {
    float* gates = s->gates + row * 64;
    const float* pre = s->pre + row * 64;
    for (int u = 0; u < 16; u += VL) {
      const V r = v_load(gates + u), d = v_load(s->c + row * s->state_row + u);
      const V to_r = v_mul(d, v_load(s->c_prev + row * s->state_row + u));
      const V past = s->dh ? v_fma(r, d, v_load(s->dh + row * s->dh_row + u)) : v_mul(r, d);
      v_store(s->dh_past + row * s->dh_row + u, past);
      v_store(gates + u, clipped_slope(form, &form->f, v_load(pre + u), r, to_r));
    }
  }
}

// The plain recurrent cell (Elman 1990): h = g(gates). In the backward pass c is h.
static void rnn_forward(const gc_cell* s) {
  for (int64_t row = 0; row < s->rows; ++row)
    for (int64_t u = 0; u < s->units; u += VL)
      v_store(s->h + row * s->h_row + u,
              activate(&s->form->g, clipped(v_load(s->gates + row * 64 + u), s->form->clip)));
}

static void rnn_backward(const gc_cell_backward* s) {
  for (int64_t row = 0; row < s->rows; ++row)
    for (int64_t u = 0; u < s->units; u += VL) {
      V dh = v_load(s->dh + row * s->dh_row + u);
      if (s->dy) dh = v_add(dh, v_load(s->dy + row * s->dy_row + u));
      float* at = s->gates + row * 64 + u;
      v_store(at, clipped_slope(s->form, &s->form->g, v_load(at), v_load(s->c + row * s->state_row + u), dh));
    }
}
