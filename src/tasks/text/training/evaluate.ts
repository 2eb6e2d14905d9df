// The measure of a text model: mean nats per symbol of a text. It is exact when the text is read as one stream whose state is carried from the
// first symbol to the last. Reading several segments at the same time is many times faster and nearly exact, for validations of a training.

import { callback, optional, options as optionsOf, signal as signalOf } from '../../../check/index.js'
import { checkTokens, type Tokens } from '../../../data/text/tokens.js'
import type { Model } from '../../../model.js'
import type { BatchSource } from '../../../data/batching/source.js'
import { createTextDataset } from '../../../data/batching/text-dataset.js'
import { evaluate } from '../../../train/evaluate.js'
import { expectFiniteLoss } from '../../../train/not-finite.js'

/** The measure of a text model on a text. */
export interface TextMeasure {
  /** Mean cross-entropy in nats per symbol. */
  nats: number
  /** The same value in bits per symbol. */
  bits: number
  /** Number of predicted symbols: one less than the text has. */
  tokens: number
  /** Duration of the measurement in seconds. */
  seconds: number
}

/** Options of `evaluateText`. */
export interface TextMeasureOptions {
  /** Signal that aborts the measurement between two windows of 256 symbols. */
  signal?: AbortSignal | undefined
  /** Called with the share that is done, from 0 to 1, before each window. */
  onProgress?: ((done: number) => void) | undefined
}

const EXACT_WINDOW = 256

const readMeasureOptions = optionsOf<TextMeasureOptions>({
  signal: optional(signalOf),
  onProgress: optional(callback())
})

/**
 * Measures `model` on all of `text` as one stream, with the weights as they are at the beginning. Throws ERR_CORPUS_EMPTY for fewer than two
 * symbols, ERR_NOT_FINITE if the loss is not finite, ERR_ABORTED if the signal aborts.
 *
 * @example
 * using loaded = await loadTextModel('shakespeare.safetensors')
 * const { bits } = await evaluateText(loaded.model, tokensOf(loaded.vocabulary.encode('To be, or not to be')))
 */
export async function evaluateText(model: Model, text: Tokens, options: TextMeasureOptions = {}): Promise<TextMeasure> {
  const tokens = checkTokens(text, 'the tokens')
  const { signal, onProgress } = readMeasureOptions(options, 'the options of evaluateText')
  const length = Math.max(1, Math.min(EXACT_WINDOW, tokens.length - 1))
  const source = withProgress(createTextDataset(tokens, null, { batch: 1, length, repeat: false }), onProgress)
  const { loss, count, seconds } = await evaluate(model, source, { signal })
  return { nats: expectFiniteLoss(loss), bits: loss / Math.LN2, tokens: count, seconds }
}

const SEGMENTS = 32
const WINDOW = 128
/** Number of symbols that a segment reads before its own part, so that its state does not begin at zero. */
const WARMUP = 256

/** Returns batches that read the text in up to 32 segments at the same time, for validation during a training. */
export function segmentSource(tokens: Tokens): BatchSource {
  const batch = Math.max(1, Math.min(SEGMENTS, Math.floor(tokens.length / WARMUP)))
  const length = Math.max(1, Math.min(WINDOW, tokens.length - 1))
  return createTextDataset(tokens, null, { batch, length, warmup: WARMUP, repeat: false })
}

function withProgress(source: BatchSource, onProgress: ((done: number) => void) | undefined): BatchSource {
  if (!onProgress) return source
  return {
    ...source,
    async *batches(cursor) {
      let step = 0
      for await (const batch of source.batches(cursor)) {
        onProgress(step++ / source.stepsPerEpoch!)
        yield batch
      }
    }
  }
}
