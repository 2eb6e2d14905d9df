// oneDNN 2.x as a rival of `gatecell bench --rivals`: the same workloads, timed in this process. Compiled and started by
// src/bench/rivals/onednn.ts, which sets OMP_NUM_THREADS, OMP_PROC_BIND and ONEDNN_MAX_CPU_ISA. It reads one command a
// line and answers each with one line of JSON, as torch_lstm.py describes; `onednn_lstm version` prints the version.
//
// train-char: the LSTM layers alone, forward and backward, for oneDNN has neither loss nor optimiser. Weights lie in the
// layouts that its primitives ask for; the time of bringing new weights into them is not counted against it.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <dnnl.hpp>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

using namespace dnnl;
using tag = memory::format_tag;
using type = memory::data_type;
using Arguments = std::unordered_map<int, memory>;
using Run = std::function<void()>;

namespace {
constexpr int kVocabulary = 65;
constexpr size_t kMostSamples = 20000;

struct Task {
  std::string mode, precision;
  int layers, B, T, H;
};

struct Unsupported {
  std::string reason;
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

float random_float() {
  static unsigned state = 1;
  state = state * 1664525u + 1013904223u;
  return static_cast<float>((state >> 8) & 0xffff) / 65536.0f - 0.5f;
}

const engine& cpu() {
  static const engine instance(engine::kind::cpu, 0);
  return instance;
}

stream& queue() {
  static stream instance(cpu());
  return instance;
}

memory zeros(const memory::desc& desc) {
  memory m(desc, cpu());
  memset(m.get_data_handle(), 0, desc.get_size());
  return m;
}

memory random_floats(const memory::desc& desc, float scale) {
  memory m(desc, cpu());
  float* values = static_cast<float*>(m.get_data_handle());
  for (size_t i = 0; i < desc.get_size() / 4; i++) values[i] = random_float() * scale;
  return m;
}

// Everything one LSTM needs: primitives, packed weights, activations, gradients.
class Lstm {
 public:
  Lstm(const Task& t, bool train) : task_(t), train_(train) {
    const int T = t.mode == "step" || t.mode == "sample" ? 1 : t.T, L = t.layers, B = t.B, H = t.H;
    activation_ = t.precision == "bf16" ? type::bf16 : t.precision == "int8" ? type::u8 : type::f32;
    weight_ = t.precision == "bf16" ? type::bf16 : t.precision == "int8" ? type::s8 : type::f32;
    sequence_ = {T, B, H};
    state_ = {L, 1, B, H};
    weights_ = {L, 1, H, 4, H};
    bias_ = {L, 1, 4, H};
    make_forward();
    if (train) make_backward();
    queue().wait();
  }

  void forward() {
    forward_.execute(queue(), turn_ ? swapped_ : arguments_);
    if (!train_ && carries()) turn_ = !turn_;
    queue().wait();
  }

  void step() {
    forward();
    // oneDNN adds to weight gradients; a training step clears them.
    for (int k : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS}) {
      memory& gradient = backward_arguments_.at(k);
      memset(gradient.get_data_handle(), 0, gradient.get_desc().get_size());
    }
    backward_.execute(queue(), backward_arguments_);
    queue().wait();
  }

  float* input() { return static_cast<float*>(arguments_.at(DNNL_ARG_SRC_LAYER).get_data_handle()); }
  const float* output() { return static_cast<const float*>(arguments_.at(DNNL_ARG_DST_LAYER).get_data_handle()); }

 private:
  bool carries() const { return task_.mode == "step" || task_.mode == "sample"; }
  memory::desc sequence_desc(type t) const { return {sequence_, t, tag::tnc}; }
  memory::desc state_desc(type t) const { return {state_, t, tag::ldnc}; }
  memory::desc any_weights(type t) const { return {weights_, t, tag::any}; }
  memory::desc bias_desc() const { return {bias_, type::f32, tag::ldgo}; }

  memory packed(memory& from, const memory::desc& desc) {
    memory to(desc, cpu());
    reorder(reorder::primitive_desc(from, to, attributes_)).execute(queue(), from, to);
    return to;
  }

