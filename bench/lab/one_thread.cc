// The engine on one thread, through its C ABI, by the clock of that thread alone: what other processes take does not count, so
// two builds can be compared in turn on a busy machine (caches are still shared; medians of several runs of each).
//
//   c++ -O2 -std=c++17 -Inative/include bench/lab/one_thread.cc build/libgatecell_core.a -ldl -lpthread -o one_thread
//   ./one_thread step 128 2            nanoseconds a step of two layers of 128 at batch 1, 400 x 32 steps
//   ./one_thread layer 512 16          milliseconds of forward and backward of a layer, T = 64, B = 16: what one of two
//                                      threads does at B = 32
//   third argument but one: 0 f32, 1 bf16, 2 int8; last: repetitions
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "gatecell/gatecell.h"

namespace {
double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }

float* values(int64_t count) {
  auto* v = static_cast<float*>(aligned_alloc(64, static_cast<size_t>(round16(count + 16)) * 4));
  unsigned state = 1;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    v[i] = (static_cast<float>(state >> 8) / 8388608.0f - 1) * 0.08f;
  }
  return v;
}

struct Net {
  std::vector<int32_t> tensors, ops, carry;
  std::vector<double> attributes;
  std::vector<gc_param> params;
  int64_t floats = 0, host = 0;
  int count = 0;

  int add(int role, int slot, std::vector<int> dims) {
    tensors.insert(tensors.end(), {GC_F32, role, slot, static_cast<int>(dims.size())});
    dims.resize(4, 1);
    tensors.insert(tensors.end(), dims.begin(), dims.end());
    return count++;
  }
  int param(int rows, int columns) {
    params.push_back({floats, columns ? 2 : 1, {rows, columns ? columns : 1}});
    floats += round16(int64_t{rows} * (columns ? columns : 1));
    const auto dims = columns ? std::vector<int>{rows, columns} : std::vector<int>{rows};
    return add(GC_PARAMETER, static_cast<int>(params.size()) - 1, dims);
  }
  int hosted(const std::vector<int>& dims) {
    int64_t n = 1;
    for (int d : dims) n *= d;
    const int id = add(GC_HOST, static_cast<int>(host), dims);
    host += round16(n);
    return id;
  }
  int inner(const std::vector<int>& dims) { return add(GC_INTERNAL, 0, dims); }
  void op(gc_opcode opcode, const std::vector<int>& in, const std::vector<int>& out,
          const std::vector<double>& values) {
    ops.insert(ops.end(),
               {opcode, static_cast<int>(in.size()), static_cast<int>(out.size()), static_cast<int>(values.size())});
    ops.insert(ops.end(), in.begin(), in.end());
    ops.insert(ops.end(), out.begin(), out.end());
    attributes.insert(attributes.end(), values.begin(), values.end());
  }
  gc_plan* compile(int loss, int precision) {
    gc_store* store;
    float* grad = loss < 0 ? nullptr : values(floats);
    if (gc_store_create(params.data(), static_cast<int>(params.size()), floats, values(floats), grad, nullptr, nullptr,
                        &store) != GC_OK)
      stop();
    static double control[GC_CONTROL_SIZE];
    gc_plan_desc d = {};
    d.store = store;
    d.tensors = tensors.data(), d.tensor_count = count;
    d.ops = ops.data(), d.ops_length = static_cast<int64_t>(ops.size());
    d.attributes = attributes.data(), d.attribute_count = static_cast<int64_t>(attributes.size());
    d.carry = carry.data(), d.carry_count = static_cast<int32_t>(carry.size() / 2);
    d.loss = loss;
    d.host = values(host), d.host_elements = host;
    d.control = control;
    d.threads = 1;
    d.precision = precision;
    gc_plan* plan;
    if (gc_plan_create(&d, &plan) != GC_OK) stop();
    return plan;
  }
  static float* values(int64_t n) { return ::values(n); }
  [[noreturn]] static void stop() {
    fprintf(stderr, "%s\n", gc_last_error());
    exit(1);
  }
};

gc_plan* step_plan(int H, int layers, int precision) {
  Net net;
  int x = net.hosted({1, 1, H});
  for (int l = 0; l < layers; ++l) {
    const int w = net.param(4 * H, H), u = net.param(4 * H, H), b = net.param(4 * H, 0), c = net.param(4 * H, 0);
    const int h0 = net.hosted({1, H}), c0 = net.hosted({1, H}), hT = net.hosted({1, H}), cT = net.hosted({1, H});
    const int y = l + 1 == layers ? net.hosted({1, 1, H}) : net.inner({1, 1, H});
    net.op(GC_OP_LSTM, {x, w, u, b, c, h0, c0}, {y, hT, cT}, {0});
    net.carry.insert(net.carry.end(), {hT, h0, cT, c0});
    x = y;
  }
  return net.compile(-1, precision);
}

// As the bench has it: a shift takes the gradient of x, a mean square makes that of y.
gc_plan* layer_plan(int T, int B, int H, int precision) {
  Net net;
  const int input = net.hosted({T, B, H}), shift = net.param(H, 0), x = net.inner({T, B, H});
  const int w = net.param(4 * H, H), u = net.param(4 * H, H), b = net.param(4 * H, 0), c = net.param(4 * H, 0);
  const int y = net.inner({T, B, H}), target = net.hosted({T, B, H}), loss = net.hosted({2});
  net.op(GC_OP_ADD, {input, shift}, {x}, {});
  net.op(GC_OP_LSTM, {x, w, u, b, c}, {y}, {0});
  net.op(GC_OP_MEAN_SQUARE, {y, target}, {loss}, {});
  return net.compile(loss, precision);
}

// Seconds of one run: least and median.
void measure(gc_plan* plan, gc_mode mode, int runs, int each, double* least, double* median) {
  std::vector<double> times;
  for (int i = 0; i < 3; ++i) gc_plan_run(plan, mode);
  for (int i = 0; i < runs; ++i) {
    const double begin = cpu_seconds();
    for (int k = 0; k < each; ++k) gc_plan_run(plan, mode);
    times.push_back((cpu_seconds() - begin) / each);
  }
  std::sort(times.begin(), times.end());
  *least = times[0], *median = times[times.size() / 2];
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return fprintf(stderr, "one_thread step H layers | layer H B  [precision] [repetitions]\n"), 1;
  const int H = atoi(argv[2]), second = atoi(argv[3]), precision = argc > 4 ? atoi(argv[4]) : 0;
  const int given = argc > 5 ? atoi(argv[5]) : 0;
  double least, median;
  if (!strcmp(argv[1], "step")) {
    measure(step_plan(H, second, precision), GC_FORWARD, given ? given : 400, 32, &least, &median);
    printf("step %d x %d: least %.0f, median %.0f ns\n", second, H, least * 1e9, median * 1e9);
  } else {
    measure(layer_plan(64, second, H, precision), GC_GRADIENT, given ? given : 7, 1, &least, &median);
    const double flops = 3.0 * 64 * second * 16.0 * H * H;
    printf("layer H %d, B %d: least %.2f, median %.2f ms, %.1f GFLOP/s\n", H, second, least * 1e3, median * 1e3,
           flops / median * 1e-9);
  }
  return 0;
}
