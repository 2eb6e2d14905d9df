// The text of a generation, token by token: characters that are whole, up to a stop text.

import { methods, string } from '../../check/index.js'
import type { EngineVocabulary } from './types.js'

type Decoder = ReturnType<EngineVocabulary['decoder']>
const readDecoder = methods<Decoder>(['write', 'end'])

/** Returns the length of the longest end of `text` that is the beginning of one of `stops`, but not all of it. */
function heldLength(text: string, stops: readonly string[]): number {
  let held = 0
  for (const stop of stops)
    for (let length = Math.min(stop.length - 1, text.length); length > held; length--)
      if (text.endsWith(stop.slice(0, length))) held = length
  return held
}

/** The text of one generation. */
export class StopText {
  readonly #decoder: Decoder | null
  readonly #stops: readonly string[]
  readonly #includes: boolean
  /** Text that may be the beginning of a stop text. */
  #held = ''
  /** The stop text that came; null: none so far. */
  stopped: string | null = null

  constructor(vocabulary: EngineVocabulary | undefined, stops: readonly string[], includes: boolean) {
    this.#decoder = vocabulary ? readDecoder(vocabulary.decoder(), 'the decoder of the vocabulary') : null
    this.#stops = stops
    this.#includes = includes
  }

  /** Takes a token and returns the text that is certain after it. After a stop text it must not be called again. */
  write(token: number): string {
    return this.#decoder ? this.#certain(string(this.#decoder.write(token), 'the text of a token'), false) : ''
  }

  /** Returns the rest of the text. */
  end(): string {
    return this.#decoder && this.stopped === null
      ? this.#certain(string(this.#decoder.end(), 'the end of a text'), true)
      : ''
  }

  #certain(more: string, isEnd: boolean): string {
    if (more === '' && !isEnd) return ''
    const text = this.#held + more
    const found = this.#stops.map((stop) => ({ stop, at: text.indexOf(stop) })).filter(({ at }) => at >= 0)
    if (found.length > 0) {
      // The first one in the text; of those that begin at one place the longest.
      const [first] = found.sort((a, b) => a.at - b.at || b.stop.length - a.stop.length)
      this.stopped = first!.stop
      this.#held = ''
      return text.slice(0, first!.at + (this.#includes ? first!.stop.length : 0))
    }
    const length = isEnd ? 0 : heldLength(text, this.#stops)
    this.#held = text.slice(text.length - length)
    return text.slice(0, text.length - length)
  }
}
