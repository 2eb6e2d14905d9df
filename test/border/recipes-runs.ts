// The options of trainings from files to files, and the recipes that all of them share.
import { rmSync } from 'node:fs'
import { method, pure, type AnyRecipe } from './recipe.js'

export const dispose = (made: { dispose(): void }): void => made.dispose()
export const modelOptions = () => ({ seed: 1, threads: 1, training: false })
export const loadOptions = () => ({ threads: 1, precision: 'f32', device: 'cpu' })
export const signal = (): AbortSignal => new AbortController().signal
export const copy = <T>(value: T): T => structuredClone(value)

export const training = {
  batch: 2,
  optimizer: 'adam',
  learningRate: 0.01,
  schedule: 'constant',
  warmup: 0,
  clip: 1,
  seed: 0,
  precision: 'f32',
  steps: 2,
  validEvery: 2
} as const

const common = (out: string) => ({ out, mode: 'force', checkpointEvery: 2, threads: 1, device: 'cpu' })

export const textRun = () => ({
  ...common('run-text.safetensors'),
  data: ['text.txt'],
  vocabulary: 'character',
  minCount: 1,
  network: { embedding: 4, hidden: 8, layers: 1, dropout: 0, variational: false, recurrentDropout: 0, zoneout: 0 },
  training: { ...training, length: 4, labelSmoothing: 0.1 },
  split: { valid: 0.1, test: 0 },
  corpus: { memoryBytes: 1e6, onSkip: () => {}, onProgress: () => {} }
})

export const wordRun = () => ({ ...textRun(), vocabulary: 'word', vocabularySize: 2 })

const inkRun = (out: string) => ({
  ...common(out),
  data: ['ink.ndjson'],
  validFiles: ['ink.ndjson'],
  read: { y: 'up' },
  training,
  augmentation: 0.5,
  lineAugmentation: 0.5,
  split: { valid: 0.25, where: null },
  onBad: () => {}
})

export const synthesisRun = () => ({
  ...inkRun('run-writer.safetensors'),
  network: { hidden: 8, layers: 1, gaussians: 2, window: 2 },
  normalisation: { scale: 'sample', step: 0.2 },
  text: true
})
export const recognitionRun = () => ({
  ...inkRun('run-reader.safetensors'),
  network: { hidden: 8, layers: 1, bidirectional: true, dropout: 0.1 },
  normalisation: { deslant: true, step: 0.2 }
})

interface AnyRun {
  fit(options?: never): unknown
  describe(threads: never): unknown
  dispose(): void
}

/** The function that makes a run ready, and the methods of what it returns. */
export function run(
  space: string,
  name: string,
  prepare: (options: never) => Promise<AnyRun>,
  options: () => { out: string }
): AnyRecipe[] {
  const open = () => {
    const { out } = options()
    for (const file of [out, out.replace('.safe', '.last.safe')]) rmSync(file, { force: true })
    return prepare(options() as never)
  }
  const slow = { cost: 60, digest: () => '', dispose }
  return [
    pure(`${space}.${name}`, prepare, () => [options()], {
      cost: 60,
      digest: () => '',
      returns: 'Run',
      accepts: ['0.split.where=null']
    }),
    method<AnyRun>('Run', 'fit', open, () => [{ signal: signal(), onReport: () => {}, onMeasure: () => {} }], slow),
    method<AnyRun>('Run', 'describe', open, () => [1], slow),
    method<AnyRun>('Run', 'dispose', open, () => [], slow)
  ]
}
