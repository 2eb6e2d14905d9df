// lstm_stack.cu: the layers of a stack in wavefront (Appleyard, Kocisky and Blunsom 2016): time is cut into chunks, and a chunk of a layer runs at
// the same time as the previous chunk of the layer above. Each layer is a branch of the recording. On its own branch a layer also computes what it
// takes from its neighbour: in the forward pass dropout and the product for its input, in the backward pass the product for dx of the layer above.
#include "lstm.h"

namespace gatecell {
namespace cuda {
namespace {

struct Chunks {
  int64_t T, length, count;
  Chunks(int64_t steps, int64_t chunks) : T(steps), length((steps + chunks - 1) / chunks) {
    count = (T + length - 1) / length;
  }
  Steps operator[](int64_t k) const { return {k * length, (k + 1) * length < T ? (k + 1) * length : T}; }
};

// Calls f(node, first row, one past the last) for each node between two layers, upwards, or with `back` downwards.
template <class F>
void between(const Node& below, const Node& above, const Lstm& s, Steps steps, bool back, F f) {
  const int64_t first = s.rows().reverse ? s.T - steps.to : steps.from, rows = (steps.to - steps.from) * s.B;
  const int32_t count = above.node.index - below.node.index - 1;
  for (int32_t i = 0; i < count; ++i) {
    gc_device_node& node = below.plan.nodes[back ? above.node.index - 1 - i : below.node.index + 1 + i];
    f(Node(below.plan, node), first * s.B, first * s.B + rows);
  }
}
}  // namespace

bool is_stack_layer(const gc_device_node& node) { return node.opcode == GC_OP_LSTM || node.opcode == GC_OP_GRU; }

std::vector<Node> stack_layers(const Node& n) {
  std::vector<Node> layers;
  for (int32_t i = n.node.stack_first; i <= n.node.stack_last; ++i)
    if (is_stack_layer(n.plan.nodes[i])) layers.emplace_back(n.plan, n.plan.nodes[i]);
  return layers;
}

void stack_forward(const Node& n, int64_t chunks) {
  const std::vector<Node> nodes = stack_layers(n);
  const std::vector<Lstm> layers(nodes.begin(), nodes.end());
  const Chunks chunk(layers[0].T, chunks);
  Queue& queue = n.queue;
  // Kernels that report faults come before the branches, so that the first fault is the one that is kept.
  for (size_t l = 0; l < nodes.size(); ++l) {
    lstm_begin(nodes[l], layers[l]);
    lstm_plan_stretches(queue, layers[l], chunk.length);
  }
  queue.fork(static_cast<int>(nodes.size()));
  lstm_project(nodes[0], layers[0], layers[0].all_steps());
  for (int64_t k = 0; k < chunk.count; ++k) {
    for (size_t l = 0; l < nodes.size(); ++l) {
      queue.branch(static_cast<int>(l));
      if (l > 0) {
        queue.after(static_cast<int>(l) - 1);
        between(nodes[l - 1], nodes[l], layers[l], chunk[k], false, dropout_forward);
        lstm_project(nodes[l], layers[l], chunk[k]);
      }
      lstm_steps(nodes[l], layers[l], chunk[k]);
    }
  }
  for (size_t l = 0; l < nodes.size(); ++l) {
    queue.branch(static_cast<int>(l));
    lstm_end(nodes[l], layers[l]);
  }
  queue.join();
}

void stack_back(const Node& n, int64_t chunks) {
  const std::vector<Node> nodes = stack_layers(n);
  const std::vector<Lstm> layers(nodes.begin(), nodes.end());
  const Chunks chunk(layers[0].T, chunks);
  Queue& queue = n.queue;
  const size_t top = nodes.size() - 1;
  queue.fork(static_cast<int>(nodes.size()));
  for (size_t l = 0; l <= top; ++l) {
    queue.branch(static_cast<int>(l));
    lstm_plan_stretches(queue, layers[l], chunk.length);
    lstm_begin_back(nodes[l], layers[l]);
    if (l > 0) lstm_begin_input_gradient(nodes[l], layers[l]);
  }
  for (int64_t k = chunk.count - 1; k >= 0; --k) {
    for (size_t l = top + 1; l-- > 0;) {
      queue.branch(static_cast<int>(l));
      if (l < top) {
        queue.after(static_cast<int>(l) + 1);
        lstm_input_gradient(nodes[l + 1], layers[l + 1], chunk[k]);
        between(nodes[l], nodes[l + 1], layers[l], chunk[k], true, dropout_backward);
      }
      lstm_steps_back(nodes[l], layers[l], chunk[k]);
    }
  }
  for (size_t l = 0; l <= top; ++l) {
    queue.branch(static_cast<int>(l));
    lstm_end_back(nodes[l], layers[l]);
  }
  queue.join();
}
}  // namespace cuda
}  // namespace gatecell
