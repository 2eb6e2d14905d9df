// faults.cu: see faults.h.
#include "faults.h"

namespace gatecell {
namespace cuda {

void check_ids(const Node& n, const Tensor& ids, int32_t low, int64_t high, Fault fault) {
  const int32_t* id = reinterpret_cast<const int32_t*>(ids.data);
  check_each(n, ids.rows * ids.cols, [=] __device__(int64_t i) {
    return id[i] < low || id[i] > high ? fault_at(fault, i, static_cast<double>(id[i]), high) : fault_at();
  });
}

void check_lengths(const Node& n, const Tensor& lengths, int64_t most) {
  const int32_t* length = reinterpret_cast<const int32_t*>(lengths.data);
  check_each(n, lengths.cols, [=] __device__(int64_t b) {
    const int32_t here = length[b];
    return here < 0 || here > most ? fault_at(Fault::kLength, b, static_cast<double>(here), most) : fault_at();
  });
}
}  // namespace cuda
}  // namespace gatecell
