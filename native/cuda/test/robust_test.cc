// Failures on the host's side, and the state after them: refused memory, invalid data, plans that are made and destroyed while others exist.
#include <thread>

#include "core/backend.h"
#include "twins.h"

using namespace lab;

namespace {
int64_t free_bytes() {
  int64_t free = 0;
  REQUIRE(gatecell::cuda_backend().table->free_bytes(&free) == GC_OK);
  return free;
}
bool emulated() {
  gc_cuda cuda;
  REQUIRE(gc_cuda_info(&cuda) == GC_OK);
  return cuda.emulated != 0;
}

// A training of an embedding and a layer; `ids` and `loss` are its tensors.
struct Small {
  Graph g;
  int ids, loss;
  explicit Small(uint64_t seed, int32_t device = GC_CUDA) {
    Random random(seed);
    const int32_t T = 3, B = 2, V = 5, H = 6;
    ids = g.ids({T, B}, random.ids(T * B, 0, V));
    const int x = g.op(GC_OP_EMBEDDING, {g.param({V, H}, random.floats(V * H)), ids}, {T, B, H});
    const int w = g.param({4 * H, H}, random.floats(4 * H * H)), u = g.param({4 * H, H}, random.floats(4 * H * H));
    const int y = g.op(GC_OP_LSTM, {x, w, u}, {T, B, H}, {0});
    loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({T, B, H}, random.floats(T * B * H))}, {2});
    g.device = device;
    g.control[GC_C_LEARNING_RATE] = 0.01;
    g.control[GC_C_BETA1] = 0.9, g.control[GC_C_BETA2] = 0.999, g.control[GC_C_EPSILON] = 1e-8;
  }
  gc_status try_compile() { return g.try_compile(loss, GC_ADAM); }
  Floats train(int steps) {
    for (int step = 0; step < steps; ++step) {
      g.control[GC_C_STEP] = step;
      g.run(GC_TRAIN);
    }
    g.fetch();
    return g.value(loss);
  }
};
}  // namespace

TEST_CASE("cuda robustness: a plan that is refused midway leaves no memory behind, and the next one fits") {
  if (!emulated()) return;
  const int64_t before = free_bytes();
  {
    Small small(81);
    // Pinned memory is allocated after device memory.
    setenv("GATECELL_EMULATOR_PINNED", "16", 1);
    CHECK(small.try_compile() == GC_OUT_OF_MEMORY);
    CHECK(std::string(gc_last_error()).find("bytes of pinned host memory") != std::string::npos);
    const int64_t store = before - free_bytes();  // the parameters stay with their store
    CHECK(store > 0);
    CHECK(small.try_compile() == GC_OUT_OF_MEMORY);
    CHECK(before - free_bytes() == store);
    unsetenv("GATECELL_EMULATOR_PINNED");
    REQUIRE(small.try_compile() == GC_OK);
    small.train(1);
    CHECK(before - free_bytes() > store);
  }
  CHECK(free_bytes() == before);
}

TEST_CASE("cuda robustness: a plan whose tables are refused gives back its tensors") {
  if (!emulated()) return;
  const int64_t before = free_bytes();
  Small small(82);
  REQUIRE(small.try_compile() == GC_OK);
  const int64_t whole = before - free_bytes();
  gc_cuda cuda;
  REQUIRE(gc_cuda_info(&cuda) == GC_OK);
  Small other(82);
  const int64_t taken = cuda.memory_bytes - free_bytes();
  setenv("GATECELL_EMULATOR_BYTES", std::to_string(taken + whole - 1).c_str(), 1);
  CHECK(other.try_compile() == GC_OUT_OF_MEMORY);
  unsetenv("GATECELL_EMULATOR_BYTES");
  REQUIRE(other.try_compile() == GC_OK);
  CHECK(before - free_bytes() == 2 * whole);
}

TEST_CASE("cuda robustness: auto goes to the processor where the device has no room") {
  if (!emulated()) return;
  Small small(83, GC_AUTO);
  REQUIRE(small.try_compile() == GC_OK);  // GC_AUTO never chooses an emulated device
  CHECK(std::string(gc_plan_explain(small.g.plan())).find("\"device\":\"cpu\"") != std::string::npos);
}

