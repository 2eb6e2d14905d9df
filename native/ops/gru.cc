// gru.cc: the gated recurrent unit (Cho et al. 2014) as a cell in the code of the LSTM: the four gate slots of a unit are r, z and the two
// parts of n, of which W_ih fills one and W_hh the other.
//
//   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)      n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
//   z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)      h = (1 - z) * n + z * h before
//
// That is PyTorch's form. With the attribute kCellForm n is tanh(W_in x + b_in + b_hn + W_hn (r * h)), see gru_reset.cc; the fourth slot is empty.
#include "../core/graph.h"
#include "lstm.h"
#include "ops.h"

namespace gatecell {
namespace {
gc_status check(Plan& plan, Node& node) { return lstm_check_without_cells(plan, node, 3); }
}  // namespace

const OpDef op_gru = {GC_OP_GRU,
                      "gru",
                      3,
                      kLengths + 1,
                      1,
                      kGruOutputs,
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
