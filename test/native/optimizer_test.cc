// The update: every optimiser against its plain formulas in double, global clipping, refusal of what is not finite.
#include "optimizer_lab.h"

using namespace lab;

namespace {
// One step of the plain formulas; m, v and most are the moments, t counts from 1. Matrices are the first 21 values.
struct Plain {
  int optimizer;
  double lr = 0.01, decay = 0, clip = 0, l2 = 0;
  bool nesterov = false, decay_all = false;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  Doubles m = Doubles(26, 0), v = Doubles(26, 0), most = Doubles(26, 0);

  void step(Doubles& w, Doubles g, int t) {
    const double n = norm(g);
    for (size_t i = 0; i < w.size(); ++i) {
      const bool decays = decay_all || i < 21;
      if (clip > 0 && n > clip) g[i] *= clip / n;
      if (decays) g[i] += l2 * w[i];
      if (optimizer == GC_SGD) {
        m[i] = beta1 * m[i] + g[i];
        w[i] -= lr * (nesterov ? g[i] + beta1 * m[i] : m[i]);
      } else if (optimizer == GC_RMSPROP) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i] * g[i];
        w[i] -= lr * g[i] / (std::sqrt(m[i]) + epsilon);
      } else {
        if (optimizer != GC_ADAM && decays) w[i] *= 1 - lr * decay;
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        most[i] = std::fmax(most[i], v[i]);
        const double second = optimizer == GC_AMSGRAD ? most[i] : v[i];
        const double a = m[i] / (1 - std::pow(beta1, t)), b = second / (1 - std::pow(beta2, t));
        w[i] -= lr * a / (std::sqrt(b) + epsilon);
      }
    }
  }
};

// Twenty steps; after the tenth the target is near the weights, so that AMSGrad's largest moment is not the present one.
void check_course(Plain plain) {
  CAPTURE(plain.optimizer);
  CAPTURE(plain.l2);
  Problem p(plain.optimizer);
  p.g.control[GC_C_CLIP_NORM] = plain.clip;
  p.g.control[GC_C_WEIGHT_DECAY] = plain.decay;
  p.g.control[GC_C_LEARNING_RATE] = plain.lr;
  p.g.control[GC_C_BETA1] = plain.beta1;
  p.g.control[GC_C_BETA2] = plain.beta2;
  p.g.control[GC_C_L2] = plain.l2;
  p.g.control[GC_C_NESTEROV] = plain.nesterov;
  p.g.control[GC_C_DECAY_ALL] = plain.decay_all;
  Doubles w = widen(p.values());
  for (int step = 0; step < 20; ++step) {
    CAPTURE(step);
    if (step == 10) {
      Floats near = p.values();
      for (float& x : near) x += 1e-2f;
      p.g.set(p.target, near);
    }
    p.g.control[GC_C_STEP] = step;
    const Doubles g = p.gradients(w);
    plain.step(w, g, step + 1);
    p.g.run(GC_TRAIN);
    CHECK(p.g.control[GC_C_APPLIED] == 1);
    CHECK(p.g.control[GC_C_GRAD_NORM] == doctest::Approx(norm(g)).epsilon(step < 10 ? 1e-5 : 1e-3));
    CHECK(error(p.values(), w) < 5e-6 * (step + 1));
  }
}
}  // namespace

TEST_CASE("optimisers follow their formulas over twenty steps") {
  for (int optimizer : {GC_SGD, GC_RMSPROP, GC_ADAM, GC_ADAMW, GC_AMSGRAD}) {
    check_course({optimizer, 0.01});
    check_course({optimizer, 0.02, 0, 0.05});
    check_course({optimizer, 0.01, 0, 0.05, 0.3});
    check_course({optimizer, 0.01, 0, 0, 0.1, false, true});
  }
  check_course({GC_SGD, 0.01, 0, 0, 0, true});
  check_course({GC_SGD, 0.01, 0, 0.05, 0.2, true, true});
  for (int optimizer : {GC_ADAMW, GC_AMSGRAD}) {
    check_course({optimizer, 0.01, 0.1});
    check_course({optimizer, 0.02, 5, 0.1});
    check_course({optimizer, 0.01, 0.5, 0, 0, false, true});
  }
}

