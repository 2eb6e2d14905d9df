// The plans of a model by key: one plan that all callers of a key share, and any number of plans that are leased to one operation each.
// residency.ts bounds their memory.

import { setOwner } from './arena.js'
import type { GeneratingPlan } from './plan.js'
import { Residency } from './residency.js'

/** Options of createPlan that tie a plan to its cache. */
export interface CacheOptions {
  residency: Residency
  /** Called when the plan gets (true) or loses (false) its native memory. */
  onResidency: (resident: boolean) => void
}

type Make = (options: CacheOptions) => GeneratingPlan

interface Shared {
  /** Null after the plan has lost its memory: then only the plan and its views in use keep it from garbage collection. */
  plan: GeneratingPlan | null
  weak: WeakRef<GeneratingPlan>
  /** Carried states of a plan that has lost its memory. */
  states: ReadonlyMap<string, Float32Array>
}

/** The shared and leased plans of one model. */
export class PlanCache {
  readonly #residency: Residency
  readonly #shared = new Map<string, Shared>()
  readonly #idle = new Map<string, Set<GeneratingPlan>>()

  /** `limit`: bytes of all plans together, see Residency. */
  constructor(limit: number) {
    this.#residency = new Residency(limit)
  }

  get usage(): { plans: number; bytes: number } {
    return this.#residency.usage
  }

  /** Returns the plan of `key` that all callers share; `make` makes it at the first call. */
  shared(key: string, make: Make): GeneratingPlan {
    const old = this.#shared.get(key)
    const found = old && (old.plan ?? old.weak.deref())
    if (found && !found.disposed) return found
    const states = new Map<string, Float32Array>()
    const plan = make({
      residency: this.#residency,
      onResidency: (resident) => {
        const entry = this.#shared.get(key)
        if (entry?.weak.deref() !== plan) return
        entry.plan = resident ? plan : null
        // A caller that takes the plan again gets the carried states of its last run.
        states.clear()
        if (!resident) for (const [name, state] of Object.entries(plan.states)) states.set(name, state.slice())
      }
    })
    if (!found && old) for (const [name, state] of old.states) plan.states[name]?.set(state)
    setOwner(Object.values({ ...plan.inputs, ...plan.outputs, ...plan.states })[0], plan)
    this.#shared.set(key, { plan, weak: new WeakRef(plan), states })
    return plan
  }

  /** Returns a plan of `key` that has no other user, and the function that gives it back. */
  lease(key: string, make: Make): { plan: GeneratingPlan; release: () => void } {
    const idle = this.#idle.get(key) ?? new Set()
    this.#idle.set(key, idle)
    const [waiting] = idle
    if (waiting) idle.delete(waiting)
    const plan = waiting ?? this.#makeLeased(idle, make)
    let held = true
    const release = () => {
      if (held && !plan.disposed && this.#resident.has(plan)) idle.add(plan)
      held = false
    }
    return { plan, release }
  }

  /** Leased plans that have their memory. */
  readonly #resident = new WeakSet<GeneratingPlan>()

  #makeLeased(idle: Set<GeneratingPlan>, make: Make): GeneratingPlan {
    const plan = make({
      residency: this.#residency,
      onResidency: (resident) => {
        if (resident) this.#resident.add(plan)
        else {
          this.#resident.delete(plan)
          idle.delete(plan)
        }
      }
    })
    this.#resident.add(plan)
    return plan
  }

  /** Disposes of all plans. */
  dispose(): void {
    this.#residency.dispose()
    this.#shared.clear()
    this.#idle.clear()
  }
}
