// both_sides.h: marks functions without state that the device computes with the same source as the processor.
#pragma once

#if defined(__CUDACC__)
#define GC_BOTH_SIDES __host__ __device__
#else
#define GC_BOTH_SIDES
#endif
