// lstm_packs.cc: the packed weights of a recurrent layer, and the reasons of the choice of its kernels for explain().
#include <cfloat>

#include "../core/machine.h"
#include "lstm.h"

namespace gatecell {
namespace {
std::string format_name(Format format) {
  if (format == Format::kInt8) return std::string(int8_kernels().name) + " int8";
  if (format == Format::kBf16) return std::string(bf16_kernels().name) + " bf16";
  return kernels().name;
}

std::string variant_names(const Lstm& s) {
  std::string text;
  const auto add = [&](bool there, const char* name) { text += there ? std::string("; ") + name : std::string(); };
  add(s.rows.has_lengths, "lengths: rows longest first, padding is not computed");
  add(s.peephole_weight, "peepholes");
  add(s.zones, "zoneout");
  add(s.dropout > 0, "recurrent dropout");
  add(s.projection, "output projection");
  add(s.norm, "layer normalisation");
  add(s.kind == CellKind::kResetGru,
      "the reset gate before the product: two products a step, all units of a row on one thread");
  add(s.form.coupled, "coupled gates");
  add(s.has_form && s.form.clip <= FLT_MAX, "clipped pre-activations");
  add(s.has_copies, "cells and gates are copied out");
  return text;
}
}  // namespace

void lstm_request_packs(Plan& plan, Node& node, const Lstm& s) {
  Store& store = *plan.store;
  const int ih = plan.input(node, kWeightIh)->slot, hh = plan.input(node, kWeightHh)->slot;
  const auto forward = PackKind::kForward, backward = PackKind::kBackward;
  node.packs.assign(kPackCount, store.request_pack(ih, forward, s.input_gates, s.x_format));
  node.packs[kHhForward] = store.request_pack(hh, forward, s.state_gates, s.format);
  if (node.trains) node.packs[kHhBackward] = store.request_pack(hh, backward, s.state_gates, s.format);
  if (node.trains && (s.table || s.x->wants_grad))
    node.packs[kIhBackward] = store.request_pack(ih, backward, s.input_gates, s.x_format);
  if (s.projection) node.packs[kHrForward] = store.request_pack(s.projection->slot, forward);
  if (s.projection && node.trains) node.packs[kHrBackward] = store.request_pack(s.projection->slot, backward);
  if (s.kind == CellKind::kResetGru) node.packs[kNewForward] = store.request_pack(hh, forward, Gates::kGruNew);
  if (s.kind == CellKind::kResetGru && node.trains)
    node.packs[kNewBackward] = store.request_pack(hh, backward, Gates::kGruNew);
  const Tensor *b_ih = plan.input(node, kBiasIh), *b_hh = plan.input(node, kBiasHh);
  const int bias_ih = b_ih ? b_ih->slot : -1, bias_hh = b_hh ? b_hh->slot : -1;
  node.packs[kBiasPack] = store.request_gate_bias({bias_ih, bias_hh, s.H, s.input_gates, s.state_bias});
  if (s.table) node.packs[kTokenPack] = store.request_token_gates({s.table->slot, ih, bias_ih, bias_hh});
}

std::string lstm_why(const Plan& plan, const Node& node, const Lstm& s) {
  return format_name(s.format) + " 6-row tiles; " +
         (lstm_split(s, plan.threads) == Split::kRows ? "threads split the batch, no barrier"
          : s.T == 1                                  ? "threads split the hidden units of a single step, no barrier"
                                                      : "threads split the hidden units, one barrier a step") +
         (s.table ? "; the embedding is folded in: one row of W e + b per token of the vocabulary" : "") +
         (node.partner >= 0 ? "; side by side with the other direction" : "") + variant_names(s);
}
}  // namespace gatecell
