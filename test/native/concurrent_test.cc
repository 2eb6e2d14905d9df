// Several threads that train, evaluate, compile and copy weights at the same time: the locks of the store and of plans. ThreadSanitizer
// runs these cases, too.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "core/store.h"
#include "lab.h"

using namespace lab;

namespace {
// A small network with its own store and the given number of threads.
struct Network {
  Graph g;
  int w_ih, y, loss;
  explicit Network(int32_t threads) {
    Random random(81);
    g.threads = threads;
    w_ih = g.param({256, 40}, random.floats(256 * 40, 0.2));
    const int w_hh = g.param({256, 64}, random.floats(256 * 64, 0.2)),
              x = g.host({4, 6, 40}, random.floats(4 * 6 * 40));
    y = g.out(GC_OP_LSTM, {x, w_ih, w_hh}, {4, 6, 64}, {0});
    loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({4, 6, 64}, random.floats(4 * 6 * 64))}, {2});
    g.control[GC_C_LEARNING_RATE] = 0.1;
    g.compile(loss, GC_SGD);
  }
};
}  // namespace

TEST_SUITE("threads") {
  // Two plans of two stores run at the same time. Each must give the same results as without the other.
  TEST_CASE("threads: networks training at the same time do not disturb each other") {
    Network alone(2);
    for (int step = 0; step < 6; ++step) alone.g.run(GC_TRAIN);
    Network a(2), b(2);
    std::atomic<int> failed{0};
    const auto train = [&](Network& n) {
      for (int step = 0; step < 6; ++step)
        if (gc_plan_run(n.g.plan(), GC_TRAIN) != GC_OK) failed.fetch_add(1);
    };
    std::thread other([&] { train(a); });
    train(b);
    other.join();
    CHECK(failed == 0);
    CHECK(difference(a.g.value(a.w_ih), alone.g.value(alone.w_ih)) == "");
    CHECK(difference(b.g.value(b.w_ih), alone.g.value(alone.w_ih)) == "");
  }

  // One plan trains while another one of the same store is evaluated. The evaluation reads one version of the weights or the next.
  TEST_CASE("threads: evaluating while the same parameters train") {
    Network n(2);
    gc_plan_desc d = n.g.describe(Graph::none, 0);
    Aligned arena;  // a host arena of its own, laid out alike
    arena.resize(d.host_elements);
    memcpy(arena.data, d.host, static_cast<size_t>(d.host_elements) * 4);
    double control[GC_CONTROL_SIZE] = {};
    d.host = arena.data, d.control = control;
    gc_plan* evaluation = nullptr;
    REQUIRE(gc_plan_create(&d, &evaluation) == GC_OK);
    std::atomic<bool> stop{false};
    std::atomic<int> failed{0};
    std::thread evaluator([&] {
      while (!stop)
        if (gc_plan_run(evaluation, GC_FORWARD) != GC_OK) failed.fetch_add(1);
    });
    for (int step = 0; step < 30; ++step)
      if (gc_plan_run(n.g.plan(), GC_TRAIN) != GC_OK) failed.fetch_add(1);
    stop = true;
    evaluator.join();
    CHECK(failed == 0);
    REQUIRE(gc_plan_run(evaluation, GC_FORWARD) == GC_OK);
    n.g.run(GC_FORWARD);
    const float* evaluated =
        arena.data + (n.g.data(n.y) - static_cast<const float*>(n.g.describe(Graph::none, 0).host));
    CHECK(difference(Floats(evaluated, evaluated + n.g.count(n.y)), n.g.value(n.y)) == "");
    gc_plan_destroy(evaluation);
  }

  // The number of bytes is read while another thread adds packed weights to the store.
  TEST_CASE("threads: plans are compiled on one store at the same time") {
    Network n(1);
    const gc_plan_desc first = n.g.describe(Graph::none, 0);
    std::vector<std::thread> compilers;
    std::atomic<int> failed{0};
    for (int32_t precision : {GC_FLOAT, GC_BF16, GC_INT8}) {
      compilers.emplace_back([&, precision] {
        Aligned arena;
        arena.resize(first.host_elements);
        memcpy(arena.data, first.host, static_cast<size_t>(first.host_elements) * 4);
        double control[GC_CONTROL_SIZE] = {};
        gc_plan_desc mine = first;
        mine.host = arena.data, mine.control = control, mine.precision = precision;
        for (int round = 0; round < 20; ++round) {
          gc_plan* plan = nullptr;
          if (gc_plan_create(&mine, &plan) != GC_OK || gc_plan_bytes(plan) <= 0) failed.fetch_add(1);
          if (plan) gc_plan_destroy(plan);
        }
      });
    }
    for (std::thread& compiler : compilers) compiler.join();
    CHECK(failed == 0);
  }

  // The passes of a step hold a shared lock on the mutex of the store until they end. Calls of an event loop must not wait for it:
  // compiling, packing for a new plan, a forward run, fetching, copying, counting bytes.
  TEST_CASE("threads: nothing but a change of the weights waits for the passes of a step") {
    Network n(1);
    Network other(1);
    gc_plan_desc d = n.g.describe(Graph::none, 0);
    Floats copy(static_cast<size_t>(n.g.store()->arena_floats));
    std::shared_lock<std::shared_mutex> passes(n.g.store()->mutex);
    std::future<bool> done = std::async(std::launch::async, [&] {
      gc_plan* plan = nullptr;
      const bool made = gc_plan_create(&d, &plan) == GC_OK && gc_plan_run(plan, GC_FORWARD) == GC_OK &&
                        gc_plan_bytes(plan) > 0 && gc_store_fetch(n.g.store()) == GC_OK &&
                        gc_store_copy(n.g.store(), 0, copy.data(), static_cast<int64_t>(copy.size())) == GC_OK;
      if (plan) gc_plan_destroy(plan);
      return made;
    });
    const bool ended = done.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
    passes.unlock();
    CHECK(ended);
    CHECK(done.get());
  }

  TEST_CASE("threads: plans are compiled and weights copied while the store trains; a copy is of one step") {
    Network n(2);
    const size_t floats = static_cast<size_t>(n.g.store()->arena_floats);
    const auto whole = [&] {
      Floats values(floats);
      REQUIRE(gc_store_copy(n.g.store(), 0, values.data(), static_cast<int64_t>(floats)) == GC_OK);
      return values;
    };
    std::vector<Floats> steps = {whole()}, copies;
    gc_plan_desc d = n.g.describe(Graph::none, 0);
    Aligned arena;
    arena.resize(d.host_elements);
    memcpy(arena.data, d.host, static_cast<size_t>(d.host_elements) * 4);
    double control[GC_CONTROL_SIZE] = {};
    d.host = arena.data, d.control = control;
    std::atomic<bool> stop{false};
    std::atomic<int> failed{0};
    std::thread other([&] {
      while (!stop) {
        gc_plan* plan = nullptr;
        if (gc_plan_create(&d, &plan) != GC_OK || gc_plan_run(plan, GC_FORWARD) != GC_OK) failed.fetch_add(1);
        if (plan) gc_plan_destroy(plan);
        Floats values(floats);
        if (gc_store_copy(n.g.store(), 0, values.data(), static_cast<int64_t>(floats)) != GC_OK) failed.fetch_add(1);
        if (copies.size() < 200) copies.push_back(values);
      }
    });
    for (int step = 0; step < 40; ++step) {
      if (gc_plan_run(n.g.plan(), GC_TRAIN) != GC_OK) failed.fetch_add(1);
      steps.push_back(whole());
    }
    stop = true;
    other.join();
    CHECK(failed == 0);
    for (const Floats& copy : copies) CHECK(std::find(steps.begin(), steps.end(), copy) != steps.end());
    Floats room(floats);
    CHECK(gc_store_copy(n.g.store(), 1, room.data(), static_cast<int64_t>(floats)) == GC_INVALID_ARGUMENT);
    CHECK(gc_store_copy(n.g.store(), 0, room.data(), 1) == GC_INVALID_SHAPE);
  }

  TEST_CASE("threads: a plan that is running refuses a second run") {
    Network n(1);
    std::atomic<int> ran{0}, busy{0}, other{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 3; ++caller) {
      callers.emplace_back([&] {
        for (int i = 0; i < 30; ++i) {
          const gc_status status = gc_plan_run(n.g.plan(), GC_FORWARD);
          (status == GC_OK ? ran : status == GC_BUSY ? busy : other).fetch_add(1);
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(ran + busy == 90);
    CHECK(ran > 0);
    CHECK(other == 0);
  }
}
