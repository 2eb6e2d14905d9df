// Whole training steps on the device compared with the processor: every optimiser, clipping, carried states, weights that move between
// the two; random graphs; refusals.
#include <algorithm>

#include "char_model.h"
#include "graphs.h"
#include "loops.h"

using namespace lab;

TEST_CASE("cuda training: every optimiser follows the processor over some steps") {
  struct Row {
    int optimizer;
    double l2 = 0, nesterov = 0, decay_all = 0;
  };
  for (const auto& [optimizer, l2, nesterov, decay_all] :
       {Row{GC_SGD}, Row{GC_RMSPROP}, Row{GC_ADAM}, Row{GC_ADAMW}, Row{GC_AMSGRAD}, Row{GC_SGD, 0.1, 1, 0},
        Row{GC_RMSPROP, 0.1, 0, 1}, Row{GC_ADAM, 0.1, 0, 0}, Row{GC_AMSGRAD, 0.1, 0, 1}}) {
    CAPTURE(optimizer);
    CAPTURE(l2);
    Graph cpu, device;
    device.device = GC_CUDA;
    const CharModel a(cpu), b(device);
    cpu.compile(a.loss, optimizer);
    device.compile(b.loss, optimizer);
    for (int step = 0; step < 4; ++step) {
      for (Graph* g : {&cpu, &device}) {
        set_control(*g, optimizer, step);
        g->control[GC_C_L2] = l2, g->control[GC_C_NESTEROV] = nesterov, g->control[GC_C_DECAY_ALL] = decay_all;
        g->run(GC_TRAIN);
      }
      CHECK(device.control[GC_C_LOSS] == doctest::Approx(cpu.control[GC_C_LOSS]).epsilon(1e-6));
      CHECK(device.control[GC_C_GRAD_NORM] == doctest::Approx(cpu.control[GC_C_GRAD_NORM]).epsilon(1e-5));
      CHECK(device.control[GC_C_APPLIED] == 1);
    }
    device.fetch();
    for (size_t i = 0; i < a.parameters.size(); ++i)
      CHECK(error(device.value(b.parameters[i]), cpu.value(a.parameters[i])) < 1e-4);
  }
}

TEST_CASE("cuda training: two runs give the same bits") {
  std::vector<Floats> first;
  for (int run = 0; run < 2; ++run) {
    Graph g;
    g.device = GC_CUDA;
    const CharModel m(g);
    g.compile(m.loss, GC_ADAM);
    for (int step = 0; step < 3; ++step) set_control(g, GC_ADAM, step), g.run(GC_TRAIN);
    g.fetch();
    for (size_t i = 0; i < m.parameters.size(); ++i) {
      if (run == 0) first.push_back(g.value(m.parameters[i]));
      else CHECK(difference(g.value(m.parameters[i]), first[i]) == "");
    }
  }
}

TEST_CASE("cuda: carried states stay on the device, and what the host writes after a fetch is what counts") {
  Graph cpu, device;
  device.device = GC_CUDA;
  const CharModel a(cpu), b(device);
  cpu.compile(a.loss);
  device.compile(b.loss);
  const auto run = [&](gc_mode mode) {
    cpu.run(mode);
    device.run(mode);
    CHECK(difference(device.value(b.logits), cpu.value(a.logits)) == "");
  };
  for (gc_mode mode : {GC_FORWARD, GC_GRADIENT, GC_FORWARD}) run(mode);
  const Floats nothing(static_cast<size_t>(device.count(b.states[0])), 0);
  for (int state : b.states) CHECK(device.value(state) == nothing);  // not asked for yet
  for (int round = 0; round < 2; ++round) {                          // the second has nothing to fetch
    REQUIRE(gc_plan_fetch_states(device.plan()) == GC_OK);
    REQUIRE(gc_plan_fetch_states(cpu.plan()) == GC_OK);
    for (size_t i = 0; i < a.states.size(); ++i)
      CHECK(difference(device.value(b.states[i]), cpu.value(a.states[i])) == "");
  }
  run(GC_FORWARD);
  REQUIRE(gc_plan_fetch_states(device.plan()) == GC_OK);
  cpu.set(a.states[1], nothing);
  device.set(b.states[1], nothing);
  run(GC_FORWARD);
  run(GC_FORWARD);
}

