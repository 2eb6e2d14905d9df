// The places of sessions between requests, as bytes by their ids. The store of one process is here; redis-sessions.ts has one that processes share.

import { expected, type GatecellError } from '../errors.js'

/** A session that one request has to itself. */
export interface HeldSession {
  readonly value: Uint8Array
  /** Replaces the value. Throws ERR_BUSY if another request may have the session meanwhile, and ERR_NOT_FOUND if it was deleted. */
  put(value: Uint8Array): Promise<void>
  /** Lets others have the session. Never throws; a second call has no effect. */
  release(): Promise<void>
}

/** A place for sessions. A store that cannot be reached throws ERR_UNAVAILABLE from all methods but `close`. */
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
  count(): number | Promise<number>
  /** Returns whether the store can be reached at present; absent: always. */
  reachable?(): boolean
  close(): Promise<void>
}

/** Returns the error of a store that has no room for one more session. */
export function fullStore(maxSessions: number): GatecellError {
  return expected('ERR_OVERLOADED', `at most ${maxSessions} sessions`, 'one more', 'delete sessions, or try later')
}

/** Returns the error of a session that another request has. */
export function busySession(found = 'one with another request under way'): GatecellError {
  return expected('ERR_BUSY', 'an idle session', found, 'wait for its end')
}

/** Returns the error of a session that was deleted while a request had it. */
export function deletedSession(): GatecellError {
  return expected('ERR_NOT_FOUND', 'a session that is kept', 'one that was deleted meanwhile', 'create another one')
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
      if (entries.size >= maxSessions) throw fullStore(maxSessions)
      touch(id, { value, busy: false, until: 0 })
    },
    get: async (id) => find(id)?.value ?? null,
    async hold(id) {
      const entry = find(id)
      if (!entry) return null
      if (entry.busy) throw busySession()
      entry.busy = true
      return {
        value: entry.value,
        async put(value) {
          if (entries.get(id) !== entry) throw deletedSession()
          entry.value = value
        },
        async release() {
          if (!entry.busy) return
          entry.busy = false
          // The time begins again at the end of a request, which may have taken longer than that.
          if (entries.get(id) === entry) touch(id, entry)
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
