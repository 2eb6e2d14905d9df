// activation_codes.h: the activation functions that a recurrent cell may have (those of ONNX): number, name in capitals, name, count of
// parameters. `npm run opcodes` writes them into src/graph/op-list.ts. Number 0 is the function that the cell has by itself.
#pragma once

// With the parameters a (alpha) and b (beta): HARD_SIGMOID is max(0, min(1, a x + b)), AFFINE a x + b, LEAKY_RELU a x below 0 and x elsewhere,
// THRESHOLDED_RELU x above a and 0 elsewhere, SCALED_TANH a tanh(b x), ELU a (exp(x) - 1) below 0 and x elsewhere, SOFTSIGN x / (1 + |x|),
// SOFTPLUS log(1 + exp(x)).
#define GC_ACTIVATIONS(F)                     \
  F(1, SIGMOID, sigmoid, 0)                   \
  F(2, TANH, tanh, 0)                         \
  F(3, RELU, relu, 0)                         \
  F(4, HARD_SIGMOID, hard_sigmoid, 2)         \
  F(5, AFFINE, affine, 2)                     \
  F(6, LEAKY_RELU, leaky_relu, 1)             \
  F(7, THRESHOLDED_RELU, thresholded_relu, 1) \
  F(8, SCALED_TANH, scaled_tanh, 2)           \
  F(9, ELU, elu, 1)                           \
  F(10, SOFTSIGN, softsign, 0)                \
  F(11, SOFTPLUS, softplus, 0)

#define GC_ACTIVATION_ENUM(number, NAME, name, parameters) GC_ACTIVATION_##NAME = number,
enum { GC_ACTIVATIONS(GC_ACTIVATION_ENUM) GC_ACTIVATION_COUNT };
#undef GC_ACTIVATION_ENUM

typedef struct gc_activation {
  int32_t code;
  float alpha, beta;
} gc_activation;

// The functions of a cell: f of the gates, g of the new value (LSTM: g, GRU: n, RNN: h), h of the cell before the output gate of an LSTM.
// Pre-activations are clipped to [-clip, clip] first; clip is infinite if there is no limit. `coupled`: the forget gate of an LSTM is 1 - i.
typedef struct gc_form {
  gc_activation f, g, h;
  float clip;
  int32_t coupled;
} gc_form;
