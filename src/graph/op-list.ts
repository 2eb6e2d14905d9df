// The numbers of the ops, of the functions of map programs, and of the activations of cells. Written by `npm run opcodes` from
// native/include/gatecell/ops.def and native/kernels/{map,activation}_codes.h, which describe them.

/** The numbers of the ops. */
export const opcodes = {
  embedding: 1,
  lstm: 2,
  linear: 3,
  dropout: 4,
  crossEntropy: 5,
  softmax: 6,
  add: 7,
  mul: 8,
  sigmoid: 9,
  tanh: 10,
  relu: 11,
  affine: 12,
  concat: 13,
  slice: 14,
  reshape: 15,
  meanSquare: 16,
  sigmoidCrossEntropy: 17,
  sample: 18,
  flip: 19,
  sub: 20,
  gru: 21,
  ctc: 22,
  mixtureDensity: 23,
  mixtureSample: 24,
  window: 25,
  windowLstm: 26,
  dotAttention: 27,
  additiveAttention: 28,
  map: 29,
  reduce: 30,
  matmul: 31,
  rearrange: 32,
  gather: 33,
  scatterAdd: 34,
  topLogSoftmax: 35,
  rnn: 36
} as const

/** The functions of map programs: number and count of operands. */
export const mapCodes = {
  constant: { code: 0, operands: 0 },
  add: { code: 1, operands: 2 },
  sub: { code: 2, operands: 2 },
  mul: { code: 3, operands: 2 },
  div: { code: 4, operands: 2 },
  min: { code: 5, operands: 2 },
  max: { code: 6, operands: 2 },
  flow: { code: 7, operands: 2 },
  less: { code: 8, operands: 2 },
  lessEqual: { code: 9, operands: 2 },
  equal: { code: 10, operands: 2 },
  select: { code: 11, operands: 3 },
  neg: { code: 12, operands: 1 },
  abs: { code: 13, operands: 1 },
  sign: { code: 14, operands: 1 },
  exp: { code: 15, operands: 1 },
  log: { code: 16, operands: 1 },
  log1p: { code: 17, operands: 1 },
  sqrt: { code: 18, operands: 1 },
  sigmoid: { code: 19, operands: 1 },
  tanh: { code: 20, operands: 1 },
  erf: { code: 21, operands: 1 },
  lgamma: { code: 22, operands: 1 },
  digamma: { code: 23, operands: 1 }
} as const

/** The activation functions of cells: number and count of parameters. */
export const activationCodes = {
  sigmoid: { code: 1, parameters: 0 },
  tanh: { code: 2, parameters: 0 },
  relu: { code: 3, parameters: 0 },
  hardSigmoid: { code: 4, parameters: 2 },
  affine: { code: 5, parameters: 2 },
  leakyRelu: { code: 6, parameters: 1 },
  thresholdedRelu: { code: 7, parameters: 1 },
  scaledTanh: { code: 8, parameters: 2 },
  elu: { code: 9, parameters: 1 },
  softsign: { code: 10, parameters: 0 },
  softplus: { code: 11, parameters: 0 }
} as const
