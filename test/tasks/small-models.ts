// Small models of every task, with first values as weights.

import { defineModel, writeCheckpoint, type Model } from '../../src/index.js'
import { configToJson, defaultsOf } from '../../src/settings/index.js'
import { captionsDefinition } from '../../src/tasks/captions/model.js'
import { forecastTask } from '../../src/tasks/forecast/run.js'
import { recognitionModel } from '../../src/tasks/handwriting-recognition/index.js'
import { synthesisModel } from '../../src/tasks/handwriting-synthesis/index.js'
import { forms } from '../../src/tasks/music/forms.js'
import { musicNetworkSettings, musicTrainingSettings } from '../../src/tasks/music/settings.js'
import { numbersDefinition } from '../../src/tasks/numbers/model.js'
import { numbersNetworkSettings, numbersTrainingSettings } from '../../src/tasks/numbers/settings.js'
import { textModel } from '../../src/tasks/text/index.js'
import { captionsConfig } from './captions/pictures.js'
import { translationConfig } from './translation/sentences.js'
import { translationTask } from '../../src/tasks/translation/model.js'
import { synthesisConfig, recognitionConfig, textConfig } from '../border/worlds.js'
import { forecastConfig } from './forecast/samples.js'

/** Writes a model to a file and disposes of it. */
export async function save(made: Model, path: string): Promise<void> {
  using model = made
  const { name, config, parameters } = model
  await writeCheckpoint(path, { task: name, config, progress: { step: 1 }, weights: parameters.list() })
}

/** Models of each task by their hidden size: the configuration of one size does not fit the weights of another. */
export const models: Record<string, (hidden: number) => Model> = {
  numbers: (hidden) => {
    const network = { ...defaultsOf(numbersNetworkSettings), hidden }
    const training = { ...defaultsOf(numbersTrainingSettings), validEvery: 1 }
    return defineModel({ ...numbersDefinition(network), config: configToJson({ network, training }) })
  },
  music: (hidden) => {
    const network = { ...defaultsOf(musicNetworkSettings), hidden, chord: hidden }
    const training = { ...defaultsOf(musicTrainingSettings), validEvery: 1 }
    const config = configToJson({ network, training })
    return defineModel({ ...forms.notes.definition(network), name: 'music', config })
  },
  forecast: (hidden) => {
    const model = defineModel(forecastTask.definition(forecastConfig(hidden)), { seed: hidden })
    // The last layer begins with zeros, with which all models are equal.
    const head = model.parameters.get('head0.weight').data
    for (let i = 0; i < head.length; i++) head[i] = Math.sin(i * hidden)
    model.parameters.touch()
    return model
  },
  translation: (hidden) => defineModel(translationTask.definition(translationConfig({ hidden })), { seed: hidden }),
  captions: (hidden) => defineModel(captionsDefinition(captionsConfig({ hidden })), { seed: hidden }),
  text: (hidden) => textModel({ ...textConfig, network: { ...textConfig.network, hidden } }),
  'handwriting-recognition': (hidden) =>
    recognitionModel({
      ...recognitionConfig,
      network: { ...recognitionConfig.network, hidden }
    }),
  'handwriting-synthesis': (hidden) =>
    synthesisModel({
      ...synthesisConfig,
      network: { ...synthesisConfig.network, hidden }
    })
}
