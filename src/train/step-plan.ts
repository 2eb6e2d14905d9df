// The plan of a training step, which changes with the shape of the batches.

import type { Control } from '../graph/control.js'
import type { Plan } from '../graph/plan.js'
import type { Dims, Model, ModelPlanOptions, PlanLease } from '../model.js'
import { writeBatch, type Batch } from '../data/batching/source.js'
import { sameDims } from './ownership.js'

/** Carried states by name, with their shapes. */
export interface CarriedStates {
  readonly states: Readonly<Record<string, Float32Array>>
  readonly shapes: Pick<Plan['shapes'], 'states'>
}

/** The plans of the steps of a run, and its carried states. */
export interface TrainingPlans {
  /** The plan that makes the updates. */
  readonly plan: Plan
  /** The states of the whole batch. */
  readonly carried: CarriedStates
  /** Takes the states of other processes, so that `carried` has them. */
  collect(): Promise<void>
  /** Takes the states that a caller has written into those of `carried`. */
  scatter(): void
}

/** The plan of the training steps of one run. */
export class StepPlan implements TrainingPlans {
  readonly #model: Model
  readonly #options: ModelPlanOptions<'train'>
  #dims: Dims
  #lease: PlanLease

  constructor(model: Model, options: ModelPlanOptions<'train'>, dims: Dims) {
    this.#model = model
    this.#options = options
    this.#dims = dims
    this.#lease = this.#leaseFor(dims)
  }

  get plan(): Plan {
    return this.#lease.plan
  }

  get carried(): CarriedStates {
    return this.plan
  }

  async collect(): Promise<void> {}

  scatter(): void {}

  /** Writes a batch into the plan of its shape (by default `dims`) and returns the control block of that plan. */
  begin(batch: Batch, dims: Dims): Control {
    this.#changeShape(batch.dims ?? dims)
    writeBatch(this.plan.inputs, batch)
    if (batch.reset) this.plan.resetStates()
    return this.plan.control
  }

  /** Returns a function that restores the present plan and carried states, for a step of several batches that is given up. */
  saveStates(): () => void {
    const dims = this.#dims
    const copies = Object.entries(this.plan.states).map(([name, state]) => [name, state.slice()] as const)
    return () => {
      this.#changeShape(dims)
      const { states } = this.plan
      for (const [name, copy] of copies) states[name]!.set(copy)
    }
  }

  #leaseFor(dims: Dims): PlanLease {
    return this.#model.lease(dims, { ...this.#options, purpose: 'train' })
  }

  /** Leases a plan for `dims` and copies carried states of the same size into it. */
  #changeShape(dims: Dims): void {
    if (sameDims(dims, this.#dims)) return
    const next = this.#leaseFor(dims)
    for (const [name, state] of Object.entries(next.plan.states)) {
      const old = this.plan.states[name]
      if (old?.length === state.length) state.set(old)
    }
    this.#lease.release()
    this.#lease = next
    this.#dims = dims
  }
}
