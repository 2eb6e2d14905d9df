// Ink split into samples to train on and samples to validate on: by a random share, by other files, or by a field of the samples, so
// that the writers in the validation part are not in the training part.

import { expected } from '../../errors.js'
import { createRandom } from '../../random.js'
import { parseFilter } from './filter.js'
import { readInk, type ReadInkOptions } from './read.js'
import type { Ink } from './strokes.js'

/** How samples are split. */
export interface InkSplit {
  /** Share that validates, drawn by chance; 0 where `where` or files say it. */
  readonly valid: number
  /** `field=values` of the samples that validate, as `writer=26-30` or, for the second word of a field, `comment:2=26-30`. */
  readonly where: string | null
}

/** The files of ink and how they are read. */
export interface InkSource {
  /** Files, folders, patterns, - for standard input. */
  data: readonly string[]
  /** Files that validate instead of a share. */
  validFiles?: readonly string[]
  read?: ReadInkOptions
}

/** The samples to train on and to validate on. */
export interface InkSets {
  readonly train: readonly Ink[]
  readonly valid: readonly Ink[]
}

/** Reads and splits. Throws the errors of readInk, and ERR_CORPUS_EMPTY if nothing is left to train on. */
export async function openInk(source: InkSource, split: InkSplit): Promise<InkSets> {
  const main = await readInk(source.data, source.read)
  if (source.validFiles && source.validFiles.length > 0)
    return { train: main, valid: await readInk(source.validFiles, source.read) }
  const validates = split.where === null ? byShare(main.length, split.valid) : parseFilter(split.where)
  const train = main.filter((ink, i) => !validates(ink, i))
  const valid = main.filter((ink, i) => validates(ink, i))
  if (train.length > 0 && (split.where === null || valid.length > 0)) return { train, valid }
  throw expected(
    'ERR_CORPUS_EMPTY',
    'samples to train on and to validate',
    `${train.length} and ${valid.length} of ${main.length} from ${describeInkSplit(split)}`,
    'choose another split, or add ink'
  )
}

/** Returns a filter that keeps a random `share` of `count` samples; the choice depends only on count and position. */
function byShare(count: number, share: number): (ink: Ink, index: number) => boolean {
  const random = createRandom(0, 'validation samples')
  const order = Array.from({ length: count }, (_, index) => ({ index, draw: random.uniform() }))
  order.sort((a, b) => a.draw - b.draw || a.index - b.index)
  const chosen = new Set(order.slice(0, Math.floor(share * count)).map(({ index }) => index))
  return (_, index) => chosen.has(index)
}

/** Describes a split in words, for messages. */
function describeInkSplit({ valid, where }: InkSplit): string {
  return where === null ? `a share of ${valid}` : `"${where}"`
}
