// The part of a session that other files of this folder use: its kind, its value, and the lock that makes its calls take turns.

import { integers } from '../check/index.js'
import { expected, show, type GatecellError } from '../errors.js'
import type { Graph } from '../graph/graph.js'
import { showShape, sizeOf, type DType, type Shape, type View } from '../graph/shape.js'
import { kindKey, poolOf } from './plan-pool.js'
import { copyValue, type SessionValue } from './rows.js'
import {
  recordStep,
  type SessionKind,
  type SessionModel,
  type SessionPurpose,
  type DrawnNames
} from './session-kind.js'
import type { SessionPlan } from './session-plan.js'
import type { SessionOptions, StepInputs } from './session-types.js'
import type { Sampler } from './samplers.js'

/** The inputs and states of a step of one row. They are recorded once for a session. */
interface Shapes {
  readonly inputs: ReadonlyMap<string, { readonly dtype: DType; readonly shape: Shape }>
  readonly states: ReadonlyMap<string, { readonly shape: Shape }>
  /** Those that values keep. */
  readonly kept: readonly { readonly name: string; readonly dtype: DType; readonly shape: Shape }[]
}

function unknownName(kind: string, name: string, known: Iterable<string>): GatecellError {
  return expected(
    'ERR_INVALID_ARGUMENT',
    `one of ${[...known].join(', ')} as ${kind}`,
    show(name),
    "name one of the model's"
  )
}

function checkNames(kind: string, names: Iterable<string>, known: readonly string[]): void {
  for (const name of names) if (!known.includes(name)) throw unknownName(kind, name, known)
}

/** Throws ERR_INVALID_SHAPE unless each sampler's value fits the input that it feeds. */
function checkFeeds(kind: SessionKind): Graph {
  const { graph, feeds } = recordStep(kind, 1, kind.samplers.length > 0 ? 'run' : 'step')
  for (const { name, from, to } of feeds) {
    if (from.dtype === to.dtype && sizeOf(from.shape) === sizeOf(to.shape)) continue
    throw expected(
      'ERR_INVALID_SHAPE',
      `a sampler of ${to.dtype} ${showShape(to.shape)} for the input "${name}"`,
      `one of ${from.dtype} ${showShape(from.shape)}`,
      "choose a sampler of the input's dtype and size"
    )
  }
  return graph
}

/**
 * Returns the kind that the options of a session describe, and the shapes of its inputs, states and kept outputs. Throws for names that the
 * model does not have.
 */
function describe(
  model: SessionModel,
  options: SessionOptions,
  keeps: boolean,
  draws: DrawnNames | undefined
): { kind: SessionKind; shapes: Shapes } {
  const { dims = {}, samplers = {}, records = [] } = options
  const known = model.inputDimNames.filter((name) => name !== 'length' && name !== 'batch')
  checkNames('dims of a session', Object.keys(dims), known)
  for (const name of known)
    if (!Object.hasOwn(dims, name))
      throw expected('ERR_INVALID_SHAPE', `a size for the dim "${name}" of a session`, 'none', 'pass it in dims')
  const inputNames = Object.keys(model.definition.inputs)
  checkNames('inputs that samplers feed', Object.keys(samplers), inputNames)
  const sizes = Object.fromEntries(model.inputDimNames.map((name) => [name, dims[name] ?? 1]))
  const { graph: recorded, outputs: made } = model.record(sizes, 'predict')
  const outputNames = Object.keys(made)
  const { outputs = outputNames } = options
  for (const name of [...outputs, ...records]) recorded.tensor(name)
  for (const { from } of Object.values(samplers)) checkNames('outputs of a sampler', [from], outputNames)
  const unique = (names: readonly string[]) => [...new Set(names)]
  const names = { outputs: unique(outputs), records: unique(records) }
  const kind = { model, dims, ...names, samplers: Object.entries(samplers), keeps, draws }
  const graph = checkFeeds(kind)
  const inputs = new Map(inputNames.map((name) => [name, graph.inputs.get(name)!]))
  const kept = keeps ? names.outputs.map((name) => ({ name, ...pick(recorded.tensor(name)) })) : []
  return { kind, shapes: { inputs, states: graph.states, kept } }
}

