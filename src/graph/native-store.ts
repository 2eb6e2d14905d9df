// The native side of a store of parameters: its arenas, and the handle of the core that reads and updates them.

import { expected } from '../errors.js'
import { native, type StoreHandle } from '../native.js'
import { createArena } from './arena.js'
import { callNative } from '../native-call.js'
import type { Arenas } from './parameter-arenas.js'
import type { CopiedGroup, OptionalGroup } from './parameter-groups.js'

/** The arenas that a step updates, as the addon numbers them. */
const groupNumbers = { data: 0, moment1: 2, moment2: 3, moment3: 4, average: 5, accumulated: 6 } as const

/** The arenas of a store and its native handle, which is null in a store without parameters. */
export class NativeStore {
  readonly arenas: Arenas
  #handle: StoreHandle | null = null
  #disposed = false
  /** Number of calls of `touch`. */
  touches = 0

  /** `table`: four numbers for each parameter, as `layOut` makes them. Throws ERR_OUT_OF_MEMORY. */
  constructor(table: Float64Array, arenas: Arenas) {
    this.arenas = arenas
    const { data, grad, moment1, moment2 } = arenas
    if (table.length > 0) this.#handle = callNative(() => native().storeCreate(table, data, grad, moment1, moment2))
  }

  /** Throws ERR_DISPOSED after `dispose`. */
  checkLive(): void {
    if (!this.#disposed) return
    throw expected('ERR_DISPOSED', 'a live model', 'one that was disposed of', 'define or load it again')
  }

  /** The handle, null if there are no parameters. Throws ERR_DISPOSED after `dispose`. */
  get handle(): StoreHandle | null {
    this.checkLive()
    return this.#handle
  }

  get disposed(): boolean {
    return this.#disposed
  }

  /** Bytes of the arenas. */
  get bytes(): number {
    const arenas = Object.values<Float32Array | null>({ ...this.arenas })
    return arenas.reduce((sum, arena) => sum + (arena?.byteLength ?? 0), 0)
  }

  /** Returns whether `addArena` can add an arena: a store without gradients or without parameters takes none. Throws ERR_DISPOSED. */
  lacks(group: OptionalGroup): boolean {
    return this.handle !== null && this.arenas[group] === null && this.arenas.moment2 !== null
  }

  /** Adds an arena of zeros to a store that lacks it. */
  addArena(group: OptionalGroup): void {
    const arena = createArena(this.arenas.data.length)
    this.#call((handle) => native().storeAddArena(handle, groupNumbers[group], arena))
    this.arenas[group] = arena
  }

  /** Copies an arena, as it is after one step, to `target`. Safe during a training step. Throws ERR_UNSUPPORTED if there is no such arena. */
  copy(group: CopiedGroup, target: Float32Array): void {
    if (!this.arenas[group]) {
      const remedy = group === 'average' ? 'train the model with `average`' : 'train the model first'
      throw expected('ERR_UNSUPPORTED', `a model that has ${group}`, 'one without it', remedy)
    }
    this.#call((handle) => native().storeCopy(handle, groupNumbers[group], target))
  }

  /** Sets the groups of the updates, as `packGroups` makes them. Throws ERR_DISPOSED. */
  setGroups(groupOf: Int32Array, numbers: Float64Array): void {
    this.checkLive()
    this.#call((handle) => native().storeSetGroups(handle, groupOf, numbers))
  }

  /** Copies weights, gradients and moments from a GPU to the arenas, if it has newer ones. Not during a run that changes them. */
  fetch(): void {
    this.#call((handle) => native().storeFetch(handle))
  }

  /** Declares that the arenas were written: the core makes its packed copies of them again at the next run. Throws ERR_DISPOSED. */
  touch(): void {
    this.checkLive()
    this.touches++
    this.#call((handle) => native().storeTouch(handle))
  }

  /** Frees the native memory. */
  dispose(): void {
    this.#call((handle) => native().storeDispose(handle))
    this.#handle = null
    this.#disposed = true
  }

  #call(work: (handle: StoreHandle) => void): void {
    const handle = this.#handle
    if (handle) callNative(() => work(handle))
  }
}