  void make_forward() {
    if (task_.precision == "int8") {
      attributes_.set_rnn_data_qparams(64.0f, 128.0f);
      attributes_.set_rnn_weights_qparams(0, {127.0f});
    }
    const auto kind = train_ ? prop_kind::forward_training : prop_kind::forward_inference;
    const lstm_forward::desc desc(kind, rnn_direction::unidirectional_left2right, sequence_desc(activation_),
                                  state_desc(activation_), state_desc(type::f32), any_weights(weight_),
                                  any_weights(weight_), bias_desc(), sequence_desc(activation_),
                                  state_desc(activation_), state_desc(type::f32));
    primitive_ = lstm_forward::primitive_desc(desc, attributes_, cpu());
    forward_ = lstm_forward(primitive_);
    const float scale = 2.0f / std::sqrt(static_cast<float>(task_.H));
    plain_layer_ = random_floats({weights_, type::f32, tag::ldigo}, scale);
    plain_iter_ = random_floats({weights_, type::f32, tag::ldigo}, scale);
    bias_memory_ = random_floats(bias_desc(), scale);
    memory source = zeros(primitive_.src_layer_desc()), h = zeros(primitive_.src_iter_desc());
    memory c = zeros(primitive_.src_iter_c_desc()), h_out = zeros(primitive_.dst_iter_desc());
    memory c_out = zeros(primitive_.dst_iter_c_desc());
    if (task_.precision == "int8") {
      memset(source.get_data_handle(), 140, source.get_desc().get_size());  // about 0.2
      memset(h.get_data_handle(), 128, h.get_desc().get_size());            // zero
    } else {
      memory values = random_floats(sequence_desc(type::f32), 2);
      reorder(values, source).execute(queue(), values, source);
    }
    arguments_ = {{DNNL_ARG_SRC_LAYER, source},
                  {DNNL_ARG_SRC_ITER, h},
                  {DNNL_ARG_SRC_ITER_C, c},
                  {DNNL_ARG_WEIGHTS_LAYER, packed(plain_layer_, primitive_.weights_layer_desc())},
                  {DNNL_ARG_WEIGHTS_ITER, packed(plain_iter_, primitive_.weights_iter_desc())},
                  {DNNL_ARG_BIAS, bias_memory_},
                  {DNNL_ARG_DST_LAYER, zeros(primitive_.dst_layer_desc())},
                  {DNNL_ARG_DST_ITER, h_out},
                  {DNNL_ARG_DST_ITER_C, c_out}};
    if (train_) arguments_[DNNL_ARG_WORKSPACE] = zeros(primitive_.workspace_desc());
    swapped_ = arguments_;
    swapped_[DNNL_ARG_SRC_ITER] = h_out;
    swapped_[DNNL_ARG_SRC_ITER_C] = c_out;
    swapped_[DNNL_ARG_DST_ITER] = h;
    swapped_[DNNL_ARG_DST_ITER_C] = c;
  }

  void make_backward() {
    const lstm_backward::desc desc(
        prop_kind::backward, rnn_direction::unidirectional_left2right, sequence_desc(activation_),
        state_desc(activation_), state_desc(type::f32), any_weights(weight_), any_weights(weight_), bias_desc(),
        sequence_desc(activation_), state_desc(activation_), state_desc(type::f32), sequence_desc(type::f32),
        state_desc(type::f32), state_desc(type::f32), any_weights(type::f32), any_weights(type::f32), bias_desc(),
        sequence_desc(type::f32), state_desc(type::f32), state_desc(type::f32));
    const lstm_backward::primitive_desc primitive(desc, cpu(), primitive_);
    backward_ = lstm_backward(primitive);
    backward_arguments_ = arguments_;
    backward_arguments_[DNNL_ARG_WEIGHTS_LAYER] = packed(plain_layer_, primitive.weights_layer_desc());
    backward_arguments_[DNNL_ARG_WEIGHTS_ITER] = packed(plain_iter_, primitive.weights_iter_desc());
    backward_arguments_[DNNL_ARG_DIFF_SRC_LAYER] = zeros(primitive.diff_src_layer_desc());
    backward_arguments_[DNNL_ARG_DIFF_SRC_ITER] = zeros(primitive.diff_src_iter_desc());
    backward_arguments_[DNNL_ARG_DIFF_SRC_ITER_C] = zeros(primitive.diff_src_iter_c_desc());
    backward_arguments_[DNNL_ARG_DIFF_WEIGHTS_LAYER] = zeros(primitive.diff_weights_layer_desc());
    backward_arguments_[DNNL_ARG_DIFF_WEIGHTS_ITER] = zeros(primitive.diff_weights_iter_desc());
    backward_arguments_[DNNL_ARG_DIFF_BIAS] = zeros(primitive.diff_bias_desc());
    backward_arguments_[DNNL_ARG_DIFF_DST_LAYER] = random_floats(primitive.diff_dst_layer_desc(), 0.02f);
    backward_arguments_[DNNL_ARG_DIFF_DST_ITER] = zeros(primitive.diff_dst_iter_desc());
    backward_arguments_[DNNL_ARG_DIFF_DST_ITER_C] = zeros(primitive.diff_dst_iter_c_desc());
  }

  Task task_;
  bool train_, turn_ = false;
  type activation_, weight_;
  memory::dims sequence_, state_, weights_, bias_;
  primitive_attr attributes_;
  lstm_forward::primitive_desc primitive_;
  lstm_forward forward_;
  lstm_backward backward_;
  memory plain_layer_, plain_iter_, bias_memory_;
  Arguments arguments_, swapped_, backward_arguments_;
};

// Embedding and head of the sampling loop around an LSTM, in plain C++.
class Sampler {
 public:
  explicit Sampler(const Task& t) : lstm_(t, false), hidden_(t.H) {
    table_.resize(static_cast<size_t>(kVocabulary) * t.H);
    head_.resize(table_.size());
    const float scale = 2.0f / std::sqrt(static_cast<float>(t.H));
    for (float& value : table_) value = random_float();
    for (float& value : head_) value = random_float() * scale;
  }

