// gatecell.h: the C ABI of the core. Opaque handles, status codes, no exceptions, nothing of Node.
//
// A graph arrives as flat tables (tensors, op records, attributes), is checked completely, and becomes a plan: memory
// laid out once, kernels and thread split chosen once. A run is one call. Everything the caller hands over by pointer
// (parameter arenas, host arena, control block) must outlive the handle that borrows it.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Status codes. gc_last_error() returns the message of the last failure on this thread.
typedef enum gc_status {
  GC_OK = 0,
  GC_INVALID_ARGUMENT = 1,  // a table, index or attribute is malformed
  GC_INVALID_SHAPE = 2,     // shapes do not fit the op
  GC_OUT_OF_MEMORY = 3,     // an allocation failed; the handles are as they were, and the call may be made again
  GC_UNSUPPORTED = 4,       // the op has no kernel on this backend, or no gradient
  GC_OUT_OF_RANGE = 5,      // a run met an index outside its table (token id >= vocabulary)
  GC_BUSY = 6,              // the handle is running
  GC_FILE_WRITE = 7,        // a file could not be written
  GC_RANKS = 8,             // a process of the training is missing, has failed, or makes another exchange
} gc_status;
const char* gc_last_error(void);

// ---- machine -------------------------------------------------------------------------------------------------------
typedef struct gc_machine {
  const char* isa_found;    // best of "scalar", "avx2", "avx512", or "scalar", "neon", that CPU and OS support
  const char* isa_used;     // after GATECELL_ISA
  const char* isa_problem;  // why GATECELL_ISA was refused, or null
  const char* features;     // space separated: avx2 fma avx512f ... avx512_bf16 avx512_vnni; neon dotprod i8mm bf16
  const char* cpu_model;
  int32_t cpus_online;
  int32_t cpus_affinity;  // in this process' affinity mask
  int64_t cgroup_memory;  // bytes allowed by the memory limits of the control groups, 0: no limit
  int64_t address_space;  // bytes allowed by RLIMIT_AS, 0: no limit
  double cgroup_quota;    // cores allowed by the cgroup, 0 where there is no quota
  int32_t threads;        // threads the engine uses now
} gc_machine;
gc_status gc_machine_info(gc_machine* out);
// 1 <= threads <= 1024; 0 restores the default: min(affinity, ceil(quota)).
gc_status gc_set_threads(int32_t threads);

// ---- devices -------------------------------------------------------------------------------------------------------
// Where a plan runs. AUTO: on the GPU if there is one, it has a kernel for every op, and the measured rates predict a shorter run.
typedef enum gc_device_kind { GC_CPU = 0, GC_CUDA = 1, GC_AUTO = 2 } gc_device_kind;
typedef struct gc_cuda {
  int32_t available;   // 1: the library is open and has a device
  int32_t emulated;    // 1: the device is an emulator, for tests
  const char* reason;  // the device's name, or why there is none
  const char* path;    // where the library was looked for
  int64_t memory_bytes;
} gc_cuda;
// Looks for the CUDA library at the first call, which loads the driver; never fails.
gc_status gc_cuda_info(gc_cuda* out);
// Sets the file of the CUDA library, unless GATECELL_CUDA_LIBRARY names another one. GC_BUSY after the first search for the library.
gc_status gc_cuda_library(const char* path);
// Times and rates of the device, by which GC_AUTO decides. They are measured once per process and precision. GC_UNSUPPORTED without a device.
typedef struct gc_cuda_rates {
  double launch_seconds;  // of one of many dependent kernels in a graph
  double run_seconds;     // of the shortest run, by the clock of the host
  double flops;           // per second, of a large product of the engine in the given precision
  double copy_bytes;      // per second, read and written by a copy within the memory of the device
} gc_cuda_rates;
gc_status gc_cuda_measure(int32_t precision, gc_cuda_rates* out);

