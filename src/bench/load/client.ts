// A client of completions that measures: the time to the first token, the gaps between events, the end of the stream. It may read slowly or leave.

import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import { EventReader, jsonRecord } from './events.js'

/** A request of a load. */
export interface LoadRequest {
  /** The address of the route. */
  readonly url: string
  readonly body: object
  /** When the client leaves: after it sent the request, or after this many tokens. Default: it stays. */
  readonly leaves?: 'sent' | number
  /** Bytes a second that it reads; default: all that come. */
  readonly bytesPerSecond?: number
  /** The time from which latencies count, on the clock of `performance.now()`; default: that of the call. */
  readonly planned?: number
  /** Called with the number of tokens of each event. */
  readonly onTokens?: (tokens: number) => void
  readonly signal?: AbortSignal
}

/**
 * The end of a request: a whole answer, an event of an error, an answer with an error, a client that left, or a connection or an event that broke.
 */
export type LoadEnd = 'done' | 'failed' | 'refused' | 'left' | 'broken'

/** The measurements of one request. Times are in milliseconds. */
export interface LoadResult {
  readonly end: LoadEnd
  /** The status of the answer; 0 if none came. */
  readonly status: number
  /** Between the planned time and the sending. */
  readonly late: number
  /** From the planned time to the first token; null if none came. */
  readonly first: number | null
  /** From the planned time to the end. */
  readonly whole: number
  /** Between two events with tokens. */
  readonly gaps: readonly number[]
  readonly tokens: number
  readonly events: number
}

/** Returns the agent of a client: connections are kept, and their number is not bounded. */
export function loadAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 4096 })
}

/** Sends a request for a streamed text, whose symbols are one character each, and measures it to its end. Never rejects. */
export async function measureStream(agent: Agent, load: LoadRequest): Promise<LoadResult> {
  const body = JSON.stringify(load.body)
  const { planned = performance.now() } = load
  const late = performance.now() - planned
  const state = { first: null as number | null, gaps: [] as number[], tokens: 0, events: 0, status: 0, last: 0 }
  const end = await new Promise<LoadEnd>((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const sent = request(load.url, { method: 'POST', agent, headers })
    const leave = () => finish('left')
    const finish = (how: LoadEnd) => {
      load.signal?.removeEventListener('abort', leave)
      resolve(how)
      if (how === 'left') sent.destroy()
    }
    load.signal?.addEventListener('abort', leave, { once: true })
    sent.on('error', () => finish('broken'))
    sent.on('response', (response) => {
      state.status = response.statusCode ?? 0
      readAnswer(response, load, { planned, state, finish })
    })
    sent.end(body)
    if (load.leaves === 'sent') leaveSoon(sent, finish)
  })
  const { first, gaps, tokens, events, status } = state
  return { end, status, late, first, whole: performance.now() - planned, gaps, tokens, events }
}

/** Leaves when the request has gone to the network. */
function leaveSoon(sent: ClientRequest, finish: (how: LoadEnd) => void): void {
  sent.once('finish', () => setImmediate(() => finish('left')))
}

/** The answer of a request while it is read. */
interface Reading {
  readonly planned: number
  readonly state: {
    first: number | null
    readonly gaps: number[]
    tokens: number
    events: number
    last: number
  }
  finish(how: LoadEnd): void
}

type TextEvent = { choices?: { text?: string }[]; error?: object }

function readAnswer(response: IncomingMessage, load: LoadRequest, { planned, state, finish }: Reading): void {
  const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true
  const events = new EventReader()
  let end: LoadEnd = isStream ? 'broken' : response.statusCode === 200 ? 'done' : 'refused'
  const take = (bytes: Buffer) => {
    if (!isStream) return
    for (const data of events.read(bytes)) {
      if (data === '[DONE]') {
        end = 'done'
        continue
      }
      const event = jsonRecord<TextEvent>(data)
      if (!event) return finish('broken')
      if (event.error) end = 'failed'
      const tokens = event.choices?.[0]?.text?.length ?? 0
      if (tokens > 0) note(tokens)
    }
  }
  const note = (tokens: number) => {
    const now = performance.now()
    if (state.first === null) state.first = now - planned
    else state.gaps.push(now - state.last)
    state.last = now
    state.tokens += tokens
    state.events++
    load.onTokens?.(tokens)
    if (typeof load.leaves === 'number' && state.tokens >= load.leaves) finish('left')
  }
  response.on('error', () => finish('broken'))
  response.on('end', () => finish(end))
  response.on('close', () => finish(end))
  if (load.bytesPerSecond === undefined) response.on('data', take)
  else readSlowly(response, load.bytesPerSecond, take)
}

const SLOW_TURN_MS = 100

/** Takes a few bytes ten times a second; the rest waits in the buffers of the connection and then in the server. */
function readSlowly(response: IncomingMessage, bytesPerSecond: number, take: (bytes: Buffer) => void): void {
  const turn = Math.max(1, Math.floor((bytesPerSecond * SLOW_TURN_MS) / 1000))
  response.pause()
  const timer = setInterval(() => {
    const bytes = response.read(Math.min(turn, Math.max(1, response.readableLength))) as Buffer | null
    if (bytes) take(bytes)
  }, SLOW_TURN_MS)
  response.on('close', () => clearInterval(timer))
}
