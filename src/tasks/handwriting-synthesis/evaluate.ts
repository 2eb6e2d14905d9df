// The measure of a writer: nats per point on ink that it did not see, in deviations of the offsets; beside a single Gaussian
// and a mixture of as many Gaussians, both without a memory.

import { int32Array, integer, list, open, optional, string } from '../../check/index.js'
import { options as optionsOf, signal as signalOf } from '../../check/index.js'
import { readInkSample } from '../../data/ink/strokes.js'
import { GatecellError } from '../../errors.js'
import { checkModel, type Model } from '../../model.js'
import { evaluate } from '../../train/evaluate.js'
import { expectFiniteLoss } from '../../train/not-finite.js'
import { measureMemoryless, type Baselines } from '../../metrics/gaussian-mixture.js'
import { readGenerationConfig, type GenerationConfig } from './config.js'
import { generationSource, offsetsOf, type WrittenInk } from './data.js'

export interface GenerationMeasure extends Baselines {
  samples: number
  points: number
  /** Mean nats per point. */
  nats: number
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

export async function measureGeneration(
  model: Model,
  modelConfig: GenerationConfig,
  inks: readonly WrittenInk[],
  measureOptions: { signal?: AbortSignal | undefined } = {}
): Promise<GenerationMeasure> {
  checkModel(model, 'model')
  const config = readGenerationConfig(modelConfig, 'config')
  const samples = readSamples(inks, 'the samples')
  const options = readMeasureOptions(measureOptions, 'the options')
  if (samples.length === 0)
    throw new GatecellError('ERR_CORPUS_EMPTY', 'Expected at least one sample to measure but there is none: add ink.')
  const columns = samples.reduce((most, sample) => Math.max(most, sample.symbols.length), 0)
  const source = generationSource(samples, config, { batch: BATCH, train: false, columns })
  const { loss, count, seconds } = await evaluate(model, source, { signal: options.signal })
  const baselines = measureMemoryless(
    config.memoryless,
    samples.map((sample) => offsetsOf(sample, config))
  )
  return { samples: samples.length, points: count, nats: expectFiniteLoss(loss), ...baselines, seconds }
}
