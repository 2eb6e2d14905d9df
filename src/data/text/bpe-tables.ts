// The tables of a BPE, checked: they come from a training, from the file of a model or from a tokenizer.json of other people.

import { isObject } from '../../errors.js'
import { byteCharacters, bytesOfToken } from './byte-level.js'
import { specialNames, type SpecialToken } from './special-tokens.js'

/** The configuration of a BPE vocabulary; plain JSON. */
export type BpeConfig = {
  readonly kind: 'bpe'
  /** The token of each id, in the byte-level alphabet of GPT-2; of an added token its name. */
  readonly tokens: readonly string[]
  /** The ids of both parts of each merge, one after the other, in the order in which they are applied. */
  readonly merges: readonly number[]
  /** Ids of tokens that stand for no text. */
  readonly added: readonly number[]
  /** Ids of those that are special tokens of the kinds that every vocabulary may have. */
  readonly special: Readonly<Partial<Record<SpecialToken, number>>>
}

/** A BPE as the encoder and the decoder use it. */
export interface BpeTables {
  readonly config: BpeConfig
  /** The bytes of each id; none for added tokens. */
  readonly bytes: readonly (Uint8Array | undefined)[]
  /** Left part, right part and result of each merge. */
  readonly merges: Int32Array
  /** The id of each byte. */
  readonly byteIds: Int32Array
}

/** Throws the error that belongs to the origin of the tables. */
export type Refuse = (what: string, found: unknown) => never

const MAX_TOKENS = 2 ** 21

/** Returns the tables of a configuration. Calls `refuse` unless they fit together: distinct tokens, all bytes, merges of known tokens. */
export function bpeTables(config: unknown, refuse: Refuse): BpeTables {
  if (!isObject(config)) return refuse('an object', config)
  const { tokens, merges, added, special } = config as Record<keyof BpeConfig, unknown>
  const names = checkedTokens(tokens, refuse)
  const ids = new Map(names.map((token, id) => [token, id]))
  if (ids.size < names.length)
    return refuse(
      'tokens that differ',
      names.find((token, id) => ids.get(token) !== id)
    )
  const outside = checkedAdded(added, names.length, refuse)
  const roles = checkedRoles(special, outside, refuse)
  const bytes = names.map((token, id) => {
    if (outside.has(id)) return undefined
    return bytesOfToken(token) ?? refuse('tokens in the byte-level alphabet', token)
  })
  const ordinary = (id: unknown): id is number => typeof id === 'number' && bytes[id] !== undefined
  const byteIds = Int32Array.from(byteCharacters, (character) => {
    const id = ids.get(character)
    return ordinary(id) ? id : refuse('a token for every byte', `none for ${JSON.stringify(character)}`)
  })
  if (!Array.isArray(merges) || merges.length % 2 !== 0 || merges.length > 2 * MAX_TOKENS)
    return refuse(`two ids for each of at most ${MAX_TOKENS} merges`, merges)
  const triples = new Int32Array((merges.length / 2) * 3)
  const pairs = new Set<number>()
  for (let at = 0; at < merges.length / 2; at++) {
    const [left, right] = [merges[2 * at], merges[2 * at + 1]] as unknown[]
    if (!ordinary(left) || !ordinary(right)) return refuse('merges of known tokens', ordinary(left) ? right : left)
    const result = ids.get(names[left]! + names[right]!)
    if (!ordinary(result)) return refuse('a token for the result of each merge', names[left]! + names[right]!)
    if (pairs.size === pairs.add(left * MAX_TOKENS + right).size) return refuse('merges that differ', [left, right])
    triples.set([left, right, result], 3 * at)
  }
  const kept = { kind: 'bpe' as const, tokens: names, merges: merges as number[], added: [...outside], special: roles }
  return { config: kept, bytes, merges: triples, byteIds }
}

function checkedTokens(tokens: unknown, refuse: Refuse): string[] {
  if (!Array.isArray(tokens) || tokens.length < 256 || tokens.length > MAX_TOKENS)
    return refuse(`256 to ${MAX_TOKENS} tokens`, tokens)
  return tokens.map((token: unknown) =>
    typeof token === 'string' && token !== '' ? token : refuse('tokens that are text', token)
  )
}

function checkedAdded(added: unknown, size: number, refuse: Refuse): Set<number> {
  if (!Array.isArray(added) || added.length > size) return refuse('ids of added tokens', added)
  const ids = new Set<number>()
  for (const id of added as unknown[]) {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= size || ids.has(id as number))
      return refuse('ids of added tokens that differ', id)
    ids.add(id as number)
  }
  return ids
}

function checkedRoles(special: unknown, added: ReadonlySet<number>, refuse: Refuse): BpeConfig['special'] {
  if (!isObject(special)) return refuse('ids of special tokens', special)
  const entries = Object.entries(special)
  for (const [token, id] of entries) {
    if (!Object.hasOwn(specialNames, token) || !added.has(id as number))
      return refuse('special tokens that are added tokens', token)
  }
  if (new Set(Object.values(special)).size < entries.length) return refuse('special tokens that differ', special)
  return Object.fromEntries(entries)
}

/** Returns the configuration with more special tokens at the first ids. */
export function withFirstTokens(config: BpeConfig, special: readonly SpecialToken[]): BpeConfig {
  const count = special.length
  const moved = Object.entries(config.special).map(([token, id]) => [token, id + count] as const)
  return {
    kind: 'bpe',
    tokens: [...special.map((token) => specialNames[token]), ...config.tokens],
    merges: config.merges.map((id) => id + count),
    added: [...special.keys(), ...config.added.map((id) => id + count)],
    special: { ...Object.fromEntries(moved), ...Object.fromEntries(special.map((token, id) => [token, id])) }
  }
}