// ---- parameter store: row-major parameters under PyTorch's layout, shared by many plans ------------------------------
typedef struct gc_store gc_store;
typedef struct gc_param {
  int64_t offset;   // first element in the arenas, a multiple of 16
  int32_t rank;     // 1 or 2
  int32_t dims[2];  // row-major [dims[0]] or [dims[0], dims[1]]
} gc_param;
// data, and (null for inference) grad, first and second moments: arenas of `arena_floats` floats with the same layout.
gc_status gc_store_create(const gc_param* params, int32_t count, int64_t arena_floats, float* data, float* grad,
                          float* moment1, float* moment2, gc_store** out);
// Adds an arena with the layout and size of the others; call gc_store_fetch before. Group 4 is for AMSGrad's largest second moments, which a
// plan with GC_AMSGRAD needs, group 5 for the averaged weights of GC_C_AVERAGE, group 6 for the mean gradient of GC_ACCUMULATE.
// GC_INVALID_ARGUMENT for other groups, if the store has that arena already, and if it has no second moments.
gc_status gc_store_add_arena(gc_store* store, int32_t group, float* arena);
// A group of parameters that updates treat alike.
typedef struct gc_group {
  int32_t frozen;     // 1: no update, no moments, and no part of the gradient's norm
  int32_t own_decay;  // 1: `weight_decay` and `l2` instead of those of the control block, for parameters of any rank
  double rate;        // factor on GC_C_LEARNING_RATE, at least 0
  double weight_decay, l2;
  double skipped;  // steps at which the group was frozen: Adam's t is GC_C_STEP + 1 - skipped
} gc_group;
enum { GC_MAX_GROUPS = 32 };
// Sets the groups of the updates to come: group_of[i] is that of parameter i, one for each. A new store has one group of rate 1.
// GC_INVALID_ARGUMENT unless there are 1 to GC_MAX_GROUPS groups of valid numbers.
gc_status gc_store_set_groups(gc_store* store, const int32_t* group_of, const gc_group* groups, int32_t count);
// Call it after writing to `data`: packed copies made from it become invalid.
gc_status gc_store_touch(gc_store* store);
// Copies to the arenas what a device has changed since the last call. Call it before reading or writing them. It does nothing on the CPU.
gc_status gc_store_fetch(gc_store* store);
// Copies the whole arena of a group (0 data, 2 to 4 first to third moments, 5 averaged weights) as it is after one step: it waits for an
// update that is being written, not for the passes of a step. On a device it waits for the run under way there.
gc_status gc_store_copy(gc_store* store, int32_t group, float* out, int64_t floats);
// From now on packed weights are in memory that all such stores of the process with the same weights have in common. With the path of a folder
// they are mapped from files there, and so are the whole pages of `data`, which all processes then have in common; a write to `data` copies its
// pages. Each content is compared with the weights of the store before it is used. Runs then return GC_FILE_WRITE if a file cannot be written.
// GC_INVALID_ARGUMENT for a store with gradients and for a folder that other users can write to.
gc_status gc_store_share(gc_store* store, const char* folder);
// Bytes of the packed weights of a store that are in such memory.
int64_t gc_store_shared_bytes(gc_store* store);
// Bytes of native memory that the plans of a store share: packed weights, and the blocks that runs take for their passes and give back. A
// block is as large as the largest plan needs; runs at the same time have a block each.
int64_t gc_store_bytes(gc_store* store);
// The sum over the shards of a batch that GC_SHARD makes is a balanced tree over their places, so that it depends only on their number. This
// call takes the place of the run of a shard without rows. GC_INVALID_ARGUMENT if the place is not the next one.
gc_status gc_store_skip_shard(gc_store* store, int32_t place);
// Sets *hash to a checksum of the bits of all weights. Not during an update.
gc_status gc_store_hash(gc_store* store, uint64_t* hash);
// Plans of the store must be destroyed before it.
void gc_store_destroy(gc_store* store);

