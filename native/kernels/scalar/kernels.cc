// The scalar kernel table: portable C++, the reference the other tables must equal bit for bit. All code is in shared/*.inl on the names of vec.h.
#include "../probes.h"
#include "../table.h"
#include "lane.h"
#include "vec.h"

#define GATECELL_TILE_VECTORS 1
namespace gc_scalar {
namespace {
#include "../shared/math.inl"

#include "../shared/gemm.inl"

#include "../shared/bf16.inl"

#include "../shared/int8.inl"

#include "../shared/slopes.inl"

#include "../shared/cell.inl"

#include "../shared/gru.inl"

#include "../shared/norm.inl"

#include "../shared/elementwise.inl"

#include "../shared/probe.inl"
}  // namespace
}  // namespace gc_scalar

extern "C" const gc_kernels gc_kernels_scalar = {
    "scalar",
    gc_scalar::kTileVectors* gc_scalar::VL,
    gc_scalar::gemm_all<gc_scalar::FloatMac>,
    {gc_scalar::cell_forward<GC_CELL_PLAIN>, gc_scalar::cell_forward<GC_CELL_PEEPHOLE>,
     gc_scalar::cell_forward<GC_CELL_ZONEOUT>, gc_scalar::cell_forward<GC_CELL_OPEN>, gc_scalar::gru_forward,
     gc_lane::lstm_form_forward, gc_lane::gru_form_forward, gc_lane::reset_gates_forward, gc_lane::reset_state_forward,
     gc_lane::rnn_forward},
    {gc_scalar::cell_backward<GC_CELL_PLAIN>, gc_scalar::cell_backward<GC_CELL_PEEPHOLE>,
     gc_scalar::cell_backward<GC_CELL_ZONEOUT>, gc_scalar::cell_backward<GC_CELL_OPEN>, gc_scalar::gru_backward,
     gc_lane::lstm_form_backward, gc_lane::gru_form_backward, gc_lane::reset_gates_backward,
     gc_lane::reset_state_backward, gc_lane::rnn_backward},
    gc_scalar::norm_gates_forward,
    gc_scalar::norm_gates_backward,
    gc_scalar::norm_cell_forward,
    gc_scalar::norm_cell_backward,
    gc_scalar::sigmoid_array,
    gc_scalar::tanh_array,
    gc_scalar::exp_array,
    gc_scalar::add_array,
    gc_scalar::sgd_array,
    gc_scalar::rmsprop_array,
    gc_scalar::adam_array,
    gc_lane::map_steps,
};

extern "C" const gc_bf16_kernels gc_bf16_scalar = {
    "scalar",
    gc_scalar::gemm_all<gc_scalar::PairMac>,
    gc_scalar::narrow_rows,
    gc_scalar::pair_rows,
    gc_scalar::add_bf16,
};

extern "C" const gc_probes gc_probes_scalar = {
    "scalar",
    gc_scalar::VL,
    gc_scalar::kProbeChains,
    gc_scalar::probe_fma,
    gc_scalar::probe_read,
    gc_scalar::probe_read_streams,
    gc_scalar::probe_cell,
    nullptr,
    nullptr,
};

extern "C" const gc_int8_kernels gc_int8_scalar = {
    "scalar",
    gc_scalar::gemm_all<gc_scalar::ByteMac>,
    gc_scalar::quantize_rows,
    gc_scalar::quantize_within,
    gc_scalar::dequantize_add,
};
