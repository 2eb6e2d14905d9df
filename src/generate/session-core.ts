// The part of a session that other files of this folder use: its kind, its value, and the lock that keeps its calls apart.

import { integers } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import type { Graph } from '../graph/graph.js'
import { showShape, sizeOf, type DType, type Shape, type View } from '../graph/shape.js'
import { kindKey, poolOf } from './plan-pool.js'
import { copyValue, type SessionValue } from './rows.js'
import { recordStep, type SessionKind, type SessionModel } from './session-plan.js'
import type { SessionOptions, StepInputs } from './session-types.js'
import type { Sampler } from './samplers.js'

/** What a step of one row has: recorded once for a session. */
interface Shapes {
  readonly inputs: ReadonlyMap<string, { readonly dtype: DType; readonly shape: Shape }>
  readonly states: ReadonlyMap<string, { readonly shape: Shape }>
}

function unknownName(kind: string, name: string, known: Iterable<string>): GatecellError {
  return new GatecellError(
    'ERR_INVALID_ARGUMENT',
    `Expected one of ${[...known].join(', ')} as ${kind} but received ${show(name)}: name one of the model's.`
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
    throw new GatecellError(
      'ERR_INVALID_SHAPE',
      `Expected a sampler of ${to.dtype} ${showShape(to.shape)} for the input "${name}" but received one of ${from.dtype} ${showShape(from.shape)}: choose a sampler of the input's dtype and size.`
    )
  }
  return graph
}

/** What the options of a session describe. */
function describe(model: SessionModel, options: SessionOptions): { kind: SessionKind; shapes: Shapes } {
  const { dims = {}, samplers = {}, records = [] } = options
  const known = model.inputDimNames.filter((name) => name !== 'length' && name !== 'batch')
  checkNames('dims of a session', Object.keys(dims), known)
  for (const name of known)
    if (!Object.hasOwn(dims, name))
      throw new GatecellError(
        'ERR_INVALID_SHAPE',
        `Expected a size for the dim "${name}" of a session but received none: pass it in dims.`
      )
  const inputNames = Object.keys(model.definition.inputs)
  checkNames('inputs that samplers feed', Object.keys(samplers), inputNames)
  const sizes = Object.fromEntries(model.inputDimNames.map((name) => [name, dims[name] ?? 1]))
  const outputNames = Object.keys(model.record(sizes, 'predict').outputs)
  const { outputs = outputNames } = options
  checkNames('outputs of a session', [...outputs, ...records], outputNames)
  for (const { from } of Object.values(samplers)) checkNames('outputs of a sampler', [from], outputNames)
  const unique = (names: readonly string[]) => [...new Set(names)]
  const kind = { model, dims, outputs: unique(outputs), records: unique(records), samplers: Object.entries(samplers) }
  const graph = checkFeeds(kind)
  const inputs = new Map(inputNames.map((name) => [name, graph.inputs.get(name)!]))
  return { kind, shapes: { inputs, states: graph.states } }
}

/** The value of a new session: zeros. */
function firstValue({ inputs, states }: Shapes, { seed = 0, samplers = {} }: SessionOptions): SessionValue {
  const zeros = (dtype: DType, size: number): View => (dtype === 'i32' ? new Int32Array(size) : new Float32Array(size))
  return {
    states: Object.fromEntries([...states].map(([name, { shape }]) => [name, new Float32Array(sizeOf(shape))])),
    inputs: Object.fromEntries([...inputs].map(([name, { dtype, shape }]) => [name, zeros(dtype, sizeOf(shape))])),
    position: 0,
    seed,
    settings: Object.fromEntries(Object.entries(samplers).map(([feeds, { settings }]) => [feeds, settings]))
  }
}

export class SessionCore {
  readonly kind: SessionKind
  readonly value: SessionValue
  readonly #shapes: Shapes
  disposed = false
  /** The call that is under way. */
  away: Promise<void> | null = null

  private constructor(kind: SessionKind, shapes: Shapes, value: SessionValue) {
    this.kind = kind
    this.#shapes = shapes
    this.value = value
  }

