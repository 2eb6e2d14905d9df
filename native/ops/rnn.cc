// rnn.cc: the plain recurrent layer (Elman 1990) as a cell in the code of the LSTM: a unit has one slot, so a panel has 64 units.
//
//   h = tanh(W_ih x + b_ih + W_hh h + b_hh)
#include "../core/graph.h"
#include "lstm.h"
#include "ops.h"

namespace gatecell {
namespace {
gc_status check(Plan& plan, Node& node) { return lstm_check_without_cells(plan, node, 1); }
}  // namespace

const OpDef op_rnn = {GC_OP_RNN,
                      "rnn",
                      3,
                      kLengths + 1,
                      1,
                      kRnnOutputs,
                      1,
                      true,
                      true,
                      true,
                      check,
                      lstm_prepare,
                      lstm_forward,
                      lstm_backward,
                      kLstmAttributes - 1};
}  // namespace gatecell
