// lstm_slots.h: the positions of GC_OP_LSTM's and GC_OP_GRU's inputs, outputs and attributes, whose meaning gatecell.h says: part of the ABI.
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
enum LstmOutput { kY, kHT, kCT };
enum LstmAttribute { kReverse, kDropout, kZoneoutC, kZoneoutH, kStream, kLstmAttributes };
}  // namespace gatecell
