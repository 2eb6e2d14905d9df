// The log probabilities of the tokens of a text, in the form of OpenAI's API.

import type { ScoredToken } from '../generate/engine/types.js'
import type { TextParts } from '../tasks/verb.js'

/** Log probabilities of tokens: parallel lists. */
export interface Logprobs {
  readonly tokens: string[]
  /** null for the first token of a prompt. */
  readonly token_logprobs: (number | null)[]
  readonly top_logprobs: (Record<string, number> | null)[]
  /** UTF-16 index at which each token begins in the text. */
  readonly text_offset: number[]
  /** The bytes of tokens that are only a part of a character; null for others. */
  readonly bytes: (number[] | null)[]
}

interface Entry {
  readonly token: number
  readonly logprob: number | null
  readonly top: ScoredToken['top'] | null
  readonly begin: number
  readonly end: number
}

/** Takes scored tokens, and gives them out when the text that they belong to is certain. */
export class LogprobList {
  readonly #vocabulary: TextParts['vocabulary']
  readonly #alternatives: number
  #decoder: { write(id: number): string }
  #entries: Entry[] = []
  #at: number

  /** `decoder`: of the text; `begin`: length of the text before the first token. */
  constructor(
    vocabulary: TextParts['vocabulary'],
    { alternatives, decoder, begin }: { alternatives: number; decoder: { write(id: number): string }; begin: number }
  ) {
    this.#vocabulary = vocabulary
    this.#alternatives = alternatives
    this.#decoder = decoder
    this.#at = begin
  }

  /** Adds a token. `score`: null for the first token of a prompt. */
  add(token: number, score: ScoredToken | null): void {
    const begin = this.#at
    this.#at += this.#decoder.write(token).length
    const top = score?.top ?? null
    this.#entries.push({ token, logprob: score?.logProbability ?? null, top, begin, end: this.#at })
  }

  /** Continues with the decoder of another part of the text, which begins at `begin`. */
  continueWith(decoder: { write(id: number): string }, begin: number): void {
    this.#decoder = decoder
    this.#at = begin
  }

  /** Removes and returns the tokens that end within the first `length` characters. */
  take(length: number): Logprobs {
    const count = this.#entries.findIndex(({ end }) => end > length)
    return this.#format(this.#entries.splice(0, count < 0 ? this.#entries.length : count))
  }

  /** Removes and returns the tokens that begin within the first `length` characters; later ones belong to a stop text and are left out. */
  takeLast(length: number, isStopped: boolean): Logprobs {
    const entries = isStopped ? this.#entries.filter(({ begin }) => begin < length) : this.#entries
    this.#entries = []
    return this.#format(entries)
  }

  #format(entries: readonly Entry[]): Logprobs {
    const named = entries.map(({ token }) => nameOf(this.#vocabulary, token))
    return {
      tokens: named.map(({ name }) => name),
      token_logprobs: entries.map(({ logprob }) => logprob),
      top_logprobs: entries.map((entry) => this.#topOf(entry)),
      text_offset: entries.map(({ begin }) => begin),
      bytes: named.map(({ bytes }) => bytes)
    }
  }

  /** Returns the most probable tokens, and the one that was drawn. */
  #topOf({ token, logprob, top }: Entry): Record<string, number> | null {
    if (top === null || logprob === null) return null
    // Without a prototype: a token may have a name such as "constructor".
    const found = Object.create(null) as Record<string, number>
    for (const one of top.slice(0, this.#alternatives))
      found[nameOf(this.#vocabulary, one.token).name] = one.logProbability
    if (this.#alternatives > 0) found[nameOf(this.#vocabulary, token).name] ??= logprob
    return found
  }
}

interface TokenName {
  readonly name: string
  readonly bytes: number[] | null
}
type NamingVocabulary = TextParts['vocabulary']

/** The names of tokens that were asked for: each token has several of them. */
const knownNames = new WeakMap<NamingVocabulary, Map<number, TokenName>>()

/** Returns the text of a token, or the name "bytes:..." of one that is only a part of a character, with its bytes. */
function nameOf(vocabulary: NamingVocabulary, token: number): TokenName {
  let names = knownNames.get(vocabulary)
  if (!names) knownNames.set(vocabulary, (names = new Map<number, TokenName>()))
  let name = names.get(token)
  if (!name) names.set(token, (name = makeName(vocabulary, token)))
  return name
}

function makeName(vocabulary: NamingVocabulary, token: number): TokenName {
  const text = vocabulary.decode([token])
  if (!text.includes('\ufffd')) return { name: text, bytes: null }
  const symbol = vocabulary.symbol(token)
  const bytes = bytesOfSymbol(symbol)
  if (!bytes) return { name: symbol, bytes: null }
  return { name: `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`, bytes }
}

/** Returns the bytes that a symbol such as `<0xE2>a` names; null if it is the name of a special token. */
function bytesOfSymbol(symbol: string): number[] | null {
  if (!symbol.includes('<0x')) return null
  return symbol.split(/(<0x[0-9A-F]{2}>)/).flatMap((part) => {
    const [, digits] = /^<0x([0-9A-F]{2})>$/.exec(part) ?? []
    return digits === undefined ? [...Buffer.from(part)] : [parseInt(digits, 16)]
  })
}