// ---- plan ------------------------------------------------------------------------------------------------------------
typedef enum gc_dtype { GC_F32 = 0, GC_I32 = 1 } gc_dtype;
typedef enum gc_role {
  GC_INTERNAL = 0,   // lives in the plan's own arena; slot unused
  GC_HOST = 1,       // dense, row-major, in the host arena at element `slot`: inputs, outputs, states
  GC_PARAMETER = 2,  // slot = index in the store
} gc_role;
// One tensor: 8 int32: dtype, role, slot, rank (1..4), d0, d1, d2, d3 (unused dims 1). Sequences are time-major [T, B, ...].
enum { GC_TENSOR_FIELDS = 8 };

// Op records, concatenated int32: opcode, inputs, outputs, attributes, then that many tensor ids (-1: absent), and
// `attributes` doubles taken from the attribute table in order. Ops are in topological order; each tensor has one producer.
// The ops, with their inputs, outputs and attributes: ops.def.
typedef enum gc_opcode {
#define GC_OP(number, NAME, name) GC_OP_##NAME = number,
#include "ops.def"
} gc_opcode;

// What a run does.
typedef enum gc_mode {
  GC_FORWARD = 0,   // dropout is off
  GC_GRADIENT = 1,  // forward with dropout, backward; gradients land in the store's grad arena
  GC_TRAIN = 2,     // GRADIENT, then UPDATE; carries only if the update was applied
  GC_UPDATE = 3,    // clips and applies the gradients in the store's grad arena; no pass, no carry
  // GRADIENT, then the grad arena gets the mean of the gradients of this batch and of those before it, weighted by what each counts
  // (GC_C_COUNTED). Needs an optimizer and the arena of group 6.
  GC_ACCUMULATE = 4,
  // GRADIENT, then the gradient times the count of the loss joins the sum over the shards of a batch (GC_C_SHARD). On the processor only.
  GC_SHARD = 5,
} gc_mode;
// GC_AMSGRAD: Adam whose step divides by the largest second moment so far (Reddi et al. 2018); with decoupled decay as AdamW.
typedef enum gc_optimizer { GC_SGD = 1, GC_RMSPROP = 2, GC_ADAM = 3, GC_ADAMW = 4, GC_AMSGRAD = 5 } gc_optimizer;

// The control block: doubles shared with the caller, read at the start of a run, written at its end.
typedef enum gc_control {
  GC_C_SEED = 0,  // integer < 2^53; masks and samples are Philox(seed; stream, step, element)
  GC_C_STEP = 1,  // integer >= 0: the step's number; the generator's counter and Adam's t = step + 1
  GC_C_LEARNING_RATE = 2,
  GC_C_CLIP_NORM = 3,  // 0: no clipping
  GC_C_BETA1 = 4,      // Adam; SGD: momentum; RMSprop: alpha
  GC_C_BETA2 = 5,
  GC_C_EPSILON = 6,
  GC_C_WEIGHT_DECAY = 7,  // AdamW, AMSGrad: decoupled
  GC_C_GRAD_NORM = 8,     // out: global norm before clipping
  GC_C_LOSS = 9,          // out: first element of the loss; UPDATE reads the value of the last run
  GC_C_APPLIED = 10,  // out: 1 if the update was applied, 0 if loss or norm was not finite (nothing is changed then)
  // After an update the averaged weights of trained parameters move by this share (0 to 1) of their distance to the weights. 1 copies the
  // weights, 0 leaves the average as it is. Above 0 the arena of group 5 is needed (else GC_INVALID_ARGUMENT).
  GC_C_AVERAGE = 11,
  // ACCUMULATE: in: the sum of the counts of the earlier batches of the mean, 0 for the first batch; out: with this batch. The count of a
  // batch is element 1 of its loss, and 1 if the loss has one element.
  // SHARD: in: the count of the shard if its loss has one element; out: the count of the shard.
  GC_C_COUNTED = 12,
  GC_C_L2 = 13,         // every optimiser: l2 * weight is added to the clipped gradient
  GC_C_NESTEROV = 14,   // SGD: 1 for Nesterov's momentum, 0 for classical momentum
  GC_C_DECAY_ALL = 15,  // 0: weight decay and l2 apply only to parameters of rank 2, 1: to all parameters
  GC_C_SHARD = 16,      // SHARD: place of the shard among those of this process, in order; 0 begins a new sum
  GC_CONTROL_SIZE = 17,
} gc_control;

