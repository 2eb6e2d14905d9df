// The parameters of one model: names, shapes and arenas with one layout (values, gradients, moments, averaged weights).
// Every plan of the model reads and writes these arenas; views on them are live and never copied.

import { choice, invalid, numbers, string } from '../check/index.js'
import { options as optionsOf, optional, seed as seedOf, signal as signalOf } from '../check/index.js'
import { GatecellError, show } from '../errors.js'
import { native, type StoreHandle } from '../native.js'
import { createRandom } from '../random.js'
import { throwIfAborted } from './abort.js'
import { createArena } from './arena.js'
import { FirstValues } from './first-values.js'
import type { ParameterSpec } from './parameter-specs.js'
import { piecesOf } from './initializers.js'
import { checkLoaded, matched, type LoadedTensors } from './loaded-tensors.js'
import { callNative } from './native-call.js'
import { OperationLock } from './operations.js'
import { layOut, type Arenas, type NamedTensor, type Parameter, type ParameterGroup } from './parameter-arenas.js'
import { showShape, sizeOf } from './shape.js'
import { checkGroups, packGroups, type UpdateGroup } from './update-groups.js'

export interface ReadyOptions {
  signal?: AbortSignal | undefined
}

const readReadyOptions = optionsOf<ReadyOptions>({ signal: optional(signalOf) })

/** The arenas that a step updates, as the addon numbers them. */
const groupNumbers = { data: 0, moment1: 2, moment2: 3, moment3: 4, average: 5, accumulated: 6 } as const

const checkGroup = choice<ParameterGroup>('data', 'grad', 'moment1', 'moment2', 'moment3', 'average')
const checkCopied = choice<Exclude<ParameterGroup, 'grad'>>('data', 'moment1', 'moment2', 'moment3', 'average')

const checkSource = choice<'data' | 'average'>('data', 'average')

let readOperations: (store: ParameterStore) => OperationLock
let readHandle: (store: ParameterStore) => StoreHandle | null

/** Where the engine and its user meet on a model's weights. */
export class ParameterStore {
  readonly specs: readonly ParameterSpec[]
  readonly training: boolean
  /** Number of weights. */
  readonly count: number
  readonly #parameters: ReadonlyMap<string, Parameter>
  readonly #arenas: Arenas
  /** The values themselves, whether computed or not. */
  readonly #data: ReadonlyMap<string, Float32Array>
  readonly #firstValues = new FirstValues()
  #handle: StoreHandle | null = null
  #disposed = false
  /** Whether somebody may hold a view of a gradient or a moment, and write to it. */
  #lent = false
  readonly #operations = new OperationLock()

