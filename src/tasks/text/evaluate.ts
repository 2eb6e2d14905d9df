// The measure of a text model: mean nats per symbol over a whole text, the state carried. Exact by default: one stream
// from the first symbol to the last. Side by side in segments it is many times faster and nearly the same: that is for
// the reports of a training.

import { createEvaluation } from '../../data/batching/windows.js'
import { callback, optional, options as optionsOf, signal as signalOf } from '../../check/index.js'
import { checkTokens, type Tokens } from '../../data/text/tokens.js'
import type { Model } from '../../model.js'
import { evaluationSource, type BatchSource } from '../../data/batching/source.js'
import { evaluate } from '../../train/evaluate.js'
import { expectFiniteLoss } from '../../train/not-finite.js'

export interface TextMeasure {
  /** Mean cross-entropy per symbol, natural logarithm and base 2. */
  nats: number
  bits: number
  /** Symbols predicted: one less than the text has. */
  tokens: number
  seconds: number
}

export interface TextMeasureOptions {
  signal?: AbortSignal | undefined
  /** Share that is done, in [0, 1]. */
  onProgress?: ((done: number) => void) | undefined
}

const EXACT_WINDOW = 256

const readMeasureOptions = optionsOf<TextMeasureOptions>({
  signal: optional(signalOf),
  onProgress: optional(callback())
})

/**
 * Measures `model` on all of `tokens` as one stream. Throws ERR_CORPUS_EMPTY for fewer than two symbols, ERR_NOT_FINITE if the loss is not
 * finite, ERR_ABORTED.
 */
export async function evaluateText(
  model: Model,
  tokens: Tokens,
  options: TextMeasureOptions = {}
): Promise<TextMeasure> {
  checkTokens(tokens, 'tokens')
  const { signal, onProgress } = readMeasureOptions(options, 'the options of evaluateText')
  const length = Math.max(1, Math.min(EXACT_WINDOW, tokens.length - 1))
  const source = withProgress(evaluationSource(createEvaluation(tokens, { length })), onProgress)
  const { loss, count, seconds } = await evaluate(model, source, { signal })
  return { nats: expectFiniteLoss(loss), bits: loss / Math.LN2, tokens: count, seconds }
}

const SEGMENTS = 32
const WINDOW = 128
/** Symbols a segment reads before its own part, so that its state is warm. */
const WARMUP = 256

/** The text in up to 32 segments side by side, for validation during a training. */
export function segmentSource(tokens: Tokens): BatchSource {
  const batch = Math.max(1, Math.min(SEGMENTS, Math.floor(tokens.length / WARMUP)))
  const length = Math.max(1, Math.min(WINDOW, tokens.length - 1))
  return evaluationSource(createEvaluation(tokens, { length, batch, warmup: WARMUP }))
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
