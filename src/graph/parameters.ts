// The parameters of one model: names, shapes, and arenas of one layout for values, gradients, moments and averaged weights. Every plan of
// the model reads and writes these arenas. The views of them are live: none is a copy.

import { invalid, options as optionsOf, optional, seed as seedOf, signal as signalOf, string } from '../check/index.js'
import { expected } from '../errors.js'
import type { StoreHandle } from '../native.js'
import { throwIfAborted } from './abort.js'
import { FirstValues, type ReadyOptions } from './first-values.js'
import type { ParameterSpec } from './parameter-specs.js'
import { checkLoaded, unknownParameter, valuesFor, writeLoaded, type LoadedTensors } from './loaded-tensors.js'
import { NativeStore } from './native-store.js'
import { OperationLock } from './operations.js'
import { layOut, tensorsIn, type NamedTensor, type Parameter } from './parameter-arenas.js'
import {
  checkCopiedGroup,
  checkOptionalGroup,
  checkParameterGroup,
  checkWeightGroup,
  type CopiedGroup,
  type OptionalGroup,
  type ParameterGroup,
  type WeightGroup
} from './parameter-groups.js'
import { sizeOf } from './shape.js'
import { checkGroups, packGroups, type UpdateGroup } from './update-groups.js'

const readReadyOptions = optionsOf<ReadyOptions>({ signal: optional(signalOf) })

let readOperations: (store: ParameterStore) => OperationLock
let readHandle: (store: ParameterStore) => StoreHandle | null

/** The parameters of a model, which its plans share, and the lock that orders the operations on them. */
export class ParameterStore {
  readonly specs: readonly ParameterSpec[]
  /** Whether there are gradients and moments. */
  readonly training: boolean
  /** Number of weights. */
  readonly count: number
  readonly #parameters: ReadonlyMap<string, Parameter>
  readonly #native: NativeStore
  /** The views of the values by name. Reading them does not compute first values. */
  readonly #data: ReadonlyMap<string, Float32Array>
  readonly #firstValues = new FirstValues()
  /** Whether a caller may hold a view of a gradient or a moment, and write to it. */
  #lent = false
  readonly #operations = new OperationLock()

  static {
    readOperations = (store) => store.#operations
    readHandle = (store) => store.#native.handle
  }

