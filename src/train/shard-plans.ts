// The plans of the shards of a batch that this process computes, one for each shard, with the carried states of its rows. States of all shards
// together have the shapes that they have without shards, so that a checkpoint does not depend on the number of processes.

import { expected } from '../errors.js'
import type { Batch } from '../data/batching/source.js'
import type { Control } from '../graph/control.js'
import type { Plan } from '../graph/plan.js'
import { skipShard } from '../graph/shard-sums.js'
import type { Dims, Model, ModelPlanOptions } from '../model.js'
import type { Ranks } from '../ranks/ranks.js'
import { BatchCutter, StateRows, rowsOfShard, type ShardRows } from './shard-rows.js'
import { StepPlan, type CarriedStates, type TrainingPlans } from './step-plan.js'

/** Number of shards, and the processes that compute them. */
export interface Sharding {
  /** Number of shards, a power of two. */
  readonly shards: number
  readonly ranks: Ranks
}

/** The plans of the training steps of one run that divides its batches into shards. */
export class ShardPlans implements TrainingPlans {
  readonly #model: Model
  readonly #sharding: Sharding
  readonly #cutter: BatchCutter
  readonly #states: StateRows
  readonly #own: readonly { readonly shard: number; readonly steps: StepPlan }[]
  /** Rows of the batch to which the present states belong. */
  #rows: number
  /** The states of all shards after the last `collect`; null after a later step. */
  #collected: Record<string, Float32Array> | null

  constructor(model: Model, options: ModelPlanOptions<'train'>, dims: Dims, sharding: Sharding) {
    const { shards, ranks } = sharding
    this.#model = model
    this.#sharding = sharding
    this.#cutter = new BatchCutter(model)
    this.#states = new StateRows(model.definition, dims)
    this.#rows = dims['batch']!
    this.#collected = this.#states.arrays(this.#rows).states
    const count = shards / ranks.size
    this.#own = Array.from({ length: count }, (_, place) => {
      const shard = ranks.rank * count + place
      const rows = Math.max(1, this.#rowsOf(shard).count)
      return { shard, steps: new StepPlan(model, options, { ...dims, batch: rows }) }
    })
    if (this.plan.explain().device === 'cuda')
      throw expected(
        'ERR_UNSUPPORTED',
        'a model on the processor to train in shards',
        'one on a GPU',
        "use device 'cpu'"
      )
  }

  #rowsOf(shard: number): ShardRows {
    return rowsOfShard(this.#rows, this.#sharding.shards, shard)
  }

  /** The plan of the first shard of this process, which also makes the updates. */
  get plan(): Plan {
    return this.#own[0]!.steps.plan
  }

  /** Numbers of the shards of this process. */
  get shards(): number[] {
    return this.#own.map(({ shard }) => shard)
  }

  /** Writes the rows of a batch (by default of the shape `dims`) into the plans and returns their control blocks; null for a shard without rows. */
  begin(batch: Batch, dims: Dims): (Control | null)[] {
    const full = batch.dims ?? dims
    this.#rows = full['batch']!
    this.#collected = this.#states.names.length === 0 ? {} : null
    return this.#own.map(({ shard, steps }) => {
      const rows = this.#rowsOf(shard)
      if (rows.count === 0) return null
      const control = steps.begin(this.#cutter.part(batch, full, rows), full)
      control.counted = rows.count
      return control
    })
  }

  /** Runs the shard at `place` of this process: its gradients join the sum. Returns its loss, and the count of its loss. */
  async run(place: number): Promise<{ loss: number; counted: number }> {
    const { shard, steps } = this.#own[place]!
    if (this.#rowsOf(shard).count === 0) {
      skipShard(this.#model.parameters, place)
      return { loss: 0, counted: 0 }
    }
    await steps.plan.run('shard')
    return { loss: steps.plan.control.loss, counted: steps.plan.control.counted }
  }

  /** Returns the plan of the first shard of this process whose loss is not finite, else the first plan. */
  get suspect(): Plan {
    return (this.#own.find(({ steps }) => !Number.isFinite(steps.plan.control.loss)) ?? this.#own[0]!).steps.plan
  }

  /** Returns a function that restores the present carried states, for a step that is given up. */
  saveStates(): () => void {
    if (this.#states.names.length === 0) return () => {}
    const restores = this.#own.map(({ steps }) => steps.saveStates())
    const rows = this.#rows
    return () => {
      for (const restore of restores) restore()
      this.#rows = rows
    }
  }

  /** Takes the carried states of all processes, so that `carried` has them. All processes call it together. */
  async collect(): Promise<void> {
    if (this.#states.names.length === 0) return
    const { shards, ranks } = this.#sharding
    const most = Math.ceil(this.#rows / shards)
    const size = this.#states.elements(most)
    const parts = await ranks.gather(new Uint8Array(this.#pack(most).buffer))
    const { states } = this.#states.arrays(this.#rows)
    parts.forEach((part, rank) => {
      const floats = new Float32Array(part.slice().buffer)
      for (let place = 0; place < this.#own.length; place++) {
        const { first, count } = this.#rowsOf(rank * this.#own.length + place)
        const { all, states: packed } = this.#states.arrays(most)
        all.set(floats.subarray(place * size, (place + 1) * size))
        this.#states.copy({ states: packed, at: 0, of: most }, { states, at: first, of: this.#rows }, count)
      }
    })
    this.#collected = states
  }

  /** Returns the states of the shards of this process, each with room for `most` rows. */
  #pack(most: number): Float32Array {
    const size = this.#states.elements(most)
    const packed = new Float32Array(this.#own.length * size)
    this.#own.forEach(({ shard, steps }, place) => {
      const { count } = this.#rowsOf(shard)
      if (count === 0) return
      const { all, states } = this.#states.arrays(most)
      this.#states.copy({ states: steps.plan.states, at: 0, of: count }, { states, at: 0, of: most }, count)
      packed.set(all, place * size)
    })
    return packed
  }

  /** The carried states of all shards. Throws ERR_UNSUPPORTED if other processes have newer ones. */
  get carried(): CarriedStates {
    if (this.#collected) return { states: this.#collected, shapes: { states: this.#states.shapes(this.#rows) } }
    const remedy = 'take snapshots in the function `checkpoint`'
    throw expected('ERR_UNSUPPORTED', 'the carried states of all shards', 'those of an earlier step', remedy)
  }

  /** Gives each shard the states of its rows of `carried`, which a caller has written. */
  scatter(): void {
    const states = this.#collected!
    for (const { shard, steps } of this.#own) {
      const { first, count } = this.#rowsOf(shard)
      if (count === 0) continue
      this.#states.copy({ states, at: first, of: this.#rows }, { states: steps.plan.states, at: 0, of: count }, count)
    }
  }
}