TEST_CASE("cuda: a run with bad data carries nothing on") {
  Graph g;
  g.device = GC_CUDA;
  const CharModel m(g);
  g.compile(m.loss);
  const auto state = [&] {
    REQUIRE(gc_plan_fetch_states(g.plan()) == GC_OK);
    return g.value(m.states[0]);
  };
  const auto bad_run = [&] {
    g.id_data(m.tokens)[2] = 99;
    CHECK(gc_plan_run(g.plan(), GC_FORWARD) == GC_OUT_OF_RANGE);
    g.id_data(m.tokens)[2] = 0;
  };
  g.id_data(m.tokens)[2] = 0;
  g.run();
  bad_run();  // the states lie on the device
  const Floats once = state();
  bad_run();  // and here on the host
  CHECK(difference(state(), once) == "");
  for (int id : m.states) g.set(id, Floats(once.size(), 0));
  g.run();
  CHECK(difference(state(), once) == "");
}

TEST_CASE("cuda training: a loss that is not finite changes nothing") {
  Graph g;
  g.device = GC_CUDA;
  const int w = g.param({8}, Floats(8, 1));
  const int target = g.host({8}, Floats(8, 0));
  const int loss = g.out(GC_OP_MEAN_SQUARE, {w, target}, {2});
  g.compile(loss, GC_ADAM);
  set_control(g, GC_ADAM, 0);
  g.data(target)[3] = INFINITY;
  g.run(GC_TRAIN);
  CHECK(g.control[GC_C_APPLIED] == 0);
  g.fetch();
  CHECK(g.value(w) == Floats(8, 1));
  g.data(target)[3] = 0;
  g.run(GC_TRAIN);
  CHECK(g.control[GC_C_APPLIED] == 1);
  g.fetch();
  CHECK(g.value(w)[0] < 1);
}

TEST_CASE("cuda: weights written on the host are read, and bad ids leave the weights as they are") {
  Graph g;
  g.device = GC_CUDA;
  const CharModel m(g);
  g.compile(m.loss, GC_SGD);
  set_control(g, GC_SGD, 0);
  g.run(GC_TRAIN);
  g.fetch();
  const Floats zeros(static_cast<size_t>(g.count(m.parameters.back())), 0);
  const Floats before = g.value(m.parameters.back());
  g.id_data(m.tokens)[2] = 99;
  CHECK(gc_plan_run(g.plan(), GC_TRAIN) == GC_OUT_OF_RANGE);
  g.fetch();
  CHECK(difference(g.value(m.parameters.back()), before) == "");
  g.id_data(m.tokens)[2] = 0;
  g.run(GC_FORWARD);
  const Floats logits = g.value(m.logits);
  g.set(m.parameters.back(), zeros);
  g.run(GC_FORWARD);
  CHECK(difference(g.value(m.logits), logits) != "");
}

TEST_CASE("cuda: plans of both sides share one store, whoever trained last") {
  Graph g;
  const CharModel m(g);
  gc_plan_desc d = g.describe(m.loss, GC_SGD);
  gc_plan *cpu = nullptr, *device = nullptr;
  REQUIRE(gc_plan_create(&d, &cpu) == GC_OK);
  d.device = GC_CUDA;
  REQUIRE(gc_plan_create(&d, &device) == GC_OK);
  set_control(g, GC_SGD, 0);
  double last = 1e9;
  for (int round = 0; round < 6; ++round) {
    for (gc_plan* plan : {device, cpu}) {
      REQUIRE(gc_plan_run(plan, GC_TRAIN) == GC_OK);
      const double trained = g.control[GC_C_LOSS];
      CHECK(trained < last + 0.5);
      last = trained;
    }
    // From zero states either side must give the same logits. The device keeps its own until they are fetched.
    REQUIRE(gc_plan_fetch_states(device) == GC_OK);
    Floats logits[2];
    for (int side = 0; side < 2; ++side) {
      for (int state : m.states) g.set(state, Floats(static_cast<size_t>(g.count(state)), 0));
      REQUIRE(gc_plan_run(side == 0 ? device : cpu, GC_FORWARD) == GC_OK);
      logits[side] = g.value(m.logits);
    }
    CHECK(difference(logits[0], logits[1]) == "");
  }
  gc_plan_destroy(cpu);
  gc_plan_destroy(device);
}