  static create(model: SessionModel, options: SessionOptions): SessionCore {
    const { kind, shapes } = describe(model, options)
    const core = new SessionCore(kind, shapes, firstValue(shapes, options))
    core.setInputs(options.inputs)
    return core
  }

  /** A core of the same kind with a copy of the value. Throws ERR_BUSY while a call is under way. */
  fork(): SessionCore {
    this.checkIdle()
    return new SessionCore(this.kind, this.#shapes, copyValue(this.value))
  }

  get pool() {
    return poolOf(this.kind.model)
  }

  /** Throws ERR_DISPOSED after `dispose`. */
  checkLive(): void {
    if (this.disposed)
      throw new GatecellError('ERR_DISPOSED', 'Expected a live session but it was disposed of: create another one.')
  }

  /** Throws ERR_BUSY while a call is under way. */
  checkIdle(): void {
    this.checkLive()
    if (this.away)
      throw new GatecellError('ERR_BUSY', 'Expected an idle session but a call of it is under way: await it first.')
  }

  /** Throws unless `inputs` are inputs of the model; `rows`: how many of each. */
  checkInputs(inputs: StepInputs, rows = 1): void {
    for (const [name, values] of Object.entries(inputs)) {
      const input = this.#shapes.inputs.get(name)
      if (!input) throw unknownName('input of a session', name, this.#shapes.inputs.keys())
      const elements = rows * sizeOf(input.shape)
      if (values.length !== elements) throw wrongLength('input', name, elements, values.length)
      if (input.dtype === 'i32' && !(values instanceof Int32Array)) integers(-(2 ** 31))(values, `the input "${name}"`)
    }
  }

  /** Takes values of inputs, after all of them were checked. */
  setInputs(inputs: StepInputs | undefined): void {
    if (!inputs) return
    this.checkInputs(inputs)
    for (const [name, values] of Object.entries(inputs)) this.value.inputs[name]!.set(values)
  }

  /** Takes states, after all of them were checked. Throws ERR_INVALID_SHAPE. */
  setStates(states: Readonly<Record<string, Float32Array>>): void {
    for (const [name, { shape }] of this.#shapes.states)
      if (states[name]?.length !== sizeOf(shape))
        throw wrongLength('state', name, sizeOf(shape), states[name]?.length ?? 0)
    for (const name of this.#shapes.states.keys()) this.value.states[name]!.set(states[name]!)
  }

  /** Takes settings of samplers. Throws ERR_INVALID_ARGUMENT for samplers of another kind. */
  setSamplers(samplers: Readonly<Record<string, Sampler>>): void {
    for (const [feeds, { from, record }] of Object.entries(samplers)) {
      const mine = this.kind.samplers.find(([name]) => name === feeds)?.[1]
      if (mine?.from === from && mine.record === record) continue
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected a sampler of the kind that feeds "${feeds}" already but received another kind: create a session with it.`
      )
    }
    for (const [feeds, { settings }] of Object.entries(samplers)) this.value.settings[feeds] = settings
  }
}

function wrongLength(kind: string, name: string, expected: number, received: number): GatecellError {
  return new GatecellError(
    'ERR_INVALID_SHAPE',
    `Expected ${expected} elements for the ${kind} "${name}" but received ${received}: pass all elements of one session.`
  )
}

/**
 * Runs `work` while no other call of these sessions is under way, after those that are. Throws ERR_DISPOSED, and ERR_INVALID_ARGUMENT for
 * a session that is named twice or is of another kind than the first.
 */
export async function alone<R>(cores: readonly SessionCore[], work: () => Promise<R>): Promise<R> {
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

function checkTogether(cores: readonly SessionCore[]): void {
  for (const core of cores) core.checkLive()
  const [first] = cores
  const fits = ({ kind }: SessionCore) => kind.model === first!.kind.model && kindKey(kind) === kindKey(first!.kind)
  if (new Set(cores).size === cores.length && cores.every(fits)) return
  throw new GatecellError(
    'ERR_INVALID_ARGUMENT',
    'Expected different sessions of one model with equal dims, outputs and kinds of samplers but received others: step those apart.'
  )
}
