// The address of a store in Redis or Valkey, as `redis://user@host:port/db`. It may have a password, so no message has a part of it.

import { expected, type GatecellError } from '../errors.js'

/** The parts of an address. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly db: number
  /** Whether the connection has TLS. */
  readonly tls: boolean
  readonly username?: string
  readonly password?: string
}

const PORT = 6379

/** Reads an address. `password` comes before that of the address. Throws ERR_INVALID_ARGUMENT for another text. */
export function readRedisAddress(text: string, password?: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : null
  const path = /^\/?(\d{1,6})?\/?$/.exec(url?.pathname ?? '?')
  const isWhole = url && path && url.hostname !== '' && url.search === '' && url.hash === ''
  if (!isWhole || !['redis:', 'rediss:'].includes(url.protocol)) throw wrongAddress()
  const [username, own] = [decoded(url.username), decoded(url.password)]
  const given = password ?? own
  return {
    // An address of IPv6 has brackets in a URL only.
    ...{ host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? PORT : Number(url.port) },
    ...{ db: Number(path[1] ?? 0), tls: url.protocol === 'rediss:' },
    ...(username !== '' && { username }),
    ...(given !== '' && { password: given })
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrongAddress()
  }
}

function wrongAddress(): GatecellError {
  return expected(
    'ERR_INVALID_ARGUMENT',
    'an address such as redis://host:6379/0 as sessions',
    'another text',
    'write redis:// or with TLS rediss://, the host, and if need be port and number of the database'
  )
}
