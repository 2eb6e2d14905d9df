// Ownership of what a training run changes besides weights: the optimiser's moments, which a model has once, and the plan of a
// step with its carried states.

import { GatecellError } from '../errors.js'
import type { FitClaim } from '../graph/operations.js'
import type { ParameterStore } from '../graph/parameters.js'
import type { Plan } from '../graph/plan.js'
import type { Dims } from '../model.js'

/** The run whose moments a store of parameters holds. */
const owners = new WeakMap<ParameterStore, object>()

/** Declares that the moments of `parameters` are those of `run`. */
export function setMomentOwner(parameters: ParameterStore, run: object): void {
  owners.set(parameters, run)
}

/** Zeroes the moments for `run`, which has made no step. Throws ERR_BUSY while an operation on the model is under way. */
export function clearMoments(parameters: ParameterStore, run: object): void {
  parameters.clearOptimizer()
  setMomentOwner(parameters, run)
}

/**
 * Returns whether `run` may begin with the moments as they are; false: they are to be cleared first. Throws ERR_BUSY if the
 * run has made `step` steps and its moments are gone.
 */
export function ownsMoments(parameters: ParameterStore, run: object, step: number): boolean {
  if (owners.get(parameters) === run) return true
  if (step === 0) return false
  throw new GatecellError(
    'ERR_BUSY',
    `Expected the optimiser's moments after step ${step} of this run but another trainer has used the model since: continue with a trainer that resumes from a checkpoint.`
  )
}

/** Zeroes the moments that another run has left, before the first step of `run`; returns false if the caller aborted. */
export async function takeMoments(
  parameters: ParameterStore,
  run: object,
  { step, claim, signal }: { step: number; claim: FitClaim; signal: AbortSignal | undefined }
): Promise<boolean> {
  if (ownsMoments(parameters, run, step)) return true
  const release = await claim.step(signal)
  if (release === null) return false
  try {
    claim.write(() => clearMoments(parameters, run))
  } finally {
    release()
  }
  return true
}

/** Returns `plan` with its methods refusing (ERR_BUSY) while `busy` holds; views and figures are those of `plan`. */
export function guardPlan(plan: Plan, busy: () => boolean): Plan {
  const check = () => {
    if (!busy()) return
    throw new GatecellError(
      'ERR_BUSY',
      'Expected an idle plan but the fit of its trainer is under way: take a plan of your own by model.lease(), or await the fit.'
    )
  }
  const guarded =
    <A extends unknown[], R>(method: (...values: A) => R) =>
    (...values: A): R => {
      check()
      return method(...values)
    }
  const run: Plan['run'] = async (mode, options) => {
    check()
    return plan.run(mode, options)
  }
  const methods = {
    run,
    runSync: guarded(plan.runSync),
    resetStates: guarded(plan.resetStates),
    dispose: guarded(plan.dispose),
    [Symbol.dispose]: guarded(plan.dispose)
  }
  const properties = Reflect.ownKeys(methods).map((key) => [key, { value: methods[key as keyof typeof methods] }])
  return Object.create(plan, Object.fromEntries(properties) as PropertyDescriptorMap) as Plan
}

/** Returns whether two shapes have the same sizes under the same names. */
export function sameDims(a: Dims, b: Dims): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}