// The float next to 0.9999999 is 0.99999988, so that 1 - beta in float is a fifth too large.
TEST_CASE("optimisers follow their formulas up to the largest beta that is allowed") {
  for (double beta : {0.0, 0.5, 0.99, 0.9999, 0.999999, 0.9999999}) {
    CAPTURE(beta);
    Plain plain = {GC_RMSPROP, 1e-5};
    plain.beta1 = beta;
    check_course(plain);
    for (int optimizer : {GC_ADAM, GC_ADAMW, GC_AMSGRAD}) {
      plain = {optimizer, 0.01};
      plain.beta1 = beta;
      check_course(plain);
      plain.beta1 = 0.9;
      plain.beta2 = beta;
      check_course(plain);
    }
  }
}

TEST_CASE("AMSGrad needs its arena of moments, once") {
  Problem p(GC_ADAM);
  gc_plan_desc d = p.g.describe(p.loss, GC_ADAM);
  gc_plan* plan = nullptr;
  d.optimizer = GC_AMSGRAD;
  CHECK(gc_plan_create(&d, &plan) == GC_INVALID_ARGUMENT);
  REQUIRE(p.g.try_compile(p.loss, GC_AMSGRAD) == GC_OK);
  alignas(64) static float again[64];
  CHECK(gc_store_add_arena(p.g.store(), 4, again) == GC_INVALID_ARGUMENT);
  CHECK(gc_store_add_arena(p.g.store(), 5, nullptr) == GC_INVALID_ARGUMENT);
  for (int group : {-1, 0, 3, 7}) CHECK(gc_store_add_arena(p.g.store(), group, again) == GC_INVALID_ARGUMENT);
}

TEST_CASE("averaged weights follow the weights of applied updates, with the same bits for any number of threads") {
  for (int optimizer : {GC_SGD, GC_RMSPROP, GC_ADAM}) {
    Problem p(optimizer), team(optimizer, 3);
    p.g.control[GC_C_AVERAGE] = 1;
    CHECK(gc_plan_run(p.g.plan(), GC_TRAIN) == GC_INVALID_ARGUMENT);
    p.g.add_average(), team.g.add_average();
    Doubles mean;
    for (int step = 0; step < 8; ++step) {
      const double part = step == 0 ? 1 : 1 - 0.9;
      const bool spoiled = step == 5;
      const Floats good = p.g.value(p.target);
      for (Problem* one : {&p, &team}) {
        one->g.control[GC_C_STEP] = step, one->g.control[GC_C_AVERAGE] = part;
        if (spoiled) one->g.set(one->target, Floats(26, NAN));
        one->g.run(GC_TRAIN);
        if (spoiled) one->g.set(one->target, good);
      }
      const Floats w = p.g.value(p.w);
      mean.resize(w.size());
      for (size_t i = 0; i < w.size() && !spoiled; ++i) mean[i] += part * (static_cast<double>(w[i]) - mean[i]);
      if (step == 0) CHECK(difference(p.g.average(p.w), w) == "");
      CHECK(error(p.g.average(p.w), mean) < 1e-6);
      CHECK(difference(p.g.average(p.w), team.g.average(p.w)) == "");
      CHECK(difference(p.g.average(p.b), team.g.average(p.b)) == "");
    }
  }
}

TEST_CASE("Adam without decoupled decay ignores the weight decay of the control block") {
  Problem with(GC_ADAM), without(GC_ADAM);
  with.g.control[GC_C_WEIGHT_DECAY] = 0.5;
  with.g.run(GC_TRAIN);
  without.g.run(GC_TRAIN);
  CHECK(difference(with.values(), without.values()) == "");
}

