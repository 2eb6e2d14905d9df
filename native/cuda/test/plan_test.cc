// Decisions of the host: the device of a plan and the reason for it, refused plans, and the memory of a plan.

#include "core/device_plan.h"
#include "twins.h"

using namespace lab;

namespace {
int tiny(Graph& g) { return g.out(GC_OP_TANH, {g.host({2, 3}, {1, 2, 3, 4, 5, 6})}, {2, 3}); }
bool says(const Graph& g, const char* what) {
  return std::string(gc_plan_explain(const_cast<Graph&>(g).plan())).find(what) != std::string::npos;
}
}  // namespace

TEST_CASE("cuda plans: explain names the device and why") {
  Graph g;
  tiny(g);
  g.device = GC_CUDA;
  g.compile();
  CHECK(says(g, "\"device\":\"cuda\",\"deviceWhy\":\"the caller asked for it\""));
  CHECK(gc_plan_bytes(g.plan()) > 0);
  g.device = GC_CPU;
  g.compile();
  CHECK(says(g, "\"device\":\"cpu\""));
}

TEST_CASE("cuda plans: auto never chooses an emulator, and says so") {
  gc_cuda cuda;
  REQUIRE(gc_cuda_info(&cuda) == GC_OK);
  if (!cuda.emulated) return;
  Graph g;
  tiny(g);
  g.device = GC_AUTO;
  g.compile();
  CHECK(says(g, "\"device\":\"cpu\",\"deviceWhy\":\"the CUDA library is an emulator, which auto never chooses\""));
  g.run();
}

TEST_CASE("cuda plans: a precision that a side lacks is refused, or sends auto to the other side") {
  Graph g;
  tiny(g);
  g.device = GC_CUDA, g.precision = GC_INT8;
  CHECK(g.try_compile() == GC_UNSUPPORTED);
  CHECK(std::string(gc_last_error()).find("int8") != std::string::npos);
  g.device = GC_AUTO;
  g.compile();
  CHECK(says(g, "has no int8 products"));
  g.device = GC_CPU, g.precision = GC_TF32;
  CHECK(g.try_compile() == GC_UNSUPPORTED);
  g.precision = 4;
  CHECK(g.try_compile() == GC_INVALID_ARGUMENT);
  g.precision = GC_FLOAT, g.device = 3;
  CHECK(g.try_compile() == GC_INVALID_ARGUMENT);
}

TEST_CASE("cuda plans: too little device memory is an error with both figures") {
  Graph g;
  const int32_t rows = 1 << 20;  // no device has room for 2^20 x 2^20 elements
  const Floats table(static_cast<size_t>(rows), 0);
  g.op(GC_OP_EMBEDDING, {g.param({1, rows}, table), g.ids({rows}, Ids(static_cast<size_t>(rows), 0))}, {rows, rows});
  g.device = GC_CUDA;
  CHECK(g.try_compile() == GC_OUT_OF_MEMORY);
  const std::string sentence = gc_last_error();
  CHECK(sentence.find("bytes of device memory, but ") != std::string::npos);
  CHECK(sentence.find(" are free") != std::string::npos);
}

TEST_CASE("cuda plans: memory is asked for beforehand, and a device with just enough takes the plan") {
  gc_cuda cuda;
  REQUIRE(gc_cuda_info(&cuda) == GC_OK);
  if (!cuda.emulated) return;
  Graph g;
  const int w = g.param({40, 30}, Random(72).floats(1200)), x = g.host({5, 30}, Random(73).floats(150));
  const int y = g.op(GC_OP_LINEAR, {x, w, Graph::none}, {5, 40});
  const int loss = g.out(GC_OP_MEAN_SQUARE, {y, g.host({5, 40})}, {2});
  g.device = GC_CUDA;
  // Parameters, the plan's tensors and the library's tables are allocated in turn; each refusal's message has the bytes that would suffice.
  struct Limit {
    ~Limit() { unsetenv("GATECELL_EMULATOR_BYTES"); }  // also after a failure, so that later tests have memory
  } limited;
  long long limit = 1, asked = 0, free = 0;
  int refusals = 0;
  for (; refusals < 9; ++refusals) {
    setenv("GATECELL_EMULATOR_BYTES", std::to_string(limit).c_str(), 1);
    const gc_status status = g.try_compile(loss, GC_ADAM);
    if (status == GC_OK) break;
    CHECK(status == GC_OUT_OF_MEMORY);
    const std::string sentence = gc_last_error();
    const char* pattern = "expected %lld bytes of device memory, but %lld are free";
    REQUIRE(sscanf(sentence.c_str(), pattern, &asked, &free) == 2);
    CHECK(free < asked);
    limit += asked - free;
  }
  CHECK(refusals == 3);
  g.run(GC_TRAIN);
}

TEST_CASE("device model: many small steps stay on the processor, large products go to the device") {
  const gc_cuda_rates rates = {2e-6, 1e-5, 2e13, 2e12};
  const double cpu = 2e11;
  gatecell::Work step, training;
  step.flops = 8.0 * 512 * 256, step.launches = 4;
  training.flops = 1e12, training.launches = 600;
  CHECK(gatecell::device_seconds(step, rates) > rates.run_seconds);
  CHECK(gatecell::device_seconds(step, rates) > step.flops / cpu);
  CHECK(gatecell::device_seconds(training, rates) < training.flops / cpu);
}

TEST_CASE("device model: work counts products and dependent launches") {
  Graph g;
  Random random(71);
  const int32_t T = 7, B = 4, I = 6, H = 10;
  const int x = g.host({T, B, I}, random.floats(T * B * I));
  g.out(GC_OP_LSTM, {x, g.param({4 * H, I}, random.floats(4 * H * I)), g.param({4 * H, H}, random.floats(4 * H * H))},
        {T, B, H}, {0});
  g.compile();
  const gatecell::Work work = gatecell::work_of(*g.plan());
  CHECK(work.flops == 8.0 * T * B * H * (I + H));
  CHECK(work.launches == T + 1);
  CHECK(work.rows == B);
  CHECK(work.columns == 4 * H);
  CHECK(work.inner == H);
}
