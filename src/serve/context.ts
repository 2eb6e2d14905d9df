// The parts of a server that its routes share.

import { setMaxListeners } from 'node:events'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { expected } from '../errors.js'
import type { Rules } from './guard.js'
import type { ServerMetrics } from './meter.js'
import type { Models } from './models.js'
import type { SessionStore } from './session-store.js'
import type { RouteValues } from './settings.js'

/** The parts of a server. */
export interface ServeContext {
  readonly models: Models
  readonly sessions: SessionStore
  readonly sessionKey: Uint8Array
  readonly metrics: ServerMetrics
  readonly rules: Rules
  readonly values: RouteValues
  /** Requests under way, each with the function that ends it. */
  readonly underWay: Set<(reason: Error) => void>
  /** Whether the server ends: new requests are refused. */
  draining: boolean
}

/**
 * Calls `work` with a signal that aborts when the client leaves before the end of the answer, when the server ends, and after `seconds`, if they
 * are given.
 */
export async function whileConnected<T>(
  { underWay }: ServeContext,
  { raw }: FastifyReply,
  work: (signal: AbortSignal) => Promise<T>,
  seconds?: number
): Promise<T> {
  const controller = new AbortController()
  // Each text of a request listens.
  setMaxListeners(0, controller.signal)
  const end = (reason: Error) => controller.abort(reason)
  const close = () => {
    if (!raw.writableFinished)
      end(expected('ERR_ABORTED', 'a client that waits', 'a closed connection', 'send the request again'))
  }
  raw.once('close', close)
  // A client may have left while the body was read.
  if (raw.destroyed) close()
  underWay.add(end)
  const late = () => end(expected('ERR_ABORTED', `at most ${seconds} seconds`, 'a longer request', 'ask for less'))
  const timer = seconds === undefined ? undefined : setTimeout(late, 1000 * seconds)
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    underWay.delete(end)
    raw.off('close', close)
  }
}

/** Time without progress after which a client that does not read an answer is cut off, in milliseconds. */
const ANSWER_TIME = 600_000

/** Lets an answer take long: the connection is quiet until it is complete. */
export function allowLongAnswer({ raw }: FastifyReply): void {
  raw.setTimeout(ANSWER_TIME, () => raw.destroy())
}

/** Returns the pattern of the address of a request, which has no values of the client. */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'none'
}
