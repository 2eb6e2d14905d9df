// lab.h: the test helpers: a builder of plans on the C ABI, comparisons, and random numbers.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "core/op.h"
#include "gatecell/gatecell.h"

namespace lab {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Ids = std::vector<int32_t>;
using Dims = std::vector<int32_t>;

// ---- numbers: the same on every machine (SplitMix64) ---------------------------------------------------------------------
struct Random {
  uint64_t state;
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // Integer in [0, n).
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  double uniform() { return static_cast<double>(next() >> 11) / 9007199254740992.0; }
  // Floats in [-size, size).
  Floats floats(int64_t count, double size = 1) {
    Floats v(static_cast<size_t>(count));
    for (float& x : v) x = static_cast<float>((2 * uniform() - 1) * size);
    return v;
  }
  Ids ids(int64_t count, int32_t from, int32_t to) {
    Ids v(static_cast<size_t>(count));
    for (int32_t& x : v) x = from + static_cast<int32_t>(below(to - from));
    return v;
  }
};

inline Doubles widen(const Floats& v) { return Doubles(v.begin(), v.end()); }

inline int64_t count_of(const Dims& dims) {
  int64_t n = 1;
  for (int32_t d : dims) n *= d;
  return n;
}

// ---- comparisons ---------------------------------------------------------------------------------------------------------
inline uint32_t bits(float x) {
  uint32_t b;
  memcpy(&b, &x, 4);
  return b;
}

// Returns "" if all bits agree, otherwise the first difference.
inline std::string difference(const Floats& got, const Floats& expected) {
  if (got.size() != expected.size())
    return "sizes " + std::to_string(got.size()) + " and " + std::to_string(expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (bits(got[i]) != bits(expected[i]))
      return "element " + std::to_string(i) + ": got " + std::to_string(got[i]) + ", expected " +
             std::to_string(expected[i]);
  return "";
}

// Returns the largest |got - expected| divided by the largest |expected| of the array (at least `floor`).
template <class A, class B>
double error(const A& got, const B& expected, double floor = 1e-3) {
  REQUIRE(got.size() == expected.size());
  double most = floor, worst = 0;
  for (double e : expected) most = std::fmax(most, std::fabs(e));
  for (size_t i = 0; i < got.size(); ++i) {
    const double d = std::fabs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
    worst = d <= worst ? worst : d;  // a NaN is worst of all
  }
  return worst / most;
}

// Also fills the red zones of a sanitizer build, to which memset must not write.
__attribute__((no_sanitize("address"))) inline void fill_with_nan(char* data, int64_t bytes) {
  volatile uint64_t* words = reinterpret_cast<uint64_t*>(data);
  for (int64_t i = 0; i < bytes / 8; ++i) words[i] = ~uint64_t{0};
}

// ---- graphs --------------------------------------------------------------------------------------------------------------
struct Aligned {
  float* data = nullptr;
  int64_t size = 0;
  Aligned() = default;
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  ~Aligned() { free(data); }
  void resize(int64_t floats) {
    free(data);
    size = floats;
    data = static_cast<float*>(aligned_alloc(64, static_cast<size_t>(floats) * 4));
    memset(data, 0, static_cast<size_t>(floats) * 4);
  }
};

class Graph {  // one graph with its own store; tensors are ids, `none` is an absent one
 public:
  static constexpr int none = -1;
  double control[GC_CONTROL_SIZE] = {};
  int32_t threads = 1, precision = GC_FLOAT, device = GC_CPU, only_gradients = 0;
  bool inference = false;  // the store has no gradients; before the first compile()

  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph() {
    if (plan_) gc_plan_destroy(plan_);
    if (store_) gc_store_destroy(store_);
  }

  int param(const Dims& dims, const Floats& values) {
    gc_param p = {round16(param_floats_), static_cast<int32_t>(dims.size()), {dims[0], dims.size() > 1 ? dims[1] : 1}};
    param_floats_ = p.offset + count_of(dims);
    params_.push_back(p);
    param_values_.push_back(values);
    return tensor(GC_F32, GC_PARAMETER, static_cast<int32_t>(params_.size()) - 1, dims);
  }
  int host(const Dims& dims, const Floats& values = {}) {
    return host_tensor(GC_F32, dims, values.data(), values.size());
  }
  // A tensor that an op makes, for `record`.
  int internal(const Dims& dims) { return tensor(GC_F32, GC_INTERNAL, 0, dims); }
  int ids(const Dims& dims, const Ids& values = {}) { return host_tensor(GC_I32, dims, values.data(), values.size()); }

  // Records an op with one result of the given shape, which is in the host arena if `out` is true.
  int op(gc_opcode opcode, const std::vector<int>& in, const Dims& dims, const Doubles& attributes = {},
         bool out = false, gc_dtype dtype = GC_F32) {
    const int id = out ? host_tensor(dtype, dims, nullptr, 0) : tensor(dtype, GC_INTERNAL, 0, dims);
    record(opcode, in, {id}, attributes);
    return id;
  }
  int out(gc_opcode opcode, const std::vector<int>& in, const Dims& dims, const Doubles& attributes = {},
          gc_dtype dtype = GC_F32) {
    return op(opcode, in, dims, attributes, true, dtype);
  }
  void record(gc_opcode opcode, const std::vector<int>& in, const std::vector<int>& results, const Doubles& values) {
    ops.insert(ops.end(), {opcode, static_cast<int32_t>(in.size()), static_cast<int32_t>(results.size()),
                           static_cast<int32_t>(values.size())});
    for (int id : in) ops.push_back(id);
    for (int id : results) ops.push_back(id);
    for (double value : values) attributes.push_back(value);
  }
  void carry(int from, int to) { carries.insert(carries.end(), {from, to}); }
  // Reads the gradient of a tensor after each backward pass; before the first compile().
  void observe(int id) {
    const int64_t at = round16(static_cast<int64_t>(host_values_.size()));
    host_values_.resize(static_cast<size_t>(at + count(id)), 0);
    gradients.insert(gradients.end(), {id, static_cast<int32_t>(at)});
  }
  Floats observed(int id) {
    for (size_t i = 0; i < gradients.size(); i += 2)
      if (gradients[i] == id) return Floats(host_.data + gradients[i + 1], host_.data + gradients[i + 1] + count(id));
    return {};
  }

  gc_plan_desc describe(int loss, int optimizer) {
    open_store();
    if (optimizer == GC_AMSGRAD && !moment3_.data) {
      moment3_.resize(arenas_[0].size);
      REQUIRE(gc_store_add_arena(store_, 4, moment3_.data) == GC_OK);
    }
    gc_plan_desc d = {};
    d.store = store_;
    d.tensors = tensors.data();
    d.tensor_count = static_cast<int32_t>(tensors.size()) / GC_TENSOR_FIELDS;
    d.ops = ops.data();
    d.ops_length = static_cast<int64_t>(ops.size());
    d.attributes = attributes.data();
    d.attribute_count = static_cast<int64_t>(attributes.size());
    d.carry = carries.data();
    d.carry_count = static_cast<int32_t>(carries.size()) / 2;
    d.gradients = gradients.data();
    d.gradient_count = loss >= 0 ? static_cast<int32_t>(gradients.size()) / 2 : 0;
    d.only_gradients = loss >= 0 ? only_gradients : 0;
    d.loss = loss;
    d.optimizer = optimizer;
    d.host = host_.data;
    d.host_elements = host_.size;
    d.control = control;
    d.threads = threads;
    d.precision = precision;
    d.device = device;
    return d;
  }
  gc_status try_compile(int loss = -1, int optimizer = 0) {
    if (plan_) gc_plan_destroy(plan_);
    plan_ = nullptr;
    const gc_plan_desc d = describe(loss, optimizer);
    return gc_plan_create(&d, &plan_);
  }
  void compile(int loss = -1, int optimizer = 0) {
    const gc_status status = try_compile(loss, optimizer);
    INFO(std::string(gc_last_error()));
    REQUIRE(status == GC_OK);
  }
  void run(gc_mode mode = GC_FORWARD) {
    const gc_status status = gc_plan_run(plan_, mode);
    INFO(std::string(gc_last_error()));
    REQUIRE(status == GC_OK);
  }
  // Adds averaged weights, which begin as zeros; after compile().
  void add_average() {
    average_.resize(arenas_[0].size);
    REQUIRE(gc_store_add_arena(store_, 5, average_.data) == GC_OK);
  }
  // Adds the mean gradient of GC_ACCUMULATE; after compile().
  void add_accumulated() {
    accumulated_.resize(arenas_[0].size);
    REQUIRE(gc_store_add_arena(store_, 6, accumulated_.data) == GC_OK);
  }
  // Multiplies the gradients on the host; after fetch().
  void scale_gradients(float factor) {
    for (int64_t i = 0; i < arenas_[1].size; ++i) arenas_[1].data[i] *= factor;
  }
  Floats average(int id) {
    const float* at = average_.data + params_[static_cast<size_t>(slot(id))].offset;
    return Floats(at, at + count(id));
  }
  // Weights, gradients and moments as the device has them now.
  void fetch() { REQUIRE((!store_ || gc_store_fetch(store_) == GC_OK)); }
  gc_plan* plan() { return plan_; }
  gc_store* store() { return store_; }

  // Values of a host tensor or parameter.
  float* data(int id) { return role(id) == GC_PARAMETER ? params_at(0, id) : host_.data + slot(id); }
  int32_t* id_data(int id) { return reinterpret_cast<int32_t*>(host_.data + slot(id)); }
  Floats value(int id) { return Floats(data(id), data(id) + count(id)); }
  Ids id_value(int id) { return Ids(id_data(id), id_data(id) + count(id)); }
  void set(int id, const Floats& values) {
    memcpy(data(id), values.data(), values.size() * 4);
    if (role(id) == GC_PARAMETER) gc_store_touch(store_);
  }
  Floats moment1(int id) { return Floats(params_at(2, id), params_at(2, id) + count(id)); }
  Floats grad(int id) { return Floats(params_at(1, id), params_at(1, id) + count(id)); }
  int64_t count(int id) const {
    return count_of({tensors.begin() + id * GC_TENSOR_FIELDS + 4, tensors.begin() + id * GC_TENSOR_FIELDS + 8});
  }

  std::vector<int32_t> tensors, ops, carries;
  std::vector<int32_t> gradients;  // pairs (tensor, slot)
  Doubles attributes;

 private:
  static int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }
  int32_t role(int id) const { return tensors[static_cast<size_t>(id) * GC_TENSOR_FIELDS + 1]; }
  int32_t slot(int id) const { return tensors[static_cast<size_t>(id) * GC_TENSOR_FIELDS + 2]; }
  float* params_at(int arena, int id) { return arenas_[arena].data + params_[static_cast<size_t>(slot(id))].offset; }

  int tensor(gc_dtype dtype, gc_role role, int32_t slot, const Dims& dims) {
    tensors.insert(tensors.end(), {dtype, role, slot, static_cast<int32_t>(dims.size())});
    for (size_t d = 0; d < 4; ++d) tensors.push_back(d < dims.size() ? dims[d] : 1);
    return static_cast<int>(tensors.size()) / GC_TENSOR_FIELDS - 1;
  }
  int host_tensor(gc_dtype dtype, const Dims& dims, const void* values, size_t given) {
    REQUIRE((given == 0 || given == static_cast<size_t>(count_of(dims))));
    const int64_t at = round16(static_cast<int64_t>(host_values_.size()));
    host_values_.resize(static_cast<size_t>(at + count_of(dims)), 0);
    if (given) memcpy(host_values_.data() + at, values, given * 4);
    return tensor(dtype, GC_HOST, static_cast<int32_t>(at), dims);
  }
  void open_store() {
    if (!host_.data) {
      host_.resize(std::max<int64_t>(16, round16(static_cast<int64_t>(host_values_.size()))));
      memcpy(host_.data, host_values_.data(), host_values_.size() * 4);
    }
    if (store_ || params_.empty()) return;
    for (int i = 0; i < (inference ? 1 : 4); ++i) arenas_[i].resize(round16(param_floats_));
    for (size_t i = 0; i < params_.size(); ++i)
      memcpy(arenas_[0].data + params_[i].offset, param_values_[i].data(), param_values_[i].size() * 4);
    const gc_status status =
        gc_store_create(params_.data(), static_cast<int32_t>(params_.size()), arenas_[0].size, arenas_[0].data,
                        arenas_[1].data, arenas_[2].data, arenas_[3].data, &store_);
    REQUIRE(status == GC_OK);
  }

  std::vector<gc_param> params_;
  std::vector<Floats> param_values_;
  int64_t param_floats_ = 0;
  Floats host_values_;  // int32 travel in it as bits
  Aligned host_, arenas_[4], moment3_, average_, accumulated_;
  gc_store* store_ = nullptr;
  gc_plan* plan_ = nullptr;
};
}  // namespace lab