TEST_CASE("cuda: random graphs, forward and back, against the processor") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    const int ops = 2 + static_cast<int>(seed % 20);
    RandomGraph cpu(seed, ops, false, false), device(seed, ops, false, false);
    device.graph.device = GC_CUDA;
    cpu.graph.compile(cpu.loss);
    device.graph.compile(device.loss);
    cpu.graph.run(GC_GRADIENT);
    device.graph.run(GC_GRADIENT);
    device.graph.fetch();
    for (size_t i = 0; i < cpu.results.size(); ++i)
      CHECK(error(device.graph.value(device.results[i]), cpu.graph.value(cpu.results[i]), 1e-6) < 1e-5);
    for (size_t i = 0; i < cpu.parameters.size(); ++i)
      CHECK(error(device.graph.grad(device.parameters[i]), cpu.graph.grad(cpu.parameters[i]), 1e-6) < 1e-5);
  }
}

TEST_CASE("cuda: the sampling loop draws what the processor draws") {
  Ids drawn[2];
  for (int side = 0; side < 2; ++side) {
    Graph g;
    g.device = side == 0 ? GC_CPU : GC_CUDA;
    Random random(61);
    const int32_t V = 13, H = 18;
    const int token = g.ids({1, 1}, {3}), h = g.host({1, H}), c = g.host({1, H});
    const int x = g.op(GC_OP_EMBEDDING, {g.param({V, H}, random.floats(V * H)), token}, {1, 1, H});
    const int y = g.host({1, 1, H}), hT = g.host({1, H}), cT = g.host({1, H});
    g.record(GC_OP_LSTM,
             {x, g.param({4 * H, H}, random.floats(4 * H * H, 0.4)), g.param({4 * H, H}, random.floats(4 * H * H, 0.4)),
              Graph::none, Graph::none, h, c},
             {y, hT, cT}, {0});
    g.carry(hT, h);
    g.carry(cT, c);
    const int logits = g.op(GC_OP_LINEAR, {y, g.param({V, H}, random.floats(V * H)), Graph::none}, {1, 1, V});
    const int drawn_id = g.out(GC_OP_SAMPLE, {logits, g.host({4}, {1, 0, 0, 0})}, {1, 1}, {5}, GC_I32);
    g.compile();
    Ids out(30);
    int32_t done = 0;
    const gc_loop loop = loop_of({{drawn_id, token}}, {drawn_id});
    REQUIRE(gc_plan_generate(g.plan(), &loop, 30, out.data(), 30, &done) == GC_OK);
    CHECK(done == 30);
    drawn[side] = out;
  }
  CHECK(drawn[0] == drawn[1]);
}

TEST_CASE("cuda: rows that draw by their own seeds, steps and settings draw what the processor draws") {
  Ids ids[2];
  Floats points[2];
  for (int side = 0; side < 2; ++side) {
    Graph g;
    g.device = side == 0 ? GC_CPU : GC_CUDA;
    Random random(67);
    const int B = 5;
    const int y = g.host({B, 13}, random.floats(B * 13, 2)), settings = g.host({B, 4}), table = g.ids({B, 4}, Ids(20));
    const int id = g.out(GC_OP_SAMPLE, {y, settings, table}, {B}, {5}, GC_I32);
    const int point = g.out(GC_OP_MIXTURE_SAMPLE, {y, settings, table}, {B, 3}, {6});
    g.compile();
    for (int r = 0; r < B; ++r) {
      const Ids row = {100 + r, r, -1 - r, 2 * r};
      std::copy(row.begin(), row.end(), g.id_data(table) + 4 * r);
      g.data(settings)[4 * r] = 0.5f * static_cast<float>(r), g.data(settings)[4 * r + 1] = static_cast<float>(r % 3);
      g.data(settings)[4 * r + 2] = 0.9f;
    }
    gc_loop loop = loop_of({}, {id}, table);
    Ids out(20 * B);
    int32_t done = 0;
    REQUIRE(gc_plan_generate(g.plan(), &loop, 20, out.data(), 20 * B, &done) == GC_OK);
    ids[side] = out, points[side] = g.value(point);
    g.data(settings)[4 * 3] = -1;
    CHECK(gc_plan_run(g.plan(), GC_FORWARD) == GC_INVALID_ARGUMENT);
  }
  CHECK(ids[0] == ids[1]);
  CHECK(points[0] == points[1]);
}
