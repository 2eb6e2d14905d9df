// evaluation.cc: evaluates each op, forward and back, with the references in ops/.
#include "evaluation.h"

#include "gatecell/lstm_slots.h"
#include "map_cases.h"

namespace lab {
// Where each element of the result of a move lies in the inputs joined end to end.
std::vector<size_t> Evaluation::source_of(const Op& op) const {
  const int x = op.in[0], y = op.out[0];
  std::vector<size_t> source(size(y));
  std::iota(source.begin(), source.end(), size_t{0});
  if (op.opcode == GC_OP_FLIP) {
    const size_t step = size(x) / dim(x, 0);
    for (size_t& i : source) i = (dim(x, 0) - 1 - i / step) * step + i % step;
  } else if (op.opcode == GC_OP_SLICE) {
    const auto d = static_cast<size_t>(op.attribute(0)), begin = static_cast<size_t>(op.attribute(1));
    size_t inner = 1;
    for (size_t k = d + 1; k < rank(x); ++k) inner *= dim(x, k);
    for (size_t& i : source)
      i = (i / (inner * dim(y, d)) * dim(x, d) + begin + i / inner % dim(y, d)) * inner + i % inner;
  } else if (op.opcode == GC_OP_CONCAT) {
    std::vector<ref::Sizes> parts;
    for (int id : op.in) parts.push_back(dims_of(id));
    source = ref::concat_source(parts, rank(y) - 1 - static_cast<size_t>(op.attribute(0)));
  } else if (op.opcode == GC_OP_REARRANGE) {
    source = ref::rearrange_source(dims_of(x), dims_of(y), op.attributes);
  }
  return source;
}

void Evaluation::forward(size_t i) {
  const Op& op = ops_[i];
  const Doubles& x = in(op, 0);
  const auto unary = [&](auto f) { give(op, 0, ref::unary(x, f)); };
  if (moves(op)) {
    Doubles all;
    Ids all_ids;
    for (int id : op.in) {
      const Doubles& v = value[static_cast<size_t>(id)];
      const Ids& w = ids[static_cast<size_t>(id)];
      all.insert(all.end(), v.begin(), v.end()), all_ids.insert(all_ids.end(), w.begin(), w.end());
    }
    if (all.empty()) ids[static_cast<size_t>(op.out[0])] = ref::gather(all_ids, source_of(op));
    else give(op, 0, ref::gather(all, source_of(op), op.opcode == GC_OP_REARRANGE ? op.attribute(0) : 0.0));
    return;
  }
  switch (op.opcode) {
    case GC_OP_LSTM:
    case GC_OP_GRU:
    case GC_OP_RNN: return forward_recurrent(i);
    case GC_OP_DOT_ATTENTION:
    case GC_OP_ADDITIVE_ATTENTION: return forward_attention(i);
    case GC_OP_EMBEDDING: return give(op, 0, ref::embedding(x, in_ids(op, 1), width(op.in[0])));
    case GC_OP_LINEAR: return give(op, 0, ref::linear(x, in(op, 1), in(op, 2), width(op.in[0]), width(op.out[0])));
    case GC_OP_DROPOUT: return give(op, 0, ref::binary(x, dropout_mask(op), [](double a, double b) { return a * b; }));
    case GC_OP_CROSS_ENTROPY: {
      const ref::CrossEntropy<double> loss = cross_entropy(op);
      return give(op, 0, {loss.mean(x, in_ids(op, 1)), loss.count(in_ids(op, 1))});
    }
    case GC_OP_MEAN_SQUARE: return give(op, 0, {ref::mean_square(x, in(op, 1)), static_cast<double>(x.size())});
    case GC_OP_SOFTMAX: return give(op, 0, ref::softmax(x, width(op.in[0])));
    case GC_OP_ADD: return give(op, 0, ref::binary(x, in(op, 1), [](double a, double b) { return a + b; }));
    case GC_OP_SUB: return give(op, 0, ref::binary(x, in(op, 1), [](double a, double b) { return a - b; }));
    case GC_OP_MUL: return give(op, 0, ref::binary(x, in(op, 1), [](double a, double b) { return a * b; }));
    case GC_OP_SIGMOID: return unary([](double a) { return ref::sigmoid(a); });
    case GC_OP_TANH: return unary([](double a) { return std::tanh(a); });
    case GC_OP_AFFINE: return unary([&](double a) { return op.attribute(0) * a + op.attribute(1); });
    case GC_OP_MAP: return give(op, 0, ref::map(map_program(op.attributes, op.in.size()), shapes_of(op), all_in(op)));
    case GC_OP_REDUCE: return give(op, 0, reduced(dims_of(op.in[0]), op.attributes).forward(x));
    case GC_OP_MATMUL: return give(op, 0, matmul(op).forward(x, in(op, 1)));
    case GC_OP_GATHER: return give(op, 0, ref::gather(x, take_source(op)));
    case GC_OP_SCATTER_ADD: return give(op, 0, ref::gather_backward(size(op.out[0]), take_source(op), x));
    default: FAIL("the evaluation has no op " << op.opcode);
  }
}

namespace {
// One of the four gates of [T, B, 4, H].
Doubles gate_of(const Doubles& gates, int64_t H, int64_t k) {
  Doubles one;
  for (auto row = gates.begin(); row < gates.end(); row += 4 * H) one.insert(one.end(), row + k * H, row + (k + 1) * H);
  return one;
}
}  // namespace

gc_form Evaluation::form_of(const Op& op, int count) {
  gc_form form = ref::own_form();
  if (op.attribute(gatecell::kClip) > 0) form.clip = static_cast<float>(op.attribute(gatecell::kClip));
  form.coupled = count == 3 && op.attribute(gatecell::kCellForm) != 0;
  gc_activation* functions[] = {&form.f, &form.g, &form.h};
  for (int i = 0; i < count; ++i) {
    const size_t at = gatecell::kActivations + static_cast<size_t>(i) * 3;
    if (op.attribute(at) == 0) continue;
    *functions[count == 1 ? 1 : i] = {static_cast<int32_t>(op.attribute(at)), static_cast<float>(op.attribute(at + 1)),
                                      static_cast<float>(op.attribute(at + 2))};
  }
  return form;
}

template <class Layer>
void Evaluation::forward_cells(const Op& op, Layer& l, const Doubles& drops, int count) {
  l.T = static_cast<int64_t>(dim(op.in[0], 0)), l.B = static_cast<int64_t>(dim(op.in[0], 1));
  l.I = static_cast<int64_t>(dim(op.in[0], 2)), l.H = static_cast<int64_t>(width(op.out[0]));
  l.reverse = op.attribute(0) != 0, l.mask = drops, l.lengths = in_ids(op, 7), l.form = form_of(op, count);
  l.x = in(op, 0), l.w_ih = in(op, 1), l.w_hh = in(op, 2), l.b_ih = in(op, 3), l.b_hh = in(op, 4), l.h0 = in(op, 5);
  const auto state = static_cast<size_t>(l.B * l.H), learned = static_cast<size_t>(l.H);
  while (!l.h0.empty() && l.h0.size() < state) l.h0.push_back(l.h0[l.h0.size() % learned]);
  l.forward();
  give(op, 0, l.y), give(op, 1, l.hT);
}

template <class Layer>
void Evaluation::backward_cells(const Op& op, Layer& l) {
  l.dy = out_grad(op, 0), l.dhT = out_grad(op, 1);
  l.backward();
  const Doubles* gradients[] = {&l.dx, &l.dw_ih, &l.dw_hh, &l.db_ih, &l.db_hh};
  for (size_t k = 0; k < 5; ++k) add(op, k, *gradients[k]);
  if (op.in.size() < 6 || op.in[5] < 0) return;
  Doubles dh0(size(op.in[5]), 0);  // of a learned state the sum over the batch
  for (size_t k = 0; k < l.dh0.size(); ++k) dh0[k % dh0.size()] += l.dh0[k];
  add(op, 5, dh0);
}

void Evaluation::forward_recurrent(size_t i) {
  const Op& op = ops_[i];
  const bool training = training_ && reached_[i];
  const auto T = static_cast<int64_t>(dim(op.in[0], 0)), B = static_cast<int64_t>(dim(op.in[0], 1)),
             I = static_cast<int64_t>(dim(op.in[0], 2)), R = static_cast<int64_t>(width(op.out[0]));
  Doubles drops;
  if (training && op.attribute(1) > 0)
    drops = mask(gatecell::Draw::kMask, op.attribute(4), static_cast<size_t>(B), static_cast<size_t>(R),
                 op.attribute(1), 0, kept(op.attribute(1)));
  if (op.opcode == GC_OP_RNN) return forward_cells(op, rnns_[i], drops, 1);
  if (op.opcode == GC_OP_GRU) {
    ref::Gru<double>& g = grus_[i];
    g.reset_first = op.attribute(gatecell::kCellForm) != 0;
    forward_cells(op, g, drops, 2);
    for (int64_t k = 0; k < 3; ++k) give(op, gatecell::kGatesOut + static_cast<size_t>(k), gate_of(g.gates, g.H, k));
    return;
  }
  ref::Lstm<double>& l = lstms_[i];
  l.T = T, l.B = B, l.I = I, l.R = R, l.H = static_cast<int64_t>(dim(op.in[1], 0)) / 4;
  l.reverse = op.attribute(0) != 0, l.mask = drops, l.lengths = in_ids(op, 7), l.form = form_of(op, 3);
  Doubles* fields[] = {&l.x,    &l.w_ih,     &l.w_hh, &l.b_ih,    &l.b_hh,    &l.h0,     &l.c0,
                       nullptr, &l.peephole, &l.w_hr, &l.gain_ih, &l.gain_hh, &l.gain_c, &l.bias_c};
  for (size_t k = 0; k < kLstmGradients; ++k)
    if (fields[k]) *fields[k] = in(op, k);
  if (op.attribute(2) > 0 || op.attribute(3) > 0) {
    const auto rows = static_cast<size_t>(T * B), H = static_cast<size_t>(l.H);
    l.zone_c = training ? mask(gatecell::Draw::kZoneoutCell, op.attribute(4), rows, H, op.attribute(2), 1, 0)
                        : Doubles(rows * H, static_cast<double>(static_cast<float>(op.attribute(2))));
    l.zone_h = training ? mask(gatecell::Draw::kZoneoutState, op.attribute(4), rows, H, op.attribute(3), 1, 0)
                        : Doubles(rows * H, static_cast<double>(static_cast<float>(op.attribute(3))));
  }
  l.forward();
  give(op, 0, l.y), give(op, 1, l.hT), give(op, 2, l.cT), give(op, gatecell::kCellsOut, l.cells);
  for (int64_t k = 0; k < 4; ++k) give(op, gatecell::kGatesOut + static_cast<size_t>(k), gate_of(l.gates, l.H, k));
}

void Evaluation::backward_recurrent(size_t i) {
  const Op& op = ops_[i];
  if (op.opcode == GC_OP_GRU) return backward_cells(op, grus_[i]);
  if (op.opcode == GC_OP_RNN) return backward_cells(op, rnns_[i]);
  ref::Lstm<double>& l = lstms_[i];
  l.dy = out_grad(op, 0), l.dhT = out_grad(op, 1), l.dcT = out_grad(op, 2);
  l.backward();
  const Doubles* gradients[] = {&l.dx,   &l.dw_ih,     &l.dw_hh, &l.db,       &l.db,       &l.dh0,     &l.dc0,
                                nullptr, &l.dpeephole, &l.dw_hr, &l.dgain_ih, &l.dgain_hh, &l.dgain_c, &l.dbias_c};
  for (size_t k = 0; k < kLstmGradients; ++k)
    if (gradients[k]) add(op, k, *gradients[k]);
}

// The inputs of additive attention have v before the values; v is empty in dot-product attention.
void Evaluation::forward_attention(size_t i) {
  const Op& op = ops_[i];
  const size_t additive = op.opcode == GC_OP_ADDITIVE_ATTENTION ? 1 : 0;
  const int keys = op.in[1], values = op.in[2 + additive];
  ref::Attention& a = attentions_[i] = {dim(op.in[0], 0),
                                        dim(keys, 0),
                                        dim(keys, 1),
                                        width(keys),
                                        width(values),
                                        in_ids(op, 3 + additive),
                                        additive ? 0.0 : op.attribute(0)};
  a.forward(in(op, 0), in(op, 1), additive ? in(op, 2) : Doubles(), in(op, 2 + additive));
  give(op, 0, a.context), give(op, 1, a.weights);
}

void Evaluation::backward_attention(size_t i) {
  const Op& op = ops_[i];
  const size_t additive = op.opcode == GC_OP_ADDITIVE_ATTENTION ? 1 : 0;
  ref::Attention& a = attentions_[i];
  a.backward(in(op, 0), in(op, 1), additive ? in(op, 2) : Doubles(), in(op, 2 + additive), out_grad(op, 0));
  add(op, 0, a.dq), add(op, 1, a.dk), add(op, 2 + additive, a.dvalues);
  if (additive) add(op, 2, a.dv);
}

void Evaluation::backward_binary(const Op& op, const Doubles& dy) {
  const auto one = [](double, double) { return 1.0; };
  const auto minus = [](double, double) { return -1.0; };
  const auto first = [](double a, double) { return a; };
  const auto second = [](double, double b) { return b; };
  Doubles da, db;
  if (op.opcode == GC_OP_ADD) ref::binary_backward(in(op, 0), in(op, 1), dy, one, one, da, db);
  if (op.opcode == GC_OP_SUB) ref::binary_backward(in(op, 0), in(op, 1), dy, one, minus, da, db);
  if (op.opcode == GC_OP_MUL) ref::binary_backward(in(op, 0), in(op, 1), dy, second, first, da, db);
  add(op, 0, da), add(op, 1, db);
}

void Evaluation::backward_of(size_t i) {
  const Op& op = ops_[i];
  const Doubles dy = out_grad(op, 0), &x = in(op, 0), &y = value[static_cast<size_t>(op.out[0])];
  const auto scaled = [](Doubles v, double s) {
    for (double& a : v) a *= s;
    return v;
  };
  const auto slope = [&](auto f) {
    Doubles dx = dy;
    for (size_t k = 0; k < dx.size(); ++k) dx[k] *= f(y[k]);
    add(op, 0, dx);
  };
  if (moves(op)) {
    size_t total = 0, at = 0;
    for (int id : op.in) total += size(id);
    const Doubles all = ref::gather_backward(total, source_of(op), dy);
    for (size_t k = 0; k < op.in.size(); at += size(op.in[k++]))
      add(op, k,
          Doubles(all.begin() + static_cast<std::ptrdiff_t>(at),
                  all.begin() + static_cast<std::ptrdiff_t>(at + size(op.in[k]))));
    return;
  }
  switch (op.opcode) {
    case GC_OP_LSTM:
    case GC_OP_GRU:
    case GC_OP_RNN: return backward_recurrent(i);
    case GC_OP_DOT_ATTENTION:
    case GC_OP_ADDITIVE_ATTENTION: return backward_attention(i);
    case GC_OP_EMBEDDING: {
      const size_t E = width(op.in[0]);
      Doubles d = ref::embedding_backward(x, in_ids(op, 1), dy, E);
      for (size_t k = 0; op.attribute(0) > 0 && k < E; ++k) d[(static_cast<size_t>(op.attribute(0)) - 1) * E + k] = 0;
      return add(op, 0, d);
    }
    case GC_OP_LINEAR: {
      Doubles d[3];
      ref::linear_backward(x, in(op, 1), dy, width(op.in[0]), width(op.out[0]), d[0], d[1], d[2]);
      for (size_t k = 0; k < 3; ++k) add(op, k, d[k]);
      return;
    }
    case GC_OP_DROPOUT: return add(op, 0, ref::binary(dy, dropout_mask(op), [](double a, double b) { return a * b; }));
    case GC_OP_CROSS_ENTROPY: return add(op, 0, scaled(cross_entropy(op).backward(x, in_ids(op, 1)), dy[0]));
    case GC_OP_MEAN_SQUARE: {
      const Doubles dx = scaled(ref::mean_square_backward(x, in(op, 1)), dy[0]);
      return add(op, 0, dx), add(op, 1, scaled(dx, -1));
    }
    case GC_OP_SOFTMAX: return add(op, 0, ref::softmax_backward(y, dy, width(op.in[0])));
    case GC_OP_SIGMOID: return slope([](double v) { return v * (1 - v); });
    case GC_OP_TANH: return slope([](double v) { return 1 - v * v; });
    case GC_OP_AFFINE: return slope([&](double) { return op.attribute(0); });
    case GC_OP_MAP: {
      const auto d = ref::map_backward(map_program(op.attributes, op.in.size()), shapes_of(op), all_in(op), dy);
      for (size_t k = 0; k < d.size(); ++k) add(op, k, d[k]);
      return;
    }
    case GC_OP_REDUCE: return add(op, 0, reduced(dims_of(op.in[0]), op.attributes).backward(x, dy));
    case GC_OP_MATMUL: {
      Doubles da, db;
      matmul(op).backward(x, in(op, 1), dy, da, db);
      return add(op, 0, da), add(op, 1, db);
    }
    case GC_OP_GATHER: return add(op, 0, ref::gather_backward(x.size(), take_source(op), dy));
    case GC_OP_SCATTER_ADD: return add(op, 0, ref::gather(dy, take_source(op)));
    default: return backward_binary(op, dy);
  }
}
}  // namespace lab
