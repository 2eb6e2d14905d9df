// The update as a call of its own: gradient and update, accumulated gradients, groups of parameters.
#include "optimizer_lab.h"

using namespace lab;

TEST_CASE(
    "gradient and update as two calls give the bits of one training step; an update is of the gradients as they are") {
  for (int optimizer : {GC_SGD, GC_RMSPROP, GC_ADAM, GC_ADAMW, GC_AMSGRAD}) {
    Problem one(optimizer), two(optimizer), scaled(optimizer);
    for (int step = 0; step < 3; ++step) {
      for (Problem* p : {&one, &two, &scaled}) {
        p->g.control[GC_C_STEP] = step, p->g.control[GC_C_CLIP_NORM] = 0.01, p->g.control[GC_C_WEIGHT_DECAY] = 0.1;
        p->g.run(p == &one ? GC_TRAIN : GC_GRADIENT);
      }
      const Floats before = two.values();
      scaled.g.scale_gradients(4);
      for (Problem* p : {&two, &scaled}) p->g.run(GC_UPDATE);
      CHECK(difference(one.values(), before) != "");
      CHECK(difference(two.values(), one.values()) == "");
      CHECK(difference(scaled.values(), one.values()) == "");  // four times the gradient, clipped to the same norm
      CHECK(two.g.control[GC_C_GRAD_NORM] == one.g.control[GC_C_GRAD_NORM]);
    }
  }
}

TEST_CASE("an update refuses what is not finite, and a plan without an optimizer; it runs no pass") {
  Problem p(GC_ADAM);
  p.g.run(GC_GRADIENT);
  const Floats before = p.values(), gradient = p.g.grad(p.w);
  p.g.scale_gradients(INFINITY);
  p.g.run(GC_UPDATE);
  CHECK(p.g.control[GC_C_APPLIED] == 0);
  CHECK(difference(p.values(), before) == "");
  p.g.run(GC_GRADIENT);
  p.g.set(p.target, Floats(26, 3));
  p.g.run(GC_UPDATE);
  CHECK(p.g.control[GC_C_APPLIED] == 1);
  CHECK(difference(p.g.grad(p.w), gradient) == "");
  p.g.compile(p.loss);
  for (gc_mode mode : {GC_UPDATE, GC_ACCUMULATE}) CHECK(gc_plan_run(p.g.plan(), mode) == GC_INVALID_ARGUMENT);
}

TEST_CASE("accumulated gradients are the mean over batches, weighted by what each counts") {
  Graph g;
  Random random(5);
  const int w = g.param({7, 4}, random.floats(28)), ids = g.ids({6}, random.ids(6, 0, 7));
  const int logits = g.op(GC_OP_EMBEDDING, {w, ids}, {6, 4}), targets = g.ids({6}, random.ids(6, 0, 4));
  const int loss = g.out(GC_OP_CROSS_ENTROPY, {logits, targets}, {2});
  g.compile(loss, GC_SGD);
  CHECK(gc_plan_run(g.plan(), GC_ACCUMULATE) == GC_INVALID_ARGUMENT);  // no arena
  g.add_accumulated();
  Doubles sum(28, 0);
  double total = 0;
  for (int batch = 0; batch < 4; ++batch) {
    int counted = 0;
    for (int i = 0; i < 6; ++i) {
      g.id_data(ids)[i] = static_cast<int32_t>(random.below(7));
      g.id_data(targets)[i] = i < batch * 2 - 1 || batch == 3 ? -1 : static_cast<int32_t>(random.below(4));
      counted += g.id_data(targets)[i] >= 0;
    }
    g.run(GC_GRADIENT);
    const Floats gradient = g.grad(w);
    for (size_t i = 0; i < 28; ++i) sum[i] += counted * static_cast<double>(gradient[i]);
    total += counted;
    g.control[GC_C_COUNTED] = batch == 0 ? 0 : total - counted;
    g.run(GC_ACCUMULATE);
    CHECK(g.control[GC_C_COUNTED] == total);
    Doubles mean = sum;
    for (double& x : mean) x /= total;
    CHECK(error(g.grad(w), mean) < 1e-6);
  }
}

