// The idle plans of a model's sessions. Between two calls a plan belongs to no session: sessions have their values, and a value that is still
// in a plan is copied out before the plan takes another one.

import { Seats } from './seats.js'
import type { SessionValue } from './rows.js'
import type { SessionKind, SessionModel, SessionPurpose } from './session-kind.js'
import { SessionPlan } from './session-plan.js'
import type { RecordValue } from './samplers.js'

/** Most idle plans of a model. Beyond that, the plan that was used longest ago is disposed of. */
const MOST_IDLE = 32

/** A plan as the pool keeps it. */
export interface PooledPlan {
  readonly plan: { readonly disposed: boolean; dispose(): void }
  /** Copies out the value that is only in the plan, if there is one. */
  leave(): void
}

/**
 * Returns the number of rows of a plan for `count` rows: up to 8 the number itself, then one of four numbers between two powers of two, so that there
 * are few plans and few rows too many.
 */
export function pooledRows(count: number): number {
  let step = 1
  while (count > 8 * step) step *= 2
  return Math.ceil(count / step) * step
}

/** The plans and the turns of the sessions of one model. */
export class PlanPool {
  readonly seats: Seats<null>
  /** The key of each idle plan, the one that was used longest ago first. */
  readonly #idle: { key: string; plan: PooledPlan }[] = []

  constructor(model: SessionModel) {
    this.seats = new Seats(model.parameters, () => null)
  }

  /** Returns a plan for `count` sessions of `kind`. */
  take(kind: SessionKind, count: number, purpose: SessionPurpose): SessionPlan {
    const rows = pooledRows(count)
    return this.takePlan(keyOf(kind, rows, purpose), () => new SessionPlan(kind, rows, purpose))
  }

  /** Takes back a plan that `take` returned. */
  give(kind: SessionKind, plan: SessionPlan, purpose: SessionPurpose): void {
    this.givePlan(keyOf(kind, plan.rows, purpose), plan)
  }

  /** Returns the idle plan of a key that was used last, or the result of `create`, which makes all plans of the key. */
  takePlan<P extends PooledPlan>(key: string, create: () => P): P {
    for (let at = this.#idle.length - 1; at >= 0; at--) {
      if (this.#idle[at]!.key !== key) continue
      const { plan } = this.#idle.splice(at, 1)[0]!
      if (!plan.plan.disposed) return plan as P
    }
    return create()
  }

  /** Takes back a plan that `takePlan` returned for the key. */
  givePlan(key: string, plan: PooledPlan): void {
    this.#idle.push({ key, plan })
    if (this.#idle.length <= MOST_IDLE) return
    const oldest = this.#idle.shift()!.plan
    oldest.leave()
    oldest.plan.dispose()
  }

  /** Returns an idle plan that is the home of `value`, for a call on the caller's thread. */
  enter(kind: SessionKind, value: SessionValue, purpose: SessionPurpose): SessionPlan {
    const plan = this.take(kind, 1, purpose)
    try {
      plan.enter(value)
    } finally {
      this.give(kind, plan, purpose)
    }
    return plan
  }
}

const pools = new WeakMap<SessionModel, PlanPool>()

/** Returns the pool of `model`, which is made at the first call. */
export function poolOf(model: SessionModel): PlanPool {
  let pool = pools.get(model)
  if (!pool) pools.set(model, (pool = new PlanPool(model)))
  return pool
}

const keys = new WeakMap<SessionKind, string>()

/** Returns a key that is equal for kinds of one model whose sessions can be rows of one plan. */
export function kindKey(kind: SessionKind): string {
  let key = keys.get(kind)
  if (key === undefined) {
    const samplers = kind.samplers.map(([feeds, { from, record }]) => [feeds, from, numberOf(record)])
    key = JSON.stringify([Object.entries(kind.dims), kind.outputs, kind.records, samplers, kind.keeps, kind.draws])
    keys.set(kind, key)
  }
  return key
}

const keyOf = (kind: SessionKind, rows: number, purpose: SessionPurpose) => `${purpose} ${rows} ${kindKey(kind)}`

const numbers = new WeakMap<RecordValue, number>()
let next = 0
/** Returns the number of a sampler in a key. Samplers with the same `record` function share plans, whatever their settings. */
function numberOf(record: RecordValue): number {
  let number = numbers.get(record)
  if (number === undefined) numbers.set(record, (number = next++))
  return number
}
