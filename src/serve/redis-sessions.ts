// The store of sessions that several processes share, in Redis or Valkey. A lease with a token, which ends by itself, gives one request at a time a
// session; a value is written only while the lease is that of the writer, so a process that stopped for long cannot overwrite the work of another.

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { expected, GatecellError } from '../errors.js'
import { damagedSession } from './errors.js'
import { scripts } from './redis-scripts.js'
import type { RedisAddress } from './redis-address.js'
import { createClient, type RedisTimes } from './redis-client.js'
import {
  busySession,
  deletedSession,
  fullStore,
  type HeldSession,
  type SessionStore,
  type StoreBounds
} from './session-store.js'
import { MOST_VALUE_BYTES } from './session-value.js'

const TIMES: RedisTimes = {
  ...{ lease: 30_000, renew: 10_000, patience: 10_000 },
  ...{ command: 5000, connect: 5000, retry: 2000 }
}
/** Milliseconds between two attempts to write a value. */
const PAUSE = 50
/** Most sessions that are remembered for their deletion; Redis ends any others after their time to live. */
const MOST_ORPHANS = 10_000

/** The log of a store. */
export interface StoreLog {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
}

/** A store in Redis. */
export interface RedisStore extends SessionStore {
  /**
   * Connects, and returns after the first attempt; later attempts follow by themselves. Throws ERR_UNAVAILABLE if the server refuses this client, for
   * example because of the password. A server that does not answer is not an error here.
   */
  connect(log: StoreLog): Promise<void>
}

/** Version of the form of keys and values: servers of another version do not see them. */
const PREFIX = 'gatecell:1'

/** Returns a store in Redis, which is not connected yet. Throws ERR_UNSUPPORTED without the package ioredis. */
export async function redisSessions(
  address: RedisAddress,
  bounds: StoreBounds,
  times: Partial<RedisTimes> = {}
): Promise<RedisStore> {
  const all = { ...TIMES, ...times }
  return new RedisSessions(await createClient(address, all), bounds, all)
}

type Reply = Buffer | number | null

/** The lease of a request of this process. */
interface Lease {
  readonly token: string
  /** Whether the request has ended: a lease that could not be released is released later. */
  ended: boolean
}

class RedisSessions implements RedisStore {
  readonly #client: Redis
  readonly #bounds: StoreBounds
  readonly #times: RedisTimes
  /** Time that a session is kept, in milliseconds. */
  readonly #ttl: number
  /** Leases of this process by the ids of their sessions. */
  readonly #leases = new Map<string, Lease>()
  /** Ids of sessions that may have been added although their clients have had an error: no client has them, so they are deleted. */
  readonly #orphans = new Set<string>()
  readonly #timer: NodeJS.Timeout
  #problem = 'no connection yet'
  #closed = false

