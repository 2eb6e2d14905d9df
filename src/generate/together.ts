// Steps of several sessions as the rows of one plan. A session has the same bits in any row, with any other sessions.

import { expected } from '../errors.js'
import { operationsOf } from '../graph/parameters.js'
import { runAlone, type SessionCore } from './session-core.js'
import type { SessionPurpose } from './session-kind.js'
import type { SessionBlock, SessionPlan, StepOutputs } from './session-plan.js'
import type { SessionValue } from './rows.js'
import type { SessionRunOptions, StepInputs } from './session-types.js'
import { BLOCK_MS } from './seats.js'

/** Runs `work` with a plan into which `values` were copied. If it succeeds, the plan's new values are copied back. */
export async function inPlan<R>(
  { kind, pool }: SessionCore,
  values: readonly SessionValue[],
  purpose: SessionPurpose,
  work: (plan: SessionPlan) => Promise<{ steps: number; result: R }>
): Promise<R> {
  const plan = pool.take(kind, values.length, purpose)
  try {
    plan.load(values)
    const { steps, result } = await work(plan)
    plan.store(values, steps)
    return result
  } finally {
    pool.give(kind, plan, purpose)
  }
}

const valuesOf = (cores: readonly SessionCore[]) => cores.map(({ value }) => value)

/** Makes one step of each value, as rows of one plan of the kind of `core`, and returns the outputs in the same order. */
export function stepValues(core: SessionCore, values: readonly SessionValue[]): Promise<StepOutputs[]> {
  return inPlan(core, values, 'step', async (plan) => {
    await plan.plan.run()
    return { steps: 1, result: values.map((_, row) => plan.outputs(row)) }
  })
}

/** Makes one step of each session and returns the outputs in the same order. `inputs[i]` are the new inputs of session i. */
export async function stepRows(
  cores: readonly SessionCore[],
  inputs: readonly (StepInputs | undefined)[],
  signal: AbortSignal | undefined
): Promise<StepOutputs[]> {
  if (cores.length === 0) return []
  cores.forEach((core, i) => inputs[i] && core.checkInputs(inputs[i]))
  return runAlone(cores, () =>
    cores[0]!.pool.seats.run(signal, () => {
      cores.forEach((core, i) => core.setInputs(inputs[i]))
      return stepValues(cores[0]!, valuesOf(cores))
    })
  )
}

/** Makes one step of one session on the caller's thread and returns the outputs. */
export function stepNow(core: SessionCore, inputs: StepInputs | undefined): StepOutputs {
  core.checkIdle()
  core.setInputs(inputs)
  const plan = core.enter('step')
  plan.writeInputs(core.value)
  plan.stepSync(core.value)
  return plan.outputs(0)
}

/** Makes a step for each row of `inputs`, on the caller's thread in slices of BLOCK_MS, and returns the outputs of the last step. */
export async function feedSteps(
  core: SessionCore,
  inputs: StepInputs,
  signal: AbortSignal | undefined
): Promise<StepOutputs> {
  const names = Object.keys(inputs)
  const { value, pool } = core
  const [first = ''] = names
  const count = (inputs[first]?.length ?? 0) / (value.inputs[first]?.length ?? 1)
  if (!Number.isInteger(count) || count < 1)
    throw expected(
      'ERR_INVALID_SHAPE',
      'the values of at least one whole step',
      `those of ${count || 0} steps`,
      'pass [count, ...] values for each input'
    )
  core.checkInputs(inputs, count)
  const rows = names.map((name) => ({
    into: value.inputs[name]!,
    from: Array.prototype.slice.call(inputs[name]) as number[]
  }))
  return runAlone([core], () =>
    pool.seats.hold(signal, async () => {
      let outputs: StepOutputs = {}
      for (let at = 0; at < count;) {
        await pool.seats.sit(signal, () =>
          inPlan(core, [value], 'step', async (plan) => {
            const begin = performance.now()
            let steps = 0
            do {
              for (const { into, from } of rows) into.set(from.slice(at * into.length, (at + 1) * into.length))
              plan.writeInputs(value)
              plan.plan.runSync()
              at++
              steps++
            } while (at < count && performance.now() - begin < BLOCK_MS)
            outputs = plan.outputs(0)
            return { steps, result: undefined }
          })
        )
      }
      return outputs
    })
  )
}

/** Yields blocks of steps in the native loop. `members` returns the sessions of the next block. */
export async function* runRows(
  members: () => readonly SessionCore[],
  count: number,
  { stop = -1, sameWeights = false, signal }: SessionRunOptions
): AsyncGenerator<SessionBlock[], void, undefined> {
  let release = null as (() => void) | null
  let size = 1
  try {
    for (let left = count; left > 0;) {
      const cores = members()
      if (cores.length === 0) return
      const [{ kind, pool }] = cores as [SessionCore]
      if (kind.samplers.length === 0)
        throw expected(
          'ERR_INVALID_ARGUMENT',
          'a session with samplers to run',
          'one without',
          'pass samplers to createSession'
        )
      const operations = operationsOf(kind.model.parameters)
      if (sameWeights && !release) {
        if (!kind.model.parameters.isReady) await kind.model.parameters.ready({ signal })
        release = await operations.read(signal)
      }
      const block = () =>
        inPlan(cores[0]!, valuesOf(cores), 'run', async (plan) => {
          const begin = performance.now()
          const steps = await plan.run(Math.min(size, left, plan.mostSteps), stop)
          size = pool.seats.nextBlock(steps, performance.now() - begin, plan.mostSteps)
          return { steps, result: cores.map((_, row) => plan.block(row, steps)) }
        })
      const blocks = await runAlone(cores, () =>
        release ? pool.seats.sit(signal, block) : pool.seats.run(signal, block)
      )
      left -= blocks[0]!.count
      yield blocks
      if (cores.length === 1 && stop >= 0 && endsWith(blocks[0]!, stop)) return
    }
  } finally {
    release?.()
  }
}

/** Returns whether the last step drew `stop`. */
function endsWith({ values, count }: SessionBlock, stop: number): boolean {
  return Object.values(values).some(
    (ids) => ids instanceof Int32Array && ids.subarray((ids.length / count) * (count - 1)).includes(stop)
  )
}
