// The vocabulary of a text model of another program, from a JSON file.

import { readWholeText } from '../data/files/whole-text.js'
import { bpeFromTokenizerJson, vocabularyFromConfig, type Vocabulary } from '../data/text/vocabulary.js'
import { expected, show } from '../errors.js'
import { parseJsonObject, parseStrictJson, type StrictJson } from '../io/json.js'

/** A vocabulary and the order of its symbols in the tensors. */
export interface SymbolsFile {
  readonly vocabulary: Vocabulary
  /** The row of each id in the tensors of the other program; null if they have our order. */
  readonly rows: readonly number[] | null
}

const MAX_BYTES = 2 ** 26

/**
 * Reads a vocabulary: the JSON that `gatecell export` writes, a tokenizer.json of Hugging Face, a list of characters in the order of their ids, or
 * an object with the id of each character. Throws ERR_FILE_NOT_FOUND, and ERR_FILE_FORMAT for anything else.
 */
export async function readSymbols(path: string): Promise<SymbolsFile> {
  const text = await readWholeText(path, { maxBytes: MAX_BYTES })
  const value = parseStrictJson(text, path)
  if (value instanceof Map && typeof value.get('kind') === 'string')
    return { vocabulary: vocabularyFromConfig(parseJsonObject(text, path)), rows: null }
  if (value instanceof Map && value.get('model') instanceof Map)
    return { vocabulary: bpeFromTokenizerJson(text), rows: null }
  const symbols = charactersOf(value, path)
  const order = symbols.map((_, row) => row).sort((a, b) => symbols[a]!.codePointAt(0)! - symbols[b]!.codePointAt(0)!)
  const config = { kind: 'character', symbols: order.map((row) => symbols[row]).join(''), unknown: false }
  return { vocabulary: vocabularyFromConfig(config), rows: order.every((row, id) => row === id) ? null : order }
}

/** Returns the characters of a list or an object in the order of their ids. */
function charactersOf(value: StrictJson, path: string): string[] {
  const what = `a list of characters, each once, or an object with their ids from 0 on, in ${path}`
  const wrong = (found: string) => expected('ERR_FILE_FORMAT', what, found, 'write json.dumps(symbols) in Python')
  const pairs: readonly (readonly [symbol: StrictJson, id: StrictJson])[] = Array.isArray(value)
    ? value.map((symbol, id) => [symbol, id] as const)
    : value instanceof Map
      ? [...value]
      : []
  if (pairs.length === 0) throw wrong('another value')
  const symbols = new Array<string | undefined>(pairs.length)
  for (const [symbol, id] of pairs) {
    if (typeof symbol !== 'string' || [...symbol].length !== 1 || /\p{Surrogate}/u.test(symbol))
      throw wrong(typeof symbol === 'string' ? show(symbol) : 'another value')
    if (!Number.isInteger(id) || Number(id) < 0 || Number(id) >= pairs.length || symbols[Number(id)] !== undefined)
      throw wrong(`${show(symbol)} with an id that is not free`)
    symbols[Number(id)] = symbol
  }
  if (new Set(symbols).size < symbols.length) throw wrong('one twice')
  return symbols as string[]
}
