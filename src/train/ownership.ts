// Ownership of the parts of a training run other than the weights: the optimiser's moments, which a model has once, and the plan of a step
// with its carried states.

import { expected } from '../errors.js'
import type { FitClaim } from '../graph/operations.js'
import type { ParameterStore } from '../graph/parameters.js'
import type { Plan } from '../graph/plan.js'
import type { Dims } from '../model.js'

/** The run to which the moments of a store of parameters belong. */
const owners = new WeakMap<ParameterStore, object>()

/** Declares that the moments of `parameters` are those of `run`. */
export function setMomentOwner(parameters: ParameterStore, run: object): void {
  owners.set(parameters, run)
}

/** Clears the moments for `run`, which has not made a step. Throws ERR_BUSY while an operation on the model is under way. */
export function clearMoments(parameters: ParameterStore, run: object): void {
  parameters.clearOptimizer()
  setMomentOwner(parameters, run)
}

/**
 * Returns whether `run` may begin with the moments as they are; if not, they are to be cleared first. Throws ERR_BUSY if the run has made
 * `step` steps and another run has changed its moments.
 */
export function ownsMoments(parameters: ParameterStore, run: object, step: number): boolean {
  if (owners.get(parameters) === run) return true
  if (step === 0) return false
  const wanted = `the optimiser's moments after step ${step} of this run`
  const remedy = 'continue with a trainer that resumes from a checkpoint'
  throw expected('ERR_BUSY', wanted, 'those of another trainer, which has used the model since', remedy)
}

/** Takes the moments for `run`: clears those of another run before its first step. Returns false if the caller aborted. */
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

/** Returns `plan` with methods that throw ERR_BUSY while `busy` returns true; views and figures are those of `plan`. */
export function guardPlan(plan: Plan, busy: () => boolean): Plan {
  const check = () => {
    if (!busy()) return
    const remedy = 'take a plan of your own by model.lease(), or await the fit'
    throw expected('ERR_BUSY', 'an idle plan', 'the plan of a trainer whose fit is under way', remedy)
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
