// choose.cu: the choice of kernels. If an op has several kernels, each is timed once on this device with the shapes of the plan, and the
// fastest is recorded; nothing is chosen by a guess. A kernel that the device refuses is left out, with the reason in the explanation.
// GATECELL_CUDA_LSTM=steps|cluster|cluster16|grid names the kernel of LSTM layers instead, if it fits. On an emulated device, whose times
// mean nothing, it is `steps`, unless GATECELL_CUDA_LSTM=fastest requests the timing.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "held.h"
#include "kernels/lstm_resident.h"
#include "plan.h"

namespace gatecell {
namespace cuda {
namespace {

// Returns the kernel that the environment names, or kLstmKernels if it names none.
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

// Returns whether a cluster of 16 blocks could keep U, but the device has no room for one.
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

void explain(gc_device_plan& p, const Node& node, bool backward, const std::string& measured, int32_t chosen) {
  char name[80];
  snprintf(name, sizeof name, "lstm of op %d, %s", node.node.index, backward ? "backward" : "forward");
  add_explanation(p, name, measured + "\"chosen\":\"" + kLstmKernelNames[chosen] + "\"");
}

// Sets `choice` to the fastest kernel that fits, and adds the measured times to the explanation.
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
      const auto work = [&] { backward ? lstm_recurrence_back(node) : lstm_forward_alone(node); };
      const gc_status status = seconds_of(p.plan, work, seconds, trouble);
      if (status != GC_OK && k == kLstmSteps) return status;
    } else if (too_wide(s, k, backward)) {
      trouble = "the device has no room for 16 blocks with so much shared memory in one cluster";
    } else {
      continue;
    }
    if (trouble.empty() && (best < 0 || seconds < best)) best = seconds, chosen = k;
    text += timed(kLstmKernelNames[k], seconds, trouble);
  }
  choice = chosen;
  explain(p, node, backward, text, chosen);
  return GC_OK;
}

gc_status choose(gc_device_plan& p, gc_device_node& of) {
  const Node node(p.plan, of);
  Choice& choice = p.plan.choices[static_cast<size_t>(of.index)];
  gc_status status = GC_OK;
  if (of.opcode == GC_OP_LSTM || of.opcode == GC_OP_GRU) {
    const Lstm s(node);
    status = fill_lengths(s);
    if (status == GC_OK && s.plain()) status = choose_way(p, node, s, false, choice.forward);
    if (status == GC_OK && s.plain() && of.trains) status = choose_way(p, node, s, true, choice.backward);
  }
  return status == GC_OK ? choose_products(p, node) : status;
}
}  // namespace

gc_status fill_lengths(const Lstm& s) {
  if (!s.lengths) return GC_OK;
  const std::vector<int32_t> whole(static_cast<size_t>(s.B), static_cast<int32_t>(s.T));
  return device_upload(s.lengths->data, whole.data(), s.B * 4);
}

gc_status seconds_of(Plan& plan, const std::function<void()>& work, double& seconds, std::string& trouble) {
  const Failure none = {};
  Failure failure = {};
  gc_status status = device_upload(&plan.control->failure, &none, sizeof none);
  if (status == GC_OK) {
    Capture capture(plan.queue);
    work();
    const OwnRecording recording = capture.end();
    seconds = recording ? plan.queue.time(recording.get(), 3) : -1;
    status = plan.queue.wait();
  }
  if (status == GC_OK) status = device_download(&failure, &plan.control->failure, sizeof failure);
  if (status != GC_OK) return trouble = last_error(), status;
  if (failure.fault != static_cast<int32_t>(Fault::kStuck)) return GC_OK;
  trouble = "its blocks did not run at once";
  return GC_UNSUPPORTED;
}

std::string timed(const std::string& name, double seconds, const std::string& trouble) {
  if (!trouble.empty()) return "\"" + name + "\":" + quoted(trouble) + ",";
  char time[32];
  snprintf(time, sizeof time, "_us\":%.1f,", seconds * 1e6);
  return "\"" + name + time;
}

void add_explanation(gc_device_plan& p, const std::string& name, const std::string& members) {
  const std::string comma = p.explanation.size() > 2 ? "," : "";
  p.explanation.insert(p.explanation.size() - 1, comma + "\"" + name + "\":{" + members + "}");
}

namespace {
// Deletes choices that a failure or an exception left incomplete, so that the next run chooses again.
struct Choosing {
  gc_device_plan& p;
  bool complete = false;
  ~Choosing() {
    if (complete) return;
    p.plan.choices.clear();
    p.explanation = "{}";
  }
};
}  // namespace

gc_status choose_kernels(gc_device_plan& p) {
  Choosing choosing{p};
  p.plan.choices.assign(p.nodes.size(), Choice());
  gc_status status = GC_OK;
  for (gc_device_node& node : p.nodes)
    if (status == GC_OK) status = choose(p, node);
  for (gc_device_node& node : p.nodes)
    if (status == GC_OK && node.index == node.stack_first) status = choose_stack(p, node);
  choosing.complete = status == GC_OK;
  return status;
}
}  // namespace cuda
}  // namespace gatecell
