// choose.cu: where an op has several kernels, each is timed once on this device with the plan's own shapes, and the fastest is
// recorded; nothing is chosen by a guess. GATECELL_CUDA_LSTM=steps|cluster|grid names the LSTM's instead, where it fits. On an
// emulated device, whose times mean nothing, it is the plain one.
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

// Lengths as they are dearest: all of them whole.
gc_status fill_lengths(const Lstm& s) {
  if (!s.lengths) return GC_OK;
  const std::vector<int32_t> whole(static_cast<size_t>(s.B), static_cast<int32_t>(s.T));
  return device_upload(s.lengths->data, whole.data(), s.B * 4);
}

// Sets `choice` to the fastest that fits, and says what was measured.
gc_status choose_way(gc_device_plan& p, const Node& node, const Lstm& s, bool backward, int32_t& choice) {
  const int named = named_kernel();
  if (named < kLstmKernels || device_info().emulated) {
    choice = named < kLstmKernels && lstm_fits(s, named, backward) ? named : kLstmSteps;
    return GC_OK;
  }
  double best = -1;
  int32_t chosen = kLstmSteps;
  std::string text;
  for (int32_t k = 0; k < kLstmKernels; ++k) {
    if (!lstm_fits(s, k, backward)) continue;
    choice = k;
    const double seconds =
        seconds_of(p.plan, [&] { backward ? lstm_recurrence_back(node) : lstm_forward_alone(node); });
    const gc_status status = p.plan.queue.wait();
    if (status != GC_OK) return status;
    if (best < 0 || seconds < best) best = seconds, chosen = k;
    char part[80];
    snprintf(part, sizeof part, "\"%s_us\":%.1f,", kLstmKernelNames[k], seconds * 1e6);
    text += part;
  }
  choice = chosen;
  char name[80];
  snprintf(name, sizeof name, "lstm of op %d, %s", node.node.index, backward ? "backward" : "forward");
  add_explanation(p, name, text + "\"chosen\":\"" + kLstmKernelNames[chosen] + "\"");
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

double seconds_of(Plan& plan, const std::function<void()>& work) {
  plan.queue.begin();
  work();
  Recording* recording = plan.queue.end();
  const double seconds = recording ? plan.queue.time(recording, 3) : -1;
  Queue::destroy(recording);
  return seconds;
}

void add_explanation(gc_device_plan& p, const std::string& name, const std::string& members) {
  const std::string comma = p.explanation.size() > 2 ? "," : "";
  p.explanation.insert(p.explanation.size() - 1, comma + "\"" + name + "\":{" + members + "}");
}

gc_status choose_kernels(gc_device_plan& p) {
  p.plan.choices.assign(p.nodes.size(), Choice());
  for (gc_device_node& node : p.nodes) {
    const gc_status status = choose(p, node);
    if (status != GC_OK) return status;
  }
  return GC_OK;
}
}  // namespace cuda
}  // namespace gatecell
