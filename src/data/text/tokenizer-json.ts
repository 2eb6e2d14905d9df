// tokenizer.json, the file of Hugging Face's tokenizers: written so that the library gives equal ids, and read if it is a byte-level BPE
// like GPT-2's. A file with another part (a normalizer, another way to cut words, dropout) would give other ids, so it is refused by the
// name of that part. A text with the name of a special token is ordinary text here; the library does the same after
// `tokenizer.encode_special_tokens = True`.

import { filled, object, optional, options as optionsOf } from '../../check/index.js'
import { expected, show } from '../../errors.js'
import { parseStrictJson, type StrictJson } from '../../io/json.js'
import type { BpeConfig } from './bpe-tables.js'
import { bpeFromConfig, checkBpe, type BpeVocabulary } from './bpe-vocabulary.js'
import { specialNames, type SpecialToken } from './special-tokens.js'

/** Options of `bpeFromTokenizerJson`. */
export interface TokenizerJsonOptions {
  /**
   * Which added token is the special token of a kind, by its name in the file, for example `{ end: '<|endoftext|>' }`. Default: those that
   * have the names of `specialNames`. Other added tokens stand for no text either.
   */
  readonly special?: Readonly<Partial<Record<SpecialToken, string>>>
}

const name = optional(filled)
const readOptions = optionsOf<TokenizerJsonOptions>({
  special: optional(
    object<Partial<Record<SpecialToken, string>>>({ blank: name, pad: name, unknown: name, begin: name, end: name })
  )
})

const MAX_CHARACTERS = 2 ** 26
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }

/**
 * Returns the text of the tokenizer.json of a vocabulary of byte pairs. Throws ERR_INVALID_ARGUMENT for another object.
 *
 * @example
 * const vocabulary = await trainBpe(['low lower lowest'], { size: 259 })
 * await writeFile('tokenizer.json', bpeToTokenizerJson(vocabulary)) // Tokenizer.from_file('tokenizer.json') in Python
 */
export function bpeToTokenizerJson(vocabulary: BpeVocabulary): string {
  const { tokens, merges, added } = checkBpe(vocabulary, 'the vocabulary').config
  const pairs = Array.from({ length: merges.length / 2 }, (_, at) => [
    tokens[merges[2 * at]!]!,
    tokens[merges[2 * at + 1]!]!
  ])
  const special = [...added]
    .sort((a, b) => a - b)
    .map((id) => ({
      id,
      content: tokens[id]!,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true
    }))
  // A list of members, because an object would move names such as "0" to its front.
  const vocab = tokens.map((token, id) => `${JSON.stringify(token)}:${id}`).join(',')
  const model = { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null }
  const rest = { end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false }
  const opened = JSON.stringify({ ...model, ...rest }).slice(0, -1)
  const head = { version: '1.0', truncation: null, padding: null, added_tokens: special, normalizer: null }
  const parts = { pre_tokenizer: byteLevel, post_processor: null, decoder: { ...byteLevel, add_prefix_space: true } }
  return `${JSON.stringify({ ...head, ...parts }).slice(0, -1)},"model":${opened},"vocab":{${vocab}},"merges":${JSON.stringify(pairs)}}}`
}

function refuse(part: string, what: string, found: unknown): never {
  const shown = found instanceof Map ? 'an object' : show(found)
  throw expected('ERR_FILE_FORMAT', `${what} as ${part} of tokenizer.json`, shown, 'use the file of a byte-level BPE')
}

type Json = Map<string, StrictJson>

function objectAt(value: StrictJson | undefined, part: string): Json {
  return value instanceof Map ? value : refuse(part, 'an object', value)
}

/** Refuses a member that is there and is not one of `values`. */
function requireOneOf(json: Json, part: string, key: string, ...values: (StrictJson | undefined)[]): void {
  const found = json.get(key)
  const path = part === '' ? key : `${part}.${key}`
  if (found !== undefined && !values.includes(found))
    refuse(path, values.map((value) => show(value)).join(' or '), found)
}

function requireByteLevel(json: Json, part: string, optionalPart = false): void {
  const found = json.get(part)
  if (optionalPart && (found === undefined || found === null)) return
  const members = objectAt(found, part)
  if (members.get('type') !== 'ByteLevel') refuse(`${part}.type`, '"ByteLevel"', members.get('type'))
  if (part !== 'pre_tokenizer') return
  if (members.get('add_prefix_space') !== false)
    refuse(`${part}.add_prefix_space`, 'false', members.get('add_prefix_space'))
  requireOneOf(members, part, 'use_regex', true)
}