  void step() {
    memcpy(lstm_.input(), &table_[static_cast<size_t>(token_) * hidden_], hidden_ * sizeof(float));
    lstm_.forward();
    const float* h = lstm_.output();
    float most = -1e30f, sum = 0;
    for (int v = 0; v < kVocabulary; v++)
      most = std::max(most, logits_[v] = dot(&head_[static_cast<size_t>(v) * hidden_], h));
    for (float& logit : logits_) sum += logit = std::exp(logit - most);
    float rest = (random_float() + 0.5f) * sum;
    for (token_ = 0; token_ < kVocabulary - 1; token_++)
      if ((rest -= logits_[token_]) <= 0) break;
  }

 private:
  float dot(const float* a, const float* b) const {
    float lanes[16] = {}, sum = 0;
    int i = 0;
    for (; i + 16 <= hidden_; i += 16)
      for (int k = 0; k < 16; k++) lanes[k] += a[i + k] * b[i + k];
    for (; i < hidden_; i++) sum += a[i] * b[i];
    for (float lane : lanes) sum += lane;
    return sum;
  }

  Lstm lstm_;
  int hidden_, token_ = 1;
  std::vector<float> table_, head_;
  float logits_[kVocabulary] = {};
};

struct Matrices {
  std::vector<float> a, b, c;
};

Run make_gemm(const Task& t) {
  auto m = std::make_shared<Matrices>();
  m->a.resize(static_cast<size_t>(t.B) * t.H);
  m->b.resize(static_cast<size_t>(4) * t.H * t.H);
  m->c.resize(static_cast<size_t>(t.B) * 4 * t.H);
  for (float& value : m->a) value = random_float();
  for (float& value : m->b) value = random_float();
  const int rows = t.B, H = t.H;
  return [m, rows, H] {
    dnnl_sgemm('N', 'N', rows, 4 * H, H, 1.0f, m->a.data(), H, m->b.data(), 4 * H, 0.0f, m->c.data(), 4 * H);
  };
}

Run make_run(const Task& t) {
  if (t.mode == "gemm") {
    if (t.precision != "f32") throw Unsupported{"gemm in " + t.precision};
    return make_gemm(t);
  }
  if (t.mode == "sample") {
    if (t.precision != "f32") throw Unsupported{"sample in " + t.precision};
    auto sampler = std::make_shared<Sampler>(t);
    return [sampler] { sampler->step(); };
  }
  if (t.mode == "train-translation") throw Unsupported{"a translator: it has only layers"};
  const bool train = t.mode == "train-char" || t.mode == "layer";
  if (train && t.precision == "int8") throw Unsupported{"training in int8"};
  std::shared_ptr<Lstm> lstm;
  try {
    lstm = std::make_shared<Lstm>(t, train);
  } catch (const error& e) {
    if (e.status == dnnl_unimplemented) throw Unsupported{e.what()};
    throw;
  }
  if (train) return [lstm] { lstm->step(); };
  return [lstm] { lstm->forward(); };
}

std::string burst(const Run& run, double seconds, bool warm) {
  const double begin = now();
  while (warm) {
    run();
    if (now() - begin >= 0.1 * seconds) break;
  }
  std::vector<double> times;
  double before = now();
  const double stop = before + seconds;
  while (times.empty() || (before < stop && times.size() < kMostSamples)) {
    run();
    const double after = now();
    times.push_back((after - before) * 1e6);
    before = after;
  }
  std::ostringstream out;
  out << "{\"us\":[";
  for (size_t i = 0; i < times.size(); i++) out << (i ? "," : "") << times[i];
  out << "]}";
  return out.str();
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text)
    if (c >= ' ') out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

std::string answer(const std::string& line, std::map<std::string, Run>& opened) {
  std::istringstream words(line);
  std::string name, id;
  words >> name >> id;
  if (name == "open") {
    Task t;
    words >> t.mode >> t.precision >> t.layers >> t.B >> t.T >> t.H;
    opened[id] = make_run(t);
    return "{}";
  }
  if (name == "burst") {
    double seconds;
    int warm;
    words >> seconds >> warm;
    return burst(opened.at(id), seconds, warm == 1);
  }
  opened.erase(id);
  return "{}";
}
}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && strcmp(arguments[1], "version") == 0) {
    const dnnl_version_t* version = dnnl_version();
    printf("%d.%d.%d\n", version->major, version->minor, version->patch);
    return 0;
  }
  std::map<std::string, Run> opened;
  for (std::string line; std::getline(std::cin, line);) {
    std::string reply;
    try {
      reply = answer(line, opened);
    } catch (const Unsupported& reason) {
      reply = "{\"unsupported\":" + quoted(reason.reason) + "}";
    } catch (const std::exception& e) {
      reply = "{\"error\":" + quoted(e.what()) + "}";
    }
    std::cout << reply << std::endl;
  }
}
