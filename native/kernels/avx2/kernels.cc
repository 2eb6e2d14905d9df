// The avx2 kernel table: AVX2 and FMA, 8 lanes. All code is in shared/*.inl on the names of vec.h.
#include "../probes.h"
#include "../table.h"
#include "vec.h"

#define GATECELL_TILE_VECTORS 2
namespace gc_avx2 {
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
}  // namespace gc_avx2

extern "C" const gc_kernels gc_kernels_avx2 = {
    "avx2",
    gc_avx2::kTileVectors* gc_avx2::VL,
    gc_avx2::gemm_all<gc_avx2::FloatMac>,
    {gc_avx2::cell_forward<GC_CELL_PLAIN>, gc_avx2::cell_forward<GC_CELL_PEEPHOLE>,
     gc_avx2::cell_forward<GC_CELL_ZONEOUT>, gc_avx2::cell_forward<GC_CELL_OPEN>, gc_avx2::gru_forward,
     gc_avx2::lstm_form_forward, gc_avx2::gru_form_forward, gc_avx2::reset_gates_forward, gc_avx2::reset_state_forward,
     gc_avx2::rnn_forward},
    {gc_avx2::cell_backward<GC_CELL_PLAIN>, gc_avx2::cell_backward<GC_CELL_PEEPHOLE>,
     gc_avx2::cell_backward<GC_CELL_ZONEOUT>, gc_avx2::cell_backward<GC_CELL_OPEN>, gc_avx2::gru_backward,
     gc_avx2::lstm_form_backward, gc_avx2::gru_form_backward, gc_avx2::reset_gates_backward,
     gc_avx2::reset_state_backward, gc_avx2::rnn_backward},
    gc_avx2::norm_gates_forward,
    gc_avx2::norm_gates_backward,
    gc_avx2::norm_cell_forward,
    gc_avx2::norm_cell_backward,
    gc_avx2::sigmoid_array,
    gc_avx2::tanh_array,
    gc_avx2::exp_array,
    gc_avx2::add_array,
    gc_avx2::sgd_array,
    gc_avx2::rmsprop_array,
    gc_avx2::adam_array,
    gc_avx2::map_steps,
};

extern "C" const gc_bf16_kernels gc_bf16_avx2 = {
    "avx2", gc_avx2::gemm_all<gc_avx2::PairMac>, gc_avx2::narrow_rows, gc_avx2::pair_rows, gc_avx2::add_bf16,
};

extern "C" const gc_probes gc_probes_avx2 = {
    "avx2",
    gc_avx2::VL,
    gc_avx2::kProbeChains,
    gc_avx2::probe_fma,
    gc_avx2::probe_read,
    gc_avx2::probe_read_streams,
    gc_avx2::probe_cell,
    nullptr,
    nullptr,
};

extern "C" const gc_int8_kernels gc_int8_avx2 = {
    "avx2",
    gc_avx2::gemm_all<gc_avx2::ByteMac>,
    gc_avx2::quantize_rows,
    gc_avx2::quantize_within,
    gc_avx2::dequantize_add,
};
