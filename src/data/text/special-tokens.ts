// Special tokens: ids of a vocabulary that stand for no text. A vocabulary owns them, so that no model adds or subtracts one by hand.

import { choice, invalid, list, type Check } from '../../check/index.js'
import { expected, isRevoked, show } from '../../errors.js'

/**
 * A kind of special token: `blank` of CTC (no symbol at this step), `pad` (fills rows of a batch), `unknown` (symbols that the vocabulary
 * does not have), `begin` and `end` of a sequence.
 */
export type SpecialToken = 'blank' | 'pad' | 'unknown' | 'begin' | 'end'

/** The names of special tokens as `Vocabulary.symbol` shows them. */
export const specialNames: Readonly<Record<SpecialToken, string>> = {
  blank: '<blank>',
  pad: '<pad>',
  unknown: '<unk>',
  begin: '<begin>',
  end: '<end>'
}

/** The text of an unknown symbol. */
const REPLACEMENT = '\ufffd'

const oneToken = choice<SpecialToken>('blank', 'pad', 'unknown', 'begin', 'end')

/** Checks that a value is one of the special tokens. */
export const specialToken: Check<SpecialToken> = oneToken

/** Checks that a value is a list of special tokens, each at most once, and copies it. */
export const specialTokens: Check<SpecialToken[]> = (value, name) => {
  const tokens = list(oneToken)(value, name)
  if (new Set(tokens).size !== tokens.length) throw invalid('special tokens that differ', name, value)
  return tokens
}

/** The special tokens of one vocabulary. */
export interface SpecialTable {
  /** The tokens in the order of their ids. */
  readonly tokens: readonly SpecialToken[]
  /** The id of `unknown`, -1 without one. */
  readonly unknownId: number
  /** Returns the id of a token. Throws ERR_INVALID_ARGUMENT if the vocabulary does not have it. */
  idOf(token: SpecialToken): number
  /** Returns the token at an id, undefined if the id stands for text. */
  at(id: number): SpecialToken | undefined
}

/** Returns the table of the tokens with these ids. */
export function specialTable(ids: ReadonlyMap<SpecialToken, number>): SpecialTable {
  const byId = new Map([...ids].map(([token, id]) => [id, token] as const).sort(([a], [b]) => a - b))
  return {
    tokens: [...byId.values()],
    unknownId: ids.get('unknown') ?? -1,
    idOf(token) {
      const id = ids.get(oneToken(token, 'the special token'))
      if (id !== undefined) return id
      throw expected(
        'ERR_INVALID_ARGUMENT',
        `a vocabulary with the special token ${token}`,
        byId.size === 0 ? 'one without special tokens' : `one with ${[...byId.values()].join(', ')}`,
        'name it in the option special when you make the vocabulary'
      )
    },
    at: (id) => byId.get(id)
  }
}

/** Returns the table of tokens that have the first ids, in the order of the list; `last`: the id of `unknown` at the end, if it is there. */
export function firstSpecials(tokens: readonly SpecialToken[], last = -1): SpecialTable {
  const ids = new Map(tokens.map((token, id) => [token, id] as const))
  if (last >= 0) ids.set('unknown', last)
  return specialTable(ids)
}

/** Returns the text of a special token: U+FFFD for `unknown`, which replaces text; for the others its name, or '' if they are left out. */
export function specialText(token: SpecialToken, skipSpecial: boolean): string {
  if (token === 'unknown') return REPLACEMENT
  return skipSpecial ? '' : specialNames[token]
}

/** Returns the special tokens of a configuration of a model file. Calls `refuse` unless they are a list of tokens that differ. */
export function specialFromConfig(value: unknown, refuse: (what: string, found: unknown) => never): SpecialToken[] {
  if (value === undefined) return []
  const most = Object.keys(specialNames).length
  // A longer list is not read, because it may have billions of holes; the copy has no holes.
  const few = !isRevoked(value) && Array.isArray(value) && value.length > 0 && value.length <= most
  const tokens: unknown[] = few ? Array.from(value as unknown[]) : []
  const legal =
    few &&
    tokens.every((token) => typeof token === 'string' && Object.hasOwn(specialNames, token)) &&
    new Set(tokens).size === tokens.length
  return legal ? (tokens as SpecialToken[]) : refuse('a list of special tokens that differ', value)
}

/** Returns the part of a configuration that names special tokens; none without tokens, as in files of vocabularies that have none. */
export function specialConfig(tokens: readonly SpecialToken[]): { readonly special?: readonly SpecialToken[] } {
  return tokens.length === 0 ? {} : { special: [...tokens] }
}

/** Throws ERR_OUT_OF_RANGE for an id that a vocabulary of `size` ids does not have. */
export function refuseId(id: unknown, size: number): never {
  throw expected('ERR_OUT_OF_RANGE', `an id from 0 to ${size - 1}`, show(id), 'use ids of this vocabulary')
}
