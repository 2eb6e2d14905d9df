// bench.cc: LSTM layers on the device, through the C ABI, no Node: microseconds a step, forward and with the backward pass, over a
// grid of shapes. Input and gradients stay on the device. *_us are medians by the device's events over runs back to back, as
// torch_lstm.py takes them; *_wall_us by the host's clock around one run each, launch and waiting included. It prints one JSON object per
// line; bench.sh runs this program and torch_lstm.py one after the other on the same grid.
// Each shape is measured twice: with full lengths, and with lengths from T down to 1 over the rows of the batch.
//   gatecell_cuda_bench [precision: f32 tf32 bf16] [H,H,...] [B,B,...] [T,T,...] [layers,...] [directions,...] [runs]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "gatecell/gatecell.h"

namespace {
using Ints = std::vector<int32_t>;

struct Case {
  int32_t H, B, T, layers, directions, precision;
  bool lengths;
};

// A graph as flat tables. All tensors but parameters, lengths and the last result are internal.
struct Tables {
  Ints tensors, ops;
  std::vector<double> attributes;
  std::vector<gc_param> params;
  int64_t floats = 0;

  int tensor(gc_role role, int32_t slot, const Ints& dims, gc_dtype dtype = GC_F32) {
    tensors.insert(tensors.end(), {dtype, role, slot, static_cast<int32_t>(dims.size())});
    for (size_t d = 0; d < 4; ++d) tensors.push_back(d < dims.size() ? dims[d] : 1);
    return static_cast<int>(tensors.size()) / GC_TENSOR_FIELDS - 1;
  }
  int param(const Ints& dims) {
    gc_param p = {(floats + 15) / 16 * 16, static_cast<int32_t>(dims.size()), {dims[0], dims.size() > 1 ? dims[1] : 1}};
    floats = p.offset + int64_t{p.dims[0]} * p.dims[1];
    params.push_back(p);
    return tensor(GC_PARAMETER, static_cast<int32_t>(params.size()) - 1, dims);
  }
  int op(gc_opcode opcode, const Ints& in, const Ints& dims, const std::vector<double>& values = {},
         gc_role role = GC_INTERNAL, int32_t slot = 0) {
    const int id = tensor(role, slot, dims);
    ops.insert(ops.end(), {opcode, static_cast<int32_t>(in.size()), 1, static_cast<int32_t>(values.size())});
    ops.insert(ops.end(), in.begin(), in.end());
    ops.push_back(id);
    attributes.insert(attributes.end(), values.begin(), values.end());
    return id;
  }
};

// The host arena: results at its beginning, lengths after them.
int32_t lengths_slot(const Case& c) { return (c.B + 31) / 16 * 16; }

int layers(Tables& t, const Case& c) {
  const int lengths = c.lengths ? t.tensor(GC_HOST, lengths_slot(c), {c.B}, GC_I32) : -1;
  const int32_t flat = c.T * c.B * c.H;
  int x = t.op(GC_OP_RESHAPE, {t.param({flat})}, {c.T, c.B, c.H});
  int32_t I = c.H;
  for (int32_t layer = 0; layer < c.layers; ++layer) {
    Ints parts;
    for (int32_t direction = 0; direction < c.directions; ++direction) {
      const int w = t.param({4 * c.H, I}), u = t.param({4 * c.H, c.H}), b = t.param({4 * c.H});
      parts.push_back(
          t.op(GC_OP_LSTM, {x, w, u, b, -1, -1, -1, lengths}, {c.T, c.B, c.H}, {static_cast<double>(direction)}));
    }
    I = c.H * c.directions;
    x = parts.size() == 1 ? parts[0] : t.op(GC_OP_CONCAT, parts, {c.T, c.B, I});
  }
  return x;
}

float* arena(int64_t floats) {
  const size_t bytes = static_cast<size_t>((floats + 15) / 16 * 16) * 4;
  float* memory = static_cast<float*>(aligned_alloc(64, bytes));
  if (memory) memset(memory, 0, bytes);
  return memory;
}

// Medians of a run in seconds; negative if the plan is refused (the error message is printed to stderr).
struct Seconds {
  double events = -1, wall = -1;
};
Seconds seconds_of(const Case& c, bool backward, int runs) {
  Tables t;
  const int y = layers(t, c);
  const int32_t width = c.H * c.directions;
  int loss = -1;
  if (backward)
    loss = t.op(GC_OP_MEAN_SQUARE, {y, t.op(GC_OP_AFFINE, {y}, {c.T, c.B, width}, {0, 0})}, {2}, {}, GC_HOST);
  else t.op(GC_OP_SLICE, {t.op(GC_OP_SLICE, {y}, {1, c.B, width}, {0, 0})}, {1, c.B, 1}, {2, 0}, GC_HOST);
  const int32_t host_floats = lengths_slot(c) + c.B + 16;
  float *data = arena(t.floats), *grad = arena(t.floats), *host = arena(host_floats);
  for (int32_t row = 0; host && row < c.B; ++row) {
    const int32_t length = c.T - static_cast<int32_t>(int64_t{row} * (c.T - 1) / std::max(c.B - 1, 1));
    memcpy(host + lengths_slot(c) + row, &length, sizeof length);
  }
  double control[GC_CONTROL_SIZE] = {};
  uint32_t state = 1;  // uniform in [-0.05, 0.05)
  for (int64_t i = 0; data && i < t.floats; ++i) {
    state = state * 1664525 + 1013904223;
    data[i] = (static_cast<float>(state >> 8) / 8388608.0f - 1.0f) * 0.05f;
  }
  gc_store* store = nullptr;
  gc_plan* plan = nullptr;
  gc_plan_desc d = {};
  Seconds median;
  if (data && grad && host &&
      gc_store_create(t.params.data(), static_cast<int32_t>(t.params.size()), (t.floats + 15) / 16 * 16, data, grad,
                      nullptr, nullptr, &store) == GC_OK) {
    d.store = store;
    d.tensors = t.tensors.data(), d.tensor_count = static_cast<int32_t>(t.tensors.size()) / GC_TENSOR_FIELDS;
    d.ops = t.ops.data(), d.ops_length = static_cast<int64_t>(t.ops.size());
    d.attributes = t.attributes.data(), d.attribute_count = static_cast<int64_t>(t.attributes.size());
    d.loss = loss, d.host = host, d.host_elements = host_floats, d.control = control;
    d.precision = c.precision, d.device = GC_CUDA;
    const gc_mode mode = backward ? GC_GRADIENT : GC_FORWARD;
    std::vector<double> times;
    if (gc_plan_create(&d, &plan) == GC_OK) {
      if (gc_plan_time(plan, mode, runs, &median.events) != GC_OK) median.events = -1;  // warms up, too
      for (int i = 0; median.events >= 0 && i < runs; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        if (gc_plan_run(plan, mode) != GC_OK) break;
        times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
      }
    }
    std::sort(times.begin(), times.end());
    if (!times.empty()) median.wall = times[times.size() / 2];
  }
  if (median.wall < 0) fprintf(stderr, "H %d B %d T %d: %s\n", c.H, c.B, c.T, gc_last_error());
  if (plan) gc_plan_destroy(plan);
  if (store) gc_store_destroy(store);
  for (float* memory : {data, grad, host}) free(memory);
  return median;
}

Ints list(const char* text, const Ints& otherwise) {
  if (!text) return otherwise;
  Ints values;
  for (char* at = const_cast<char*>(text); *at;) {
    values.push_back(static_cast<int32_t>(strtol(at, &at, 10)));
    if (*at == ',') ++at;
    else if (*at) break;
  }
  return values;
}

void measure(const Case& c, const char* precision, int runs) {
  const Seconds forward = seconds_of(c, false, runs), both = seconds_of(c, true, runs);
  const auto per_step = [&](double seconds) {
    return seconds < 0 ? std::string("null") : std::to_string(seconds * 1e6 / c.T);
  };
  printf(
      "{\"library\":\"gatecell\",\"precision\":\"%s\",\"H\":%d,\"B\":%d,\"T\":%d,\"layers\":%d,\"directions\":%d,"
      "\"lengths\":%s,\"forward_us\":%s,\"both_us\":%s,\"forward_wall_us\":%s,\"both_wall_us\":%s}\n",
      precision, c.H, c.B, c.T, c.layers, c.directions, c.lengths ? "true" : "false", per_step(forward.events).c_str(),
      per_step(both.events).c_str(), per_step(forward.wall).c_str(), per_step(both.wall).c_str());
  fflush(stdout);
}
}  // namespace