const pick = ({ dtype, shape }: { dtype: DType; shape: Shape }) => ({ dtype, shape })

/** Returns the value of a new session, whose states and inputs are zeros. */
function firstValue({ inputs, states, kept }: Shapes, { seed = 0, samplers = {} }: SessionOptions): SessionValue {
  const zeros = (dtype: DType, size: number): View => (dtype === 'i32' ? new Int32Array(size) : new Float32Array(size))
  return {
    states: Object.fromEntries([...states].map(([name, { shape }]) => [name, new Float32Array(sizeOf(shape))])),
    inputs: Object.fromEntries([...inputs].map(([name, { dtype, shape }]) => [name, zeros(dtype, sizeOf(shape))])),
    position: 0,
    seed,
    settings: Object.fromEntries(Object.entries(samplers).map(([feeds, { settings }]) => [feeds, settings])),
    kept: Object.fromEntries(kept.map(({ name, dtype, shape }) => [name, zeros(dtype, sizeOf(shape))])),
    home: null
  }
}

/** A session without the checks of its arguments. */
export class SessionCore {
  readonly kind: SessionKind
  readonly value: SessionValue
  readonly #shapes: Shapes
  disposed = false
  /** Resolves at the end of the call that is under way; null between two calls. */
  away: Promise<void> | null = null
  /** The plan that was the home of the value last. */
  #home: SessionPlan | null = null

  private constructor(kind: SessionKind, shapes: Shapes, value: SessionValue) {
    this.kind = kind
    this.#shapes = shapes
    this.value = value
  }

  /**
   * Makes the core of a new session; `keeps`: whether its value has the outputs of the last step of a run; `draws`: see `SessionKind`. Throws
   * ERR_INVALID_ARGUMENT for unknown names, ERR_INVALID_SHAPE for inputs and samplers that do not fit.
   */
  static create(model: SessionModel, options: SessionOptions, keeps = false, draws?: DrawnNames): SessionCore {
    const { kind, shapes } = describe(model, options, keeps, draws)
    const core = new SessionCore(kind, shapes, firstValue(shapes, options))
    core.setInputs(options.inputs)
    return core
  }

  /** Returns a core of the same kind with a copy of the value. Throws ERR_BUSY while a call is under way. */
  fork(): SessionCore {
    this.checkIdle()
    return this.copy()
  }