TEST_CASE("a gradient or loss that is not finite changes nothing and says so") {
  for (float bad : {NAN, HUGE_VALF, 3e38f}) {
    Problem p(GC_ADAM);
    const Floats good = p.g.value(p.target);
    p.g.run(GC_TRAIN);
    const Floats before = p.values();
    Floats spoiled = good;
    spoiled[4] = bad;
    p.g.set(p.target, spoiled);
    p.g.run(GC_TRAIN);
    CHECK(p.g.control[GC_C_APPLIED] == 0);
    CHECK(!(std::isfinite(p.g.control[GC_C_LOSS]) && std::isfinite(p.g.control[GC_C_GRAD_NORM])));
    CHECK(difference(p.values(), before) == "");
    // The next step is what it would have been without the refused one.
    Problem twin(GC_ADAM);
    twin.g.run(GC_TRAIN);
    p.g.set(p.target, good);
    p.g.run(GC_TRAIN);
    twin.g.run(GC_TRAIN);
    CHECK(p.g.control[GC_C_APPLIED] == 1);
    CHECK(difference(p.values(), twin.values()) == "");
  }
}

TEST_CASE("a gradient run does not change parameters; a forward run does not change gradients") {
  Problem p(GC_SGD);
  const Floats before = p.values();
  p.g.run(GC_GRADIENT);
  CHECK(difference(p.values(), before) == "");
  CHECK(error(p.g.grad(p.b), Doubles(5, 0)) > 0);
  const Floats gradient = p.g.grad(p.w);
  p.g.set(p.target, Floats(26, 3));
  p.g.run(GC_FORWARD);
  CHECK(difference(p.g.grad(p.w), gradient) == "");
}

TEST_SUITE("threads") {
  TEST_CASE("training: the same bits with 1, 2 and 3 threads over several steps") {
    const auto train = [](int32_t threads) {
      Graph g;
      Random random(33);
      g.threads = threads;
      const int w_ih = g.param({512, 70}, random.floats(512 * 70, 0.1)),
                w_hh = g.param({512, 128}, random.floats(512 * 128, 0.1));
      const int head = g.param({40, 128}, random.floats(40 * 128, 0.1)), bias = g.param({40}, random.floats(40));
      const int x = g.host({5, 9, 70}, random.floats(5 * 9 * 70)), targets = g.ids({5, 9}, random.ids(45, 0, 40));
      const int y = g.op(GC_OP_LSTM, {x, w_ih, w_hh}, {5, 9, 128}, {0}),
                dropped = g.op(GC_OP_DROPOUT, {y}, {5, 9, 128}, {0.2, 0, 1});
      const int loss =
          g.out(GC_OP_CROSS_ENTROPY, {g.op(GC_OP_LINEAR, {dropped, head, bias}, {5, 9, 40}), targets}, {2});
      g.control[GC_C_LEARNING_RATE] = 0.01, g.control[GC_C_BETA1] = 0.9, g.control[GC_C_BETA2] = 0.999,
      g.control[GC_C_EPSILON] = 1e-8;
      g.control[GC_C_CLIP_NORM] = 0.5, g.control[GC_C_SEED] = 5;
      g.compile(loss, GC_ADAM);
      for (int step = 0; step < 4; ++step) {
        g.control[GC_C_STEP] = step;
        g.run(GC_TRAIN);
      }
      Floats all = {static_cast<float>(g.control[GC_C_GRAD_NORM]), static_cast<float>(g.control[GC_C_LOSS])};
      for (int id : {w_ih, w_hh, head, bias}) {
        const Floats v = g.value(id);
        all.insert(all.end(), v.begin(), v.end());
      }
      return all;
    };
    const Floats one = train(1);
    for (int32_t threads : {2, 3}) CHECK(difference(train(threads), one) == "");
  }
}
