// The connection to Redis of the store of sessions: its times, and what it does while the server is away.

import type { AbstractConnector, Redis } from 'ioredis'
import { expected } from '../errors.js'
import type { RedisAddress } from './redis-address.js'
import { tlsConnector } from './redis-connector.js'

/** Times of a store in Redis, in milliseconds. */
export interface RedisTimes {
  /** Time after which a lease ends if its process does not renew it. */
  readonly lease: number
  /** Time between two renewals of leases. */
  readonly renew: number
  /** Longest time of a command. */
  readonly command: number
  /** Longest time of a connection attempt. */
  readonly connect: number
  /** Longest time between two connection attempts. */
  readonly retry: number
  /** Time in which a value that was not written is tried again: a restart of Redis loses no text. */
  readonly patience: number
}

/** Returns a client that is not connected yet. Throws ERR_UNSUPPORTED without the package ioredis. */
export async function createClient({ tls, ...address }: RedisAddress, times: RedisTimes): Promise<Redis> {
  const { Redis: Client, AbstractConnector: Base } = await loadClient()
  return new Client({
    ...address,
    ...(tls && { tls: {}, Connector: tlsConnector(Base, address) }),
    lazyConnect: true,
    connectionName: 'gatecell',
    connectTimeout: times.connect,
    commandTimeout: times.command,
    // A connection without any answer for so long is closed, and made again.
    socketTimeout: 1.5 * times.command,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), times.retry),
    // A command fails at once while there is no connection, and none is sent twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0
  })
}

/** Loads ioredis, an optional peer dependency: a server that keeps sessions in its memory need not install it. */
async function loadClient(): Promise<{ Redis: typeof Redis; AbstractConnector: typeof AbstractConnector }> {
  try {
    return await import('ioredis')
  } catch (error) {
    const remedy = 'install it with npm install ioredis'
    throw expected('ERR_UNSUPPORTED', 'the package ioredis, which connects to Redis', 'none', remedy, error)
  }
}
