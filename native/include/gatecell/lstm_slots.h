// lstm_slots.h: the positions of the inputs, outputs and attributes of GC_OP_LSTM and GC_OP_GRU, as part of the ABI. ops.def explains them.
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
enum LstmOutput { kY, kHT, kCT, kCellsOut, kGatesOut, kLstmOutputs = kGatesOut + 4, kGruOutputs = kGatesOut + 3 };
enum LstmAttribute { kReverse, kDropout, kZoneoutC, kZoneoutH, kStream, kLstmAttributes };
}  // namespace gatecell
