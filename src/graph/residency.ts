// A bound on the memory of a model's plans: the least recently used plans lose their native memory, which is allocated again at their next
// run.

/** A plan that can do without its native memory between two runs. */
export interface Resident {
  /**
   * Returns the bytes of a compiled plan. `own`: its host arena and the native memory that is freed with it. `shared`: the block that its
   * runs take from the memory that all plans of a model share. Packed weights are not included.
   */
  sizes(): { own: number; shared: number }
  readonly running: boolean
  /** Frees the native memory; inputs, outputs and carried states stay. Never called during a run. */
  suspend(): void
  dispose(): void
}

interface Entry {
  own: number
  shared: number
  onResidency: (resident: boolean) => void
}

/** The plans of one model that have their native memory, and the bound on it. */
export class Residency {
  /** In the order of use; the plan that was used last is at the end. */
  readonly #plans = new Map<Resident, Entry>()
  #last: Resident | null = null
  #own = 0
  /** The plans share a block, which is as large as the largest of them needs. */
  #shared = 0
  readonly limit: number

  /** `limit`: bytes of all resident plans; the plan in use may exceed it by itself. */
  constructor(limit: number) {
    this.limit = limit
  }

  /** Bytes and number of the plans that have their memory. */
  get usage(): { plans: number; bytes: number } {
    return { plans: this.#plans.size, bytes: this.#own + this.#shared }
  }

  /**
   * Adds `plan`, which has its memory, as the last used one, and makes room for it. `onResidency(false)` is called when the plan loses its memory.
   */
  enter(plan: Resident, onResidency: (resident: boolean) => void): void {
    this.leave(plan)
    const { own, shared } = plan.sizes()
    this.#plans.set(plan, { own, shared, onResidency })
    this.#own += own
    this.#shared = Math.max(this.#shared, shared)
    this.#last = plan
    this.#makeRoom(plan)
  }

  /** Records that `plan` was used last. */
  touch(plan: Resident): void {
    if (this.#last === plan) return
    const entry = this.#plans.get(plan)
    if (!entry) return
    this.#plans.delete(plan)
    this.#plans.set(plan, entry)
    this.#last = plan
  }

  /** Disposes of all plans that have their memory. */
  dispose(): void {
    for (const plan of [...this.#plans.keys()]) plan.dispose()
  }

  /** Removes `plan`, which was suspended or disposed of. */
  leave(plan: Resident): void {
    const entry = this.#plans.get(plan)
    if (!entry) return
    this.#plans.delete(plan)
    this.#own -= entry.own
    if (entry.shared === this.#shared) {
      this.#shared = 0
      for (const { shared } of this.#plans.values()) this.#shared = Math.max(this.#shared, shared)
    }
    if (this.#last === plan) this.#last = null
  }

  #makeRoom(keep: Resident): void {
    for (const [plan, { onResidency }] of this.#plans) {
      if (this.#own + this.#shared <= this.limit) return
      if (plan === keep || plan.running) continue
      plan.suspend()
      this.leave(plan)
      onResidency(false)
    }
  }
}
