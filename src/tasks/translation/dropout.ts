// BPE dropout: the symbols of a sentence are drawn again in each epoch of a training.
//
// The shapes of batches are fixed before the first epoch, so a drawn sentence has to fit into the batch of its pair. A pair is put into batches by
// its longest sides of a few draws. Later draws seldom need more room, and their batches have padding; one that does not fit is drawn again, and
// after a few draws the sentence has its plain symbols, which always fit.

import type { PairLengths, PairShape } from '../../data/batching/pair-buckets.js'
import { createPace } from '../../data/files/pace.js'
import { encodeDropped } from '../../data/text/bpe-vocabulary.js'
import type { Vocabulary } from '../../data/text/vocabulary.js'
import type { TranslationSample } from './data.js'
import { symbolText, type TranslationSymbols } from './symbols.js'

/** How the symbols of samples are drawn. */
export interface SampleDropout {
  /** Probability with which a merge is left out, above 0 and below 1. */
  readonly probability: number
  readonly seed: number
  /** Vocabularies of byte pairs. */
  readonly symbols: TranslationSymbols
  /** The setting of the sentences. */
  readonly plain: boolean
}

/** Draws that give a sentence the length by which it is put into batches, and draws of it in an epoch. */
const DRAWS = 4

/** A side of a sample: its vocabulary, its text, its plain ids, and the number of its draws. */
interface Side {
  readonly vocabulary: Vocabulary
  readonly text: string
  readonly ids: Int32Array
  readonly number: number
}

function sidesOf({ source, target, pair }: TranslationSample, index: number, { symbols, plain }: SampleDropout) {
  const text = (sentence: string) => symbolText(sentence, plain)!
  return {
    source: { vocabulary: symbols.source, text: text(pair.source), ids: source, number: 2 * index },
    target: { vocabulary: symbols.target, text: text(pair.target), ids: target, number: 2 * index + 1 }
  } satisfies Record<string, Side>
}

/** Returns draw `attempt` of a side in an epoch; in epoch -1 those that give its length. */
function drawn({ vocabulary, text, number }: Side, epoch: number, attempt: number, dropout: SampleDropout): Int32Array {
  const { probability, seed } = dropout
  return encodeDropped(vocabulary, text, probability, { seed, text: number, repetition: DRAWS * (epoch + 1) + attempt })
}

/**
 * Returns the lengths by which samples are put into batches: of each side the longest of its plain symbols and of four draws; of the targets with the
 * end token. Throws ERR_ABORTED if the signal aborts.
 */
export async function drawnLengths(
  samples: readonly TranslationSample[],
  dropout: SampleDropout,
  signal: AbortSignal | undefined
): Promise<PairLengths> {
  const pace = createPace(signal)
  const [source, target] = [new Int32Array(samples.length), new Int32Array(samples.length)]
  for (const [i, sample] of samples.entries()) {
    const sides = sidesOf(sample, i, dropout)
    const longest = (side: Side) => {
      const draws = Array.from({ length: DRAWS }, (_, attempt) => drawn(side, -1, attempt, dropout).length)
      return Math.max(side.ids.length, ...draws)
    }
    source[i] = longest(sides.source)
    target[i] = longest(sides.target) + 1
    if (pace.due()) await pace.turn()
  }
  return { source, target }
}

/** Returns the symbols of sample `index` in an epoch. They fit into `shape`, as the lengths of the sample do. */
export function drawnSample(
  sample: TranslationSample,
  { index, epoch, shape }: { index: number; epoch: number; shape: PairShape },
  dropout: SampleDropout
): Pick<TranslationSample, 'source' | 'target'> {
  const fitting = (side: Side, most: number) => {
    for (let attempt = 0; attempt < DRAWS; attempt++) {
      const ids = drawn(side, epoch, attempt, dropout)
      if (ids.length <= most) return ids
    }
    return side.ids
  }
  const { source, target } = sidesOf(sample, index, dropout)
  return { source: fitting(source, shape.source), target: fitting(target, shape.target - 1) }
}
