// twins.h: the same graph on the processor and on the device.
#pragma once
#include "lab.h"

namespace lab {

// Builds a graph with `build(graph)` twice and compiles and runs it on either side.
struct Twins {
  Graph cpu, device;
  std::vector<int> results;     // of `build`: host tensors to compare
  std::vector<int> parameters;  // whose gradients are compared
  int loss = Graph::none;

  template <class Build>
  explicit Twins(Build build, int32_t precision = GC_FLOAT) {
    build(cpu, *this);
    results.clear(), parameters.clear();
    build(device, *this);
    device.device = GC_CUDA;
    device.precision = precision;
  }
  void compile(int optimizer = 0) {
    cpu.compile(loss, optimizer);
    device.compile(loss, optimizer);
  }
  void run(gc_mode mode) {
    cpu.run(mode);
    device.run(mode);
    device.fetch();
  }

  // Largest relative difference of results, gradients and loss.
  double worst() {
    double most = 0;
    for (int id : results) most = std::fmax(most, error(device.value(id), cpu.value(id), 1e-6));
    for (int id : parameters) most = std::fmax(most, error(device.grad(id), cpu.grad(id), 1e-6));
    return most;
  }
  // Runs the backward pass again, and returns "" if every bit of the gradients is as before.
  std::string change_of_gradients() {
    std::vector<Floats> before;
    for (int id : parameters) before.push_back(device.grad(id));
    run(GC_GRADIENT);
    for (size_t i = 0; i < before.size(); ++i) {
      const std::string d = difference(device.grad(parameters[i]), before[i]);
      if (!d.empty()) return "gradient of " + std::to_string(parameters[i]) + ", " + d;
    }
    return "";
  }
  // Returns "" if every bit of results and gradients agrees.
  std::string first_difference() {
    for (int id : results) {
      const std::string d = difference(device.value(id), cpu.value(id));
      if (!d.empty()) return "result " + std::to_string(id) + ", " + d;
    }
    for (int id : parameters) {
      const std::string d = difference(device.grad(id), cpu.grad(id));
      if (!d.empty()) return "gradient of " + std::to_string(id) + ", " + d;
    }
    return "";
  }
};
}  // namespace lab
