// States after prompts that were read, by their tokens, so that a prompt that comes again is not read again.

import { createHash } from 'node:crypto'
import type { SessionValue } from '../rows.js'
import { PROMPT_BLOCK } from '../session-kind.js'

/** States after the first tokens of a prompt. */
interface Entry {
  readonly states: Readonly<Record<string, Float32Array>>
  readonly bytes: number
  /** The version of the weights that made the states. */
  readonly version: number
}

/** The beginnings of a prompt whose states may be kept. */
export interface PromptKeys {
  /** The version of the weights when the prompt came: states that others have read in part are not kept. */
  readonly version: number
  /** Keys by the lengths of the beginnings, longest first. */
  readonly byLength: ReadonlyMap<number, string>
}

/** The keys of a prompt whose states are not kept. */
export const NO_KEYS: PromptKeys = { version: 0, byLength: new Map() }

/** Estimated bytes of the objects of an entry. */
const ENTRY_OBJECTS = 1024
/** States are kept after each multiple of this many tokens, and after the last whole block of a prompt. */
const KEPT_EVERY = 128

/** A cache of at most `most` bytes; the entry that was used longest ago leaves first. */
export class PromptCache {
  readonly #most: number
  readonly #version: () => number
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  constructor(most: number, version: () => number) {
    this.#most = most
    this.#version = version
  }

  /** Returns the keys of a prompt. */
  keysOf(tokens: Int32Array): PromptKeys {
    const keys: [number, string][] = []
    if (this.#most === 0) return NO_KEYS
    const hash = createHash('sha256')
    const last = tokens.length - 1 - ((tokens.length - 1) % PROMPT_BLOCK)
    for (let at = 0; at < last;) {
      const next = Math.min(last, at + KEPT_EVERY)
      hash.update(new Uint8Array(tokens.buffer, tokens.byteOffset + 4 * at, 4 * (next - at)))
      keys.push([next, hash.copy().digest('base64')])
      at = next
    }
    return { version: this.#version(), byLength: new Map(keys.reverse()) }
  }

  /** Copies the states after the longest beginning that is known into `value`, and returns its length; 0: none is known. */
  find({ byLength }: PromptKeys, value: SessionValue): number {
    for (const [length, key] of byLength) {
      const entry = this.#entries.get(key)
      if (!entry) continue
      this.#entries.delete(key)
      if (entry.version !== this.#version()) {
        this.#bytes -= entry.bytes
        continue
      }
      this.#entries.set(key, entry)
      for (const name in entry.states) value.states[name]!.set(entry.states[name]!)
      value.position = length
      return length
    }
    return 0
  }

  /** Keeps the states of `value` after the first `length` tokens of the prompt with these keys, if that is a place to keep. */
  keep({ version, byLength }: PromptKeys, length: number, value: SessionValue): void {
    const key = byLength.get(length)
    if (key === undefined || version !== this.#version() || this.#entries.has(key)) return
    const states = Object.fromEntries(Object.entries(value.states).map(([name, state]) => [name, state.slice()]))
    const bytes = ENTRY_OBJECTS + Object.values(states).reduce((sum, { byteLength }) => sum + byteLength, 0)
    if (bytes > this.#most) return
    this.#entries.set(key, { states, bytes, version })
    this.#bytes += bytes
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#most) return
      this.#entries.delete(oldest)
      this.#bytes -= entry.bytes
    }
  }

  /** Forgets all states. */
  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }
}
