// both_sides.h: the mark of functions that processor and device compile from the same source.
#pragma once

#if defined(__CUDACC__)
#define GC_BOTH_SIDES __host__ __device__
#else
#define GC_BOTH_SIDES
#endif
