// The measure of a writer on samples of ink: the loss in nats per point, with offsets in standard deviations, compared with a single Gaussian
// and a mixture of as many Gaussians, both without a memory.

import { int32Array, integer, list, open, optional, string } from '../../../check/index.js'
import { options as optionsOf, signal as signalOf } from '../../../check/index.js'
import { readInkSample } from '../../../data/ink/strokes.js'
import { expected } from '../../../errors.js'
import { checkModel, type Model } from '../../../model.js'
import { evaluate } from '../../../train/evaluate.js'
import { expectFiniteLoss } from '../../../train/not-finite.js'
import { measureMemoryless, type Baselines } from '../../../metrics/gaussian-mixture.js'
import { readSynthesisConfig, type SynthesisConfig } from '../config.js'
import { synthesisSource, offsetsOf, type WrittenInk } from '../data.js'

/** The measure of a writer on samples of ink, with the nats per point of its baselines. */
export interface SynthesisMeasure extends Baselines {
  /** Number of the samples. */
  samples: number
  /** Number of the points that were predicted. */
  points: number
  /** Mean loss in nats per point. */
  nats: number
  /** Duration of the measurement in seconds. */
  seconds: number
}

const BATCH = 16

const readSamples = list(
  open<WrittenInk>({
    ink: readInkSample,
    text: string,
    symbols: int32Array(),
    steps: integer(0)
  })
)
const readMeasureOptions = optionsOf<{ signal?: AbortSignal | undefined }>({ signal: optional(signalOf) })

/**
 * Measures a writer on samples, which `writtenInk` makes. `modelConfig` is the configuration of `model`. The weights are those at the
 * beginning; a fit of the model waits meanwhile. Throws ERR_CORPUS_EMPTY without samples, ERR_NOT_FINITE if the loss is not finite,
 * ERR_ABORTED if the signal aborts, ERR_INVALID_ARGUMENT for arguments of other types.
 *
 * @example
 * const samples = writtenInk(await readInk(['words.ndjson']), writer.vocabulary, writer.config)
 * const { nats, mixture } = await measureSynthesis(writer.model, writer.config, samples)
 */
export async function measureSynthesis(
  model: Model,
  modelConfig: SynthesisConfig,
  inks: readonly WrittenInk[],
  measureOptions: { signal?: AbortSignal | undefined } = {}
): Promise<SynthesisMeasure> {
  checkModel(model, 'model')
  const config = readSynthesisConfig(modelConfig, 'config')
  const samples = readSamples(inks, 'the samples')
  const options = readMeasureOptions(measureOptions, 'the options')
  if (samples.length === 0) throw expected('ERR_CORPUS_EMPTY', 'at least one sample to measure', 'none', 'add ink')
  const maxTargetLength = samples.reduce((most, sample) => Math.max(most, sample.symbols.length), 0)
  const source = synthesisSource(samples, config, { batch: BATCH, train: false, maxTargetLength })
  const { loss, count, seconds } = await evaluate(model, source, { signal: options.signal })
  const baselines = measureMemoryless(
    config.memoryless,
    samples.map((sample) => offsetsOf(sample, config))
  )
  return { samples: samples.length, points: count, nats: expectFiniteLoss(loss), ...baselines, seconds }
}