  /** Returns a core of the same kind with a copy of the value, which is that from before the call that is under way. */
  copy(): SessionCore {
    return new SessionCore(this.kind, this.#shapes, copyValue(this.value))
  }

  /**
   * Returns the plan that is the home of the value, for a call on the caller's thread. The value stays there until another session needs
   * the plan, so that a session that has the plan to itself copies nothing. All homes of one session have the same purpose.
   */
  enter(purpose: SessionPurpose): SessionPlan {
    const home = this.#home
    if (home !== null && home === this.value.home && !home.plan.disposed) return home
    return (this.#home = this.pool.enter(this.kind, this.value, purpose))
  }

  /** The plans and turns of the model. */
  get pool() {
    return poolOf(this.kind.model)
  }

  /** Throws ERR_DISPOSED after `dispose`. */
  checkLive(): void {
    if (this.disposed)
      throw expected('ERR_DISPOSED', 'a session in use', 'one that was disposed of', 'create another one')
  }

  /** Throws ERR_BUSY while a call is under way. */
  checkIdle(): void {
    this.checkLive()
    if (this.away) throw expected('ERR_BUSY', 'an idle session', 'one whose last call is under way', 'await it first')
  }

  /** Throws ERR_INVALID_ARGUMENT or ERR_INVALID_SHAPE unless `inputs` are inputs of the model, each with the values of `rows` steps. */
  checkInputs(inputs: StepInputs, rows = 1): void {
    for (const name in inputs) {
      const values = inputs[name]!
      const input = this.#shapes.inputs.get(name)
      if (!input) throw unknownName('input of a session', name, this.#shapes.inputs.keys())
      const elements = rows * sizeOf(input.shape)
      if (values.length !== elements) throw wrongLength('input', name, elements, values.length)
      if (input.dtype === 'i32' && !(values instanceof Int32Array)) integers(-(2 ** 31))(values, `the input "${name}"`)
    }
  }

  /** Copies values of inputs in, after all of them were checked. */
  setInputs(inputs: StepInputs | undefined): void {
    if (!inputs) return
    this.checkInputs(inputs)
    for (const name in inputs) this.value.inputs[name]!.set(inputs[name]!)
  }

  /**
   * Copies states in, after all of them were checked. Throws ERR_INVALID_SHAPE if one is missing or has another size, and
   * ERR_INVALID_ARGUMENT for names that the model does not have.
   */
  setStates(states: Readonly<Record<string, Float32Array>>): void {
    checkNames('state of a session', Object.keys(states), [...this.#shapes.states.keys()])
    for (const [name, { shape }] of this.#shapes.states)
      if (states[name]?.length !== sizeOf(shape))
        throw wrongLength('state', name, sizeOf(shape), states[name]?.length ?? 0)
    this.value.home?.leave()
    for (const name of this.#shapes.states.keys()) this.value.states[name]!.set(states[name]!)
  }

  /** Replaces the settings of samplers. Throws ERR_INVALID_ARGUMENT for samplers of another kind. */
  setSamplers(samplers: Readonly<Record<string, Sampler>>): void {
    for (const [feeds, { from, record }] of Object.entries(samplers)) {
      const mine = this.kind.samplers.find(([name]) => name === feeds)?.[1]
      if (mine?.from === from && mine.record === record) continue
      throw expected(
        'ERR_INVALID_ARGUMENT',
        `a sampler of the kind that feeds "${feeds}" already`,
        'another kind',
        'create a session with it'
      )
    }
    for (const [feeds, { settings }] of Object.entries(samplers)) this.value.settings[feeds] = settings
  }
}

function wrongLength(kind: string, name: string, wanted: number, received: number): GatecellError {
  return expected(
    'ERR_INVALID_SHAPE',
    `${wanted} elements for the ${kind} "${name}"`,
    String(received),
    'pass all elements of one session'
  )
}

/**
 * Waits for the calls of these sessions that are under way, then runs `work` as their only call. Throws ERR_DISPOSED if one was disposed of,
 * ERR_INVALID_ARGUMENT if one is named twice or is of another kind than the first.
 */
export async function runAlone<R>(cores: readonly SessionCore[], work: () => Promise<R>): Promise<R> {
  checkTogether(cores)
  const busy = () => cores.find(({ away }) => away !== null)
  for (let one = busy(); one; one = busy()) await one.away
  let end = () => {}
  const away = new Promise<void>((resolve) => (end = resolve))
  for (const core of cores) core.away = away
  try {
    for (const core of cores) core.checkLive()
    return await work()
  } finally {
    for (const core of cores) core.away = null
    end()
  }
}

/**
 * Throws ERR_DISPOSED if a session was disposed of, ERR_INVALID_ARGUMENT unless the sessions are different ones that can be rows of one plan.
 */
export function checkTogether(cores: readonly SessionCore[]): void {
  for (const core of cores) core.checkLive()
  const [first] = cores
  const fits = ({ kind }: SessionCore) => kind.model === first!.kind.model && kindKey(kind) === kindKey(first!.kind)
  if (new Set(cores).size === cores.length && cores.every(fits)) return
  throw expected(
    'ERR_INVALID_ARGUMENT',
    'different sessions of one model with equal dims, outputs and kinds of samplers',
    'others',
    'step those separately'
  )
}
