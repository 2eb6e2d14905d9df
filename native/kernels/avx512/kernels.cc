// The avx512 kernel table: AVX-512 (F, BW, DQ, VL), 16 lanes. All code is in shared/*.inl on the names of vec.h.
#include "../probes.h"
#include "../table.h"
#include "vec.h"

#define GATECELL_TILE_VECTORS 4
namespace gc_avx512 {
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
}  // namespace gc_avx512

extern "C" const gc_kernels gc_kernels_avx512 = {
    "avx512",
    gc_avx512::kTileVectors* gc_avx512::VL,
    gc_avx512::gemm_all<gc_avx512::FloatMac>,
    {gc_avx512::cell_forward<GC_CELL_PLAIN>, gc_avx512::cell_forward<GC_CELL_PEEPHOLE>,
     gc_avx512::cell_forward<GC_CELL_ZONEOUT>, gc_avx512::cell_forward<GC_CELL_OPEN>, gc_avx512::gru_forward,
     gc_avx512::lstm_form_forward, gc_avx512::gru_form_forward, gc_avx512::reset_gates_forward,
     gc_avx512::reset_state_forward, gc_avx512::rnn_forward},
    {gc_avx512::cell_backward<GC_CELL_PLAIN>, gc_avx512::cell_backward<GC_CELL_PEEPHOLE>,
     gc_avx512::cell_backward<GC_CELL_ZONEOUT>, gc_avx512::cell_backward<GC_CELL_OPEN>, gc_avx512::gru_backward,
     gc_avx512::lstm_form_backward, gc_avx512::gru_form_backward, gc_avx512::reset_gates_backward,
     gc_avx512::reset_state_backward, gc_avx512::rnn_backward},
    gc_avx512::norm_gates_forward,
    gc_avx512::norm_gates_backward,
    gc_avx512::norm_cell_forward,
    gc_avx512::norm_cell_backward,
    gc_avx512::sigmoid_array,
    gc_avx512::tanh_array,
    gc_avx512::exp_array,
    gc_avx512::add_array,
    gc_avx512::sgd_array,
    gc_avx512::rmsprop_array,
    gc_avx512::adam_array,
    gc_avx512::map_steps,
};

extern "C" const gc_bf16_kernels gc_bf16_avx512 = {
    "avx512",
    gc_avx512::gemm_all<gc_avx512::PairMac>,
    gc_avx512::narrow_rows,
    gc_avx512::pair_rows,
    gc_avx512::add_bf16,
};

extern "C" const gc_probes gc_probes_avx512 = {
    "avx512",
    gc_avx512::VL,
    gc_avx512::kProbeChains,
    gc_avx512::probe_fma,
    gc_avx512::probe_read,
    gc_avx512::probe_read_streams,
    gc_avx512::probe_cell,
    gc_avx512::probe_dot_bf16,
    gc_avx512::probe_dot_int8,
};

extern "C" const gc_int8_kernels gc_int8_avx512 = {
    "avx512",
    gc_avx512::gemm_all<gc_avx512::ByteMac>,
    gc_avx512::quantize_rows,
    gc_avx512::quantize_within,
    gc_avx512::dequantize_add,
};
