// The files that the examples of docstrings name, with small networks and little data.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { bpeToTokenizerJson, trainBpe, vocabularyFromText, writeCheckpointSync, type Model } from 'gatecell'
import { prepareForecastRun } from 'gatecell/forecast'
import { encodeMidi } from 'gatecell/music'
import { recognitionModel } from 'gatecell/handwriting-recognition'
import { exportModel } from 'gatecell/interop'
import { fitMemoryless, synthesisModel } from 'gatecell/handwriting-synthesis'
import { textModel } from 'gatecell/text'
import { story } from '../cli/command.js'
import { inkSamples, ndjson } from '../ink-samples.js'
import { csvOf, monthly } from '../tasks/forecast/samples.js'
import { models as smallModels, save as saveModel } from '../tasks/small-models.js'
import { sentencePairs } from '../tasks/translation/sentences.js'

const lines = 'ROMEO: But soft, what light through yonder window breaks?\nTo be, or not to be\n'
/** The text of the examples; it has all letters of their prompts. */
export const letters = `${lines}${story(6000)}`

const ink = {
  normalisation: {
    scale: 'fixed',
    unit: 100,
    deslant: false,
    level: false,
    smooth: 0,
    resample: 'length',
    step: 0.2
  },
  augmentation: {
    ...{ shear: 0, scale: 0, rotate: 0, warp: 0, dropout: 0, reverse: 0, trim: 0, lift: 0, speed: 0, width: 0 },
    ...{ lean: 0, drift: 0, bend: 0, swap: 0, join: 0, plain: 0 }
  },
  split: { valid: 0.1, where: null }
} as const

const offsets = [Float32Array.from([0, 0, 0, 1, 0, 0, 0.5, 0.5, 1, 0, 1, 0, 1, 0.2, 1])]

function save(folder: string, name: string, model: Model): void {
  using closing = model
  const { name: task, config, parameters } = closing
  writeCheckpointSync(join(folder, name), { task, config, progress: { step: 1 }, weights: parameters.list() })
}

/** Writes a photograph of one colour, and a folder of images with its file of captions. */
async function makeImages(folder: string): Promise<void> {
  const image = sharp({ create: { width: 80, height: 60, channels: 3, background: { r: 200, g: 120, b: 40 } } })
  const emoji = join(folder, 'emoji', 'png72')
  mkdirSync(emoji, { recursive: true })
  await image.clone().jpeg().toFile(join(folder, 'cat.jpg'))
  await image.png().toFile(join(emoji, 'cat.png'))
  writeFileSync(join(folder, 'emoji', 'captions.ndjson'), '{"file":"cat.png","caption":"cat"}\n')
}

/** Writes the files to a folder; without `models` only the data. */
export async function makeFiles(folder: string, { models = true } = {}): Promise<void> {
  writeFileSync(join(folder, 'shakespeare.txt'), letters)
  writeFileSync(join(folder, 'words.ndjson'), ndjson(inkSamples(20)))
  const passengers = join(folder, 'passengers.csv')
  writeFileSync(passengers, csvOf({ Passengers: monthly(120) }).replace('date', 'Month'))
  await makeImages(folder)
  writeFileSync(join(folder, 'pairs.tsv'), sentencePairs(20).join('\n'))
  const note = { pitch: 60, begin: 0, end: 480, velocity: 80, channel: 0, program: 0 }
  writeFileSync(join(folder, 'theme.mid'), encodeMidi({ name: 'a middle C', notes: [note] }))
  if (!models) return
  for (const [task, name] of [
    ['music', 'bach'],
    ['numbers', 'numbers'],
    ['translation', 'french'],
    ['captions', 'photos']
  ] as const)
    await saveModel(smallModels[task]!(8), join(folder, `${name}.safetensors`))
  const forecaster = await prepareForecastRun({
    data: [passengers],
    out: join(folder, 'passengers.safetensors'),
    table: { time: 'Month', target: 'Passengers' },
    network: { hidden: 4, members: 1 },
    training: { epochs: 1 }
  })
  await forecaster.fit()
  forecaster.dispose()
  const tokens = await trainBpe(['low lower lowest'], { size: 260, special: ['end'] })
  // The example reads the file of a tokenizer whose token has the name that GPT-2 gives it.
  writeFileSync(join(folder, 'gpt2-tokenizer.json'), bpeToTokenizerJson(tokens).replaceAll('<end>', '<|endoftext|>'))
  const textNetwork = {
    embedding: 8,
    hidden: 8,
    layers: 1,
    dropout: 0,
    variational: false,
    recurrentDropout: 0,
    zoneout: 0
  }
  const textOf = (text: string) =>
    textModel({ vocabulary: vocabularyFromText(text).config, network: textNetwork, split: { valid: 0.1, test: 0 } })
  save(folder, 'shakespeare.safetensors', textOf(letters))
  save(folder, 'english.safetensors', textOf(letters))
  // Names that programs in PyTorch often have.
  const names = { lstm: 'rnn', head: 'decoder' }
  const out = join(folder, 'torch.safetensors')
  await exportModel(join(folder, 'english.safetensors'), { to: 'pytorch', out, map: names })
  await exportModel(join(folder, 'shakespeare.safetensors'), { to: 'onnx', out: join(folder, 'shakespeare.onnx') })
  save(folder, 'stories.safetensors', textOf('abcd'))
  save(
    folder,
    'reader.safetensors',
    recognitionModel({
      ...ink,
      vocabulary: vocabularyFromText('lvzt hello world').config,
      network: { hidden: 8, layers: 1, bidirectional: false, dropout: 0 }
    })
  )
  save(
    folder,
    'writer.safetensors',
    synthesisModel({
      ...ink,
      vocabulary: vocabularyFromText('lvzt hello world').config,
      network: { hidden: 8, layers: 2, gaussians: 2, window: 2 },
      deviation: 0.2,
      pointsPerSymbol: 8,
      memoryless: fitMemoryless(offsets, 2)
    })
  )
}
