// Captions.
import * as captions from '../../src/tasks/captions/index.js'
import { npyOfFloats } from '../data/features/npy-files.js'
import { method, pure, type AnyRecipe } from './recipe.js'
import { copy, dispose, loadOptions, run, signal, training } from './recipes-runs.js'
import { captionsConfig, picture, pngOfPicture } from './worlds.js'

const captionsRun = () => ({
  out: 'run-captions.safetensors',
  mode: 'force',
  checkpointEvery: 2,
  threads: 1,
  device: 'cpu',
  data: ['captions.ndjson'],
  validFiles: ['captions.ndjson'],
  image: { width: 12, height: 8, fit: 'cut' },
  network: { channels: '4', hidden: 4, embedding: 4, attention: 'dot', dropout: 0, norm: true },
  words: { lowerCase: true, minCount: 1 },
  sets: { longest: 64 },
  training: { ...training, labelSmoothing: 0.1, shift: 1, mirror: true },
  read: { images: ['.'], perImage: 1, onBad: () => {}, onProgress: () => {}, signal: signal() }
})

const featuresRun = () => ({
  ...captionsRun(),
  out: 'run-described.safetensors',
  image: {},
  network: { hidden: 4, embedding: 4, sweeps: 1, sweepUnits: 2 },
  training: { ...training, labelSmoothing: 0.1 },
  read: { features: ['features.npy'], featureNames: 'names.txt', perImage: 1, signal: signal() }
})

const captioner = () => captions.loadCaptioner('captions.safetensors')
const images = () => [pngOfPicture(), copy(picture)]
const search = () => ({ beam: 2, lengthPenalty: 1, coveragePenalty: 0.1, signal: signal() })
const used = { cost: 40, dispose, pure: true } as const

export const captionRecipes: AnyRecipe[] = [
  pure(
    'captions.decodeImage',
    captions.decodeImage,
    () => [pngOfPicture(), { width: 6, height: 4, fit: 'margin', maxPixels: 1e6, name: 'a picture' }],
    { cost: 10 }
  ),
  pure(
    'captions.readCaptions',
    captions.readCaptions,
    () => ['captions.ndjson', { images: ['.'], onBad: () => {}, signal: signal() }],
    { cost: 10 }
  ),
  pure('captions.captionsConfigFromJson', captions.captionsConfigFromJson, () => [copy(captionsConfig()), 'a file']),
  pure('captions.loadCaptioner', captions.loadCaptioner, () => ['captions.safetensors', loadOptions()], {
    cost: 20,
    returns: 'LoadedCaptioner'
  }),
  method(
    'LoadedCaptioner',
    'caption',
    captioner,
    () => [images(), { ...search(), best: 2, draws: { seed: 1, temperature: 0.5, topK: 2, topP: 0.9, first: 1 } }],
    used
  ),
  method(
    'LoadedCaptioner',
    'caption',
    () => captions.loadCaptioner('described.safetensors'),
    () => [[{ shape: [2, 4], values: new Float32Array(8) }, npyOfFloats(new Float32Array(8), [2, 4])], { beam: 2 }],
    used
  ),
  method('LoadedCaptioner', 'score', captioner, () => [images(), ['a red one', 'a'], { signal: signal() }], used),
  method(
    'LoadedCaptioner',
    'attention',
    captioner,
    () => [pngOfPicture(), { ...search(), caption: 'a red one' }],
    used
  ),
  method('LoadedCaptioner', 'dispose', captioner, () => [], { cost: 20 }),
  ...run('captions', 'prepareCaptionsRun', captions.prepareCaptionsRun, captionsRun),
  ...run('captions', 'prepareCaptionsRun', captions.prepareCaptionsRun, featuresRun)
]
