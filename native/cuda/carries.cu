// carries.cu: copies of carried states, within a plan's recording, to the tensors from which the next run reads them.
#include "plan.h"

namespace gatecell {
namespace cuda {

gc_status make_copies(gc_device_plan& p) {
  int64_t bytes = 0;
  std::vector<int64_t> places;
  for (size_t i = 0; i < p.carry.size(); i += 2) {
    const Tensor& from = p.tensors[static_cast<size_t>(p.carry[i])];
    const bool chained = p.carried[static_cast<size_t>(p.carry[i])];
    places.push_back(chained ? bytes : -1);
    if (chained) bytes += round_up(from.rows * from.cols * 4, 256);
  }
  p.copies.assign(places.size(), nullptr);
  if (bytes == 0) return GC_OK;
  const gc_status status = device_allocate(bytes, &p.copy_memory);
  if (status != GC_OK) return status;
  p.copy_bytes = bytes;
  for (size_t i = 0; i < places.size(); ++i)
    if (places[i] >= 0) p.copies[i] = reinterpret_cast<float*>(static_cast<char*>(p.copy_memory) + places[i]);
  return GC_OK;
}

namespace {
// Returns whether carries are applied: not after invalid data and, if the run updates the weights, only with the update.
__device__ __forceinline__ bool moves_on(const Control& control, bool trains) {
  return control.failure.fault == 0 && (!trains || control.applied != 0);
}

void copy_rows(gc_device_plan& p, const float* from, int64_t ld_from, float* to, int64_t ld_to, const Tensor& shape,
               bool trains) {
  const Control* control = p.plan.control;
  each_element(p.plan.queue, shape.rows, shape.cols, [=] __device__(int64_t row, int64_t j) {
    if (moves_on(*control, trains)) to[row * ld_to + j] = from[row * ld_from + j];
  });
}
}  // namespace

// Copies carried states to the tensors from which the next run reads them. Sources that are also targets are copied aside first,
// so that the order of the carries does not matter, as on the processor.
void carry_states(gc_device_plan& p, bool trains) {
  const auto from = [&](size_t i) -> const Tensor& { return p.tensors[static_cast<size_t>(p.carry[2 * i])]; };
  const auto to = [&](size_t i) -> const Tensor& { return p.tensors[static_cast<size_t>(p.carry[2 * i + 1])]; };
  for (size_t i = 0; i < p.copies.size(); ++i)
    if (p.copies[i]) copy_rows(p, from(i).data, from(i).ld, p.copies[i], from(i).cols, from(i), trains);
  for (size_t i = 0; i < p.copies.size(); ++i) {
    const float* source = p.copies[i] ? p.copies[i] : from(i).data;
    copy_rows(p, source, p.copies[i] ? from(i).cols : from(i).ld, to(i).data, to(i).ld, to(i), trains);
  }
}
}  // namespace cuda
}  // namespace gatecell
