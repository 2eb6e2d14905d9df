// backend.h: the C interface between the core and a device library (CUDA). The core reads and checks the graph, lays out the device's
// memory with the code that lays out its own, and owns the host's side; the library owns kernels, streams and captured graphs. One
// exported function returns one table. There are no C++ types and no exceptions; statuses are integers.
//
// Versions: the core refuses another `abi_version`, and a table smaller than its own.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "gatecell.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GC_BACKEND_ABI = 11 };

// The device of a library, which is asked for once, when the library is opened.
typedef struct gc_device_info {
  char name[128];
  char driver[64];       // versions of driver and runtime, for people
  int32_t major, minor;  // compute capability
  int32_t multiprocessors;
  int32_t cluster_blocks;  // largest cluster that the device takes, 1: none
  int64_t memory_bytes;
  int32_t emulated;  // 1: the device is emulated on this processor; for tests, never chosen by GC_AUTO
} gc_device_info;

// One tensor of a plan, as the core has checked it. Rows are `ld` elements apart.
typedef struct gc_device_tensor {
  int32_t dtype, role, rank, producer;  // producer: node, -1: host input or parameter
  int32_t parameter;                    // index in the store; -1 if the tensor is not a parameter
  int64_t dims[4];
  int64_t rows, cols, ld;
  float* data;  // on the device; int32 tensors too
  float* grad;  // on the device; null if no gradient is wanted, or if it is zero because nothing flows back
  void* host;   // GC_HOST: dense rows in the host arena
} gc_device_tensor;

// Memory that a node asks for while it is prepared.
typedef enum gc_life { GC_LIFE_FORWARD = 0, GC_LIFE_BACKWARD = 1, GC_LIFE_SAVED = 2 } gc_life;
enum { GC_NODE_BUFFERS = 24 };
typedef struct gc_device_buffer {
  int64_t bytes;
  int32_t life;
  float* data;
} gc_device_buffer;

typedef struct gc_device_node {
  int32_t opcode, index, inputs, outputs, attribute_count;
  // The node of the other direction of the layer, which is the next or the previous node. Both run when the first of them would run: in the
  // forward pass, and in the backward pass if partner_back is not -1. -1: there is none.
  int32_t partner, partner_back;
  // First and last node of a stack of recurrent layers, of which each reads the one below, with at most dropout between them. All may run
  // when the first of them would run, and with stack_back (0 or 1) their backward passes when that of the last would run. -1: none.
  int32_t stack_first, stack_last, stack_back;
  const char* name;         // of the op
  const int32_t *in, *out;  // tensor ids, -1: absent
  const double* attributes;
  const uint8_t* accumulate;  // per input: an earlier node of the backward pass has written its gradient
  int32_t trains;             // its backward pass is part of the plan
  int32_t buffer_count;       // filled by plan_prepare, as the two below
  gc_device_buffer buffers[GC_NODE_BUFFERS];
  char why[256];  // the chosen kernel and the reason
} gc_device_node;

// The beginnings of a store's arenas on the device; null for an arena that the store does not have.
typedef struct gc_device_arenas {
  float *data, *grad, *moment1, *moment2, *moment3;
} gc_device_arenas;

typedef struct gc_device_plan_desc {
  gc_device_tensor* tensors;
  gc_device_node* nodes;
  int32_t tensor_count, node_count;
  int32_t loss;       // tensor, -1: no backward pass
  int32_t optimizer;  // gc_optimizer
  int32_t precision;  // gc_precision
  gc_device_arenas arenas;
  const int32_t* carry;  // pairs (from, to) of tensors: copied on the device after a run, unless its data were invalid
  int32_t carry_count;   // pairs
} gc_device_plan_desc;

// The numbers of an update of one group of parameters.
typedef struct gc_device_group {
  float learning_rate, epsilon, decay, l2;
  int32_t decay_all, frozen;
} gc_device_group;

// Arguments and results of one run. The core computes the optimiser's numbers once, in double.
typedef struct gc_device_run {
  uint64_t seed, step;
  double clip_norm;                  // 0: no clipping
  float beta1, beta2, rest1, rest2;  // rest: 1 - beta
  int32_t nesterov;
  gc_device_group groups[GC_MAX_GROUPS];
  const int32_t* group_of;  // on the device: by parameter; null in a plan without parameters
  float average_share;      // GC_C_AVERAGE; 0: no average
  float* average;           // averaged weights on the device, with the layout of the arenas; null if the store has none
  int32_t send_states;      // 1: the targets of carries are newer on the host
  float* accumulated;       // on the device: the mean gradient of GC_ACCUMULATE; null if the store has none
  double counted;           // in and out: GC_C_COUNTED
  double loss;              // in: the last run's, for GC_UPDATE; out
  double grad_norm;         // out
  int32_t applied;          // out
} gc_device_run;

typedef struct gc_device_plan gc_device_plan;

// The table of the library's functions.
typedef struct gc_backend {
  int32_t abi_version;  // GC_BACKEND_ABI
  int32_t size;         // sizeof(gc_backend)
  // Returns the message of the last failure on this thread.
  const char* (*last_error)(void);
  // Opens the first device and returns its properties.
  int32_t (*open)(gc_device_info* out);
  // Device memory. allocate returns zeroed memory; the message of GC_OUT_OF_MEMORY contains the bytes that were asked for and those free.
  int32_t (*allocate)(int64_t bytes, void** out);
  void (*release)(void* memory);
  int32_t (*free_bytes)(int64_t* out);
  int32_t (*upload)(void* to, const void* from, int64_t bytes);
  int32_t (*download)(void* to, const void* from, int64_t bytes);
  // Asks every node for its buffers and kernel. The message of GC_UNSUPPORTED names the op or precision that the library lacks.
  int32_t (*plan_prepare)(gc_device_plan_desc* desc);
  // Creates a plan. Every address is filled in. The tables are copied.
  int32_t (*plan_create)(const gc_device_plan_desc* desc, gc_device_plan** out);
  // Copies host inputs in, runs, copies outputs out (not after a failure).
  int32_t (*plan_run)(gc_device_plan* plan, int32_t mode, gc_device_run* run);
  // Returns the median seconds, by events, of `count` replays back to back of a mode that has run. Results are those of as many runs.
  int32_t (*plan_time)(gc_device_plan* plan, int32_t mode, int32_t count, double* seconds);
  // Returns the bytes that are not in the core's layout: staging and tables.
  int64_t (*plan_bytes)(const gc_device_plan* plan);
  // Returns JSON with the measurements by which kernels were chosen.
  const char* (*plan_explain)(gc_device_plan* plan);
  void (*plan_destroy)(gc_device_plan* plan);
  int32_t (*measure)(int32_t precision, gc_cuda_rates* out);
} gc_backend;

// The one exported symbol of a device library.
#define GC_BACKEND_SYMBOL "gc_backend_table"
const gc_backend* gc_backend_table(void);

#ifdef __cplusplus
}
#endif
