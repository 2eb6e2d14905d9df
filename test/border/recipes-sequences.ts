// Music, numbers and translation.
import * as music from '../../src/tasks/music/index.js'
import * as numbers from '../../src/tasks/numbers/index.js'
import * as translation from '../../src/tasks/translation/index.js'
import { encodeMidi } from '../../src/data/music/midi/encode.js'
import { method, pure, recipe, type AnyRecipe } from './recipe.js'
import { copy, dispose, loadOptions, run, signal, training } from './recipes-runs.js'
import { translationConfig, voices } from './worlds.js'

type AnyFunction = (...values: unknown[]) => unknown

const common = (out: string) => ({ out, mode: 'force', checkpointEvery: 2, threads: 1, device: 'cpu' })

const musicRun = () => ({
  ...common('run-music.safetensors'),
  data: ['voices.json'],
  network: { form: 'voices', hidden: 4, layers: 1, chord: 4, relations: 1, members: 1, dropout: 0, window: 8 },
  training
})
const numbersRun = () => ({
  ...common('run-numbers.safetensors'),
  network: { hidden: 4, embedding: 2, sums: 1 },
  training
})
const translationRun = () => ({
  ...common('run-translation.safetensors'),
  data: ['pairs.tsv'],
  validFiles: ['pairs.tsv'],
  network: { hidden: 4, embedding: 4, attention: 'dot', dropout: 0, tied: true },
  symbols: { size: 300, separate: false },
  sentences: { longest: 64, plain: true },
  training: { ...training, batch: 64, labelSmoothing: 0.1 },
  read: { columns: [1, 2], signal: signal(), onBad: () => {}, onSkip: () => {} }
})

const composer = () => music.loadComposer('music.safetensors')
const compose = (options: () => music.CompositionOptions) =>
  method('LoadedComposer', 'compose', composer, () => [options()], { cost: 40, dispose, pure: true })
const lengths = (more: object) => ({ temperature: 0.9, topP: 0.9, seed: 1, tempo: 90, signal: signal(), ...more })

const musicRecipes: AnyRecipe[] = [
  pure('music.decodeMidi', music.decodeMidi, () => [encodeMidi(voices()), 'four voices']),
  pure('music.encodeMidi', music.encodeMidi, () => [voices()]),
  pure('music.pieceToWav', music.pieceToWav, () => [voices(), { sampleRate: 22_050, maxSeconds: 1 }], { cost: 5 }),
  pure('music.loadComposer', music.loadComposer, () => ['music.safetensors', loadOptions()], {
    cost: 20,
    returns: 'LoadedComposer'
  }),
  compose(() => lengths({ prompt: voices(), onlyNew: true, steps: 2, grid: 'quarter' })),
  compose(() => lengths({ harmonise: voices(), particles: 2 })),
  method('LoadedComposer', 'dispose', composer, () => [], { cost: 20 }),
  ...run('music', 'prepareMusicRun', music.prepareMusicRun, musicRun)
]

const loadedNumbers = () => numbers.loadNumbersModel('numbers.safetensors')

const numbersRecipes: AnyRecipe[] = [
  pure('numbers.loadNumbersModel', numbers.loadNumbersModel, () => ['numbers.safetensors', loadOptions()], {
    cost: 20,
    returns: 'LoadedNumbersModel'
  }),
  method(
    'LoadedNumbersModel',
    'continue',
    loadedNumbers,
    () => [[2, 4, 8n], { count: 1, choices: 1, signal: signal() }],
    { cost: 200, dispose, pure: true, accepts: ['0.0=bigint', '0.1=bigint', '0.2=*'] }
  ),
  method('LoadedNumbersModel', 'dispose', loadedNumbers, () => [], { cost: 20 }),
  ...run('numbers', 'prepareNumbersRun', numbers.prepareNumbersRun, numbersRun)
]

const translator = () => translation.loadTranslator('translation.safetensors')
const sentences = () => ['one two.', 'six']
const search = () => ({ beam: 2, lengthPenalty: 1, coveragePenalty: 0.1, longest: 9, signal: signal() })

const translationRecipes: AnyRecipe[] = [
  pure('translation.readPairs', translation.readPairs, () => [
    ['pairs.tsv'],
    { columns: [1, 2], signal: signal(), onBad: () => {}, onSkip: () => {} }
  ]),
  pure('translation.translationConfigFromJson', translation.translationConfigFromJson, () => [
    copy(translationConfig()),
    'a file'
  ]),
  pure('translation.loadTranslator', translation.loadTranslator, () => ['translation.safetensors', loadOptions()], {
    cost: 20,
    returns: 'LoadedTranslator'
  }),
  method(
    'LoadedTranslator',
    'translate',
    translator,
    () => [sentences(), { ...search(), best: 2, draws: { seed: 1, temperature: 0.5, topK: 2, topP: 0.9, first: 1 } }],
    { cost: 40, dispose, pure: true }
  ),
  method('LoadedTranslator', 'attention', translator, () => ['one two.', { ...search(), translation: 'deux un' }], {
    cost: 40,
    dispose,
    pure: true
  }),
  method('LoadedTranslator', 'dispose', translator, () => [], { cost: 20 }),
  recipe<translation.LoadedTranslator>({
    name: 'translation.measureTranslator',
    setup: translator,
    args: (loaded) => [
      loaded,
      sentences().map((source) => ({ source, target: 'six' })),
      {
        beam: 1,
        lengthPenalty: 1,
        coveragePenalty: 0.1,
        most: 1,
        tokenizer: '13a',
        signal: signal(),
        onProgress: () => {}
      }
    ],
    call: (_, given) => (translation.measureTranslator as AnyFunction)(...given),
    dispose,
    pure: true,
    cost: 40
  }),
  ...run('translation', 'prepareTranslationRun', translation.prepareTranslationRun, translationRun)
]

export const sequenceRecipes: AnyRecipe[] = [...musicRecipes, ...numbersRecipes, ...translationRecipes]
