// Random numbers, the machine, data, files and ink.
import * as api from '../../src/index.js'
import { method, pure, type AnyRecipe } from './recipe.js'
import { inks, tokens, vocabulary } from './worlds.js'

const batches = () => api.createBatches(tokens, { batch: 2, length: 4, seed: 3, rotate: true })
const evaluation = () => api.createEvaluation(tokens, { length: 4, batch: 2, warmup: 1 })
const buckets = () => api.createBuckets([3, 8, 20, 5], { batch: 2, seed: 1, shuffle: true, shortFirst: 1 })
const arrays = () => [new Int32Array(8), new Int32Array(8)]
const vocabularies = [() => vocabulary, api.byteVocabulary]

function perVocabulary(
  name: 'encode' | 'decode' | 'symbol' | 'decoder' | 'encoder',
  args: () => unknown[],
  returns?: string
): AnyRecipe[] {
  return vocabularies.map((make) => method('Vocabulary', name, make, args, { pure: true, ...(returns && { returns }) }))
}

const simple: AnyRecipe[] = [
  pure(
    'GatecellError',
    (...args: [never, never, never]) => new api.GatecellError(...args),
    () => ['ERR_BUSY', 'Expected one but received two.', { cause: 1 }]
  ),
  pure('createRandom', api.createRandom, () => [1, 'name'], { returns: 'Random' }),
  ...(['uint32', 'uniform', 'normal'] as const).map((name) =>
    method(
      'Random',
      name,
      () => api.createRandom(1),
      () => []
    )
  ),
  method(
    'Random',
    'below',
    () => api.createRandom(1),
    () => [5]
  ),
  pure('philox4x32', api.philox4x32, () => [[1, 2, 3, 4], [5, 6], new Uint32Array(4)]),
  pure('backends', api.backends, () => []),
  pure('machineInfo', api.machineInfo, () => []),
  pure('setThreads', api.setThreads, () => [0])
]

const data: AnyRecipe[] = [
  pure('createBatches', api.createBatches, () => [tokens, { batch: 2, length: 4, seed: 3, rotate: true }], {
    returns: 'Batches'
  }),
  method('Batches', 'fill', batches, () => [{ epoch: 1, step: 2 }, ...arrays()], { pure: true }),
  method('Batches', 'next', batches, () => [{ epoch: 1, step: 2 }], { pure: true }),
  method('Batches', 'at', batches, () => [7], { pure: true }),
  pure('createEvaluation', api.createEvaluation, () => [tokens, { length: 4, batch: 2, warmup: 1 }], {
    returns: 'Evaluation'
  }),
  method('Evaluation', 'fill', evaluation, () => [3, ...arrays()], { pure: true }),
  pure('createBuckets', api.createBuckets, () => [[3, 8, 20, 5], { batch: 2, seed: 1, shuffle: true, shortFirst: 1 }], {
    returns: 'Buckets'
  }),
  method('Buckets', 'samples', buckets, () => [{ epoch: 1, step: 1 }], { pure: true }),
  method('Buckets', 'next', buckets, () => [{ epoch: 1, step: 1 }], { pure: true }),
  pure('paddedLength', api.paddedLength, () => [100]),
  pure('ctcNeeds', api.ctcNeeds, () => [[1, 1, 2]]),
  pure('tokensOf', api.tokensOf, () => [[1, 2, 3]], { returns: 'Tokens' }),
  method(
    'Tokens',
    'read',
    () => tokens,
    () => [2, 3, new Int32Array(9), 1],
    { pure: true }
  ),
  method(
    'Tokens',
    'slice',
    () => tokens,
    () => [2, 5],
    { pure: true }
  ),
  pure('tokenSource', api.tokenSource, () => [batches(), { inputs: 'a', targets: 'b' }], { returns: 'EpochSource' }),
  method(
    'EpochSource',
    'batches',
    () => api.tokenSource(batches()),
    () => [{ epoch: 0, step: 1 }],
    { accepts: ['0=null'] }
  ),
  pure('evaluationSource', api.evaluationSource, () => [evaluation(), { inputs: 'a', targets: 'b' }], {
    returns: 'EpochSource'
  }),
  method(
    'EpochSource',
    'batches',
    () => api.evaluationSource(evaluation()),
    () => []
  ),
  pure(
    'sampleSource',
    api.sampleSource,
    () => [
      buckets(),
      { dims: { length: 20, batch: 2 }, train: true },
      () => ({ inputs: { x: new Float32Array(2) }, count: 2 })
    ],
    { returns: 'EpochSource' }
  ),
  method(
    'EpochSource',
    'batches',
    () => api.sampleSource(buckets(), { dims: { length: 20 }, train: true }, () => ({ inputs: {} })),
    () => [{ epoch: 0, step: 1 }],
    { accepts: ['0=null'] }
  )
]

