// Pairs of sentences as ids, divided into those that train and those that validate.

import { crc32 } from 'node:zlib'
import { createPace } from '../../data/files/pace.js'
import type { SentencePair } from '../../data/pairs/pairs.js'
import { readPairs, usable, type ReadPairsOptions } from '../../data/pairs/read.js'
import { counted, expected, show } from '../../errors.js'
import type { DataFingerprint } from '../runs/fingerprint.js'
import type { PairReadGiven, SentenceChoice } from './settings.js'
import { symbolText, type TranslationSymbols } from './symbols.js'

/** A pair and the texts that are encoded for it, see `symbolText`. */
export interface SymbolPair {
  readonly pair: SentencePair
  readonly source: string
  readonly target: string
}

/** A pair as ids, without special tokens. */
export interface TranslationSample {
  readonly source: Int32Array
  readonly target: Int32Array
  readonly pair: SentencePair
}

/** Samples to train on and to validate. */
export interface TranslationSets {
  readonly train: readonly TranslationSample[]
  readonly valid: readonly TranslationSample[]
}

/** Reads two names or numbers with a comma between them. Throws ERR_INVALID_OPTION. */
function twoOf<T>(text: string, name: string, read: (part: string) => T | null): readonly [T, T] {
  const parts = text.split(',').map((part) => read(part.trim()))
  const [one, other] = parts
  const both = parts.length === 2 && one !== undefined && one !== null && other !== undefined && other !== null
  if (both && one !== other) return [one, other]
  const what = `two different values with a comma between them as ${name}`
  throw expected('ERR_INVALID_OPTION', what, show(text), 'write them as in the help')
}

/** Returns the options of `readPairs` for these settings. Throws ERR_INVALID_OPTION. */
export function pairReading({ columns, languages }: PairReadGiven): Pick<ReadPairsOptions, 'columns' | 'languages'> {
  const column = (part: string) => (/^[1-9]\d{0,3}$/.test(part) ? Number(part) : null)
  if (columns !== undefined && languages !== undefined)
    throw expected('ERR_INVALID_OPTION', 'columns of tables or endings of files', 'both', 'leave one out (columns, languages)') // prettier-ignore
  return {
    ...(columns !== undefined && { columns: twoOf(columns, 'columns', column) }),
    ...(languages !== undefined && { languages: twoOf(languages, 'languages', (part) => part || null) })
  }
}

/** Returns a pair with its texts to encode. Throws ERR_FILE_FORMAT if nothing of a side is left. */
export function symbolPair(pair: SentencePair, plain: boolean): SymbolPair {
  const [source, target] = [symbolText(pair.source, plain), symbolText(pair.target, plain)]
  if (source !== null && target !== null) return { pair, source, target }
  const what = `a sentence on both sides at line ${pair.line} of ${pair.path}`
  throw expected('ERR_FILE_FORMAT', what, 'characters without width only', 'leave the pair out')
}

/** Returns the results of `make` for each pair, without those pairs for which `usable` returns null. Throws ERR_ABORTED if the signal aborts. */
export async function eachPair<P, T>(
  pairs: readonly P[],
  make: (pair: P) => T,
  { onBad, signal }: Pick<ReadPairsOptions, 'onBad' | 'signal'>
): Promise<T[]> {
  const pace = createPace(signal)
  const made: T[] = []
  for (const pair of pairs) {
    const one = usable(() => make(pair), { onBad })
    if (one !== null) made.push(one)
    if (pace.due()) await pace.turn()
  }
  return made
}

/** Returns the ids of a pair. Throws ERR_OUT_OF_RANGE if a side has more than `longest` symbols. */
export function sampleOfPair(
  { pair, source: from, target: to }: SymbolPair,
  symbols: TranslationSymbols,
  longest: number
): TranslationSample {
  const [source, target] = [symbols.source.encode(from), symbols.target.encode(to)]
  const most = Math.max(source.length, target.length)
  if (most <= longest) return { source, target, pair }
  const what = `a sentence of at most ${longest} symbols at line ${pair.line} of ${pair.path}`
  throw expected('ERR_OUT_OF_RANGE', what, counted(most, 'symbol'), 'raise the limit (longest), or leave the pair out')
}

const PARTS = 10_000

/** Returns whether a source is in the share, 0 to 1, that validates: its checksum decides, so that no source both trains and validates. */
export function validates(source: string, share: number): boolean {
  return crc32(source) % PARTS < share * PARTS
}

/** Reads the pairs of a training and divides them; `validFiles` validate instead of a share. Throws the errors of `readPairs`. */
export async function readTranslationPairs(
  files: { readonly data: readonly string[]; readonly validFiles?: readonly string[] | undefined },
  { plain, valid: share }: Pick<SentenceChoice, 'plain' | 'valid'>,
  reading: ReadPairsOptions
): Promise<{ train: SymbolPair[]; valid: SymbolPair[] }> {
  const read = async (names: readonly string[]) =>
    await eachPair(await readPairs(names, reading), (pair) => symbolPair(pair, plain), reading)
  const pairs = await read(files.data)
  if (files.validFiles && files.validFiles.length > 0) return { train: pairs, valid: await read(files.validFiles) }
  const train = pairs.filter(({ source }) => !validates(source, share))
  return { train, valid: pairs.filter(({ source }) => validates(source, share)) }
}

/** Returns the fingerprint of samples. */
export function fingerprintOfSamples({ train, valid }: TranslationSets): DataFingerprint {
  let crc = 0
  for (const { source, target } of [...train, ...valid]) {
    crc = crc32(Uint8Array.of(source.length & 255, source.length >> 8), crc)
    for (const ids of [source, target]) crc = crc32(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength), crc)
  }
  return { train: train.length, valid: valid.length, fingerprint: crc }
}
