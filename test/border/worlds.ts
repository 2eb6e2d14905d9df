// Small objects that hostile calls work with.
import { readFileSync, writeFileSync } from 'node:fs'
import { Graph } from '../../src/graph/graph.js'
import type { DType } from '../../src/graph/shape.js'
import type { Tensor } from '../../src/graph/graph.js'
import {
  createBatches,
  createEvaluation,
  defineModel,
  evaluationSource,
  tokenSource,
  tokensOf,
  vocabularyFromText,
  writeCheckpointSync,
  type Model
} from '../../src/index.js'
import { createInk, type Ink } from '../../src/data/ink/index.js'
import * as recognition from '../../src/tasks/handwriting-recognition/index.js'
import * as synthesis from '../../src/tasks/handwriting-synthesis/index.js'
import * as text from '../../src/tasks/text/index.js'
import { createSeries, type TimeSeries } from '../../src/tasks/forecast/index.js'
import { forecastTask } from '../../src/tasks/forecast/run.js'
import { csvOf, forecastConfig, monthly } from '../tasks/forecast/samples.js'
import { sentencePairs, translationConfig } from '../tasks/translation/sentences.js'
import { translationTask } from '../../src/tasks/translation/model.js'
import { forms } from '../../src/tasks/music/forms.js'
import { musicNetworkSettings, musicTrainingSettings } from '../../src/tasks/music/settings.js'
import { numbersDefinition } from '../../src/tasks/numbers/model.js'
import { numbersNetworkSettings, numbersTrainingSettings } from '../../src/tasks/numbers/settings.js'
import { configToJson, defaultsOf } from '../../src/settings/index.js'
import type { PieceParts } from '../../src/tasks/music/index.js'
import { captionsDefinition } from '../../src/tasks/captions/model.js'
import { encodePng } from '../../src/data/images/png.js'
import { npyOfFloats } from '../data/features/npy-files.js'
import { captionsConfig, shapePictures } from '../tasks/captions/pictures.js'
import { inkAugmentations } from '../../src/data/ink/augment.js'
import { drawText } from '../ink-samples.js'
import { alphabet, textModel } from '../text-model.js'

/** Tensors of a new graph, as many as an op may want. */
export interface GraphWorld {
  graph: Graph
  f32(...shape: number[]): Tensor
  i32(...shape: number[]): Tensor
  weight(...shape: number[]): Tensor
}

export function graphWorld(): GraphWorld {
  const graph = new Graph()
  let inputs = 0
  const tensor = (dtype: DType, shape: number[]) => graph.input(`input${inputs++}`, shape, dtype)
  return {
    graph,
    f32: (...shape) => tensor('f32', shape),
    i32: (...shape) => tensor('i32', shape),
    weight: (...shape) => graph.parameter(`weight${inputs++}`, shape, (values) => values.fill(0.1))
  }
}

export const tinyModel = () => textModel({ hidden: 8 })

export const symbols = alphabet(12)
export const tokens = tokensOf(symbols)
export const source = () => tokenSource(createBatches(tokens, { batch: 2, length: 4, seed: 3 }))
export const heldOut = () => evaluationSource(createEvaluation(tokens, { batch: 1, length: 64 }))

export const inks: Ink[] = ['lv', 'zt', 'lz', 'tv'].map((written, i) =>
  createInk(drawText(written, i), { text: written, fields: { writer: String(i) }, source: `ink ${i}` })
)

export const vocabulary = vocabularyFromText('lvzt')
const normalisation = {
  scale: 'fixed',
  unit: 100,
  deslant: false,
  level: false,
  smooth: 0,
  resample: 'length',
  step: 0.2
} as const
const inkParts = { normalisation, augmentation: inkAugmentations.none, split: { valid: 0.1, where: null } }

export const textConfig = {
  vocabulary: vocabularyFromText('abc\n').config,
  network: { embedding: 4, hidden: 8, layers: 1, dropout: 0.1, variational: true, recurrentDropout: 0.1, zoneout: 0 },
  split: { valid: 0.1, test: 0 }
}

export const recognitionConfig = {
  ...inkParts,
  vocabulary: vocabulary.config,
  network: { hidden: 8, layers: 1, bidirectional: false, dropout: 0 }
}

const offsets = [Float32Array.from([0, 0, 0, 1, 0, 0, 0.5, 0.5, 1, 0, 1, 0, 1, 0.2, 1])]
export const memoryless = synthesis.fitMemoryless(offsets, 2)
export { offsets }

export const synthesisConfig = {
  ...inkParts,
  vocabulary: vocabulary.config,
  network: { hidden: 8, layers: 2, gaussians: 2, window: 2 },
  deviation: 0.2,
  pointsPerSymbol: 8,
  memoryless
}

