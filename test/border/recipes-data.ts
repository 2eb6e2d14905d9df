// Random numbers, the machine, batches and vocabularies.
import * as api from '../../src/index.js'
import { method, pure, recipe, type AnyRecipe } from './recipe.js'
import { tokens, vocabulary } from './worlds.js'

const batches = () => api.createBatches(tokens, { batch: 2, length: 4, seed: 3, rotate: true })
const evaluation = () => api.createEvaluation(tokens, { length: 4, batch: 2, warmup: 1 })
const buckets = () => api.createBuckets([3, 8, 20, 5], { batch: 2, seed: 1, shuffle: true, shortFirst: 1 })
const arrays = () => [new Int32Array(8), new Int32Array(8)]
const vocabularies = [() => vocabulary, () => api.byteVocabulary({ special: ['blank'] })]
const allVocabularies = [...vocabularies, () => api.wordVocabulary('lvzt a b')]

function perVocabulary(
  name: 'encode' | 'decode' | 'symbol' | 'decoder' | 'encoder',
  args: () => unknown[],
  returns?: string
): AnyRecipe[] {
  return allVocabularies.map((make) =>
    method('Vocabulary', name, make, args, { pure: true, ...(returns && { returns }) })
  )
}

const simple: AnyRecipe[] = [
  pure(
    'GatecellError',
    (...args: [never, never, never]) => new api.GatecellError(...args),
    () => ['ERR_BUSY', 'Expected one but received two.', { cause: 1 }],
    { accepts: ['2=*', '2.cause=*'] }
  ),
  pure('createRandom', api.createRandom, () => [1, 'name'], { returns: 'Random' }),
  ...(['uint32', 'uniform', 'normal', 'below'] as const).map((name) => {
    // Each call is made on a generator that has drawn nothing yet.
    const call = (_: unknown, given: unknown[]) => (api.createRandom(1)[name] as (n?: unknown) => unknown)(...given)
    return { name: `Random.${name}`, setup: () => null, args: () => (name === 'below' ? [5] : []), call, pure: true }
  }),
  pure('philox4x32', api.philox4x32, () => [[1, 2, 3, 4], [5, 6], new Uint32Array(4)]),
  pure('backends', api.backends, () => []),
  pure('machineInfo', api.machineInfo, () => []),
  pure('joinRanks', api.joinRanks, () => [{ library: 'mpich', silence: 30 }], {
    digest: async (_, result) => (await (result as Promise<api.Ranks>)).size
  }),
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
  pure('tokenSource', api.tokenSource, () => [batches(), { inputs: 'a', targets: 'b' }], {
    returns: 'EpochSource',
    accepts: ['0.targetsPerEpoch=*']
  }),
  method(
    'EpochSource',
    'batches',
    () => api.tokenSource(batches()),
    () => [{ epoch: 0, step: 1 }],
    { accepts: ['0=null'] }
  ),
  pure('evaluationSource', api.evaluationSource, () => [evaluation(), { inputs: 'a', targets: 'b' }], {
    returns: 'EpochSource',
    accepts: ['0.targets=*']
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
    { returns: 'EpochSource', accepts: ['0.batch=*'] }
  ),
  method(
    'EpochSource',
    'batches',
    () => api.sampleSource(buckets(), { dims: { length: 20 }, train: true }, () => ({ inputs: {} })),
    () => [{ epoch: 0, step: 1 }],
    { accepts: ['0=null'] }
  )
]

const sampleModel = {
  definition: { inputs: { x: api.f32('length', 'batch'), n: api.i32('batch') }, targets: { w: api.f32('batch') } }
}
const twoSamples = () => [
  { x: [1, 2, 3], w: 2 },
  { x: [1], w: 0.5 }
]
const datasetOptions = () => ({
  batch: 2,
  shuffle: true,
  seed: 1,
  bucket: 'length',
  shortFirst: 1,
  dims: { length: 4 },
  lengths: { length: 'n' },
  weights: 'w',
  padding: { x: 1 },
  last: 'pad' as const,
  growing: true,
  whole: {},
  repeat: true,
  prefetch: 1,
  buffer: 2
})
const prepared = () => ({ ...datasetOptions(), prepare: (sample: api.Sample) => sample, lengthOf: () => 3 })
const datasets: AnyRecipe[] = [
  pure('createDataset', api.createDataset, () => [sampleModel, twoSamples(), datasetOptions()], {
    returns: 'EpochSource',
    // Weights and numbers after the first one are read when their batch is made.
    accepts: ['1.0.w=*', '1.1.w=*', '1.0.x*', '1.1.x*', '2.bucket=false', '1=*']
  }),
  // Samples that are prepared are read when their batch is made.
  pure('createDataset', api.createDataset, () => [sampleModel, () => twoSamples(), prepared()], {
    accepts: ['1=*', '2.bucket=false']
  }),
  method(
    'EpochSource',
    'batches',
    () => api.createDataset(sampleModel, twoSamples(), datasetOptions()),
    () => [{ epoch: 0, begin: 0, step: 0 }]
  ),
  pure(
    'createTextDataset',
    api.createTextDataset,
    () => [
      'lvztlvztlvztlvzt',
      vocabulary,
      { batch: 2, length: 3, repeat: true, seed: 1, rotate: true, inputs: 'a', targets: 'b' }
    ],
    { accepts: ['1.config*'] }
  ),
  pure(
    'createTextDataset',
    api.createTextDataset,
    () => [tokens, vocabulary, { batch: 2, length: 3, repeat: false, warmup: 1, inputs: 'a', targets: 'b' }],
    // Tokens need no vocabulary.
    { accepts: ['1.config*', '1=null'] }
  )
]

const bpe = () => api.trainBpe(['low lower lowest'], { size: 259, special: ['end'] })

const bytePairs: AnyRecipe[] = [
  pure(
    'trainBpe',
    api.trainBpe,
    () => [
      ['low lower', Uint8Array.of(108, 111)],
      {
        size: 259,
        special: ['end'],
        minCount: 2,
        memoryBytes: 2 ** 20,
        signal: new AbortController().signal,
        onProgress: () => {}
      }
    ],
    { returns: 'BpeVocabulary', cost: 5, accepts: ['0=*', '0.0=*', '0.1=*'] }
  ),
  recipe({
    name: 'bpeToTokenizerJson',
    setup: bpe,
    args: (vocabulary) => [vocabulary],
    call: (_, given) => api.bpeToTokenizerJson(given[0] as api.BpeVocabulary),
    pure: true
  }),
  recipe({
    name: 'bpeFromTokenizerJson',
    setup: async () => api.bpeToTokenizerJson(await bpe()),
    args: (text) => [text, { special: { end: '<end>', pad: undefined } }],
    call: (_, given) => api.bpeFromTokenizerJson(...(given as [string, object])),
    pure: true
  }),
  method('BpeVocabulary', 'encode', bpe, () => ['low', 'a remedy'], { pure: true }),
  method('BpeVocabulary', 'encodeBytes', bpe, () => [Uint8Array.of(108, 255)], { pure: true }),
  method('BpeVocabulary', 'decode', bpe, () => [[0, 1, 2], { skipSpecial: true }], { pure: true }),
  method('BpeVocabulary', 'decodeBytes', bpe, () => [[0, 1, 2], { skipSpecial: true }], { pure: true }),
  method('BpeVocabulary', 'symbol', bpe, () => [1], { pure: true }),
  method('BpeVocabulary', 'idOf', bpe, () => ['end'], { pure: true }),
  method('BpeVocabulary', 'decoder', bpe, () => [{ skipSpecial: true }], { pure: true, returns: 'Decoder' }),
  method('BpeVocabulary', 'encoder', bpe, () => [], { pure: true, returns: 'Encoder' })
]

const words: AnyRecipe[] = [
  pure('byteVocabulary', api.byteVocabulary, () => [{ special: ['blank', 'pad'] }], { returns: 'Vocabulary' }),
  pure('addSpecialTokens', api.addSpecialTokens, () => [vocabulary, ['begin', 'end']], { returns: 'Vocabulary' }),
  pure(
    'characterVocabulary',
    api.characterVocabulary,
    () => [
      new Map([
        [97, 2],
        [98, 5]
      ]),
      { minCount: 2, special: ['pad'] }
    ],
    { returns: 'Vocabulary' }
  ),
  pure('vocabularyFromText', api.vocabularyFromText, () => ['hello', { minCount: 2, special: ['unknown'] }], {
    returns: 'Vocabulary'
  }),
  pure(
    'vocabularyFromConfig',
    api.vocabularyFromConfig,
    () => [{ kind: 'character', symbols: 'abc', unknown: true, special: ['blank'] }],
    {
      returns: 'Vocabulary'
    }
  ),
  pure(
    'wordVocabulary',
    api.wordVocabulary,
    () => ['a b a c', { lowerCase: true, spaces: true, minCount: 1, size: 3, special: ['unknown'] }],
    { returns: 'Vocabulary' }
  ),
  ...perVocabulary('encode', () => ['lvzt', 'a remedy']),
  ...perVocabulary('decode', () => [[0, 1, 2], { skipSpecial: true }]),
  ...perVocabulary('symbol', () => [1]),
  ...perVocabulary('decoder', () => [{ skipSpecial: true }], 'Decoder'),
  method(
    'Vocabulary',
    'idOf',
    () => api.byteVocabulary({ special: ['blank'] }),
    () => ['blank'],
    { pure: true }
  ),
  ...perVocabulary('encoder', () => [], 'Encoder'),
  // Of words, a second call of the same decoder or encoder gives another result: it has a state.
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
      'room',
      () => make().encoder(),
      () => [3]
    ),
    method(
      'Encoder',
      'end',
      () => make().encoder(),
      () => [new Int32Array(4)]
    )
  ])
]

export const dataRecipes: AnyRecipe[] = [...simple, ...data, ...datasets, ...words, ...bytePairs]
