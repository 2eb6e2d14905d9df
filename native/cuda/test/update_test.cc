// The update on the device: averaged weights, gradient and update as two calls, accumulated gradients, groups of parameters.
#include "char_model.h"

using namespace lab;

TEST_CASE("cuda training: averaged weights are the processor's arithmetic on the device's weights") {
  Graph device;
  device.device = GC_CUDA;
  const CharModel m(device);
  device.compile(m.loss, GC_ADAM);
  set_control(device, GC_ADAM, 0);
  device.run(GC_TRAIN);  // a step without an average, so that the arena comes after the first run
  device.fetch();
  device.add_average();
  std::vector<Floats> mean;
  for (int step = 1; step < 5; ++step) {
    const float part = step == 1 ? 1.0f : 0.25f;
    set_control(device, GC_ADAM, step);
    device.control[GC_C_AVERAGE] = static_cast<double>(part);
    device.run(GC_TRAIN);
    device.fetch();
    for (size_t i = 0; i < m.parameters.size(); ++i) {
      const Floats w = device.value(m.parameters[i]);
      if (step == 1) mean.push_back(w);
      for (size_t k = 0; k < w.size(); ++k) mean[i][k] += part * (w[k] - mean[i][k]);
      CHECK(difference(device.average(m.parameters[i]), mean[i]) == "");
    }
  }
}

TEST_CASE(
    "cuda training: gradient and update as two calls give the bits of one training step, wherever the gradients were "
    "made") {
  enum class Way { kTrain, kTwoCalls, kFetched, kChanged };
  std::vector<Floats> first;
  for (const Way way : {Way::kTrain, Way::kTwoCalls, Way::kFetched, Way::kChanged}) {
    Graph g;
    g.device = GC_CUDA;
    const CharModel m(g);
    g.compile(m.loss, GC_ADAM);
    for (int step = 0; step < 3; ++step) {
      set_control(g, GC_ADAM, step);
      if (way == Way::kTrain) g.run(GC_TRAIN);
      else g.run(GC_GRADIENT);
      if (way >= Way::kFetched) g.fetch();
      // Twice the gradient under the clip norm is the same step, up to rounding.
      if (way == Way::kChanged) {
        g.scale_gradients(2);
        const double norm = g.control[GC_C_GRAD_NORM];
        g.run(GC_UPDATE);
        if (step > 0) CHECK(g.control[GC_C_GRAD_NORM] != norm);
      } else if (way != Way::kTrain) {
        g.run(GC_UPDATE);
      }
      CHECK(g.control[GC_C_APPLIED] == 1);
    }
    g.fetch();
    for (size_t i = 0; i < m.parameters.size(); ++i) {
      if (way == Way::kTrain) first.push_back(g.value(m.parameters[i]));
      else if (way != Way::kChanged) CHECK(difference(g.value(m.parameters[i]), first[i]) == "");
      else CHECK(error(g.value(m.parameters[i]), first[i]) < 1e-5);
    }
  }
}

TEST_CASE("cuda training: accumulated gradients and groups of parameters follow the processor") {
  Graph cpu, device;
  device.device = GC_CUDA;
  const CharModel a(cpu), b(device);
  std::vector<int32_t> group_of(a.parameters.size());
  for (size_t i = 0; i < group_of.size(); ++i) group_of[i] = static_cast<int32_t>(i % 3);
  const gc_group groups[] = {{0, 0, 0.5, 0, 0, 0}, {1, 0, 1, 0, 0, 0}, {0, 1, 2, 0.3, 0, 1}};
  std::vector<Floats> first;
  for (Graph* g : {&cpu, &device}) {
    const CharModel& m = g == &cpu ? a : b;
    g->compile(m.loss, GC_ADAMW);
    for (int step = 1; step < 4; ++step) {
      if (step == 2) g->add_accumulated();
      if (step == 2) REQUIRE(gc_store_set_groups(g->store(), group_of.data(), groups, 3) == GC_OK);
      set_control(*g, GC_ADAMW, step);
      for (int batch = 0; step > 1 && batch < 3; ++batch) {
        g->id_data(m.targets)[0] = batch == 1 ? -1 : batch;
        g->run(GC_ACCUMULATE);
      }
      g->run(step > 1 ? GC_UPDATE : GC_TRAIN);
      g->fetch();
      for (size_t i = 0; step == 1 && g == &device && i < m.parameters.size(); ++i)
        first.push_back(g->value(m.parameters[i]));
    }
  }
  CHECK(device.control[GC_C_COUNTED] == cpu.control[GC_C_COUNTED]);
  CHECK(device.control[GC_C_GRAD_NORM] == doctest::Approx(cpu.control[GC_C_GRAD_NORM]).epsilon(1e-5));
  for (size_t i = 0; i < a.parameters.size(); ++i) {
    CHECK(error(device.value(b.parameters[i]), cpu.value(a.parameters[i])) < 1e-4);
    CHECK((difference(device.value(b.parameters[i]), first[i]) == "") == (i % 3 == 1));
  }
}
