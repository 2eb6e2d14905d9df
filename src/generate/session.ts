// A session: one sequence of steps of a model, with the carried states and the inputs of the next step.

import { integer, iterable, list, made } from '../check/index.js'
import { copyValue } from './rows.js'
import { SessionCore } from './session-core.js'
import type { SessionModel } from './session-kind.js'
import type { SessionBlock, StepOutputs } from './session-plan.js'
import * as types from './session-types.js'
import type {
  Session,
  SessionOptions,
  SessionRunOptions,
  SessionState,
  SignalOptions,
  StepInputs
} from './session-types.js'
import { feedSteps, runRows, stepNow, stepRows } from './together.js'

const cores = new WeakMap<Session, SessionCore>()
const checkSession = made<Session>('a session', cores)
const readInputsList = list(types.readInputs)

/**
 * Makes a session of `model`, whose states are zero and whose position is 0. The model may be any whose sequence dims are named `length` and
 * `batch`. Throws ERR_INVALID_ARGUMENT for names that the model does not have, ERR_INVALID_SHAPE if a size of `dims` is missing or if inputs
 * or samplers do not fit.
 *
 * @example
 * const session = createSession(model, { samplers: { points: mixtureSampler({ bias: 0.5 }) }, seed: 7 })
 * for await (const { count, values } of session.run(500)) console.log(count, values.points) // [count, 3]
 */
export function createSession(model: SessionModel, options?: SessionOptions): Session {
  return sessionOf(SessionCore.create(model, types.readSessionOptions(options, 'the options of the session')))
}

/** Returns the core of a session. Throws ERR_INVALID_ARGUMENT for any other value. */
export function coreOf(session: Session, name = 'session'): SessionCore {
  return cores.get(checkSession(session, name))!
}

function sessionOf(core: SessionCore): Session {
  const session: Session = {
    get position() {
      return core.value.position
    },
    async step(inputs, options) {
      const read = types.readInputs(inputs, 'the inputs of the step')
      const { signal } = types.readSignal(options, 'the options of step')
      return (await stepRows([core], [read], signal))[0]!
    },
    stepSync: (inputs) => stepNow(core, types.readInputs(inputs, 'the inputs of the step')),
    async feed(inputs, options) {
      const read = types.readInputs(inputs, 'the inputs of feed') ?? {}
      return feedSteps(core, read, types.readSignal(options, 'the options of feed').signal)
    },
    async *run(count, options) {
      const steps = types.readCount(count, 'count')
      const read = types.readRunOptions(options, 'the options of run')
      for await (const [block] of runRows(() => [core], steps, read)) yield block!
    },
    set(change) {
      const { seed, samplers } = types.readChange(change, 'the change of the session')
      core.checkIdle()
      if (samplers) core.setSamplers(samplers)
      if (seed !== undefined) core.value.seed = seed
    },
    save(): SessionState {
      core.checkIdle()
      const { position, seed, states, inputs } = copyValue(core.value)
      return { version: 1, position, seed, states, inputs }
    },
    restore(state) {
      const { states, inputs, position, seed } = types.readState(state, 'the state of the session')
      core.checkIdle()
      core.checkInputs(inputs)
      core.setStates(states)
      core.setInputs(inputs)
      core.value.position = position
      core.value.seed = seed
    },
    fork: () => sessionOf(core.fork()),
    dispose() {
      core.disposed = true
    },
    [Symbol.dispose]() {
      core.disposed = true
    }
  }
  cores.set(session, core)
  return session
}

/**
 * Makes one step of each session, as the rows of one plan. `inputs[i]` are the new inputs of session i; undefined leaves its inputs as they
 * are. Returns the outputs in the order of the sessions. They have the same bits as if each session were stepped by itself. Throws
 * ERR_INVALID_ARGUMENT unless the sessions are different ones of one model with equal dims, outputs and kinds of samplers, and what
 * `Session.step` throws; after an error the states of all sessions are those from before the step.
 *
 * @example
 * const outputs = await stepTogether([first, second], [{ tokens: [5] }, { tokens: [9] }])
 */
export async function stepTogether(
  sessions: readonly Session[],
  inputs?: readonly (StepInputs | undefined)[],
  options?: SignalOptions
): Promise<StepOutputs[]> {
  const all = list(checkSession)(sessions, 'sessions').map((one) => coreOf(one))
  const read = inputs === undefined ? [] : readInputsList(inputs, 'inputs')
  integer(0, all.length)(read.length, 'the number of inputs')
  return stepRows(all, read, types.readSignal(options, 'the options of stepTogether').signal)
}

/**
 * Runs up to `count` steps of sessions in one native loop, as the rows of one plan. Each value that it yields has a block for each session,
 * all with the same number of steps. `sessions` is iterated again before each block, so that sessions can join and leave: pass a Set, add
 * to it and delete from it. A session draws by its own seed and position, so its bits are the same as in a run by itself. With `stop`, a
 * block ends after a step in which any of the sessions drew that token; delete the session from the set to end it. The run ends after
 * `count` steps or when the set is empty. Throws what `stepTogether` and `Session.run` throw.
 *
 * @example
 * const rows = new Set([first, second])
 * for await (const blocks of runTogether(rows, 1000, { stop: end }))
 *   for (const [session, { values }] of blocks) if (values.tokens.at(-1) === end) rows.delete(session)
 */
export async function* runTogether(
  sessions: Iterable<Session>,
  count: number,
  options?: SessionRunOptions
): AsyncGenerator<Map<Session, SessionBlock>, void, undefined> {
  const steps = types.readCount(count, 'count')
  const read = types.readRunOptions(options, 'the options of runTogether')
  const rows = iterable(checkSession)(sessions, 'sessions')
  let present: Session[] = []
  const members = () => {
    present = [...rows]
    return present.map((one) => coreOf(one))
  }
  for await (const blocks of runRows(members, steps, read)) {
    const named = present.map((session, i) => [session, blocks[i]!] as const)
    yield new Map(named)
  }
}
