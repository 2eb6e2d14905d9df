// The idle plans of a model's sessions. Between two calls a plan belongs to no session: sessions have their values, and a value that is still
// in a plan is copied out before the plan takes another one.

import { Seats } from './seats.js'
import type { SessionValue } from './rows.js'
import type { SessionKind, SessionModel, SessionPurpose } from './session-kind.js'
import { SessionPlan } from './session-plan.js'
import type { RecordValue } from './samplers.js'

/** Most idle plans of a model. Beyond that, the plan that was used longest ago is disposed of. */
const MOST_IDLE = 16

/** The plans and the turns of the sessions of one model. */
export class PlanPool {
  readonly seats: Seats<null>
  /** The key of each idle plan, the one that was used longest ago first. */
  readonly #idle: { key: string; plan: SessionPlan }[] = []

  constructor(model: SessionModel) {
    this.seats = new Seats(model.parameters, () => null)
  }

  /** Returns a plan for `count` sessions of `kind`. Its number of rows is the next power of two, so that there are few plans. */
  take(kind: SessionKind, count: number, purpose: SessionPurpose): SessionPlan {
    let rows = 1
    while (rows < count) rows *= 2
    const key = keyOf(kind, rows, purpose)
    for (let at = this.#idle.length - 1; at >= 0; at--) {
      if (this.#idle[at]!.key !== key) continue
      const { plan } = this.#idle.splice(at, 1)[0]!
      if (!plan.plan.disposed) return plan
    }
    return new SessionPlan(kind, rows, purpose)
  }

  /** Takes back a plan that `take` returned. */
  give(kind: SessionKind, plan: SessionPlan, purpose: SessionPurpose): void {
    this.#idle.push({ key: keyOf(kind, plan.rows, purpose), plan })
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
    key = JSON.stringify([Object.entries(kind.dims), kind.outputs, kind.records, samplers, kind.keeps])
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
