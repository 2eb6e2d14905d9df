// Where sessions are kept between requests, as bytes by their ids. The store of one process is here; one that several processes share needs
// the same methods.

import { expected } from '../errors.js'

/** A session that one request has to itself. */
export interface HeldSession {
  readonly value: Uint8Array
  /** Replaces the value. */
  put(value: Uint8Array): Promise<void>
  /** Lets others have the session. */
  release(): Promise<void>
}

/** A place for sessions. */
export interface SessionStore {
  /** Adds a session. Throws ERR_OVERLOADED if the store is full. */
  add(id: string, value: Uint8Array): Promise<void>
  /** Returns the value of a session; null if there is none. */
  get(id: string): Promise<Uint8Array | null>
  /** Returns a session for changes; null if there is none. Throws ERR_BUSY while another request has it. */
  hold(id: string): Promise<HeldSession | null>
  /** Deletes a session, and returns whether there was one. */
  delete(id: string): Promise<boolean>
  /** Returns the number of sessions. */
  count(): number
  close(): Promise<void>
}

interface Entry {
  value: Uint8Array
  busy: boolean
  /** Time of `performance.now()` after which the session is deleted. */
  until: number
}

/** Bounds of a store. */
export interface StoreBounds {
  readonly maxSessions: number
  /** Seconds that a session without a request is kept. */
  readonly sessionTime: number
}

/** Returns a store in the memory of this process. */
export function memorySessions({ maxSessions, sessionTime }: StoreBounds): SessionStore {
  // In the order of their times: a session that is used moves to the end.
  const entries = new Map<string, Entry>()
  const touch = (id: string, entry: Entry) => {
    entries.delete(id)
    entry.until = performance.now() + 1000 * sessionTime
    entries.set(id, entry)
  }
  const sweep = () => {
    for (const [id, { until, busy }] of entries) {
      if (until > performance.now()) return
      if (!busy) entries.delete(id)
    }
  }
  const find = (id: string): Entry | undefined => {
    sweep()
    const entry = entries.get(id)
    if (entry) touch(id, entry)
    return entry
  }
  const timer = setInterval(sweep, Math.min(60_000, 1000 * sessionTime))
  timer.unref()
  return {
    async add(id, value) {
      sweep()
      if (entries.size >= maxSessions)
        throw expected('ERR_OVERLOADED', `at most ${maxSessions} sessions`, 'one more', 'delete sessions, or try later')
      touch(id, { value, busy: false, until: 0 })
    },
    get: async (id) => find(id)?.value ?? null,
    async hold(id) {
      const entry = find(id)
      if (!entry) return null
      if (entry.busy)
        throw expected('ERR_BUSY', 'an idle session', 'one with another request under way', 'wait for its end')
      entry.busy = true
      return {
        value: entry.value,
        async put(value) {
          entry.value = value
        },
        async release() {
          entry.busy = false
        }
      }
    },
    delete: async (id) => entries.delete(id),
    count: () => entries.size,
    async close() {
      clearInterval(timer)
      entries.clear()
    }
  }
}