const words: AnyRecipe[] = [
  pure('byteVocabulary', api.byteVocabulary, () => [], { returns: 'Vocabulary' }),
  pure(
    'characterVocabulary',
    api.characterVocabulary,
    () => [
      new Map([
        [97, 2],
        [98, 5]
      ]),
      { minCount: 2 }
    ],
    { returns: 'Vocabulary' }
  ),
  pure('vocabularyFromText', api.vocabularyFromText, () => ['hello', { minCount: 2 }], { returns: 'Vocabulary' }),
  pure('vocabularyFromConfig', api.vocabularyFromConfig, () => [{ kind: 'character', symbols: 'abc', unknown: true }], {
    returns: 'Vocabulary'
  }),
  ...perVocabulary('encode', () => ['lvzt', 'a remedy']),
  ...perVocabulary('decode', () => [[0, 1, 2]]),
  ...perVocabulary('symbol', () => [1]),
  ...perVocabulary('decoder', () => [], 'Decoder'),
  ...perVocabulary('encoder', () => [], 'Encoder'),
  ...vocabularies.flatMap((make) => [
    method(
      'Decoder',
      'write',
      () => make().decoder(),
      () => [1]
    ),
    method(
      'Decoder',
      'end',
      () => make().decoder(),
      () => []
    ),
    method(
      'Encoder',
      'write',
      () => make().encoder(),
      () => [Uint8Array.of(108, 118), new Int32Array(4)]
    ),
    method(
      'Encoder',
      'end',
      () => make().encoder(),
      () => []
    )
  ])
]

const named = () => [
  { name: 'a', shape: [2, 2], data: new Float32Array(4).fill(1) },
  { name: 'b', shape: [3], data: new Uint16Array(3), dtype: 'BF16' }
]
const state = () => [{ name: 's', shape: [2], data: new Float32Array(2) }]
const checkpoint = () => {
  const weights = [{ name: 'a', shape: [2, 2], data: new Float32Array(4).fill(1) }]
  return {
    task: 'text',
    config: { list: [1, null, 'x', { deep: true }] },
    progress: { step: 1 },
    weights,
    moment1: weights,
    moment2: weights,
    moment3: weights,
    state: state()
  }
}
const opened = () => api.openSafetensors('reader.safetensors')
const close = (file: { close(): unknown }): void => void file.close()

let logs = 0
const log = () => api.openEventLog(`logs/${logs++}`)

const slow = { cost: 10 } as const
const files: AnyRecipe[] = [
  pure(
    'readCheckpoint',
    api.readCheckpoint,
    () => ['reader.safetensors', { task: 'handwriting-recognition', place: () => null }],
    {
      ...slow,
      accepts: ['1.place=null']
    }
  ),
  pure(
    'readCheckpointInfo',
    api.readCheckpointInfo,
    () => ['reader.safetensors', { task: 'handwriting-recognition' }],
    slow
  ),
  pure('writeCheckpoint', api.writeCheckpoint, () => ['out.safetensors', checkpoint()], slow),
  pure('writeCheckpointSync', api.writeCheckpointSync, () => ['out.safetensors', checkpoint()], slow),
  pure('writeSafetensors', api.writeSafetensors, () => ['out.safetensors', named(), { key: 'value' }], slow),
  pure('openSafetensors', api.openSafetensors, () => ['reader.safetensors'], { ...slow, returns: 'SafetensorsFile' }),
  method('SafetensorsFile', 'read', opened, () => ['head.bias'], { ...slow, dispose: close, pure: true }),
  method('SafetensorsFile', 'readInto', opened, () => ['head.bias', new Float32Array(5)], {
    ...slow,
    dispose: close,
    pure: true
  }),
  method('SafetensorsFile', 'readBytes', opened, () => [3, new Uint8Array(5)], { ...slow, dispose: close, pure: true }),
  method('SafetensorsFile', 'close', opened, () => [], { ...slow, dispose: close }),
  pure('openEventLog', api.openEventLog, () => ['log', { resumeStep: 3, now: () => 1 }], {
    ...slow,
    returns: 'EventLog',
    digest: () => ''
  }),
  method('EventLog', 'scalar', log, () => ['loss', 0.5, 3, 17], { ...slow, dispose: close, accepts: ['1=NaN'] }),
  method('EventLog', 'flush', log, () => [], { ...slow, dispose: close }),
  method('EventLog', 'close', log, () => [], slow),
  pure(
    'openCorpus',
    api.openCorpus,
    () => [
      ['text.txt'],
      {
        vocabulary: 'character',
        minCount: 1,
        valid: 0.1,
        test: 0.1,
        validFiles: ['text.txt'],
        cacheDir: '.',
        memoryBytes: 1e6,
        onSkip: () => {},
        onProgress: () => {},
        signal: new AbortController().signal,
        stdin: process.stdin
      }
    ],
    { cost: 30, returns: 'Corpus', accepts: ['1.vocabulary=object'] }
  ),
  method(
    'Corpus',
    'close',
    () => api.openCorpus(['text.txt'], { memoryBytes: 0 }),
    () => [],
    { cost: 30 }
  )
]

const ink: AnyRecipe[] = [
  pure(
    'createInk',
    api.createInk,
    () => [
      [
        [
          [0, 0, 1],
          [1, 1, 2]
        ],
        [[2, 0, 3]]
      ],
      { text: 'l', fields: { writer: 'me' }, source: 'a test', yDown: true }
    ],
    { accepts: ['1.text=null'] }
  ),
  pure('inkPoints', api.inkPoints, () => [inks[0]!.strokes.map((stroke) => ({ ...stroke }))]),
  pure('inkSvg', api.inkSvg, () => [
    inks[0]!.strokes.map((stroke) => ({ ...stroke })),
    { width: 200, moving: true, pointsPerSecond: 100, title: 'ink' }
  ]),
  pure(
    'readInk',
    api.readInk,
    () => [
      ['ink.ndjson'],
      {
        y: 'up',
        level: 'WORD',
        onBad: () => {},
        onSkip: () => {},
        signal: new AbortController().signal,
        stdin: process.stdin
      }
    ],
    { cost: 20 }
  )
]

export const dataRecipes: AnyRecipe[] = [...simple, ...data, ...words, ...files, ...ink]