  constructor(client: Redis, bounds: StoreBounds, times: RedisTimes) {
    this.#client = client
    this.#bounds = bounds
    this.#times = times
    this.#ttl = Math.ceil(1000 * bounds.sessionTime)
    this.#timer = setInterval(() => this.#tidy(), times.renew)
    this.#timer.unref()
    client.on('error', (error: Error) => (this.#problem = causeOf(error)))
    client.on('ready', () => {
      this.#problem = 'a closed connection'
      this.#tidy()
    })
  }

  async connect(log: StoreLog): Promise<void> {
    const client = this.#client
    let refusal: Error | null = null
    const note = (error: Error) => {
      if (isReply(error)) refusal = error
    }
    client.on('error', note)
    let reached = true
    client.on('ready', () => {
      if (!reached) log.info({}, 'the store of sessions answers again')
      reached = true
    })
    client.on('close', () => {
      if (reached && !this.#closed) log.warn({ reason: this.#problem }, 'the store of sessions does not answer')
      reached = false
    })
    // A wrong number of a database is an error of a command, not of the connection.
    await client
      .connect()
      .then(() => client.ping())
      .catch((error: Error) => note(error))
    client.off('error', note)
    if (refusal === null) return
    const remedy = 'correct user, password and number of the database'
    throw expected('ERR_UNAVAILABLE', 'a store of sessions that takes this server', causeOf(refusal), remedy, refusal)
  }

  reachable(): boolean {
    return this.#client.status === 'ready'
  }

  async add(id: string, value: Uint8Array): Promise<void> {
    const { maxSessions } = this.#bounds
    try {
      if ((await this.#run('add', id, Buffer.from(value), this.#ttl, maxSessions)) === 0) throw fullStore(maxSessions)
    } catch (error) {
      // The answer may have been lost after the value was written.
      if (isUnavailable(error) && this.#orphans.size < MOST_ORPHANS) this.#orphans.add(id)
      throw error
    }
  }

  async get(id: string): Promise<Uint8Array | null> {
    return valueOf(await this.#run('get', id, this.#ttl, MOST_VALUE_BYTES))
  }

  async hold(id: string): Promise<HeldSession | null> {
    const token = randomBytes(16).toString('hex')
    const found = await this.#run('hold', id, token, ...this.#leaseTimes(), MOST_VALUE_BYTES)
    if (found === 0) throw busySession()
    const value = valueOf(found)
    if (!value) return null
    const lease = { token, ended: false }
    this.#leases.set(id, lease)
    const release = async () => {
      lease.ended = true
      await this.#release(id, lease)
    }
    return { value, put: (next) => this.#put(id, token, next), release }
  }

  async #put(id: string, token: string, value: Uint8Array): Promise<void> {
    const result = await this.#patiently(() => this.#run('put', id, token, Buffer.from(value), this.#ttl))
    if (result === 0) throw busySession('one that this request has lost')
    if (result === -1) throw deletedSession()
  }

  /** Calls `work` until the store answers, or for the time of `patience`. It may have been done although the answer was lost. */
  async #patiently(work: () => Promise<Reply>): Promise<Reply> {
    const until = performance.now() + this.#times.patience
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!isUnavailable(error) || performance.now() > until || this.#closed) throw error
        await sleep(PAUSE)
      }
    }
  }

  async #release(id: string, lease: Lease): Promise<void> {
    if (this.#leases.get(id) !== lease) return
    try {
      await this.#run('release', id, lease.token)
      if (this.#leases.get(id) === lease) this.#leases.delete(id)
    } catch {
      // Without the store the lease ends by itself, or when the store answers again.
    }
  }

  async delete(id: string): Promise<boolean> {
    return (await this.#run('delete', id)) === 1
  }

  async count(): Promise<number> {
    return Number(await this.#run('count', ''))
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    this.#client.disconnect()
  }

  #leaseTimes(): [lease: number, ttl: number] {
    const { lease } = this.#times
    return [lease, Math.max(lease, this.#ttl)]
  }

  /** Renews the leases of requests under way, ends those that are left over, and deletes the sessions that no client has. */
  #tidy(): void {
    for (const id of this.#orphans)
      this.delete(id).then(
        () => this.#orphans.delete(id),
        () => {}
      )
    for (const [id, lease] of this.#leases)
      if (lease.ended) void this.#release(id, lease)
      else this.#run('renew', id, lease.token, ...this.#leaseTimes()).catch(() => {})
  }

  async #run(name: keyof typeof scripts, id: string, ...words: (string | number | Buffer)[]): Promise<Reply> {
    const keys = [`${PREFIX}:value:${id}`, `${PREFIX}:lease:${id}`, `${PREFIX}:sessions`]
    try {
      return (await this.#client.callBuffer('EVAL', scripts[name], keys.length, ...keys, id, ...words)) as Reply
    } catch (error) {
      throw this.#errorOf(error as Error)
    }
  }

  #errorOf(error: Error): Error {
    if (isReply(error) && /WRONG(TYPE|SIZE)/.test(error.message))
      return damagedSession('a key of another kind or size', error)
    return unavailable(isReply(error) ? causeOf(error) : (causeOfState(error) ?? this.#problem), error)
  }
}

function valueOf(reply: Reply): Uint8Array | null {
  return Buffer.isBuffer(reply) ? reply : null
}

function isUnavailable(error: unknown): boolean {
  return error instanceof GatecellError && error.code === 'ERR_UNAVAILABLE'
}

/** Returns whether Redis itself has answered with an error. */
function isReply({ name }: Error): boolean {
  return name === 'ReplyError'
}

/** Returns the code of an error: of Redis the first word of its answer, such as WRONGPASS. The rest may have keys or values. */
function causeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  if (isReply(error)) return /^[A-Z]+/.exec(error.message)?.[0] ?? 'an error'
  return typeof code === 'string' && code !== '' ? code : (causeOfState(error) ?? 'an error of the connection')
}

function causeOfState({ message }: Error): string | null {
  return /timed? ?out/i.test(message) ? 'no answer in time' : null
}

function unavailable(found: string, cause: Error): GatecellError {
  return expected('ERR_UNAVAILABLE', 'a store of sessions that answers', found, 'try again later', cause)
}
