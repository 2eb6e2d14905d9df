// slopes.inl: gradients through sigmoid and tanh from the values x of the functions, written on the names of vec.h.

// Return x * (1 - x) * d and (1 - x^2) * d, with the same order of roundings in every instruction set.
GC_INLINE V sigmoid_slope(V x, V d) { return v_mul(d, v_fnma(x, x, x)); }
GC_INLINE V tanh_slope(V x, V d) { return v_fnma(v_mul(x, x), d, d); }
