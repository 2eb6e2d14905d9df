// evaluated.h: runs a random model in the engine, and holds it to the plain evaluation in double.
#pragma once
#include "evaluation.h"
#include "models.h"

namespace lab {

// Largest relative errors that were met, by kind of number.
struct Errors {
  double values = 0, gradients = 0, states = 0;
  void take(const Errors& o) {
    values = std::fmax(values, o.values), gradients = std::fmax(gradients, o.gradients);
    states = std::fmax(states, o.states);
  }
};

// A graph, what is compared of it, and how far rounding may take it from the exact numbers.
struct Subject {
  Graph& graph;
  std::string what;
  int loss;
  const std::vector<int>&parameters, &results, &inputs;
  double value_bound, gradient_bound;
  // Rewrites on several threads, with a loss and without one, and on a device with a loss; null: any.
  const Marks *trained = nullptr, *inferred = nullptr, *on_device = nullptr;
};

// The largest relative error that rounding explains. A value passes `depth` ops and steps one after the other. Each of them adds
// the error of a product over at most `longest_product` terms, which grows with the root of their number since roundings do not
// agree in sign, and a few units of the last place of the gate functions (sigmoid 2, tanh 4); weights of size 1 / sqrt(inputs)
// carry on what came before without making it larger.
inline double value_bound(double depth, double longest_product) {
  return depth * (8 + 2 * std::sqrt(longest_product)) / 16777216;
}
// A gradient passes everything forward and back, and is summed over the rows.
inline double gradient_bound(double depth, double longest_product, double rows) {
  return 2 * depth * (8 + 2 * std::sqrt(longest_product) + std::sqrt(rows)) / 16777216;
}
inline Subject subject_of(Model& m) {
  // Layer normalisation divides by the deviation of a row: where the values of a row are much larger than their spread, or small
  // altogether, as cell states are in the first steps, the error of their rounding comes out larger by that ratio. With eight units
  // or more, which the models have, ratios above 32 do not persist from step to step.
  const double more = m.normalises ? 32 : 1, depth = m.depth, product = m.longest_product;
  return {m.graph,
          m.what,
          m.loss,
          m.parameters,
          m.results,
          m.inputs,
          more * value_bound(depth, product),
          more * gradient_bound(depth, product, m.rows),
          &m.trained,
          &m.inferred,
          &m.on_device};
}

// Inputs and pre-activations are of size 1, so that is what values are rounded at, however small they come out.
constexpr double kValueFloor = 0.1;
// Terms of a gradient may cancel: an array that is far smaller than the largest one of the model is held to the error of a hundredth
// of that.
constexpr double kGradientFloor = 0.01;

// Two runs with a backward pass, the second from the states of the first, then one without; and a forward run of a plan that has no
// loss. With every number of threads the same bits.
class Evaluated {
 public:
  explicit Evaluated(const Subject& subject) : s_(subject), g_(subject.graph) {}

  // On the processor with these numbers of threads, or on a device.
  Errors run(std::initializer_list<int32_t> teams) {
    for (int32_t threads : teams) {
      g_.threads = threads;
      at_ = 0;
      compile(s_.loss, g_.device == GC_CPU ? s_.trained : s_.on_device);
      for (gc_mode mode : {GC_GRADIENT, GC_GRADIENT, GC_FORWARD}) step(mode, s_.loss);
      compile(Graph::none, g_.device == GC_CPU ? s_.inferred : nullptr);
      step(GC_FORWARD, Graph::none);
    }
    return errors_;
  }

 private:
  void compile(int loss, const Marks* marks) {
    g_.compile(loss);
    if (start_.empty())
      for (int id : s_.inputs) start_.push_back(g_.value(id));
    for (size_t i = 0; i < start_.size(); ++i) g_.set(s_.inputs[i], start_[i]);
    if (!marks) return;
    Marks expected = *marks;
    if (g_.device == GC_CPU && g_.threads == 1) expected.pairs = expected.pairs_back = 0;
    const Marks got = marks_of(*g_.plan());
    INFO(s_.what << ", " << g_.threads << " threads: folds " << got.folds << ", pairs " << got.pairs << ", back "
                 << got.pairs_back << ", stacked " << got.stacked << ", joins " << got.joins);
    CHECK(got == expected);
  }

  void step(gc_mode mode, int loss) {
    g_.control[GC_C_STEP] = static_cast<double>(at_);
    if (at_ == exact_.size()) {
      exact_.emplace_back(g_, loss, mode != GC_FORWARD);
      if (mode != GC_FORWARD) exact_.back().backward(loss);
    }
    const Evaluation& e = exact_[at_];
    g_.run(mode);
    if (g_.device != GC_CPU) {
      g_.fetch();
      REQUIRE(gc_plan_fetch_states(g_.plan()) == GC_OK);
    }
    got_.clear();
    for (int id : s_.results)
      compare("result", id, g_.value(id), e.value[static_cast<size_t>(id)], kValueFloor, errors_.values,
              s_.value_bound);
    if (loss >= 0)
      compare("loss", loss, {static_cast<float>(g_.control[GC_C_LOSS])}, {e.value[static_cast<size_t>(loss)][0]},
              kValueFloor, errors_.values, s_.value_bound);
    const std::vector<Doubles> states = e.carried();
    for (size_t i = 0; i < states.size(); ++i)
      compare("state", g_.carries[2 * i + 1], g_.value(g_.carries[2 * i + 1]), states[i], kValueFloor, errors_.states,
              s_.value_bound);
    if (mode != GC_FORWARD) gradients(e);
    if (at_ == bits_.size()) bits_.push_back(got_);
    for (size_t i = 0; i < got_.size() && g_.device == GC_CPU; ++i)
      if (!difference(got_[i], bits_[at_][i]).empty())
        FAIL_CHECK(s_.what << ", " << g_.threads << " threads, run " << at_ << ", array " << i << ": not the bits of "
                           << "the first team");
    ++at_;
  }

  void gradients(const Evaluation& e) {
    double most = 0;
    for (int id : s_.parameters)
      for (double d : e.grad[static_cast<size_t>(id)]) most = std::fmax(most, std::fabs(d));
    for (int id : s_.parameters) {
      Doubles exact = e.grad[static_cast<size_t>(id)];
      exact.resize(static_cast<size_t>(g_.count(id)), 0);  // empty where the loss does not depend on it
      compare("gradient", id, g_.grad(id), exact, most > 0 ? kGradientFloor * most : 1, errors_.gradients,
              s_.gradient_bound);
    }
  }

  void compare(const std::string& name, int id, const Floats& got, const Doubles& exact, double floor, double& worst,
               double bound) {
    const double wrong = error(got, exact, floor);
    worst = wrong <= worst ? worst : wrong;
    if (!(wrong <= bound))
      FAIL_CHECK(s_.what << ", " << g_.threads << " threads, run " << at_ << ", " << name << " " << id << ": error "
                         << wrong << ", bound " << bound);
    got_.push_back(got);
  }

  Subject s_;
  Graph& g_;
  Errors errors_;
  size_t at_ = 0;
  std::vector<Floats> start_, got_;
  std::vector<Evaluation> exact_;
  std::vector<std::vector<Floats>> bits_;  // of the first team
};
}  // namespace lab
