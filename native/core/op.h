// op.h: the definition of an op, and the parts of a plan that ops use: tensors, nodes, buffers, the running step.
#pragma once
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "arena_pool.h"
#include "gatecell/gatecell.h"
#include "memory.h"
#include "status.h"
#include "store.h"
#include "threads.h"

namespace gatecell {

struct Tensor {
  gc_dtype dtype;
  gc_role role;
  int32_t slot;
  int32_t rank;
  int64_t dims[4];
  int64_t rows, cols;  // rows = product of all dims but the last
  int64_t ld;          // floats from row to row: cols rounded up to 16 (padding is zero), cols for parameters and int32
  int producer = -1;   // node, -1: host input or parameter
  bool wants_grad = false;
  bool read = false;        // some op reads it, so its producer must come before that op
  bool folded = false;      // its producer was folded into its consumer: it has no memory
  bool keeps_grad = false;  // the caller reads its gradient after a run (Plan::observed)
  // Kernels use float rows without padding in the host arena itself. Ids are copied, so that they cannot change after they were checked.
  bool in_place() const { return role == GC_HOST && dtype == GC_F32 && ld == cols; }
  union {
    float* data;
    int32_t* ids;
  };
  float* grad = nullptr;  // null if no gradient is wanted, or if it is zero because nothing flows back
  Tensor() : data(nullptr) {}
  int64_t bytes() const { return rows * ld * 4; }
  bool same_shape(const Tensor& other) const;
  std::string shape() const;
};

// Returns whether an attribute is an integer from low to high.
inline bool is_integer(double x, double low, double high) { return x >= low && x <= high && x == std::floor(x); }

// Memory that a node asks for while it is prepared. kSaved lives from its forward to its backward pass.
enum class Life { kForward, kBackward, kSaved };
struct Buffer {
  int64_t bytes;
  Life life;
  float* data = nullptr;
};

// Place of a tensor, gradient or buffer in the block of a run: *to = base + offset. `bytes` are those that it uses.
struct Place {
  float** to;
  int64_t offset, bytes;
};

struct Plan;
struct Node;
struct DevicePlan;

// One op. `keeps_inputs` and `keeps_outputs`: which tensors its backward pass reads.
struct OpDef {
  int opcode;
  const char* name;
  int min_inputs, max_inputs, min_outputs, max_outputs, attributes;
  bool keeps_inputs, keeps_outputs;
  bool clean_padding;  // the op writes zeros into the padding of its results; otherwise the executor does
  gc_status (*check)(Plan&, Node&);
  void (*prepare)(Plan&, Node&);  // may be null
  void (*forward)(Plan&, Node&);
  void (*backward)(Plan&, Node&);  // null: no gradient flows through
  int more_attributes = 0;         // optional attributes after the others: 0 if they are left out
  bool is_program = false;         // the attributes are a program of any length
};
const OpDef* find_op(int opcode);

// Returns whether an op is a recurrent layer, with the slots of gatecell/lstm_slots.h.
inline bool is_recurrent(int opcode) { return opcode == GC_OP_LSTM || opcode == GC_OP_GRU || opcode == GC_OP_RNN; }

struct Node {
  const OpDef* op = nullptr;
  int index = 0;
  std::vector<int> in, out;  // tensor ids, -1 absent
  std::vector<double> attributes;
  std::vector<bool> accumulate;  // per input: an earlier node of the backward pass has written its gradient
  std::vector<Buffer> buffers;
  std::vector<int> packs;                // ids from Store::request_pack
  std::string why;                       // the chosen kernel and the reason, for explain()
  std::shared_ptr<const void> prepared;  // what the op keeps for its runs of what `prepare` has read
  bool trains = false;                   // its backward pass is part of the plan
  // Marks of rewrites.h. `partner` is the node of the other direction, which is the next or the previous node: both run when the first of
  // them would run. partner_back is the same for the backward pass. -1: there is none.
  int partner = -1, partner_back = -1;
  // On a device: first and last node of the stack of layers to which the node belongs. All its layers may run when the first of them would
  // run, and with stack_back their backward passes when that of the last would run. -1: there is no stack.
  int stack_first = -1, stack_last = -1;
  bool stack_back = false;
  std::string stack_why;  // why a layer on another one is not in its stack
};

// A gradient that the caller reads after a run: that of a tensor, in the host arena at element `slot`.
struct Observed {
  int32_t tensor, slot;
};

// A piece of a parameter that one thread updates. The update is elementwise, so any division into pieces gives the same bits.
struct Piece {
  int64_t offset, count;
  bool is_matrix;
  int32_t parameter;
};

struct Plan {
  Store* store = nullptr;
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;
  std::vector<int32_t> carry;
  std::vector<Observed> observed;
  int loss = -1;
  int optimizer = 0;
  Format format = Format::kF32;  // operands of the LSTM products
  int threads = 1;
  char* host = nullptr;
  double* control = nullptr;
  std::unique_ptr<ArenaPool> own_pool;  // of a plan without a store
  ArenaShare arena;                     // the plan's registration in the pool, with the bytes of a run
  std::vector<Place> places;
  char* base = nullptr;  // beginning of the block that the addresses refer to
  // Allocated with the plan, because a run must not fail between the update and the carries.
  std::vector<Piece> pieces;           // of the parameters that train
  std::vector<double> square_sums;     // of the gradient of each piece
  Block carry_copies;                  // of carried tensors that are targets, too
  bool on_device = false;              // compiled for a device: nothing is packed, other rewrites apply
  std::shared_ptr<DevicePlan> device;  // null: the plan runs on the processor
  std::string device_why;              // with GC_AUTO: the reason for the choice of the device
  std::string explanation;
  gc_status run_status = GC_OK;  // set by an op that finds invalid data during a run
  bool training = false;         // this run has a backward pass
  bool noise = false;            // this run has dropout and zoneout
  bool only_observed = false;    // backward passes compute no gradients of parameters, and have no noise
  std::atomic<bool> busy{false};

