// The neon kernel table: AArch64, 4 lanes. All code is in shared/*.inl on the names of vec.h.
#include "../probes.h"
#include "../table.h"
#include "vec.h"

#define GATECELL_TILE_VECTORS 4
#define GATECELL_NEON 1  // in this file: with AArch64 the scalar table is compiled with __ARM_NEON, too
namespace gc_neon {
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

#include "../shared/special.inl"

#include "../shared/activation.inl"

#include "../shared/forms.inl"

#include "../shared/map_functions.inl"

#include "../shared/map.inl"

#include "../shared/probe.inl"
}  // namespace
}  // namespace gc_neon

extern "C" const gc_kernels gc_kernels_neon = {
    "neon",
    gc_neon::kTileVectors* gc_neon::VL,
    gc_neon::gemm_all<gc_neon::FloatMac>,
    {gc_neon::cell_forward<GC_CELL_PLAIN>, gc_neon::cell_forward<GC_CELL_PEEPHOLE>,
     gc_neon::cell_forward<GC_CELL_ZONEOUT>, gc_neon::cell_forward<GC_CELL_OPEN>, gc_neon::gru_forward,
     gc_neon::lstm_form_forward, gc_neon::gru_form_forward, gc_neon::reset_gates_forward, gc_neon::reset_state_forward,
     gc_neon::rnn_forward},
    {gc_neon::cell_backward<GC_CELL_PLAIN>, gc_neon::cell_backward<GC_CELL_PEEPHOLE>,
     gc_neon::cell_backward<GC_CELL_ZONEOUT>, gc_neon::cell_backward<GC_CELL_OPEN>, gc_neon::gru_backward,
     gc_neon::lstm_form_backward, gc_neon::gru_form_backward, gc_neon::reset_gates_backward,
     gc_neon::reset_state_backward, gc_neon::rnn_backward},
    gc_neon::norm_gates_forward,
    gc_neon::norm_gates_backward,
    gc_neon::norm_cell_forward,
    gc_neon::norm_cell_backward,
    gc_neon::sigmoid_array,
    gc_neon::tanh_array,
    gc_neon::exp_array,
    gc_neon::add_array,
    gc_neon::sgd_array,
    gc_neon::rmsprop_array,
    gc_neon::adam_array,
    gc_neon::map_steps,
};

extern "C" const gc_bf16_kernels gc_bf16_neon = {
    "neon", gc_neon::gemm_all<gc_neon::PairMac>, gc_neon::narrow_rows, gc_neon::pair_rows, gc_neon::add_bf16,
};

extern "C" const gc_probes gc_probes_neon = {
    "neon",
    gc_neon::VL,
    gc_neon::kProbeChains,
    gc_neon::probe_fma,
    gc_neon::probe_read,
    gc_neon::probe_read_streams,
    gc_neon::probe_cell,
    nullptr,
    nullptr,
};

extern "C" const gc_int8_kernels gc_int8_neon = {
    "neon",
    gc_neon::gemm_all<gc_neon::ByteMac>,
    gc_neon::quantize_rows,
    gc_neon::quantize_within,
    gc_neon::dequantize_add,
};
