// choose.cu: where an op has several kernels, each is timed once on this device with the plan's own shapes, and the fastest is
// recorded; nothing is chosen by a guess. One that the device refuses is left out, with its reason in the explanation.
// GATECELL_CUDA_LSTM=steps|cluster|cluster16|grid names the LSTM's instead, where it fits. On an emulated device, whose times mean
// nothing, it is the plain one unless GATECELL_CUDA_LSTM=fastest asks for the timing.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/lstm_resident.h"
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

bool must_measure() {
  const char* name = getenv("GATECELL_CUDA_LSTM");
  return !device_info().emulated || (name && strcmp(name, "fastest") == 0);
}

// Seconds of one node's `work` as it is chosen now; its memory holds what it holds, and is written anew by the run that follows.
// `trouble`: why there are none.
gc_status seconds_of(Plan& plan, const Node& node, void (*work)(const Node&), double& seconds, std::string& trouble) {
  const Failure none = {};
  Failure failure = {};
  gc_status status = device_upload(&plan.control->failure, &none, sizeof none);
  if (status != GC_OK) return status;
  plan.queue.begin();
  work(node);
  Recording* recording = plan.queue.end();
  seconds = recording ? plan.queue.time(recording, 3) : -1;
  status = plan.queue.wait();
  Queue::destroy(recording);
  if (status != GC_OK) return trouble = last_error(), status;
  status = device_download(&failure, &plan.control->failure, sizeof failure);
  if (status != GC_OK || failure.fault != static_cast<int32_t>(Fault::kStuck)) return status;
  trouble = "its blocks did not run at once";
  return GC_UNSUPPORTED;
}

// A cluster of 16 blocks would hold U, but the device has no room for one.
bool too_wide(const Lstm& s, int32_t kernel, bool backward) {
  const auto anywhere = [](const LstmPlan&) { return 1; };
  const LstmShape shape = shape_of(s);
  const LstmDevice device = lstm_device();
  return kernel == kLstmWideCluster && s.plain() &&
         (backward ? cluster_backward_plan(shape, device, true, anywhere)
                   : cluster_forward_plan(shape, device, true, anywhere))
                 .blocks > 0;
}

std::string quoted(std::string text) {
  for (char& c : text)
    if (c == '"' || c == '\\') c = '\'';
  return "\"" + text + "\"";
}

// Lengths as they are dearest: all of them whole.
gc_status fill_lengths(const Lstm& s) {
  if (!s.lengths) return GC_OK;
  const std::vector<int32_t> whole(static_cast<size_t>(s.B), static_cast<int32_t>(s.T));
  return device_upload(s.lengths->data, whole.data(), s.B * 4);
}

void explain(gc_device_plan& p, const Node& node, bool backward, const std::string& measured, int32_t chosen) {
  char name[80];
  snprintf(name, sizeof name, "%s\"lstm of op %d, %s\":{", p.explanation.size() > 2 ? "," : "", node.node.index,
           backward ? "backward" : "forward");
  p.explanation.insert(p.explanation.size() - 1, name + measured + "\"chosen\":\"" + kLstmKernelNames[chosen] + "\"}");
}

// Sets `choice` to the fastest that fits, and says what was measured.
gc_status choose_way(gc_device_plan& p, const Node& node, const Lstm& s, bool backward, int32_t& choice) {
  const int named = named_kernel();
  choice = named < kLstmKernels && lstm_fits(s, named, backward) ? named : kLstmSteps;
  if (named < kLstmKernels) return explain(p, node, backward, "", choice), GC_OK;
  if (!must_measure()) return GC_OK;
  double best = -1;
  int32_t chosen = kLstmSteps;
  std::string text;
  for (int32_t k = 0; k < kLstmKernels; ++k) {
    double seconds = -1;
    std::string trouble;
    choice = k;
    if (lstm_fits(s, k, backward)) {
      const gc_status status =
          seconds_of(p.plan, node, backward ? lstm_recurrence_back : lstm_forward_alone, seconds, trouble);
      if (status != GC_OK && k == kLstmSteps) return status;
    } else if (too_wide(s, k, backward)) {
      trouble = "the device has no room for 16 blocks with so much shared memory in one cluster";
    } else {
      continue;
    }
    if (trouble.empty() && (best < 0 || seconds < best)) best = seconds, chosen = k;
    char time[32];
    snprintf(time, sizeof time, "_us\":%.1f,", seconds * 1e6);
    text += std::string("\"") + kLstmKernelNames[k] + (trouble.empty() ? time : "\":" + quoted(trouble) + ",");
  }
  choice = chosen;
  explain(p, node, backward, text, chosen);
  return GC_OK;
}

gc_status choose(gc_device_plan& p, gc_device_node& of) {
  const Node node(p.plan, of);
  const Lstm s(node);
  Choice& choice = p.plan.choices[static_cast<size_t>(of.index)];
  if (!s.plain()) return GC_OK;
  gc_status status = fill_lengths(s);
  if (status == GC_OK) status = choose_way(p, node, s, false, choice.forward);
  if (status == GC_OK && of.trains) status = choose_way(p, node, s, true, choice.backward);
  return status;
}
}  // namespace

gc_status choose_kernels(gc_device_plan& p) {
  p.plan.choices.assign(p.nodes.size(), {0, 0});
  for (gc_device_node& node : p.nodes) {
    const gc_status status = node.opcode == GC_OP_LSTM ? choose(p, node) : GC_OK;
    if (status == GC_OK) continue;
    p.plan.choices.clear();  // the next run chooses anew
    p.explanation = "{}";
    return status;
  }
  return GC_OK;
}
}  // namespace cuda
}  // namespace gatecell
