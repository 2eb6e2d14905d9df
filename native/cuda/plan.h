// plan.h: the library's part of a plan: copies of the core's tables, pinned staging, recordings of each kind of run.
#pragma once
#include <string>
#include <vector>

#include "op.h"
#include "optimizer.h"

struct gc_device_plan {
  gatecell::cuda::Plan plan;
  std::vector<gc_device_tensor> tensors;
  std::vector<gc_device_node> nodes;
  std::vector<std::vector<int32_t>> ids;
  std::vector<std::vector<double>> attributes;
  std::vector<std::vector<uint8_t>> accumulate;
  gatecell::cuda::Recording* recordings[GC_ACCUMULATE + 1] = {};
  // Pinned memory: the control block, then host tensors with rows in the layout of the device.
  char* staging = nullptr;
  int64_t staging_bytes = 0;
  std::vector<int64_t> places;  // offset of each host tensor in staging, -1 for other tensors
  std::vector<int32_t> carry;   // pairs (from, to) of tensors
  std::vector<bool> carried;  // per tensor: whether it is the target of a carry, which stays on the device between runs
  // Device memory for copies of those sources of carries that are also targets; `copies` has one entry per carry, null without a copy.
  void* copy_memory = nullptr;
  int64_t copy_bytes = 0;
  std::vector<float*> copies;
  // Device memory that is not in the core's layout: control block, pieces, their sums.
  char* tables = nullptr;
  int64_t table_bytes = 0;
  gatecell::cuda::Optimizer optimizer = {};
  std::string explanation;

  ~gc_device_plan();
};

namespace gatecell {
namespace cuda {
struct Lstm;  // kernels/lstm.h

inline int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

gc_status prepare_plan(gc_device_plan_desc* desc);
gc_status create_plan(const gc_device_plan_desc& desc, gc_device_plan& out);
gc_status run_plan(gc_device_plan& plan, int32_t mode, gc_device_run* run);
gc_status time_plan(gc_device_plan& plan, int32_t mode, int32_t count, double* seconds);
// carries.cu: allocates the memory for copies of those sources of carries that are also targets, and records the carries of a run.
// `trains`: the run updates the weights.
gc_status make_copies(gc_device_plan& plan);
void carry_states(gc_device_plan& plan, bool trains);
// choose.cu: choose_kernels is called before the first recording. For timing, fill_lengths sets all lengths to the full length, and seconds_of
// measures a recording of `work`, or sets `trouble` to the reason why it cannot; the run that follows overwrites the results of `work`. For
// plan.explain(), add_explanation adds an object with these `members`, and timed returns a time, or the trouble, as such a member.
gc_status choose_kernels(gc_device_plan& plan);
gc_status fill_lengths(const Lstm& layer);
gc_status seconds_of(Plan& plan, const std::function<void()>& work, double& seconds, std::string& trouble);
void add_explanation(gc_device_plan& plan, const std::string& name, const std::string& members);
std::string timed(const std::string& name, double seconds, const std::string& trouble);
gc_status choose_stack(gc_device_plan& plan, gc_device_node& first);           // choose_stack.cu
gc_status choose_products(gc_device_plan& plan, const Node& node);             // choose_products.cu
gc_status failure_status(const gc_device_plan& plan, const Failure& failure);  // failures.cu: sets the message
}  // namespace cuda
}  // namespace gatecell
