// A bound on the memory of a model's plans: those that ran longest ago give their native memory back, and get it again when they
// run next.

/** A plan that can do without its native memory between two runs. */
export interface Resident {
  /** Native bytes of its own, and its host arena; without the packed weights, which all plans of a model share. */
  readonly ownBytes: number
  readonly running: boolean
  /** Frees the native memory; inputs, outputs and carried states stay. Never called during a run. */
  suspend(): void
  dispose(): void
}

export class Residency {
  /** In the order of use, last used at the end. */
  readonly #plans = new Map<Resident, { bytes: number; onResidency: (resident: boolean) => void }>()
  #last: Resident | null = null
  #bytes = 0
  readonly limit: number

  /** `limit`: bytes of all resident plans; the plan in use may take more alone. */
  constructor(limit: number) {
    this.limit = limit
  }

  /** Bytes and number of the plans that have their memory. */
  get usage(): { plans: number; bytes: number } {
    return { plans: this.#plans.size, bytes: this.#bytes }
  }

  /** Counts `plan`, which has its memory, as used last; makes room. `onResidency(false)` is called when the plan loses it. */
  enter(plan: Resident, onResidency: (resident: boolean) => void): void {
    this.leave(plan)
    const bytes = plan.ownBytes
    this.#plans.set(plan, { bytes, onResidency })
    this.#bytes += bytes
    this.#last = plan
    this.#makeRoom(plan)
  }

  /** Counts `plan` as used last. */
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

  /** Forgets `plan`, which has been disposed of. */
  leave(plan: Resident): void {
    const entry = this.#plans.get(plan)
    if (!entry) return
    this.#plans.delete(plan)
    this.#bytes -= entry.bytes
    if (this.#last === plan) this.#last = null
  }

  #makeRoom(keep: Resident): void {
    for (const [plan, { onResidency }] of this.#plans) {
      if (this.#bytes <= this.limit) return
      if (plan === keep || plan.running) continue
      plan.suspend()
      this.leave(plan)
      onResidency(false)
    }
  }
}
