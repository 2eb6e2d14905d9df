// The store of the sessions of a server and the key that signs them, from its settings.

import { randomBytes } from 'node:crypto'
import { expected } from '../errors.js'
import { readSecret } from './guard.js'
import { readRedisAddress } from './redis-address.js'
import { redisSessions, type StoreLog } from './redis-sessions.js'
import { memorySessions, type SessionStore } from './session-store.js'
import type { RouteValues } from './settings.js'

/** The sessions of a server. */
export interface OpenSessions {
  readonly sessions: SessionStore
  /** The key that signs values. */
  readonly sessionKey: Uint8Array
  /** Connects to a store that is a server of its own. Throws ERR_UNAVAILABLE if that refuses this client. */
  connect(log: StoreLog): Promise<void>
}

/**
 * Opens the store that settings describe, unless the caller has given one. Throws ERR_INVALID_ARGUMENT if the address is wrong, or is given without a
 * file with a key, ERR_FILE_NOT_FOUND if a file with a secret is absent, ERR_FILE_FORMAT if it is damaged, and ERR_UNSUPPORTED if the package of the
 * client is absent.
 */
export async function openSessions(given: SessionStore | undefined, values: RouteValues): Promise<OpenSessions> {
  const { sessions: text, sessionsPasswordFile, sessionKeyFile } = values
  const sessionKey = sessionKeyFile === undefined ? randomBytes(32) : await readKey(sessionKeyFile)
  if (given || text === undefined)
    return { sessions: given ?? memorySessions(values), sessionKey, connect: async () => {} }
  const password = sessionsPasswordFile === undefined ? undefined : (await readSecret(sessionsPasswordFile)).trim()
  const address = readRedisAddress(text, password)
  if (sessionKeyFile === undefined) {
    const remedy = 'give all servers that share sessions one sessionKeyFile'
    throw expected('ERR_INVALID_ARGUMENT', 'a file with a key next to the address of shared sessions', 'none', remedy)
  }
  const store = await redisSessions(address, values)
  return { sessions: store, sessionKey, connect: (log) => store.connect(log) }
}

const LEAST_KEY = 32

async function readKey(path: string): Promise<Uint8Array> {
  const key = Buffer.from((await readSecret(path)).trim())
  if (key.length >= LEAST_KEY) return key
  const remedy = `write a random one, for example of "openssl rand -hex 32 > ${path}"`
  throw expected('ERR_FILE_FORMAT', `a key of at least ${LEAST_KEY} characters in ${path}`, `${key.length}`, remedy)
}
