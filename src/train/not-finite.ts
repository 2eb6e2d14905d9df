// Losses, gradients and checkpoints that are not finite: the refusal of a step or a checkpoint, and the search for the cause in the batch.

import { types } from 'node:util'
import { expected } from '../errors.js'
import type { LoadedTensors } from '../graph/loaded-tensors.js'
import type { Plan } from '../graph/plan.js'
import { asFloat32 } from '../io/float32.js'
import type { TensorData } from '../io/safetensors/dtypes.js'

/** Returns a sentence part that names the first value of `inputs` that is not finite and its position; null if there is none. */
export function findNotFinite(
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  shapes: Readonly<Record<string, readonly number[]>>,
  kind = 'the input'
): string | null {
  for (const [name, values] of Object.entries(inputs)) {
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i])) continue
      return `${String(values[i])} in ${kind} "${name}" at [${position(i, shapes[name] ?? [values.length]).join(', ')}]`
    }
  }
  return null
}

function position(index: number, shape: readonly number[]): number[] {
  const at: number[] = []
  for (let rest = index, i = shape.length - 1; i >= 0; i--) {
    at.unshift(rest % shape[i]!)
    rest = Math.floor(rest / shape[i]!)
  }
  return at
}

/** Throws ERR_NOT_FINITE if `plan` did not apply its update; `step`: the steps made before. */
export function expectApplied(
  plan: Pick<Plan, 'inputs' | 'shapes'> & { control: Pick<Plan['control'], 'loss' | 'gradNorm' | 'applied'> },
  step: number
): void {
  const { loss, gradNorm, applied } = plan.control
  if (applied) return
  const what = Number.isFinite(loss) ? `the gradient's norm is ${gradNorm}` : `the loss is ${loss}`
  const data = findNotFinite(plan.inputs, plan.shapes.inputs)
  const remedy = data
    ? `the batch has ${data}: remove or replace such values in the data`
    : 'continue with a lower learning rate or clip norm'
  const found = `a step that is not finite: at step ${step + 1} ${what}; the weights are those after step ${step}`
  throw expected('ERR_NOT_FINITE', 'a finite loss and gradient', found, remedy)
}

/** Throws ERR_NOT_FINITE if the loss of one of the batches of a step is not finite; `step`: the steps made before. */
export function expectFiniteBatch(plan: Pick<Plan, 'control' | 'inputs' | 'shapes'>, step: number): void {
  const { loss } = plan.control
  const control = { loss, gradNorm: NaN, applied: Number.isFinite(loss) }
  expectApplied({ inputs: plan.inputs, shapes: plan.shapes, control }, step)
}

/** Returns `loss`, measured on data that is finite. Throws ERR_NOT_FINITE if it is not finite, which then comes from the weights. */
export function expectFiniteLoss(loss: number): number {
  if (Number.isFinite(loss)) return loss
  const found = `${loss}, because the weights of the model are not finite or too large`
  throw expected('ERR_NOT_FINITE', 'a finite loss of the data', found, 'use another model')
}

/**
 * Checks the tensors of the part `group` of a checkpoint. Throws ERR_NOT_FINITE if a value is not finite, and, for means of squares,
 * ERR_INVALID_ARGUMENT if one is negative: an optimizer takes their roots, so that the next step would make the weights NaN.
 */
export function expectUsableTensors(group: string, tensors: LoadedTensors, kind: 'any' | 'squares'): void {
  for (const [name, { shape, data: raw, dtype = 'F32' }] of tensors) {
    const data = dtype === 'F32' ? raw : asFloat32(name, dtype, raw as TensorData)
    if (!types.isFloat32Array(data)) continue // the store refuses it
    const found = findNotFinite({ [name]: data }, { [name]: shape }, 'the tensor')
    if (found !== null) {
      const wanted = `finite values in the ${group} of the checkpoint`
      throw expected('ERR_NOT_FINITE', wanted, found, 'resume from another checkpoint')
    }
    const negative = kind === 'squares' ? data.findIndex((value) => value < 0) : -1
    if (negative === -1) continue
    const where = `${data[negative]} in the tensor "${name}" at [${position(negative, shape).join(', ')}]`
    const wanted = `means of squares, which are not negative, in the ${group} of the checkpoint`
    throw expected('ERR_INVALID_ARGUMENT', wanted, where, 'resume from another checkpoint')
  }
}