  Tensor* input(const Node& node, size_t i) {
    return i < node.in.size() && node.in[i] >= 0 ? &tensors[node.in[i]] : nullptr;
  }
  Tensor* output(const Node& node, size_t i) {
    return i < node.out.size() && node.out[i] >= 0 ? &tensors[node.out[i]] : nullptr;
  }
  // Returns the size of the team for a job of about `flops`: below some microseconds of work for each member a fork costs more than it saves.
  int team(double flops) const {
    constexpr double kMember = 2e5;
    return flops < 2 * kMember ? 1 : flops >= kMember * threads ? threads : static_cast<int>(flops / kMember);
  }
  uint64_t seed() const { return whole(control[GC_C_SEED]); }
  uint64_t step() const { return whole(control[GC_C_STEP]); }
  // The caller may write anything into the control block: a value that is not an integer below 2^53 counts as 0.
  static uint64_t whole(double x) { return x >= 0 && x < 9007199254740992.0 ? static_cast<uint64_t>(x) : 0; }
};

gc_status run_plan(Plan& plan, gc_mode mode);  // run.cc
gc_status prepare_carries(Plan& plan);         // run.cc: allocates carry_copies
// Makes the pieces of the update. Call it after the layout, which marks the tensors that have gradients.
void prepare_update(Plan& plan);     // optimizer.cc
void update_parameters(Plan& plan);  // optimizer.cc: clips and updates; changes nothing if loss or norm is not finite
void accumulate_gradients(Plan& plan);       // optimizer.cc: see GC_ACCUMULATE
std::string explain_plan(const Plan& plan);  // explain.cc
int64_t own_bytes(const Plan& plan);         // explain.cc: bytes that are freed with the plan
// layout.cc: fills plan.places; returns the bytes of a block that holds all of them, or -1 if their sum exceeds the address space.
int64_t layout_plan(Plan& plan);
void set_addresses(const Plan& plan, char* base);  // layout.cc: sets the addresses of all plan.places

// layout.cc: takes a block for a run and sets the plan's addresses in it; the destructor gives the block back. At first the block contains
// values of an earlier run of any plan.
class PassArena {
 public:
  explicit PassArena(Plan& plan);
  ~PassArena();
  PassArena(const PassArena&) = delete;
  PassArena& operator=(const PassArena&) = delete;
  bool out_of_memory() const { return plan_.arena.bytes() > 0 && !block_.data(); }

 private:
  Plan& plan_;
  Block block_;
};

// The numbers of an update of one group of parameters. They are computed once in double; kernels get floats.
struct Update {
  float lr, beta1, beta2, rest1, rest2, epsilon, decay, l2;
  bool frozen, nesterov, decay_all;  // decay_all: decay and l2 apply to parameters of any rank, not only to matrices
  float average;                     // GC_C_AVERAGE
};
Update read_update(const Plan& plan, const gc_group& group);  // optimizer.cc
}  // namespace gatecell

struct gc_plan : gatecell::Plan {};