  static {
    readOperations = (store) => store.#operations
    readHandle = (store) => (store.#live(), store.#handle)
  }

  constructor(specs: readonly ParameterSpec[], options: { training: boolean }) {
    this.specs = specs
    this.training = options.training
    this.count = specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    const { table, arenas, values, parameters } = layOut(specs, options.training, {
      settle: (name) => this.#settle(name),
      lend: () => (this.#lent = true)
    })
    this.#arenas = arenas
    this.#data = values
    this.#parameters = parameters
    const { data, grad, moment1, moment2 } = arenas
    if (specs.length > 0) this.#handle = callNative(() => native().storeCreate(table, data, grad, moment1, moment2))
  }

  /**
   * Adds the arena of AMSGrad's largest second moments, zeros, if there is none yet. Throws ERR_BUSY during a run.
   *
   * @internal
   */
  addMoment3(): void {
    this.#add('moment3', 'adding moments')
  }

  /**
   * Adds the arena of averaged weights, which training steps update by `control.average`. Does nothing if there is one, and in models made
   * with `training: false`. Throws ERR_BUSY while an operation on the model is under way.
   *
   * @internal
   */
  addAverage(): void {
    this.#add('average', 'adding averaged weights')
  }

  /**
   * Adds the arena that runs of the mode 'accumulate' need. Does nothing if there is one, and in models made with `training: false`.
   * Throws ERR_BUSY while an operation on the model is under way.
   *
   * @internal
   */
  addAccumulated(): void {
    this.#add('accumulated', 'adding accumulated gradients')
  }

  #add(group: 'moment3' | 'average' | 'accumulated', what: string): void {
    const handle = this.#handle
    if (this.#arenas[group] || !this.#arenas.moment2 || !handle) return
    this.#operations.checkIdle(what)
    const arena = createArena(this.#arenas.data.length)
    this.fetch()
    callNative(() => native().storeAddArena(handle, groupNumbers[group], arena))
    this.#arenas[group] = arena
  }

  /**
   * Copies the weights into the averaged weights. Throws ERR_BUSY while an operation on the model is under way.
   *
   * @internal
   */
  startAverage(): void {
    this.#operations.checkIdle('writing averaged weights')
    this.settle()
    this.fetch()
    this.#arenas.average?.set(this.#arenas.data)
    this.#written()
  }

  get names(): string[] {
    return [...this.#parameters.keys()]
  }

  /** Bytes of the arenas. */
  get bytes(): number {
    return Object.values<Float32Array | null>({ ...this.#arenas }).reduce(
      (sum, arena) => sum + (arena?.byteLength ?? 0),
      0
    )
  }

  has(name: string): boolean {
    string(name, 'name')
    return this.#parameters.has(name)
  }

  /** The parameter called `name`; throws ERR_INVALID_ARGUMENT where there is none. */
  get(name: string): Parameter {
    this.fetch()
    const parameter = this.#parameters.get(name)
    if (!parameter) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        `Expected one of ${this.names.join(', ')} but received ${show(name)}: use the name of a parameter of this model.`
      )
    }
    return parameter
  }

  [Symbol.iterator](): IterableIterator<Parameter> {
    this.fetch()
    return this.#parameters.values()
  }

  /**
   * Returns copies of all tensors of one group as they are after one step, also while a step is under way. Synchronous: takes about 3 ms of
   * the calling thread for a million weights. Throws ERR_UNSUPPORTED for a group that the model does not have.
   */
  copies(group: Exclude<ParameterGroup, 'grad'> = 'data'): NamedTensor[] {
    this.#live()
    checkCopied(group, 'the group')
    const arena = this.#arenas[group]
    if (!arena)
      throw new GatecellError(
        'ERR_UNSUPPORTED',
        `Expected a model that has ${group} to copy but this one has not: train it first.`
      )
    if (group === 'data') this.settle()
    const copy = new Float32Array(arena.length)
    const handle = this.#handle
    if (handle) callNative(() => native().storeCopy(handle, groupNumbers[group], copy))
    return [...this.#parameters.values()].map((parameter) => {
      const { name, shape } = parameter
      const view = this.#data.get(name)!
      const begin = (view.byteOffset - this.#arenas.data.byteOffset) / 4
      return { name, shape, data: copy.subarray(begin, begin + view.length) }
    })
  }

  /** Copies `values` into the parameter `name`; its length must be that of the shape. */
  set(name: string, given: ArrayLike<number>): void {
    const { shape } = this.get(name)
    const data = this.#data.get(name)!
    const values = numbers(given, `the values of "${name}"`)
    this.#live()
    if (values.length !== data.length) {
      throw new GatecellError(
        'ERR_INVALID_SHAPE',
        `Expected ${data.length} values for parameter "${name}" ${showShape(shape)} but received ${values.length}: pass one value for each element.`
      )
    }
    this.#operations.checkIdle('writing parameters')
    data.set(values)
    this.#firstValues.drop(name)
    this.#written()
  }

  /**
   * Live views of one group, for a checkpoint that is written before the next step; empty if the model has no such group. Throws
   * ERR_BUSY while a training step changes the weights: `copies` gives those after one step. Throws ERR_DISPOSED.
   */
  list(group: ParameterGroup = 'data'): NamedTensor[] {
    checkGroup(group, 'the group')
    this.#live()
    if (this.#operations.training) {
      throw new GatecellError(
        'ERR_BUSY',
        'Expected no training step during list() but one is changing the weights: await it, or take copies().'
      )
    }
    if (group === 'data') this.settle()
    return [...this].flatMap(({ name, shape, [group]: data }) => (data ? [{ name, shape, data }] : []))
  }

  /**
   * Copies tensors by name into one group. Tensors whose `dtype` is F16, BF16 or F64, as in files, are converted to the nearest float32.
   * Synchronous: takes about 1 ms of the calling thread for a million F32 weights. Throws, before anything is written, ERR_INVALID_SHAPE
   * or ERR_INVALID_ARGUMENT if a tensor is missing, unknown, no array of its dtype (default F32) or of another shape, and ERR_UNSUPPORTED
   * for other dtypes and for values beyond float32.
   */
  load(given: LoadedTensors, group: ParameterGroup = 'data'): void {
    const tensors = checkLoaded(given, 'the tensors')
    checkGroup(group, 'the group')
    this.#live()
    this.#operations.checkIdle('loading parameters')
    const unknown = [...tensors.keys()].find((name) => !this.has(name))
    if (unknown !== undefined) this.get(unknown)
    const copies = [...this].map((parameter) => {
      const target = group === 'data' ? this.#data.get(parameter.name) : parameter[group]
      return matched(parameter, target, tensors.get(parameter.name))
    })
    for (const { target, data } of copies) target.set(data)
    if (group === 'data') this.#firstValues.clear()
    this.#written()
  }

  /**
   * Sets the groups of the updates to come; parameters without a group have rate 1 and the decay of the control block. A model begins
   * without groups. Throws ERR_INVALID_ARGUMENT if a name is unknown or in two groups, ERR_BUSY while a run changes the weights.
   */
  setGroups(given: readonly UpdateGroup[]): void {
    const { groupOf, numbers: rows } = packGroups(this.names, checkGroups(given, 'the groups'))
    const handle = this.#handle
    this.#operations.checkNoRun('setting groups of parameters')
    if (!handle) return
    this.fetch()
    callNative(() => native().storeSetGroups(handle, groupOf, rows))
  }

  /** Says that `data` was written: copies of it that the engine keeps are made again at the next run. */
  touch(): void {
    this.#operations.checkIdle('writing parameters')
    this.#written()
  }

  /** Brings weights, gradients and moments back from a GPU where it has newer ones. Not under a run that changes them. */
  fetch(): void {
    const handle = this.#handle
    if (handle && !this.#operations.exclusive) callNative(() => native().storeFetch(handle))
  }

  #written(): void {
    const handle = this.#handle
    if (handle) callNative(() => native().storeTouch(handle))
  }

  /**
   * Gives every parameter its first value, a function of only (seed, name). They are computed when they are first wanted:
   * `await ready()`, or the first access. Initializers of the caller's own run at once. Throws ERR_BUSY, before anything is
   * written, while an operation on the model is under way.
   */
  initialize(seed: number): void {
    seedOf(seed, 'seed')
    this.#operations.checkIdle('initialisation')
    this.#live()
    this.fetch()
    for (const { name, shape, initialize } of this.specs) {
      const data = this.#data.get(name)!
      const later = piecesOf(initialize)
      if (later) {
        this.#firstValues.add({ name, shape, data, pieces: later.pieces, cost: later.cost(shape), seed })
      } else {
        initialize(data, shape, createRandom(seed, name))
        this.#firstValues.drop(name)
      }
    }
    this.touch()
  }

  /** Whether all first values are there. */
  get isReady(): boolean {
    return this.#firstValues.done
  }

  /**
   * Computes the first values that are not there yet, off the event loop or in turns of 4 ms; returns at once where there are
   * none. `plan.run`, a fit, `evaluate` and streams call it by themselves. If `signal` is aborted it throws ERR_ABORTED and keeps the
   * values that it has computed; the next call computes the rest. Throws ERR_ABORTED, ERR_DISPOSED and ERR_OUT_OF_MEMORY.
   */
  async ready(options: ReadyOptions = {}): Promise<void> {
    const { signal } = readReadyOptions(options, 'the options of ready')
    while (!this.isReady) {
      throwIfAborted(signal)
      await this.#firstValues.turn()
      this.#live()
      this.#written()
    }
  }

  /** The same at once on this thread. Throws ERR_NOT_READY where it would take longer than about a second. */
  settle(): void {
    this.#settle(undefined)
  }

  #settle(name: string | undefined): void {
    if (this.isReady || (name !== undefined && !this.#firstValues.has(name))) return
    this.#firstValues.settle(name)
    this.#written()
  }

  /**
   * Copies the weights or (`group` 'average') the averaged weights of `other`, a store of the same parameters, as they are after one step.
   * First values that `other` has not computed yet are computed here when they are wanted. Throws ERR_INVALID_ARGUMENT if `other` is no
   * store of parameters, and ERR_UNSUPPORTED if it has no averaged weights.
   */
  copyFrom(other: ParameterStore, group: 'data' | 'average' = 'data'): void {
    checkSource(group, 'the group')
    if (!(#handle in (Object(other) as object))) throw invalid('the parameters of a model', 'the source', other)
    this.#operations.checkIdle('copying parameters')
    other.#live()
    const handle = other.#handle
    if (group === 'average' && !other.#arenas.average)
      throw new GatecellError(
        'ERR_UNSUPPORTED',
        'Expected a model with averaged weights but it has none: train it with `average`.'
      )
    if (handle) callNative(() => native().storeCopy(handle, groupNumbers[group], this.#arenas.data))
    this.#firstValues.clear()
    if (group === 'data')
      for (const start of other.#firstValues.all) this.#firstValues.add({ ...start, data: this.#data.get(start.name)! })
    this.#written()
  }

  /**
   * Zeroes gradients and moments.
   *
   * @internal
   */
  clearOptimizer(): void {
    this.#operations.checkIdle('clearing the optimiser')
    // Memory that nobody has written holds zeros; writing them would map its pages, which takes a millisecond for each few megabytes.
    if (!this.#lent && !this.#operations.everExclusive) return
    for (const { grad, moment1, moment2, moment3 } of this)
      for (const view of [grad, moment1, moment2, moment3]) view?.fill(0)
    this.#written()
  }

  get disposed(): boolean {
    return this.#disposed
  }

  #live(): void {
    if (this.#disposed)
      throw new GatecellError('ERR_DISPOSED', 'Expected a live model but it was disposed of: define or load it again.')
  }

  dispose(): void {
    if (this.#disposed) return
    this.#operations.checkIdle('disposal')
    const handle = this.#handle
    if (handle) callNative(() => native().storeDispose(handle))
    this.#firstValues.clear()
    this.#handle = null
    this.#disposed = true
  }
}

/** Returns the lock of the operations on a store, for the engine. It is no property of the store, so that no caller can hold it. */
export function operationsOf(store: ParameterStore): OperationLock {
  return readOperations(store)
}

/** Returns the native handle of a store for a plan, null if it has no parameters. Throws ERR_DISPOSED after `dispose`. */
export function handleOf(store: ParameterStore): StoreHandle | null {
  return readHandle(store)
}
