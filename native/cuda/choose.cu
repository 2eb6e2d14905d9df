// choose.cu: where an op has several kernels, each is timed once on this device with the plan's own shapes, and the fastest is
// recorded; nothing is chosen by a guess. GATECELL_CUDA_LSTM=steps|cluster names the LSTM's instead. On an emulated device, whose
// times mean nothing, it is the plain one.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/lstm.h"
#include "plan.h"

namespace gatecell {
namespace cuda {
namespace {

// The kernel named by the environment; kLstmKernels where none is.
int named_kernel() {
  const char* name = getenv("GATECELL_CUDA_LSTM");
  for (int k = 0; name && k < kLstmKernels; ++k)
    if (strcmp(name, kLstmKernelNames[k]) == 0) return k;
  return kLstmKernels;
}

// Seconds of this node's forward run with kernel `k`; its memory holds what it holds, and is written anew by the run that follows.
double seconds_of(Plan& plan, gc_device_node& node, int k) {
  plan.choices[static_cast<size_t>(node.index)] = k;
  plan.queue.begin();
  find_op(node.opcode)->forward(Node(plan, node));
  Recording* recording = plan.queue.end();
  const double seconds = recording ? plan.queue.time(recording, 3) : -1;
  Queue::destroy(recording);
  return seconds;
}

gc_status choose(gc_device_plan& p, gc_device_node& node) {
  Plan& plan = p.plan;
  int32_t& choice = plan.choices[static_cast<size_t>(node.index)];
  if (!lstm_cluster_fits(Lstm(Node(plan, node)))) return GC_OK;
  const int named = named_kernel();
  if (named < kLstmKernels || device_info().emulated) {
    choice = named < kLstmKernels ? named : kLstmSteps;
    return GC_OK;
  }
  const double steps = seconds_of(plan, node, kLstmSteps), cluster = seconds_of(plan, node, kLstmCluster);
  const gc_status status = plan.queue.wait();
  if (status != GC_OK) return status;
  choice = cluster < steps ? kLstmCluster : kLstmSteps;
  char text[200];
  snprintf(text, sizeof text, "%s\"lstm of op %d\":{\"steps_us\":%.1f,\"cluster_us\":%.1f,\"chosen\":\"%s\"}",
           p.explanation.size() > 2 ? "," : "", node.index, steps * 1e6, cluster * 1e6, kLstmKernelNames[choice]);
  p.explanation.insert(p.explanation.size() - 1, text);
  return GC_OK;
}
}  // namespace

gc_status choose_kernels(gc_device_plan& p) {
  p.plan.choices.assign(p.nodes.size(), 0);
  for (gc_device_node& node : p.nodes) {
    const gc_status status = node.opcode == GC_OP_LSTM ? choose(p, node) : GC_OK;
    if (status != GC_OK) return status;
  }
  return GC_OK;
}
}  // namespace cuda
}  // namespace gatecell