TEST_CASE("cuda robustness: after a run that met bad data the next one is as if nothing had been") {
  Small cpu(84, GC_CPU), device(84);
  REQUIRE(cpu.try_compile() == GC_OK);
  REQUIRE(device.try_compile() == GC_OK);
  cpu.train(1), device.train(1);
  const int32_t good = device.g.id_data(device.ids)[2];
  for (int32_t bad : {5, -1}) {
    device.g.id_data(device.ids)[2] = bad;
    for (gc_mode mode : {GC_FORWARD, GC_GRADIENT, GC_TRAIN}) {
      CHECK(gc_plan_run(device.g.plan(), mode) == GC_OUT_OF_RANGE);
      CHECK(std::string(gc_last_error()).find("embedding: expected ids from 0 to 4") != std::string::npos);
    }
    device.g.id_data(device.ids)[2] = good;
  }
  CHECK(difference(device.train(3), cpu.train(3)) == "");
}

TEST_CASE("cuda robustness: plans of one store share its weights, whichever of them trains and whichever goes first") {
  Small cpu(85, GC_CPU), device(85);
  REQUIRE(cpu.try_compile() == GC_OK);
  REQUIRE(device.try_compile() == GC_OK);
  gc_plan_desc again = device.g.describe(device.loss, GC_ADAM);
  double control[GC_CONTROL_SIZE];
  memcpy(control, device.g.control, sizeof control);
  again.control = control;
  gc_plan* second = nullptr;
  REQUIRE(gc_plan_create(&again, &second) == GC_OK);
  for (int step = 0; step < 4; ++step) {
    cpu.g.control[GC_C_STEP] = device.g.control[GC_C_STEP] = control[GC_C_STEP] = step;
    cpu.g.run(GC_TRAIN);
    gc_plan* which = step % 2 && second ? second : device.g.plan();
    REQUIRE(gc_plan_run(which, GC_TRAIN) == GC_OK);
    if (step == 2) gc_plan_destroy(second), second = nullptr;
  }
  CHECK(difference(device.g.value(device.loss), cpu.g.value(cpu.loss)) == "");
}

TEST_CASE("cuda robustness: plans run, are made and go on threads of their own") {
  constexpr int kThreads = 3, kRounds = 4;
  Floats expected[kThreads], got[kThreads][kRounds];
  for (int i = 0; i < kThreads; ++i) {
    Small cpu(90 + static_cast<uint64_t>(i), GC_CPU);
    REQUIRE(cpu.try_compile() == GC_OK);
    expected[i] = cpu.train(2);
  }
  const int64_t before = free_bytes();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (Floats& loss : got[i]) {
        Small device(90 + static_cast<uint64_t>(i));
        if (device.try_compile() == GC_OK) loss = device.train(2);
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < kThreads; ++i)
    for (const Floats& loss : got[i]) CHECK(difference(loss, expected[i]) == "");
  if (emulated()) CHECK(free_bytes() == before);  // other processes may use a real device
}

TEST_CASE("cuda robustness: a plan explains itself before its first run, and its runs can be timed") {
  Small cpu(86, GC_CPU), device(86);
  REQUIRE(cpu.try_compile() == GC_OK);
  REQUIRE(device.try_compile() == GC_OK);
  CHECK(std::string(gc_plan_explain(device.g.plan())).find("\"device\":\"cuda\"") != std::string::npos);
  double seconds = 0;
  CHECK(gc_plan_time(cpu.g.plan(), GC_FORWARD, 2, &seconds) == GC_UNSUPPORTED);
  CHECK(gc_plan_time(device.g.plan(), GC_FORWARD, 0, &seconds) == GC_INVALID_ARGUMENT);
  for (gc_mode mode : {GC_FORWARD, GC_GRADIENT}) {
    REQUIRE(gc_plan_time(device.g.plan(), mode, 3, &seconds) == GC_OK);
    CHECK(seconds > 0);
  }
  device.g.id_data(device.ids)[0] = 77;
  CHECK(gc_plan_time(device.g.plan(), GC_FORWARD, 2, &seconds) == GC_OUT_OF_RANGE);
}

TEST_CASE("cuda robustness: what the device does in a second is measured") {
  gc_cuda_rates rates = {};
  for (int32_t precision : {GC_FLOAT, GC_TF32, GC_BF16}) {
    REQUIRE(gc_cuda_measure(precision, &rates) == GC_OK);
    for (double rate : {rates.flops, rates.copy_bytes, rates.launch_seconds, rates.run_seconds}) CHECK(rate > 0);
  }
  CHECK(gc_cuda_measure(GC_INT8, &rates) == GC_INVALID_ARGUMENT);
}
