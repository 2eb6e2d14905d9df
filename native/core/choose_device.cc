// choose_device.cc: the choice of GC_AUTO. The time of one run is estimated for processor and device from rates that are measured once per process.
// The rate of the processor is that of the engine's own product with the shape of the plan's steps, because with few rows most of the time is spent
// on reading the weights. The rates of the device are those of a large product, of a chain of dependent kernels, and of a run that does nothing.
#include <cstdio>
#include <map>
#include <mutex>
#include <tuple>

#include "device_plan.h"
#include "guarded.h"

namespace gatecell {
namespace {
std::mutex mutex;
std::map<int, gc_cuda_rates> device_rates;  // by precision; guarded by mutex, as the next
std::map<std::tuple<int, int, int64_t, int64_t, int64_t>, double> cpu_rates;  // by threads, precision, shape

bool device_rate(const Backend& backend, int precision, gc_cuda_rates& out, std::string& why) {
  std::lock_guard<std::mutex> lock(mutex);
  const auto found = device_rates.find(precision);
  if (found != device_rates.end()) return out = found->second, true;
  if (backend.table->measure(precision, &out) != GC_OK) return why = backend.table->last_error(), false;
  device_rates[precision] = out;
  return true;
}

bool cpu_rate(int threads, int precision, const Work& work, double& out, std::string& why) {
  std::lock_guard<std::mutex> lock(mutex);
  // Without a recurrence, a product of middling size; no larger than what a level of the caches does not hold either.
  const int64_t rows = std::min<int64_t>(work.rows, 64),
                columns = work.columns > 0 ? std::min<int64_t>(work.columns, 4096) : 1024,
                inner = work.inner > 0 ? std::min<int64_t>(work.inner, 2048) : 256;
  const auto key = std::make_tuple(threads, precision, rows, columns, inner);
  const auto found = cpu_rates.find(key);
  if (found != cpu_rates.end()) return out = found->second, true;
  gc_probe probe = {};
  probe.kind = GC_PROBE_GEMM, probe.precision = precision, probe.threads = threads;
  probe.rows = rows, probe.columns = columns, probe.inner = inner, probe.seconds = 0.02;
  gc_measurement measured = {};
  if (gc_measure(&probe, &measured) != GC_OK) return why = gc_last_error(), false;
  out = cpu_rates[key] = measured.median;
  return true;
}

// A step of a recurrence multiplies `rows` rows by a matrix of inner times columns.
void add_step(Work& work, int64_t rows, int64_t columns, int64_t inner) {
  if (columns * inner < work.columns * work.inner) return;
  work.rows = rows, work.columns = columns, work.inner = inner;
}

// Products of the layer with a soft window; forward two a step and the window, backward the same.
void add_window_lstm(const Plan& plan, const Node& node, Work& work) {
  const Tensor &x = plan.tensors[node.in[0]], &y = plan.tensors[node.out[0]], &w = plan.tensors[node.out[1]];
  const double rows = static_cast<double>(x.rows), H = static_cast<double>(y.cols);
  const double columns = 4 * static_cast<double>(x.cols + w.cols + y.cols),
               raw = static_cast<double>(plan.tensors[node.in[3]].dims[0]);
  work.flops += 2 * rows * H * (columns + raw) * (node.trains ? 3 : 1);
  work.launches += 3 * static_cast<double>(x.dims[0]) * (node.trains ? 2 : 1);
  add_step(work, x.dims[1], 4 * y.cols, w.cols + y.cols);
}

// Scores and the sum of values: queries [T,B,A], keys [S,B,A], values [S,B,V].
void add_attention(const Plan& plan, const Node& node, Work& work) {
  const Tensor &q = plan.tensors[node.in[0]], &k = plan.tensors[node.in[1]], &context = plan.tensors[node.out[0]];
  const double width = static_cast<double>(q.cols + context.cols);
  work.flops += 2 * static_cast<double>(q.rows * k.dims[0]) * width * (node.trains ? 3 : 1);
  work.launches += node.trains ? 5 : 2;
}

// One layer's products: input and recurrent ones, forward; backward takes twice as much.
void add_lstm(const Plan& plan, const Node& node, Work& work) {
  const Tensor &x = plan.tensors[node.in[0]], &y = plan.tensors[node.out[0]];
  const double rows = static_cast<double>(x.rows), H = static_cast<double>(y.cols), I = static_cast<double>(x.cols);
  work.flops += 8 * rows * H * (I + H) * (node.trains ? 3 : 1);
  work.launches += static_cast<double>(x.dims[0]) * (node.trains ? 3 : 1);  // backward: the cell, then its product
  add_step(work, x.dims[1], 4 * y.cols, y.cols);
}
}  // namespace

Work work_of(const Plan& plan) {
  Work work = {};
  for (const Node& node : plan.nodes) {
    work.launches += node.trains ? 3 : 1;
    const Tensor &x = plan.tensors[node.in[0]], &out = plan.tensors[node.out[0]];
    const int opcode = node.op->opcode;
    if (opcode == GC_OP_LSTM) add_lstm(plan, node, work);
    if (opcode == GC_OP_WINDOW_LSTM) add_window_lstm(plan, node, work);
    if (opcode == GC_OP_DOT_ATTENTION || opcode == GC_OP_ADDITIVE_ATTENTION) add_attention(plan, node, work);
    const double elements = static_cast<double>(out.rows * out.cols), passes = node.trains ? 3 : 1;
    if (opcode == GC_OP_LINEAR) work.flops += 2 * elements * static_cast<double>(x.cols) * passes;
    if (opcode == GC_OP_MATMUL) {
      const int64_t inner = node.attributes[0] != 0 ? x.dims[x.rank - 2] : x.cols;
      work.flops += 2 * elements * static_cast<double>(inner) * passes;
    }
  }
  return work;
}

bool faster_on_device(const Plan& plan, int precision, std::string& why) {
  const Backend& backend = plan.device->backend;
  if (backend.device.emulated) {
    why = "the CUDA library is an emulator, which auto never chooses";
    return false;
  }
  gc_cuda_rates device = {};
  double cpu = 0;
  if (!device_rate(backend, precision, device, why)) return false;
  const Work work = work_of(plan);
  if (!cpu_rate(plan.threads, precision == GC_BF16 ? GC_BF16 : GC_FLOAT, work, cpu, why)) return false;
  const double here = work.flops / cpu, there = device_seconds(work, device);
  char text[300];
  snprintf(text, sizeof text, "by measured rates a run takes %.3g ms on the processor and %.3g ms on %s", here * 1e3,
           there * 1e3, backend.device.name);
  why = text;
  return there < here;
}
}  // namespace gatecell

using namespace gatecell;

gc_status gc_cuda_measure(int32_t precision, gc_cuda_rates* out) {
  return guarded([&] {
    const Backend& backend = cuda_backend();
    if (!backend.table) return fail(GC_UNSUPPORTED, "expected a GPU, but %s", backend.reason.c_str());
    if (precision != GC_FLOAT && precision != GC_TF32 && precision != GC_BF16)
      return fail(GC_INVALID_ARGUMENT, "expected a precision of the device, got %d", precision);
    std::string why;
    return device_rate(backend, precision, *out, why) ? GC_OK : fail(GC_UNSUPPORTED, "%s", why.c_str());
  });
}