  constructor(specs: readonly ParameterSpec[], options: { training: boolean }) {
    this.specs = specs
    this.training = options.training
    this.count = specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    const { table, arenas, values, parameters } = layOut(specs, options.training, {
      settle: (name) => this.#settle(name),
      lend: () => (this.#lent = true)
    })
    this.#data = values
    this.#parameters = parameters
    this.#native = new NativeStore(table, arenas)
  }

  /**
   * Adds an arena of zeros: 'moment3' for AMSGrad's largest second moments, 'average' for averaged weights, which training steps update by
   * `control.average`, or 'accumulated' for the mean gradient of runs of the mode 'accumulate'. Does nothing if the arena exists, and in
   * models made with `training: false`. Throws ERR_BUSY while an operation on the model is under way.
   *
   * @internal
   */
  addArena(group: OptionalGroup): void {
    checkOptionalGroup(group, 'the group')
    if (!this.#native.lacks(group)) return
    this.#operations.checkIdle(`the arena ${group}`)
    this.fetch()
    this.#native.addArena(group)
  }

  /** @internal Copies the weights into the averaged weights. Throws ERR_BUSY while an operation on the model is under way. */
  startAverage(): void {
    this.#operations.checkIdle('writing averaged weights')
    this.settle()
    this.fetch()
    const { average, data } = this.#native.arenas
    average?.set(data)
    this.#native.touch()
  }

  get names(): string[] {
    return [...this.#parameters.keys()]
  }

  /** Bytes of the arenas. */
  get bytes(): number {
    return this.#native.bytes
  }

  /** Returns whether there is a parameter called `name`. */
  has(name: string): boolean {
    string(name, 'name')
    return this.#parameters.has(name)
  }

  /** Returns the parameter called `name`. Throws ERR_INVALID_ARGUMENT if it does not exist. */
  get(name: string): Parameter {
    this.fetch()
    const parameter = this.#parameters.get(name)
    if (parameter) return parameter
    throw unknownParameter(this.names, name)
  }

  [Symbol.iterator](): IterableIterator<Parameter> {
    this.fetch()
    return this.#parameters.values()
  }

  /**
   * Returns copies of all tensors of one group as they are after one step, also while a step is under way. Synchronous: takes about 3 ms of
   * the calling thread for a million weights. Throws ERR_UNSUPPORTED for a group that the model does not have.
   */
  copies(group: CopiedGroup = 'data'): NamedTensor[] {
    this.#native.checkLive()
    checkCopiedGroup(group, 'the group')
    if (group === 'data') this.settle()
    const { data } = this.#native.arenas
    const copy = new Float32Array(data.length)
    this.#native.copy(group, copy)
    return tensorsIn(copy, this.#parameters, { arena: data, values: this.#data })
  }

  /**
   * Copies `values`, one for each element in row-major order, into the parameter `name`. Throws ERR_INVALID_ARGUMENT for an unknown name,
   * ERR_INVALID_SHAPE for another number of values, and ERR_BUSY while an operation on the model is under way.
   */
  set(name: string, given: ArrayLike<number>): void {
    const parameter = this.get(name)
    this.#native.checkLive()
    const values = valuesFor(parameter, given)
    this.#operations.checkIdle('writing parameters')
    this.#data.get(name)!.set(values)
    this.#firstValues.drop(name)
    this.#native.touch()
  }

  /**
   * Returns live views of one group, for a checkpoint that is written before the next step; an empty list if the model has no such group.
   * Throws ERR_BUSY while a training step changes the weights: `copies` returns those after one step. Throws ERR_DISPOSED.
   */
  list(group: ParameterGroup = 'data'): NamedTensor[] {
    checkParameterGroup(group, 'the group')
    this.#native.checkLive()
    if (this.#operations.training) {
      const found = 'one that is changing the weights'
      throw expected('ERR_BUSY', 'no training step during list()', found, 'await it, or take copies()')
    }
    if (group === 'data') this.settle()
    return [...this].flatMap(({ name, shape, [group]: data }) => (data ? [{ name, shape, data }] : []))
  }

  /**
   * Copies tensors by name into one group. Tensors whose `dtype` is F16, BF16 or F64, as in files, are converted to the nearest float32.
   * Synchronous: takes about 1 ms of the calling thread for a million F32 weights. Throws, before anything is written, ERR_INVALID_SHAPE
   * or ERR_INVALID_ARGUMENT if a tensor is missing or unknown, has another shape, or is not an array of its dtype (default F32), and
   * ERR_UNSUPPORTED for other dtypes and for values beyond float32.
   */
  load(given: LoadedTensors, group: ParameterGroup = 'data'): void {
    const tensors = checkLoaded(given, 'the tensors')
    checkParameterGroup(group, 'the group')
    this.#native.checkLive()
    this.#operations.checkIdle('loading parameters')
    this.fetch()
    const targetOf = (parameter: Parameter) => (group === 'data' ? this.#data.get(parameter.name) : parameter[group])
    writeLoaded(tensors, this.#parameters, targetOf)
    if (group === 'data') this.#firstValues.clear()
    this.#native.touch()
  }

  /**
   * Sets the groups of the updates to come; parameters without a group have rate 1 and the decay of the control block. A model begins
   * without groups. Throws ERR_INVALID_ARGUMENT if a name is unknown or in two groups, ERR_BUSY while a run changes the weights.
   */
  setGroups(given: readonly UpdateGroup[]): void {
    const { groupOf, numbers: rows } = packGroups(this.names, checkGroups(given, 'the groups'))
    this.#operations.checkNoRun('setting groups of parameters')
    this.fetch()
    this.#native.setGroups(groupOf, rows)
  }

  /** Declares that `data` was written by the caller: the engine's copies of it are made again at the next run. */
  touch(): void {
    this.#operations.checkIdle('writing parameters')
    this.#native.touch()
  }

  /** Copies weights, gradients and moments from a GPU that has newer ones. Does nothing during a run that changes them. */
  fetch(): void {
    if (!this.#operations.exclusive) this.#native.fetch()
  }

  /**
   * Gives every parameter its first value, a function of only (seed, name). The values of the library's initializers are computed later, by
   * `await ready()` or the first access; an initializer of the caller runs at once. Throws ERR_BUSY, before anything is written, while an
   * operation on the model is under way.
   */
  initialize(seed: number): void {
    seedOf(seed, 'seed')
    this.#operations.checkIdle('initialisation')
    this.#native.checkLive()
    this.fetch()
    for (const spec of this.specs) this.#firstValues.begin(spec, this.#data.get(spec.name)!, seed)
    this.touch()
  }

  /** Whether all first values are computed. */
  get isReady(): boolean {
    return this.#firstValues.done
  }

  /**
   * Computes the first values that are missing, on the engine's thread or in turns of 4 ms; returns at once if none is missing.
   * `plan.run`, a fit, `evaluate` and streams call it by themselves. Throws ERR_ABORTED if `signal` is aborted; the values that are computed
   * stay, and the next call computes the others. Throws ERR_DISPOSED and ERR_OUT_OF_MEMORY.
   */
  async ready(options: ReadyOptions = {}): Promise<void> {
    const { signal } = readReadyOptions(options, 'the options of ready')
    while (!this.isReady) {
      throwIfAborted(signal)
      await this.#firstValues.turn()
      this.#native.checkLive()
      this.#native.touch()
    }
  }

  /** Computes missing first values on this thread. Throws ERR_NOT_READY if that would take longer than about a second. */
  settle(): void {
    this.#settle(undefined)
  }

  #settle(name: string | undefined): void {
    if (this.isReady || (name !== undefined && !this.#firstValues.has(name))) return
    this.#firstValues.settle(name)
    this.#native.touch()
  }

  /**
   * Copies the weights, or with 'average' the averaged weights, of `other`, a store of the same parameters, as they are after one step.
   * First values that `other` has not computed yet are computed in this store on demand. Throws ERR_INVALID_ARGUMENT if `other` is not a
   * store of parameters, and ERR_UNSUPPORTED if it has no averaged weights.
   */
  copyFrom(other: ParameterStore, group: WeightGroup = 'data'): void {
    checkWeightGroup(group, 'the group')
    if (!(#native in (Object(other) as object))) throw invalid('the parameters of a model', 'the source', other)
    this.#operations.checkIdle('copying parameters')
    other.#native.checkLive()
    other.#native.copy(group, this.#native.arenas.data)
    this.#firstValues.clear()
    if (group === 'data')
      for (const start of other.#firstValues.all) this.#firstValues.add({ ...start, data: this.#data.get(start.name)! })
    this.#native.touch()
  }

  /** @internal Sets gradients and moments to zero. Throws ERR_BUSY while an operation on the model is under way. */
  clearOptimizer(): void {
    this.#operations.checkIdle('clearing the optimiser')
    // Memory that was never written holds zeros; writing them would map its pages, which takes a millisecond for each few megabytes.
    if (!this.#lent && !this.#operations.everExclusive) return
    for (const { grad, moment1, moment2, moment3 } of this)
      for (const view of [grad, moment1, moment2, moment3]) view?.fill(0)
    this.#native.touch()
  }

  get disposed(): boolean {
    return this.#native.disposed
  }

  /** @internal A number that changes whenever the weights do. */
  get version(): number {
    return this.#native.touches + this.#operations.changes
  }

  /** Frees the native memory; a second call does nothing. Throws ERR_BUSY while an operation on the model is under way. */
  dispose(): void {
    if (this.disposed) return
    this.#operations.checkIdle('disposal')
    this.#native.dispose()
    this.#firstValues.clear()
  }
}

/** Returns the lock of the operations on a store, for the engine. It is not a property of the store, so that no caller can hold it. */
export function operationsOf(store: ParameterStore): OperationLock {
  return readOperations(store)
}

/** Returns the native handle of a store for a plan, null if it has no parameters. Throws ERR_DISPOSED after `dispose`. */
export function handleOf(store: ParameterStore): StoreHandle | null {
  return readHandle(store)
}
