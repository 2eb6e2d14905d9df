// The value of a session as signed bytes, which move between processes and through clients. Bytes that come back are not trusted: their size and
// signature are checked first, then their parts against the session of the model.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { integers, number, seed } from '../check/index.js'
import { expected, type GatecellError } from '../errors.js'
import type { EngineState } from '../generate/engine/types.js'
import { parseJsonObject, type JsonObject } from '../io/json.js'

/** Most bytes of a value. */
export const MOST_VALUE_BYTES = 2 ** 20

const MAGIC = Buffer.from('GCSESS1\n')
const MAC_BYTES = 32
const HEADER_AT = MAGIC.length + 4

/** The value of a session, and the fingerprint of the model that it belongs to. */
export interface SavedSession {
  readonly model: string
  readonly state: EngineState
}

const macOf = (key: Uint8Array, bytes: Uint8Array): Buffer => createHmac('sha256', key).update(bytes).digest()

type Numbers = Float32Array | Int32Array

/** Returns the bytes of a value: magic, length of the header, header as JSON, the numbers in its order (little endian), signature. */
export function encodeSession({ model, state }: SavedSession, key: Uint8Array): Buffer {
  const { position, seed, states, inputs, unread } = state
  const header: JsonObject = {
    ...{ model, position, seed, unread: unread.length },
    states: Object.fromEntries(Object.entries(states).map(([name, view]) => [name, view.length])),
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, view]) => [name, [kindOf(view), view.length]]))
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  const views = [unread, ...Object.values(states), ...(Object.values(inputs) as Numbers[])]
  const bytes = Buffer.concat([MAGIC, length, text, ...views.map(bytesOf)])
  return Buffer.concat([bytes, macOf(key, bytes)])
}

const kindOf = (view: Numbers): string => (view instanceof Int32Array ? 'i32' : 'f32')
const bytesOf = ({ buffer, byteOffset, byteLength }: Numbers): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/**
 * Returns the value that bytes hold. Throws ERR_FILE_FORMAT if they are too many, were not made with `key`, or were changed. Only the engine of the
 * model can compare the names and sizes of the states with its own.
 */
export function decodeSession(bytes: Uint8Array, key: Uint8Array): SavedSession {
  if (bytes.length > MOST_VALUE_BYTES || bytes.length < HEADER_AT + MAC_BYTES)
    throw refusal(`from ${HEADER_AT + MAC_BYTES} to ${MOST_VALUE_BYTES} bytes`, `${bytes.length}`)
  const signed = bytes.subarray(0, -MAC_BYTES)
  if (!MAGIC.equals(signed.subarray(0, MAGIC.length))) throw refusal('a saved session', 'other bytes')
  if (!timingSafeEqual(macOf(key, signed), bytes.subarray(-MAC_BYTES)))
    throw refusal('a session that this server has signed', 'another signature')
  const view = Buffer.from(signed.buffer, signed.byteOffset, signed.length)
  const end = HEADER_AT + view.readUInt32LE(MAGIC.length)
  if (end > view.length) throw refusal('a whole header', 'a part of one')
  const header = parseJsonObject(view.toString('utf8', HEADER_AT, end), 'the session')
  return valueOf(header, view.subarray(end))
}

/** Takes numbers from bytes in their order. */
class NumberReader {
  readonly #bytes: Buffer
  #at = 0
  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  take<A extends Numbers>(length: unknown, make: (length: number) => A): A {
    const left = (this.#bytes.length - this.#at) / 4
    if (!Number.isInteger(length) || (length as number) < 0 || (length as number) > left)
      throw refusal('numbers in the size of the header', 'fewer')
    const into = make(length as number)
    bytesOf(into).set(this.#bytes.subarray(this.#at, this.#at + into.byteLength))
    this.#at += into.byteLength
    return into
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw refusal('numbers in the size of the header', 'more')
  }
}

function valueOf(header: JsonObject, bytes: Buffer): SavedSession {
  const { model, states, inputs } = header
  if (typeof model !== 'string' || !isRecord(states) || !isRecord(inputs)) throw refusal('a header', 'another one')
  const reader = new NumberReader(bytes)
  const unread = integers(0)(
    reader.take(header['unread'], (length) => new Int32Array(length)),
    'the tokens'
  )
  const state: EngineState = {
    version: 1,
    position: number(0, Number.MAX_SAFE_INTEGER)(header['position'], 'the position'),
    seed: seed(header['seed'], 'the seed'),
    unread,
    states: mapValues(states, (length) => finite(reader.take(length, (size) => new Float32Array(size)))),
    inputs: mapValues(inputs, (described) => {
      const [kind, length] = Array.isArray(described) ? (described as unknown[]) : []
      if (kind === 'i32') return reader.take(length, (size) => new Int32Array(size))
      return finite(reader.take(length, (size) => new Float32Array(size)))
    })
  }
  reader.end()
  return { model, state }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mapValues<T>(record: Record<string, unknown>, of: (value: unknown) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, of(value)]))
}

function finite(values: Float32Array): Float32Array {
  if (values.every(Number.isFinite)) return values
  throw refusal('finite numbers', 'NaN or infinity')
}

function refusal(what: string, found: string): GatecellError {
  return expected(
    'ERR_FILE_FORMAT',
    `${what} as a session`,
    found,
    'save the session again, and send its bytes unchanged'
  )
}
