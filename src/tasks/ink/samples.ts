// Samples of ink for a training or a measurement: their texts, their fingerprint, and the refusal of samples that a task cannot use.

import { crc32 } from 'node:zlib'
import type { InkSets } from '../../data/ink/split.js'
import { countPoints, readInkSample, type Ink } from '../../data/ink/strokes.js'
import { anything, callback, list, optional } from '../../check/index.js'
import { expected, GatecellError } from '../../errors.js'
import type { Vocabulary } from '../../data/text/vocabulary.js'
import type { DataFingerprint } from '../runs/fingerprint.js'

/** Returns the fingerprint of the ink: coordinates, times, ends of strokes and texts. */
export function fingerprintOfInk({ train, valid }: InkSets): DataFingerprint {
  let crc = 0
  for (const { strokes, text } of [...train, ...valid]) {
    // The sizes are included, so that points that move to the next stroke, or symbols to the next text, change the fingerprint.
    crc = crc32(JSON.stringify([text, strokes.map(({ x, t }) => [x.length, t !== null])]), crc)
    for (const { x, y, t } of strokes) {
      for (const { buffer, byteOffset, byteLength } of t ? [x, y, t] : [x, y])
        crc = crc32(new Uint8Array(buffer, byteOffset, byteLength), crc)
    }
  }
  return { train: train.length, valid: valid.length, fingerprint: crc }
}

/** The remedy for symbols that a reader or writer does not have, because its vocabulary comes from the texts of its ink. */
const SYMBOL_REMEDY = 'leave such samples or symbols out, or train on ink whose texts have them'

/**
 * Returns the ids of the symbols of `text`, which is that of the sample `source` if one is given. Throws ERR_UNKNOWN_SYMBOL, with the source,
 * for a symbol that the vocabulary does not have.
 */
export function idsOf(text: string, vocabulary: Vocabulary, source?: string): Int32Array {
  return vocabulary.encode(text, source === undefined ? SYMBOL_REMEDY : `${SYMBOL_REMEDY} (${source})`)
}

/** Returns the text of a sample. Throws ERR_INVALID_INK if it has none. */
export function textOf(ink: Ink): string {
  if (ink.text !== null && ink.text !== '') return ink.text
  throw expected('ERR_INVALID_INK', `a text for ${ink.source}`, 'none', 'add "text", or a label of the segment')
}

/**
 * Returns the results of `make` for all samples. Samples for which it throws are left out and `onBad` takes the errors; without `onBad`
 * the first error is thrown.
 */
export function makeSamples<S>(
  inks: readonly Ink[],
  make: (ink: Ink) => S,
  onBad: ((error: GatecellError) => void) | undefined
): S[] {
  optional(callback())(onBad, 'onBad')
  const samples = list(anything)(inks, 'the samples')
  return samples.flatMap((sample) => {
    try {
      return [make(readInkSample(sample, 'a sample'))]
    } catch (error) {
      if (!onBad || !(error instanceof GatecellError)) throw error
      onBad(error)
      return []
    }
  })
}

/** Returns the number of points of all samples. */
export function totalPoints(samples: readonly Ink[]): number {
  return samples.reduce((sum, { strokes }) => sum + countPoints(strokes), 0)
}
