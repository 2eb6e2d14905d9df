// Rewrites of the graph (native/core/rewrites.cc) on 1, 2 and 3 threads: random models around each of them, with all its conditions
// and with each one false in turn, and graphs of all other ops, compared with their plain evaluation in double. The long run has 2,400
// models and prints the largest relative errors.
#include <cstdio>

#include "evaluated.h"
#include "graphs.h"

using namespace lab;

namespace {
void print(const std::string& name, int models, const Errors& e) {
  std::printf("%s, %d models: largest relative errors %.2g of values, %.2g of gradients, %.2g of states\n",
              name.c_str(), models, e.values, e.gradients, e.states);
}

// `rounds` models for each condition, the first with number `first`.
void check_around(Around kind, const std::string& name, uint64_t first, uint64_t rounds, bool prints) {
  Errors worst[2];  // without and with layer normalisation
  int models[2] = {};
  for (size_t condition = 0; condition < conditions_of(kind).size(); ++condition) {
    for (uint64_t seed = first; seed < first + rounds; ++seed) {
      Model model(kind, condition, 1000 * condition + seed, true);
      Evaluated evaluated(subject_of(model));
      worst[model.normalises].take(evaluated.run({1, 2, 3}));
      ++models[model.normalises];
    }
  }
  for (int i = 0; prints && i < 2; ++i) print(name + (i ? ", layer normalisation" : ""), models[i], worst[i]);
}

// Graphs of all ops whose results may be read by any later op.
void check_others(uint64_t first, uint64_t count, bool prints) {
  Errors worst;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const int ops = 2 + static_cast<int>(seed % 12);
    RandomGraph r(seed, ops, true);
    const std::vector<int> none;
    // An op is up to 6 steps of a layer of up to 60 inputs, or 20 rows; six more make the loss.
    const double depth = 6 * ops + 6;
    Evaluated evaluated({r.graph, "random graph, seed " + std::to_string(seed), r.loss, r.parameters, r.results, none,
                         value_bound(depth, 60), gradient_bound(depth, 60, 30)});
    worst.take(evaluated.run({1, 2, 3}));
  }
  if (prints) print("other graphs", static_cast<int>(count), worst);
}
}  // namespace

TEST_CASE("rewrites: an embedding folded into the LSTM layer that reads it, or not") {
  check_around(Around::kFold, "folded embeddings", 0, 3, false);
}
TEST_CASE("rewrites: two directions side by side on threads, or one after the other") {
  check_around(Around::kDirections, "two directions", 0, 3, false);
}
TEST_CASE("rewrites: layers on layers") { check_around(Around::kStack, "stacks", 0, 3, false); }
TEST_CASE("rewrites: the output layer joined with the cross-entropy of its logits, or not") {
  check_around(Around::kOutput, "output layers", 0, 3, false);
}
TEST_CASE("rewrites: graphs of all other ops") { check_others(5000, 30, false); }

TEST_CASE("rewrites: a long run of random models" * doctest::skip()) {
  check_around(Around::kFold, "folded embeddings", 100, 40, true);
  check_around(Around::kDirections, "two directions", 100, 40, true);
  check_around(Around::kStack, "stacks", 100, 40, true);
  check_around(Around::kOutput, "output layers", 100, 40, true);
  check_others(6000, 360, true);
}