export { forecastConfig }
/** Returns 100 months of sales. */
export const salesSeries = (): TimeSeries =>
  createSeries(monthly(100), { name: 'sales', start: '2000-01', step: { unit: 'month', count: 1 } })

export { captionsConfig, translationConfig }

const pictures = shapePictures(12)
/** A picture of the size of the captioner's network. */
export const picture = pictures[0]!.picture

/** Returns the bytes of a PNG file of a picture. */
export const pngOfPicture = (of = picture): Buffer => encodePng({ ...of, channels: 3, values: of.rgb })

/** Returns four voices of four quarter notes each. */
export const voices = (): PieceParts => ({
  name: 'four voices',
  notes: [72, 67, 64, 48].flatMap((pitch, channel) =>
    [0, 480, 960, 1440].map((begin) => ({ pitch, begin, end: begin + 480, velocity: 80, channel, program: 0 }))
  ),
  ticksPerQuarter: 480,
  tempo: [{ tick: 0, microsecondsPerQuarter: 500_000 }],
  meters: [{ tick: 0, numerator: 4, denominator: 4 }],
  pedals: [{ begin: 0, end: 480, channel: 0 }]
})

/** Returns a model of four voices in quarter notes. */
function musicModel(): Model {
  const own = { form: 'voices', grid: 'quarter', hidden: 4, layers: 1, chord: 4, relations: 1 } as const
  const network = { ...defaultsOf(musicNetworkSettings), ...own }
  const config = configToJson({ network, training: { ...defaultsOf(musicTrainingSettings), validEvery: 1 } })
  return defineModel({ ...forms.voices.definition(network), name: 'music', config }, { seed: 1 })
}

function numbersModel(): Model {
  const network = { ...defaultsOf(numbersNetworkSettings), hidden: 4 }
  const config = configToJson({ network, training: { ...defaultsOf(numbersTrainingSettings), validEvery: 1 } })
  return defineModel({ ...numbersDefinition(network), config }, { seed: 1 })
}

function save(model: Model, path: string): string {
  using closing = model
  const { name, config, parameters } = closing
  writeCheckpointSync(path, { task: name, config, progress: { step: 1 }, weights: parameters.list() })
  return path
}

/** Files in the current folder, which is a temporary one. */
export function makeFiles(): void {
  writeFileSync('text.txt', 'abc\n'.repeat(200))
  writeFileSync(
    'ink.ndjson',
    inks.map((ink) => JSON.stringify({ strokes: drawText(ink.text!, 1), text: ink.text })).join('\n')
  )
  writeFileSync('sales.csv', csvOf({ sales: monthly(100) }))
  save(defineModel(forecastTask.definition(forecastConfig(4)), { seed: 1 }), 'forecast.safetensors')
  const roll = Array.from({ length: 12 }, (_, i) => [72 - (i % 3), 67, 64, 48 + (i % 2)])
  writeFileSync('voices.json', JSON.stringify({ train: [roll, roll], valid: [roll], test: [] }))
  writeFileSync('pairs.tsv', sentencePairs(60).join('\n'))
  save(musicModel(), 'music.safetensors')
  save(numbersModel(), 'numbers.safetensors')
  save(defineModel(translationTask.definition(translationConfig()), { seed: 1 }), 'translation.safetensors')
  for (const [i, { picture }] of pictures.entries()) writeFileSync(`${i}.png`, pngOfPicture(picture))
  const captioned = pictures.map(({ caption }, i) => JSON.stringify({ file: `${i}.png`, caption }))
  writeFileSync('captions.ndjson', captioned.join('\n'))
  save(defineModel(captionsDefinition(captionsConfig()), { seed: 1 }), 'captions.safetensors')
  const ofFeatures = { ...captionsConfig(), features: { rows: 1, columns: 2, width: 4 } }
  save(defineModel(captionsDefinition(ofFeatures), { seed: 1 }), 'described.safetensors')
  writeFileSync('features.npy', npyOfFloats(new Float32Array(8 * pictures.length).fill(1), [pictures.length, 2, 4]))
  writeFileSync('names.txt', pictures.map((_, i) => `${i}.png`).join('\n'))
  save(text.textModel(textConfig), 'text.safetensors')
  writeFileSync('symbols.json', JSON.stringify(textConfig.vocabulary))
  save(recognition.recognitionModel(recognitionConfig), 'reader.safetensors')
  save(synthesis.synthesisModel(synthesisConfig), 'writer.safetensors')
  readFileSync('text.safetensors')
}