// Operands of the LSTM products; sums, states and master weights are f32 either way.
// int8 is for inference: weights as codes with a scale per row, h as codes of [-1, 1], x with a range per row.
// tf32 is for the GPU: operands with 10 bits of fraction.
typedef enum gc_precision { GC_FLOAT = 0, GC_BF16 = 1, GC_INT8 = 2, GC_TF32 = 3 } gc_precision;

typedef struct gc_plan gc_plan;
typedef struct gc_plan_desc {
  gc_store* store;         // null if the graph has no parameters
  const int32_t* tensors;  // GC_TENSOR_FIELDS each
  int32_t tensor_count;
  const int32_t* ops;
  int64_t ops_length;  // int32s in ops
  const double* attributes;
  int64_t attribute_count;
  const int32_t* carry;  // pairs (from, to): a tensor, copied after each run to a host input (h, c across batches)
  int32_t carry_count;   // pairs
  // Pairs (tensor, slot): after each backward pass the gradient of the loss by the tensor is in the host arena, dense and row-major, at
  // element `slot`, a multiple of 16; zeros if the loss does not depend on the tensor. Parameters are refused: the store has their
  // gradients.
  const int32_t* gradients;
  int32_t gradient_count;  // pairs
  // 1: a backward pass computes only these gradients, and there is no dropout; parameters get none, and the store needs none. For a plan
  // without an optimizer.
  int32_t only_gradients;
  int32_t loss;           // tensor whose first element is minimised, -1: no backward pass
  int32_t optimizer;      // gc_optimizer, 0: none
  void* host;             // host arena, 64-byte aligned; each host tensor's slot is a multiple of 16 elements
  int64_t host_elements;  // 4-byte elements in it
  double* control;        // GC_CONTROL_SIZE doubles
  int32_t threads;        // 0: the number of gc_set_threads
  int32_t precision;      // gc_precision
  int32_t device;         // gc_device_kind
} gc_plan_desc;
gc_status gc_plan_create(const gc_plan_desc* desc, gc_plan** out);
// Runs on the calling thread and the threads of the engine's pool. GC_BUSY if the plan is running already.
gc_status gc_plan_run(gc_plan* plan, gc_mode mode);

// A loop of forward runs in which outputs feed inputs. Tensors are host tensors, given by their numbers.
enum { GC_LOOP_TENSORS = 16 };
typedef struct {
  int32_t feeds[GC_LOOP_TENSORS]
               [2];  // (from, to): `from` is copied to the host input `to`, of its dtype and number of elements
  int32_t feed_count;
  int32_t
      records[GC_LOOP_TENSORS];  // tensors whose elements are written out after each run, one tensor after the other
  int32_t record_count;
  int32_t rows;     // an i32[R,4] input of ops that draw (GC_OP_SAMPLE), whose steps grow by 1 after each run; -1: none
  int32_t watched;  // an i32 tensor: the loop ends after a run that leaves `stop` in one of its elements; -1: none
  int32_t stop;
} gc_loop;
// Makes up to `count` forward runs. After each one its records are written to `out`, which has room for `elements` elements of 4 bytes,
// feeds are copied in their order, carries are applied, and GC_C_STEP grows by 1. *done is the number of runs.
gc_status gc_plan_generate(gc_plan* plan, const gc_loop* loop, int32_t count, int32_t* out, int64_t elements,
                           int32_t* done);
