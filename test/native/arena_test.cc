// Plans of one store share the memory of their passes (native/core/arena_pool.h). Their results are those of plans with memory of their own,
// whatever the previous run has left in it, also on several threads; and there are no more blocks than runs at the same time.
#include <atomic>
#include <thread>

#include "core/memory.h"
#include "graphs.h"
#include "models.h"

using namespace lab;

namespace {
// A character model for sequences of `length` steps; all lengths have the same parameters.
struct Sized {
  Graph g;
  int x, logits, loss;
  std::vector<int> parameters;

  explicit Sized(int32_t length, int32_t precision = GC_FLOAT, int32_t threads = 2) {
    const int32_t B = 3, I = 9, H = 24, V = 7;
    Random random(53), data(100 + static_cast<uint64_t>(length));
    g.precision = precision, g.threads = threads;
    const auto weights = [&](const Dims& dims) {
      parameters.push_back(g.param(dims, random.floats(count_of(dims), 0.3)));
      return parameters.back();
    };
    x = g.host({length, B, I}, data.floats(int64_t{length} * B * I));
    const int lengths = g.ids({B}, {length, length - length / 2, 1});
    int both[2];
    for (int i = 0; i < 2; ++i) {
      both[i] = g.internal({length, B, H});
      g.record(GC_OP_LSTM,
               {x, weights({4 * H, I}), weights({4 * H, H}), weights({4 * H}), Graph::none, Graph::none, Graph::none,
                lengths},
               {both[i]}, {static_cast<double>(i)});
    }
    const int y = g.op(GC_OP_CONCAT, {both[0], both[1]}, {length, B, 2 * H});
    logits = g.out(GC_OP_LINEAR, {y, weights({V, 2 * H}), weights({V})}, {length, B, V});
    const int targets = g.ids({length, B}, data.ids(int64_t{length} * B, 0, V));
    loss = precision == GC_INT8 ? Graph::none : g.out(GC_OP_CROSS_ENTROPY, {logits, targets}, {2});
  }
  gc_mode mode() const { return loss == Graph::none ? GC_FORWARD : GC_GRADIENT; }
};

// A plan of the model `of` on the store of another model with the same parameters.
gc_plan* plan_on(gc_store* store, Sized& of) {
  gc_plan_desc desc = of.g.describe(of.loss, 0);
  desc.store = store;
  gc_plan* plan = nullptr;
  REQUIRE(gc_plan_create(&desc, &plan) == GC_OK);
  return plan;
}

// Results of a run on a store, and therefore in memory, that no other plan uses.
Floats alone(int32_t length, int32_t precision, Floats* gradient) {
  Sized one(length, precision);
  one.g.compile(one.loss);
  one.g.run(one.mode());
  if (one.loss != Graph::none) *gradient = one.g.grad(one.parameters[0]);
  return one.g.value(one.logits);
}
}  // namespace

TEST_CASE("arena: plans of all lengths on one store have one block and the results of plans by themselves") {
  const int32_t lengths[] = {5, 40, 1, 17, 33, 2};
  for (int32_t precision : {GC_FLOAT, GC_BF16, GC_INT8}) {
    Sized owner(8, precision);
    owner.g.compile(owner.loss);
    std::vector<std::unique_ptr<Sized>> models;
    std::vector<gc_plan*> plans;
    int64_t largest = owner.g.plan()->arena.bytes();
    for (int32_t length : lengths) {
      models.push_back(std::make_unique<Sized>(length, precision));
      plans.push_back(plan_on(owner.g.store(), *models.back()));
      largest = std::max(largest, plans.back()->arena.bytes());
    }
    for (int round = 0; round < 2; ++round) {
      for (size_t i = 0; i < plans.size(); ++i) {
        CAPTURE(lengths[i]);
        Floats gradient;
        const Floats expected = alone(lengths[i], precision, &gradient);
        REQUIRE(gc_plan_run(plans[i], models[i]->mode()) == GC_OK);
        CHECK(difference(models[i]->g.value(models[i]->logits), expected) == "");
        if (owner.loss != Graph::none) CHECK(difference(owner.g.grad(owner.parameters[0]), gradient) == "");
        // This run leaves NaN in the memory, which must not reach the results of the next plan.
        Floats nothing(static_cast<size_t>(models[i]->g.count(models[i]->x)), NAN),
            values = models[i]->g.value(models[i]->x);
        models[i]->g.set(models[i]->x, nothing);
        gc_plan_run(plans[i], models[i]->mode());
        models[i]->g.set(models[i]->x, values);
      }
    }
    const gatecell::ArenaPool& pool = owner.g.store()->arenas;
    CHECK(pool.bytes() >= largest);
    CHECK(pool.bytes() <= gatecell::Block::size_of(largest + largest / 4));
    CHECK(gc_store_bytes(owner.g.store()) == pool.bytes() + owner.g.store()->packed_bytes());
    CHECK(gc_plan_bytes(plans[0]) == gc_plan_own_bytes(plans[0]) + gc_store_bytes(owner.g.store()));
    for (gc_plan* plan : plans) gc_plan_destroy(plan);
    const int64_t own = owner.g.plan()->arena.bytes();
    CHECK(pool.bytes() <= gatecell::Block::size_of(own + own / 4));  // large blocks are freed with their plans
    owner.g.run(owner.mode());
  }
}

