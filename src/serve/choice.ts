// One text of a completion: from the chunks of an engine to the pieces of an answer.

import type { Chunk, Finish, Generation } from '../generate/engine/types.js'
import { LogprobList, type Logprobs } from './logprobs.js'
import { continuingDecoder, type TextService } from './model-version.js'

/** A piece of a text. */
export interface TextPiece {
  readonly text: string
  readonly logprobs: Logprobs | null
  /** Tokens that were drawn since the last piece. */
  readonly drawn: number
}

/** The prompt of a text. */
export interface ReadPrompt {
  readonly ids: Int32Array
  /** Its text; '' for a text without a prompt. */
  readonly text: string
}

/** Settings of the answer to a request that concern a text. */
export interface Wanted {
  readonly logprobs?: number | undefined
  readonly echo: boolean
  /** Whether all tokens are scored, to choose among texts. */
  readonly ranks: boolean
}

/** A text under way. */
export class TextChoice {
  readonly generation: Generation
  readonly #wanted: Wanted
  readonly #prompt: ReadPrompt
  readonly #list: LogprobList | null
  readonly #service: TextService
  #length = 0
  #drawn = 0
  #logProbability = 0
  #begun = false
  #promptGone = false

  constructor(service: TextService, generation: Generation, prompt: ReadPrompt, wanted: Wanted) {
    this.#service = service
    this.generation = generation
    this.#prompt = prompt
    this.#wanted = wanted
    const { vocabulary } = service
    const { logprobs } = wanted
    const decoder = continuingDecoder(vocabulary)
    this.#list =
      logprobs === undefined ? null : new LogprobList(vocabulary, { alternatives: logprobs, decoder, begin: 0 })
    if (this.#list && wanted.echo && prompt.text !== '') {
      this.#list.continueWith(vocabulary.decoder({ skipSpecial: true }), 0)
      this.#list.add(prompt.ids[0]!, null)
    }
  }

  /** The mean log probability of the tokens so far, by which texts are ranked. */
  get rank(): number {
    return this.#drawn === 0 ? -Infinity : this.#logProbability / this.#drawn
  }

  /** Returns the beginning of the text, before any chunk. */
  begin(): string {
    if (!this.#wanted.echo) return ''
    this.#length = this.#prompt.text.length
    return this.#prompt.text
  }

  /** Returns the piece of a chunk; '' as its text if nothing is certain yet. */
  take({ tokens, text: found, scores, promptScores }: Chunk): TextPiece {
    const list = this.#list
    if (list && this.#wanted.echo && this.#prompt.text !== '')
      for (const score of promptScores) list.add(score.token, score)
    if (tokens.length > 0) this.#leavePrompt()
    for (const score of scores) {
      list?.add(score.token, score)
      if (this.#wanted.ranks) this.#logProbability += score.logProbability
    }
    const text = this.#trimmed(found)
    this.#drawn += tokens.length
    this.#length += text.length
    return { text, logprobs: filled(list?.take(this.#length)), drawn: tokens.length }
  }

  /** Returns the last piece, which has tokens without a certain text of their own. */
  end({ reason }: Finish): TextPiece {
    return { text: '', logprobs: filled(this.#list?.takeLast(this.#length, reason === 'stop')), drawn: 0 }
  }

  /** Places the tokens that are drawn after the text of the prompt. */
  #leavePrompt(): void {
    if (this.#promptGone) return
    this.#promptGone = true
    const begin = this.#wanted.echo ? this.#prompt.text.length : 0
    this.#list?.continueWith(continuingDecoder(this.#service.vocabulary), begin)
  }

  /** Returns the text without the space before the first word of a text that has no prompt. */
  #trimmed(text: string): string {
    if (this.#begun || text === '') return text
    this.#begun = true
    const isFirst = this.#prompt.text === '' && this.#service.vocabulary.kind === 'word'
    return isFirst && text.startsWith(' ') ? text.slice(1) : text
  }
}

/** Returns null in place of empty lists. */
function filled(logprobs: Logprobs | undefined): Logprobs | null {
  return logprobs && logprobs.tokens.length > 0 ? logprobs : null
}

/** Adds the lists of `more` to those of `to`, and returns them; null if both are. Copies would take time that grows with the square of a text. */
export function addLogprobs(to: Logprobs | null, more: Logprobs | null): Logprobs | null {
  if (!to || !more) return to ?? more
  for (const key of ['tokens', 'token_logprobs', 'top_logprobs', 'text_offset', 'bytes'] as const) {
    const list: unknown[] = to[key]
    for (const one of more[key]) list.push(one)
  }
  return to
}
