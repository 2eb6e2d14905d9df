// The pen of a writer: a session of its network whose sampler draws the points.

import { paddedLength } from '../../../data/batching/buckets.js'
import type { Vocabulary } from '../../../data/text/vocabulary.js'
import { expected } from '../../../errors.js'
import { mixtureSampler } from '../../../generate/samplers.js'
import type { Session } from '../../../generate/session-types.js'
import { createSession } from '../../../generate/session.js'
import type { Model } from '../../../model.js'
import type { LoadedModel } from '../../runs/load.js'
import type { SynthesisConfig } from '../config.js'
import { windowSymbols } from '../symbols.js'

/** The network of a writer with its vocabulary, which is null for one that draws without a text. */
export type WriterNetwork = Pick<LoadedModel<SynthesisConfig>, 'model' | 'config' | 'info'> & {
  readonly vocabulary: Vocabulary | null
}

/**
 * Returns the symbols of a text for the window; none for a model that draws without a text. Throws ERR_INVALID_ARGUMENT if the text is
 * missing or not wanted.
 */
export function symbolsFor(text: string | undefined, vocabulary: Vocabulary | null): Int32Array {
  if (!vocabulary && text)
    throw expected('ERR_INVALID_ARGUMENT', 'no text for a model that draws without one', 'a text', 'leave it out')
  if (!vocabulary) return new Int32Array(0)
  if (!text) throw expected('ERR_INVALID_ARGUMENT', 'a text to write', 'none', 'pass one')
  return windowSymbols(text, vocabulary)
}

/**
 * Returns a session before its first point, with `symbols` under the window; there are none for a model that draws without a text. The length
 * of the symbols is padded, so that texts of about the same length share plans; the window does not see the padding.
 */
export function createPen(model: Model, symbols: Int32Array, { bias = 0, seed = 0 } = {}): Session {
  const conditional = symbols.length > 0
  const text = new Int32Array(paddedLength(symbols.length))
  text.set(symbols)
  return createSession(model, {
    outputs: [],
    records: conditional ? ['finish', 'phi'] : ['finish'],
    samplers: { points: mixtureSampler({ bias }) },
    seed,
    ...(conditional && { dims: { symbols: text.length }, inputs: { symbols: text, textLengths: [symbols.length] } })
  })
}
