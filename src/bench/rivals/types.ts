// The interface of a rival: another implementation of the same workload, measured in turns with ours.

import type { Precision } from '../../graph/opcodes.js'
import type { Sizes } from '../workloads/amounts.js'
import type { Contestant } from '../turns.js'

/** A workload as rivals understand it. `gemm`: C[B, 4H] = A[B, H] W^T. */
export interface Task {
  readonly mode: 'train-char' | 'train-translation' | 'layer' | 'sequence' | 'step' | 'sample' | 'gemm'
  readonly sizes: Sizes
  readonly threads: number
  readonly precision: Precision
}

/** A file with a model, and what is done with it. */
export interface ModelTask {
  readonly path: string
  /** Values of the inputs by name. */
  readonly inputs: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly data: Float32Array | Int32Array }>
  >
  /** Outputs that inputs continue from run to run, by the names of the inputs. */
  readonly states: Readonly<Record<string, string>>
  readonly threads: number
}

/** One way of a rival to do a task. */
export interface Variant extends Contestant {
  /** Its distinction: a code path, an optimiser's implementation. */
  readonly note: string
}

/** Another implementation that this machine has. */
export interface Rival {
  readonly name: string
  readonly version: string
  /** How it was set up. */
  readonly settings: string
  /** Its ways to do `task`; none where it has no such thing. */
  open(task: Task): Promise<Variant[]>
  /** Its way to run a model from a file; absent for rivals that read no such files. */
  openModel?(task: ModelTask): Promise<Variant>
  close(): Promise<void>
}

/** A rival that is not on this machine, and the remedy. */
export interface MissingRival {
  readonly name: string
  readonly missing: string
}
