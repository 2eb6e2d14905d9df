// lstm_slots.h: the positions of the inputs, outputs and attributes of the LSTM, GRU and RNN ops, as part of the ABI. ops.def explains them.
#pragma once

namespace gatecell {

enum LstmInput {
  kX,
  kWeightIh,
  kWeightHh,
  kBiasIh,
  kBiasHh,
  kH0,
  kC0,
  kLengths,
  kPeephole,
  kWeightHr,
  kGainIh,
  kGainHh,
  kGainC,
  kBiasC,
  kLstmInputs
};
// kCellsOut: c after each step. kGatesOut: the first of the four gates i, f, g, o of each step, of which a GRU has three: r, z, n.
enum LstmOutput {
  kY,
  kHT,
  kCT,
  kCellsOut,
  kGatesOut,
  kRnnOutputs = kCT,
  kLstmOutputs = kGatesOut + 4,
  kGruOutputs = kGatesOut + 3
};
// kClip: limit of the pre-activations, 0: none. kCellForm: 1 for coupled gates of an LSTM, and for a GRU whose reset gate comes before the
// product. kActivations: number (0: that of the cell), alpha and beta of the functions f, g and h, of which a GRU has two and an RNN g only.
enum LstmAttribute {
  kReverse,
  kDropout,
  kZoneoutC,
  kZoneoutH,
  kStream,
  kClip,
  kCellForm,
  kActivations,
  kLstmAttributes = kActivations + 9
};
}  // namespace gatecell