// Runs once and then `count` times more, back to back on the device, and returns the median seconds of those by the device's own events.
// For benchmarks. GC_UNSUPPORTED on the CPU, where a clock around gc_plan_run measures the same.
gc_status gc_plan_time(gc_plan* plan, gc_mode mode, int32_t count, double* seconds);
// Copies the carried states to the host; a device keeps them from run to run. Call it before reading or writing them: the next run then
// starts from the host's values. It does nothing on the CPU.
gc_status gc_plan_fetch_states(gc_plan* plan);
// Returns JSON that is valid until the plan is destroyed: memory by kind, and a line per node with the chosen kernel and the reason.
// Returns null if there is no memory for it.
const char* gc_plan_explain(gc_plan* plan);
// Bytes of native memory of this plan, with the memory that it shares with the other plans of its store. A plan on a device shares none.
int64_t gc_plan_bytes(gc_plan* plan);
int64_t gc_plan_own_bytes(gc_plan* plan);  // bytes that gc_plan_destroy frees
void gc_plan_destroy(gc_plan* plan);       // waits for a running job

// ---- measuring: the limits of this machine, and kernels of the engine only ------------------------------------------
typedef enum gc_probe_kind {
  GC_PROBE_CLOCK = 1,     // cycles/s of a thread, by a chain of dependent integer instructions
  GC_PROBE_FMA = 2,       // flop/s of f32 multiply-adds
  GC_PROBE_DOT_BF16 = 3,  // flop/s of AVX512-BF16's dot product
  GC_PROBE_DOT_INT8 = 4,  // operations/s of AVX512-VNNI's dot product
  GC_PROBE_READ = 5,      // bytes/s: `bytes` split over the threads, read again and again
  GC_PROBE_CELL = 6,   // LSTM cells/s of plain polynomials and approximate reciprocals, less accurate than the engine
  GC_PROBE_FORK = 7,   // fork-joins/s of the engine's threads
  GC_PROBE_GEMM = 8,   // flop/s of the engine's product C[rows, columns] = A[rows, inner] B, B packed
  GC_PROBE_GATES = 9,  // cells/s of the engine's cell
} gc_probe_kind;
typedef struct gc_probe {
  int32_t kind;       // gc_probe_kind
  int32_t isa;        // for FMA, DOT_*, READ, CELL: 0 the one in use, 1 scalar, 2 avx2 or neon, 3 avx512
  int32_t precision;  // for GEMM: gc_precision
  int32_t threads;    // 1 to 1024
  int64_t bytes, rows, columns, inner;
  double seconds;  // about how long to measure
} gc_probe;
typedef struct gc_measurement {
  double median, p10, p90;  // units per second, all threads together
  int32_t count;            // samples
} gc_measurement;
// Runs on the calling thread and the threads of the engine's pool. GC_UNSUPPORTED if the CPU lacks the instructions, GC_BUSY if the
// threads of the engine are working.
gc_status gc_measure(const gc_probe* probe, gc_measurement* out);

// ---- first values ----------------------------------------------------------------------------------------------------
// Makes rows [from, to) of GC_ORTHONORMAL_LANES matrices at once orthonormal to the rows before them, which must be so already.
// values: [rows][columns][lane], 16-byte aligned; rows <= columns. A caller bounds the time of a call by the number of rows: row r
// costs about 8 r columns multiply-adds a lane. GC_INVALID_SHAPE.
enum { GC_ORTHONORMAL_LANES = 4 };
gc_status gc_orthonormalize(double* values, int64_t rows, int64_t columns, int64_t from, int64_t to);

// The first time that the system refused the pool a thread: team sizes (caller included) and the errno value of the refusal.
typedef struct gc_thread_refusal {
  int32_t wanted, granted, error;
} gc_thread_refusal;
// Returns 1 and fills *out once in the life of the process, for the caller that reports the refusal; otherwise 0.
int32_t gc_take_thread_refusal(gc_thread_refusal* out);

// Ends the threads of the engine and frees what they hold. Called when the last environment of the process ends.
void gc_shutdown(void);

#ifdef __cplusplus
}
#endif