TEST_CASE("groups of parameters: a rate, a decay and a step of their own; frozen ones have no part in anything") {
  for (int optimizer : {GC_SGD, GC_RMSPROP, GC_ADAM, GC_ADAMW, GC_AMSGRAD}) {
    Problem p(optimizer), w_only(optimizer), b_only(optimizer);
    const int32_t group_of[] = {0, 1};
    const auto set = [](Problem& q, const int32_t* of, const std::vector<gc_group>& groups) {
      REQUIRE(gc_store_set_groups(q.g.store(), of, groups.data(), static_cast<int32_t>(groups.size())) == GC_OK);
    };
    set(p, group_of, {{0, 0, 0.5, 0, 0, 0}, {0, 1, 2, 0.3, 0.2, 2}});
    set(w_only, group_of, {{0, 0, 1, 0, 0, 0}, {1, 0, 1, 0, 0, 0}});
    set(b_only, group_of, {{1, 0, 1, 0, 0, 0}, {0, 0, 1, 0, 0, 0}});
    const Floats first_b = w_only.g.value(w_only.b);
    for (int step = 2; step < 5; ++step) {
      for (Problem* q : {&p, &w_only, &b_only}) {
        double* c = q->g.control;
        c[GC_C_STEP] = q == &b_only ? step - 2 : step, c[GC_C_WEIGHT_DECAY] = q == &b_only ? 0.3 : 0.1;
        c[GC_C_L2] = q == &b_only ? 0.2 : 0, c[GC_C_DECAY_ALL] = q == &b_only;
        c[GC_C_LEARNING_RATE] = q == &b_only ? 0.02 : q == &w_only ? 0.005 : 0.01;
        q->g.run(GC_TRAIN);
      }
      CHECK(difference(p.g.value(p.w), w_only.g.value(w_only.w)) == "");
      CHECK(difference(p.g.value(p.b), b_only.g.value(b_only.b)) == "");
      CHECK(difference(w_only.g.value(w_only.b), first_b) == "");
      CHECK(difference(w_only.g.moment1(w_only.b), Floats(5, 0)) == "");
      Doubles g;
      for (float x : w_only.g.grad(w_only.w)) g.push_back(static_cast<double>(x));
      CHECK(w_only.g.control[GC_C_GRAD_NORM] == doctest::Approx(norm(g)));
    }
    CHECK(gc_store_set_groups(p.g.store(), group_of, nullptr, 0) == GC_INVALID_ARGUMENT);
    const gc_group wrong[] = {{0, 0, -1, 0, 0, 0}, {0, 0, 1, 0, 0, NAN}};
    for (const gc_group& group : wrong) {
      const gc_group both[] = {{0, 0, 1, 0, 0, 0}, group};
      CHECK(gc_store_set_groups(p.g.store(), group_of, both, 2) == GC_INVALID_ARGUMENT);
    }
    CHECK(gc_store_set_groups(p.g.store(), group_of, wrong, 1) == GC_INVALID_ARGUMENT);
  }
}

TEST_CASE("parameters outside the graph are not updated") {
  Graph g;
  const int idle = g.param({4}, {1, 2, 3, 4}), w = g.param({4}, {1, 1, 1, 1});
  const int loss = g.out(GC_OP_MEAN_SQUARE, {w, g.host({4})}, {2}), other = g.out(GC_OP_TANH, {idle}, {4});
  g.control[GC_C_LEARNING_RATE] = 1;
  g.compile(loss, GC_SGD);
  g.run(GC_TRAIN);
  CHECK(g.value(idle) == Floats{1, 2, 3, 4});
  CHECK(g.value(w) == Floats{0.5f, 0.5f, 0.5f, 0.5f});
  CHECK(g.value(other)[0] == doctest::Approx(std::tanh(1.0)));
}