TEST_CASE("arena: a run that begins with NaN in its memory has the same bits") {
  const auto check = [](const std::string& what, Graph& g, int loss, const std::vector<int>& parameters,
                        const std::vector<int>& results) {
    g.compile(loss);
    std::vector<Floats> before;
    for (const bool soils : {false, true}) {
      for (gc_mode mode : {GC_FORWARD, GC_GRADIENT}) {
        const gatecell::Plan& plan = *g.plan();
        if (soils) fill_with_nan(plan.base, plan.arena.bytes());
        g.run(mode);
      }
      std::vector<Floats> all;
      for (int id : parameters) all.push_back(g.grad(id));
      for (int id : results) all.push_back(g.value(id));
      for (size_t i = 0; i < before.size(); ++i) CHECK_MESSAGE(difference(all[i], before[i]) == "", what);
      before = all;
    }
  };
  for (uint64_t seed = 0; seed < 40; ++seed) {
    RandomGraph r(seed, 2 + static_cast<int>(seed % 10), false);
    check("random graph " + std::to_string(seed), r.graph, r.loss, r.parameters, {});
  }
  for (Around kind : {Around::kFold, Around::kDirections, Around::kStack})
    for (size_t condition = 0; condition < conditions_of(kind).size(); ++condition) {
      Model m(kind, condition, 7000 + condition);
      if (m.graph.carries.empty()) check(m.what, m.graph, m.loss, m.parameters, m.results);
    }
}

TEST_CASE("threads: runs of one store at the same time have a block each, and few are kept") {
  constexpr int kThreads = 6;
  Sized owner(4, GC_FLOAT, 1);
  owner.g.compile(owner.loss);
  std::atomic<int> wrong{0};
  std::vector<std::unique_ptr<Sized>> models;
  std::vector<gc_plan*> plans;
  std::vector<Floats> expected;
  for (int i = 0; i < kThreads; ++i) {
    Floats ignored;
    models.push_back(std::make_unique<Sized>(1 + 7 * i, GC_FLOAT, 1));
    plans.push_back(plan_on(owner.g.store(), *models.back()));
    expected.push_back(alone(1 + 7 * i, GC_FLOAT, &ignored));
  }
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int run = 0; run < 30; ++run) {
        if (gc_plan_run(plans[i], GC_FORWARD) != GC_OK) wrong.fetch_add(1);
        if (!difference(models[i]->g.value(models[i]->logits), expected[i]).empty()) wrong.fetch_add(1);
        if (run % 10 != 9) continue;  // plans are made and destroyed during the runs
        gc_plan_destroy(plans[i]);
        gc_plan_desc desc = models[i]->g.describe(models[i]->loss, 0);
        desc.store = owner.g.store();
        if (gc_plan_create(&desc, &plans[i]) != GC_OK) wrong.fetch_add(1);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  int64_t largest = 0;
  for (const gc_plan* plan : plans) largest = std::max(largest, plan->arena.bytes());
  CHECK(owner.g.store()->arenas.bytes() <= 5 * gatecell::Block::size_of(largest + largest / 4));
  for (gc_plan* plan : plans) gc_plan_destroy(plan);
}

TEST_CASE("arena: a second block that the system refuses is an error of only that run") {
  gatecell::ArenaPool pool;
  REQUIRE(pool.enter(1 << 20));
  gatecell::Block first = pool.take(1 << 20);
  REQUIRE(first.data() != nullptr);
  gatecell::refuse_block = [] { return true; };
  CHECK(pool.take(1 << 20).data() == nullptr);
  CHECK(!pool.enter(2 << 20));
  gatecell::refuse_block = nullptr;
  char* const at = first.data();
  pool.give(std::move(first));
  CHECK(pool.bytes() >= 1 << 20);
  CHECK(pool.take(1 << 19).data() == at);
  pool.leave(1 << 20);
}
