// optimizer.h: global norm, clipping and the update of all parameters, on the device.
#pragma once
#include <vector>

#include "op.h"

namespace gatecell {
namespace cuda {

// A piece of one parameter that one block updates.
struct Piece {
  int64_t offset, count;
  int32_t is_matrix, parameter;
};
constexpr int64_t kPiece = 1 << 14;

// The pieces of all parameters that have a gradient in this plan.
std::vector<Piece> trained_pieces(const gc_device_plan_desc& desc);

struct Optimizer {
  const Piece* pieces;  // on the device, as `sums`
  int64_t count;
  double* sums;
};
// Computes the norm; then the update, unless loss or norm is not finite or the data were invalid.
void update_parameters(Plan& plan, const Optimizer& optimizer);
// Computes the mean gradient over batches, see GC_ACCUMULATE.
void accumulate_gradients(Plan& plan, const Optimizer& optimizer);
}  // namespace cuda
}  // namespace gatecell