/** Refuses every setting that would change ids. */
function checkSettings(json: Json): Json {
  requireOneOf(json, '', 'version', '1.0')
  for (const key of ['truncation', 'padding', 'normalizer']) requireOneOf(json, '', key, null)
  requireByteLevel(json, 'pre_tokenizer')
  requireByteLevel(json, 'post_processor', true)
  requireByteLevel(json, 'decoder')
  const model = objectAt(json.get('model'), 'model')
  requireOneOf(model, 'model', 'type', 'BPE')
  requireOneOf(model, 'model', 'dropout', null, 0)
  requireOneOf(model, 'model', 'continuing_subword_prefix', null, '')
  requireOneOf(model, 'model', 'end_of_word_suffix', null, '')
  requireOneOf(model, 'model', 'byte_fallback', false)
  requireOneOf(model, 'model', 'ignore_merges', false)
  return model
}

function tokensOf(vocab: Json, added: ReadonlyMap<number, string>): string[] {
  const size = new Set([...vocab.values(), ...added.keys()]).size
  const tokens: string[] = new Array<string>(size).fill('')
  const put = (token: string, id: StrictJson, part: string): void => {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= size)
      refuse(part, `ids from 0 to ${size - 1}`, id)
    const before = tokens[id as number]!
    if (before !== '' && before !== token) refuse(part, `one token for id ${id as number}`, token)
    tokens[id as number] = token
  }
  for (const [token, id] of vocab) put(token, id, 'model.vocab')
  for (const [id, token] of added) put(token, id, 'added_tokens')
  return tokens
}

function addedTokens(list: StrictJson | undefined): Map<number, string> {
  const added = new Map<number, string>()
  if (list === undefined) return added
  if (!Array.isArray(list)) return refuse('added_tokens', 'a list', list)
  list.forEach((one, index) => {
    const part = `added_tokens[${index}]`
    const token = objectAt(one, part)
    const [id, content] = [token.get('id'), token.get('content')]
    if (typeof id !== 'number' || added.has(id)) refuse(`${part}.id`, 'an id of its own', id)
    if (typeof content !== 'string' || content === '') refuse(`${part}.content`, 'text', content)
    if (token.get('special') !== true) refuse(`${part}.special`, 'true', token.get('special'))
    added.set(id, content)
  })
  return added
}

function mergesOf(list: StrictJson | undefined, ids: ReadonlyMap<string, number>): number[] {
  if (!Array.isArray(list)) return refuse('model.merges', 'a list', list)
  return list.flatMap((merge, index) => {
    const part = `model.merges[${index}]`
    const both = typeof merge === 'string' ? merge.split(' ') : merge
    if (!Array.isArray(both) || both.length !== 2) return refuse(part, 'two tokens', merge)
    return both.map((token) => {
      const id = typeof token === 'string' ? ids.get(token) : undefined
      return id ?? refuse(part, 'tokens of the vocabulary', token)
    })
  })
}

function rolesOf(added: ReadonlyMap<number, string>, wanted: TokenizerJsonOptions['special']): BpeConfig['special'] {
  const ids = new Map([...added].map(([id, content]) => [content, id]))
  const names = Object.entries(wanted ?? specialNames)
  const found = names.map(([token, content]) => {
    const id = ids.get(content)
    if (id === undefined && wanted !== undefined) refuse('added_tokens', `a token ${show(content)}`, 'none')
    return [token, id] as const
  })
  return Object.fromEntries(found.filter(([, id]) => id !== undefined))
}

/**
 * Returns the vocabulary of a tokenizer.json, which has the ids of the file. Takes byte-level BPEs that cut words by GPT-2's pattern, with
 * any added tokens that are special. Throws ERR_FILE_FORMAT with the part that is damaged, or that this library does not have; files of
 * up to 2^26 characters and 2^21 tokens are read. Synchronous: about 100 ms of the calling thread for 32,000 tokens.
 *
 * @example
 * const vocabulary = bpeFromTokenizerJson(await readFile('gpt2-tokenizer.json', 'utf8'), { special: { end: '<|endoftext|>' } })
 */
export function bpeFromTokenizerJson(text: string, options: TokenizerJsonOptions = {}): BpeVocabulary {
  const { special } = readOptions(options, 'the options of bpeFromTokenizerJson')
  if (typeof text !== 'string' || text.length > MAX_CHARACTERS) {
    const found = typeof text === 'string' ? `${text.length} characters` : show(text)
    throw expected(
      'ERR_INVALID_ARGUMENT',
      `at most ${MAX_CHARACTERS} characters of tokenizer.json`,
      found,
      'pass a smaller tokenizer'
    )
  }
  const json = objectAt(parseStrictJson(text, 'tokenizer.json'), 'the root')
  const model = checkSettings(json)
  const added = addedTokens(json.get('added_tokens'))
  const tokens = tokensOf(objectAt(model.get('vocab'), 'model.vocab'), added)
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const merges = mergesOf(model.get('merges'), ids)
  const config = { kind: 'bpe', tokens, merges, added: [...added.keys()], special: rolesOf(added, special) }
  return bpeFromConfig(config, (what, found) => refuse('model', what, found))
}
