// Server-sent events to one client, no faster than the client reads.

import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** Bytes that may wait for the client; beyond that the writer waits. */
export const MOST_UNSENT_BYTES = 65536

/** Times of a stream, in milliseconds. */
export interface StreamTimes {
  /** Silence after which a comment is sent, so that nobody on the way takes the connection for dead. */
  readonly ping: number
  /** Time without progress of a client that has not read everything, after which its connection is closed. */
  readonly stall: number
}

const TIMES: StreamTimes = { ping: 15_000, stall: 30_000 }

/** A stream of events as the body of a response. */
export class EventStream {
  readonly #response: ServerResponse
  readonly #timer: NodeJS.Timeout
  /** Whether this stream writes the frames of the chunked encoding. */
  readonly #frames: boolean
  #lastWrite = performance.now()
  /** The wait of all writers for a slow client. */
  #drained: Promise<void> | null = null

  constructor(
    response: ServerResponse,
    headers: Readonly<Record<string, number | string | string[] | undefined>>,
    times = TIMES
  ) {
    this.#response = response
    const given = Object.entries(headers).filter(([, value]) => value !== undefined) as [string, string][]
    response.writeHead(200, {
      ...Object.fromEntries(given),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no'
    })
    // Node.js writes a frame of the chunked encoding (RFC 9112, section 7.1) in four pieces: 15 us in place of 13 for one.
    this.#frames = response.chunkedEncoding && response.socket instanceof Socket
    if (this.#frames) response.chunkedEncoding = false
    // Node.js starts the time again whenever the client has taken bytes.
    response.setTimeout(times.stall, () => {
      if (response.writableLength > 0) response.destroy()
    })
    this.#timer = setInterval(() => this.#ping(times.ping), Math.min(1000, times.ping))
    this.#timer.unref()
    response.once('close', () => clearInterval(this.#timer))
  }

  /** Whether the client has gone, or the stream has ended. */
  get closed(): boolean {
    return this.#response.destroyed || this.#response.writableEnded
  }

  /**
   * Waits while the client is slow, and sends an event. `make` returns its data; '' sends none. It is not called, and the promise resolves at
   * once, if the client has gone.
   */
  async send(make: () => string): Promise<void> {
    // Of several writers that wait, the first one may fill the buffers again.
    while (!this.closed && this.#response.writableLength > MOST_UNSENT_BYTES) await (this.#drained ??= this.#drain())
    if (this.closed) return
    const data = make()
    if (data === '') return
    this.#lastWrite = performance.now()
    this.#response.write(this.#framed(`data: ${data}\n\n`))
  }

  /** Sends the last event and ends the response. */
  end(data: string): void {
    if (!this.closed) this.#response.end(this.#framed(`data: ${data}\n\n`) + (this.#frames ? '0\r\n\r\n' : ''))
  }

  /** Called each second. The headers go with the first event, but no later than with the first call. */
  #ping(silence: number): void {
    if (!this.closed) this.#response.flushHeaders()
    if (this.closed || performance.now() - this.#lastWrite < silence || this.#response.writableLength > 0) return
    this.#lastWrite = performance.now()
    this.#response.write(this.#framed(': ping\n\n'))
  }

  #framed(text: string): string {
    return this.#frames ? `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n` : text
  }

  /** Waits until the client has taken everything, or has gone: a response that was closed never drains. */
  async #drain(): Promise<void> {
    const response = this.#response
    await new Promise<void>((resolve) => {
      const done = () => {
        response.off('drain', done).off('close', done)
        resolve()
      }
      response.on('drain', done).on('close', done)
    })
    this.#drained = null
  }
}
