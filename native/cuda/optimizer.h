// optimizer.h: global norm, clipping and the update of all parameters, on the device.
#pragma once
#include <vector>

#include "op.h"

namespace gatecell {
namespace cuda {

// A stretch of one parameter that one block works on.
struct Piece {
  int64_t offset, count;
  int32_t is_matrix, parameter;
};
constexpr int64_t kPiece = 1 << 14;

// Of every parameter that has a gradient in this plan.
std::vector<Piece> trained_pieces(const gc_device_plan_desc& desc);

struct Optimizer {
  const Piece* pieces;  // on the device, as `sums`
  int64_t count;
  double* sums;
};
// Norm; then either the update, or, where loss or norm is not finite or the run met bad data, nothing.
void update_parameters(Plan& plan, const Optimizer& optimizer);
// The mean gradient over batches, see GC_ACCUMULATE.
void accumulate_gradients(Plan& plan, const Optimizer& optimizer);
}  // namespace cuda
}  // namespace gatecell
