// The numbers of the C ABI (native/include/gatecell/gatecell.h) in graphs and plans. A test compares both.

import { opcodes } from './op-list.js'

export { opcodes }
/** The name of an op. */
export type OpName = keyof typeof opcodes

/** gc_dtype. */
export const dtypes = { f32: 0, i32: 1 } as const
/** gc_device_kind. */
export const devices = { cpu: 0, cuda: 1, auto: 2 } as const
/** The devices, for checks. */
export const deviceNames = ['cpu', 'cuda', 'auto'] as const satisfies readonly (keyof typeof devices)[]
/** gc_precision. */
export const precisions = { f32: 0, bf16: 1, int8: 2, tf32: 3 } as const satisfies Record<Precision, number>
/** The precisions, for checks. */
export const precisionNames = ['f32', 'bf16', 'int8', 'tf32'] as const satisfies readonly Precision[]
/** gc_role. */
export const roles = { internal: 0, host: 1, parameter: 2 } as const
/** gc_mode. */
export const modes = { forward: 0, gradient: 1, train: 2, update: 3, accumulate: 4, shard: 5 } as const
/** gc_optimizer. */
export const optimizers = { none: 0, sgd: 1, rmsprop: 2, adam: 3, adamw: 4, amsgrad: 5 } as const

/** The optimizers, for checks. */
export const optimizerNames = ['sgd', 'rmsprop', 'adam', 'adamw', 'amsgrad'] as const satisfies readonly OptimizerName[]

/** Formats of the operands of LSTM products on the CPU. */
export type CpuPrecision = 'f32' | 'bf16' | 'int8'
/**
 * Format of the operands of LSTM products. 'bf16' halves the bytes of the operands and, on CPUs with AVX512-BF16, doubles the arithmetic
 * rate. 'int8' is for inference: weights are codes with a scale for each row, inputs are codes with a range for each row. 'tf32' is for the
 * GPU, where 'f32' gives the same bits as the CPU and is slow.
 */
export type Precision = CpuPrecision | 'tf32'

/** The device of a plan. 'auto' chooses the GPU if there is one that has every op and is faster by measured rates. */
export type Device = keyof typeof devices
/** The memory of a tensor: of the plan only, of the host arena, or of the store of parameters. */
export type Role = keyof typeof roles
/**
 * The work of a run: 'forward' (dropout off), 'gradient' (forward with dropout, backward: gradients go to the parameters' `grad`), 'update'
 * (clips and applies those gradients, without a pass), 'train' (gradient, then update, in one call), or 'accumulate' (gradient, then `grad`
 * is the mean over this batch and earlier ones, see `control.counted`). 'shard' adds the gradient to the sum over the shards of a batch, which
 * the trainer takes (`control.shard`).
 */
export type Mode = keyof typeof modes
/** The update of a plan. 'amsgrad' is that of Adam and AdamW with `amsgrad: true`. */
export type OptimizerName = Exclude<keyof typeof optimizers, 'none'>

/** Host tensors and parameters start at multiples of this many elements (64 bytes). */
export const SLOT_ELEMENTS = 16
