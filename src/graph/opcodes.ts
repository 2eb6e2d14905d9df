// The numbers of the C ABI (native/include/gatecell/gatecell.h) that graphs and plans speak. A test compares both.

import { opcodes } from './op-list.js'

export { opcodes }
export type OpName = keyof typeof opcodes

export const dtypes = { f32: 0, i32: 1 } as const
export const devices = { cpu: 0, cuda: 1, auto: 2 } as const
export const deviceNames = ['cpu', 'cuda', 'auto'] as const satisfies readonly (keyof typeof devices)[]
export const roles = { internal: 0, host: 1, parameter: 2 } as const
export const modes = { forward: 0, gradient: 1, train: 2, update: 3, accumulate: 4 } as const
export const optimizers = { none: 0, sgd: 1, rmsprop: 2, adam: 3, adamw: 4, amsgrad: 5 } as const

export const optimizerNames = ['sgd', 'rmsprop', 'adam', 'adamw', 'amsgrad'] as const satisfies readonly OptimizerName[]

/** Where a plan runs; 'auto': on a GPU where one is there, has every op, and is faster by measured rates. */
export type Device = keyof typeof devices
export type Role = keyof typeof roles
/**
 * The work of a run: 'forward' (dropout off), 'gradient' (forward with dropout, backward: gradients go to the parameters' `grad`), 'update'
 * (clips and applies those gradients, without a pass), 'train' (gradient, then update, in one call), or 'accumulate' (gradient, then `grad`
 * is the mean over this batch and earlier ones, see `control.counted`).
 */
export type Mode = keyof typeof modes
/** The update of a plan; 'amsgrad' serves Adam and AdamW with `amsgrad: true`. */
export type OptimizerName = Exclude<keyof typeof optimizers, 'none'>

/** Host tensors and parameters start at multiples of this many elements (64 bytes). */
export const SLOT_ELEMENTS = 16