int main(int argc, char** argv) {
  gc_cuda cuda;
  if (gc_cuda_info(&cuda) != GC_OK) return 1;
  if (!cuda.available) {
    printf("skipped: the CUDA bench needs a device, but %s\n", cuda.reason);
    return 0;
  }
  const std::string precision = argc > 1 ? argv[1] : "bf16";
  const int32_t code = precision == "f32"    ? GC_FLOAT
                       : precision == "tf32" ? GC_TF32
                       : precision == "bf16" ? GC_BF16
                                             : -1;
  if (code < 0) {
    fprintf(stderr, "Expected f32, tf32 or bf16, found %s.\n", precision.c_str());
    return 2;
  }
  const int runs = std::max(1, argc > 7 ? atoi(argv[7]) : 12);
  printf("{\"library\":\"gatecell\",\"device\":\"%s\"}\n", cuda.reason);
  for (int32_t H : list(argc > 2 ? argv[2] : nullptr, {128, 256, 512, 768, 1024, 2048}))
    for (int32_t B : list(argc > 3 ? argv[3] : nullptr, {1, 16, 64, 256}))
      for (int32_t T : list(argc > 4 ? argv[4] : nullptr, {256, 1024}))
        for (int32_t layer_count : list(argc > 5 ? argv[5] : nullptr, {1, 2}))
          for (int32_t directions : list(argc > 6 ? argv[6] : nullptr, {1, 2}))
            for (bool lengths : {false, true})
              measure({H, B, T, layer_count, directions, code, lengths}, precision.c_str(), runs);
  return 0;
}
