// choose_stack.cu: the choice whether the layers of a stack run one after the other or, in chunks of time, at the same time, by timing both
// on this device with the shapes of the plan. GATECELL_CUDA_WAVEFRONT=<chunks> sets the number of chunks instead (1: one after the other).
// On an emulated device, whose times mean nothing, layers run one after the other, unless the variable is `measured`.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/lstm.h"
#include "plan.h"

namespace gatecell {
namespace cuda {
namespace {
constexpr int64_t kLeastSteps = 4;  // of a chunk that is worth its own launches

// Returns the number of chunks that the environment sets, or 0 if it sets none.
int32_t named_chunks() {
  const char* name = getenv("GATECELL_CUDA_WAVEFRONT");
  return name ? std::max(atoi(name), 0) : 0;
}
bool is_timed() {
  const char* name = getenv("GATECELL_CUDA_WAVEFRONT");
  return named_chunks() == 0 && (!device_info().emulated || (name && strcmp(name, "measured") == 0));
}

// One pass of a stack, forward or back, and its choices in the plan.
struct Pass {
  gc_device_plan& p;
  std::vector<Node> layers;
  bool backward;

  Choice& choice(const Node& n) const { return p.plan.choices[static_cast<size_t>(n.node.index)]; }
  int32_t& kernel(const Node& n) const { return backward ? choice(n).backward : choice(n).forward; }
  int32_t& chunks() const { return backward ? choice(layers[0]).chunks_back : choice(layers[0]).chunks; }
  std::vector<int32_t> kernels() const {
    std::vector<int32_t> all;
    for (const Node& n : layers) all.push_back(kernel(n));
    return all;
  }
  void set(const std::vector<int32_t>& kernels, int32_t count) const {
    for (size_t l = 0; l < layers.size(); ++l) kernel(layers[l]) = kernels[l];
    chunks() = count;
  }
  bool takes_grid() const {
    return std::any_of(layers.begin(), layers.end(), [&](const Node& n) { return kernel(n) == kLstmGrid; });
  }
  // Times one pass. With one chunk the layers run one after the other.
  gc_status time(int32_t count, double& seconds, std::string& trouble) const {
    const auto work = [&] { backward ? stack_back(layers[0], count) : stack_forward(layers[0], count); };
    return seconds_of(p.plan, work, seconds, trouble);
  }
  void explain(const std::string& figures, const char* chosen) const {
    char name[80];
    snprintf(name, sizeof name, "layers of ops %d to %d, %s", layers[0].node.stack_first, layers[0].node.stack_last,
             backward ? "backward" : "forward");
    add_explanation(p, name, figures + "\"chosen\":\"" + chosen + "\"");
  }
};

std::string described(int32_t chunks) {
  return chunks == 1 ? "one after the other" : "side by side in " + std::to_string(chunks) + " chunks";
}

gc_status take_named(const Pass& pass) {
  const int32_t named = named_chunks();
  const bool apart = pass.takes_grid() && named > 1;
  pass.chunks() = named > 0 && !apart ? named : 1;
  const char* why = apart       ? "a kernel of the whole grid shares the device with nothing"
                    : named > 0 ? "named by GATECELL_CUDA_WAVEFRONT"
                                : "an emulated device is not timed";
  pass.explain(std::string("\"why\":\"") + why + "\",", described(pass.chunks()).c_str());
  return GC_OK;
}

// Returns the sets of kernels to try: those that were fastest for each layer, except grid kernels, and one product per step for all.
std::vector<std::vector<int32_t>> concurrent_sets(const Pass& pass) {
  std::vector<int32_t> own = pass.kernels();
  for (size_t l = 0; l < own.size(); ++l)
    if (own[l] == kLstmGrid) {
      const auto fits = [&](int32_t kernel) { return lstm_fits(Lstm(pass.layers[l]), kernel, pass.backward); };
      own[l] = fits(kLstmCluster) ? kLstmCluster : fits(kLstmWideCluster) ? kLstmWideCluster : kLstmSteps;
    }
  const std::vector<int32_t> steps(own.size(), kLstmSteps);
  if (own == steps) return {steps};
  return {own, steps};
}

gc_status take_fastest(const Pass& pass) {
  const gc_status filled = fill_lengths(Lstm(pass.layers[0]));  // all layers of a stack have the same lengths
  if (filled != GC_OK) return filled;
  const std::vector<int32_t> sequential = pass.kernels();
  double best = -1;
  std::vector<int32_t> kernels = sequential;
  int32_t chunks = 1;
  std::string trouble;
  const gc_status status = pass.time(1, best, trouble);
  if (status != GC_OK) return status;
  std::string figures = timed("one_after_the_other", best, trouble);
  for (const std::vector<int32_t>& set : concurrent_sets(pass)) {
    const bool steps = std::all_of(set.begin(), set.end(), [](int32_t k) { return k == kLstmSteps; });
    for (int32_t count = 2; count * kLeastSteps <= Lstm(pass.layers[0]).T && count <= 64; count *= 2) {
      pass.set(set, count);
      double seconds = -1;
      trouble.clear();  // an attempt that is refused or does not end is left out, with the reason in the explanation
      const bool runs = pass.time(count, seconds, trouble) == GC_OK;
      if (runs && seconds < best) best = seconds, kernels = set, chunks = count;
      figures += timed(std::to_string(count) + "_chunks" + (steps ? "_of_steps" : ""), seconds, trouble);
    }
  }
  pass.set(kernels, chunks);
  pass.explain(figures, described(chunks).c_str());
  return GC_OK;
}
}  // namespace

gc_status choose_stack(gc_device_plan& p, gc_device_node& first) {
  const std::vector<Node> layers = stack_layers(Node(p.plan, first));
  for (const bool backward : {false, true}) {
    if (backward && !first.stack_back) continue;
    const Pass pass = {p, layers, backward};
    const gc_status status = is_timed() ? take_fastest(pass) : take_named(pass);
    if (status != GC_OK) return status;
  }
  return GC_OK;
}
}  // namespace cuda
}  // namespace gatecell
