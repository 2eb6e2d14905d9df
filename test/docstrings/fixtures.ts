// The values that examples of docstrings use without declaring them, by the file of the example and, where its examples differ, by the name
// of the function: small tensors, models and data. They are made with the build, as the examples are run with it.

import {
  categoricalSampler,
  createSession,
  createTextDataset,
  createTrainer,
  defineModel,
  embedding,
  f32,
  i32,
  ops,
  linear,
  lstm,
  crossEntropy,
  vocabularyFromText,
  zeros,
  type Graph,
  type Session,
  type Tensor
} from 'gatecell'
import { loadReader } from 'gatecell/handwriting-recognition'
import { loadWriter } from 'gatecell/handwriting-synthesis'
import { loadTextModel, prepareTextRun, type TextRun } from 'gatecell/text'
import { letters } from './files.js'

/** The argument of an example: its values, a check of an expression's value, and a console and a process that print nothing. */
export interface Context {
  fixtures: typeof fixtures
  check(value: unknown, expected: string): void
  console: { log(...values: unknown[]): void }
  process: { stdout: { write(text: string): unknown } }
}

/** Tensors of a new graph. */
function tensors() {
  let found: Graph | undefined
  const forward = ({ x }: { x: Tensor }) => ((found = x.graph), { x })
  defineModel({ name: 'graph', config: {}, inputs: { x: f32(1) }, forward }).dispose()
  // Programs get the graph from a model; this one is of the same class and empty.
  const graph = new (found!.constructor as new () => Graph)()
  let count = 0
  return {
    graph,
    f: (...shape: number[]) => graph.input(`f${count++}`, shape, 'f32'),
    i: (...shape: number[]) => graph.input(`i${count++}`, shape, 'i32'),
    w: (...shape: number[]) => graph.parameter(`w${count++}`, shape, zeros)
  }
}

/** Names of tensors by their shapes: x [3, 2, 4] is `x: [3, 2, 4]`; ids are in `ids`, parameters in `weights`. */
function named<F extends string, I extends string = never, W extends string = never>(
  floats: Record<F, number[]>,
  ids: Partial<Record<I, number[]>> = {},
  weights: Partial<Record<W, number[]>> = {}
) {
  const made = tensors()
  const all = (shapes: object, make: (...shape: number[]) => Tensor) =>
    Object.fromEntries(
      Object.entries(shapes as Record<string, number[]>).map(([name, shape]) => [name, make(...shape)])
    )
  return { graph: made.graph, ...all(floats, made.f), ...all(ids, made.i), ...all(weights, made.w) } as {
    graph: Graph
  } & Record<F | I | W, Tensor>
}

const x = [3, 2, 4] // [T, B, C]
const encoded = { queries: [3, 2, 64], source: [5, 2, 64] }

/** Vocabulary of the characters of `letters`. */
const vocabulary = vocabularyFromText(letters)
const symbols = [...new Set(letters)].join('')

/** A model of characters, whose layers have the names of the examples of training. */
function characterModel() {
  return defineModel(
    {
      name: 'characters',
      config: {},
      inputs: { tokens: i32('length', 'batch') },
      targets: { targets: i32('length', 'batch') },
      forward({ tokens }) {
        const vectors = embedding(tokens, { name: 'embedding', vocabulary: vocabulary.size, size: 8 })
        const { output } = lstm(vectors, { name: 'encoder', hidden: 8, carry: true })
        return { logits: linear(output, { name: 'head', size: vocabulary.size }) }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
      stream: { token: 'tokens', logits: 'logits' }
    },
    { threads: 1 }
  )
}

const dataset = () => createTextDataset(letters, vocabulary, { batch: 2, length: 8, repeat: false })

function training() {
  return {
    model: characterModel(),
    data: createTextDataset(letters, vocabulary, { batch: 2, length: 8 }),
    validation: dataset()
  }
}

const [begin, end] = [1, 0]
const drawing = () => createSession(characterModel(), { samplers: { tokens: categoricalSampler() } })
function twoSessions() {
  const model = characterModel()
  const make = (seed: number) => createSession(model, { samplers: { tokens: categoricalSampler() }, seed })
  return { first: make(1), second: make(2), end }
}

function penModel() {
  return defineModel({
    name: 'pen',
    config: {},
    inputs: { points: f32('length', 'batch', 3) },
    forward: ({ points }) => ({
      y: linear(lstm(points, { name: 'lstm', hidden: 8, carry: true }).output, { name: 'head', size: 13 })
    })
  })
}

/** A model of values with the outputs `next` and `forecast`, which are the same. */
function seriesModel() {
  return defineModel({
    name: 'series',
    config: {},
    inputs: { x: f32('length', 'batch', 1) },
    forward({ x }) {
      const next = linear(lstm(x, { name: 'lstm', hidden: 8, carry: true }).output, { name: 'head', size: 1 })
      return { next, forecast: next }
    }
  })
}

/** Parts of a definition without its loss; the loss of the example has the targets. */
const definitions = {
  labels: {
    name: 'labels',
    config: {},
    inputs: { x: f32('batch', 3) },
    targets: { labels: f32('batch', 2) },
    forward: ({ x }: { x: Tensor }) => ({ logits: linear(x, { name: 'head', size: 2 }) })
  },
  values: {
    name: 'values',
    config: {},
    inputs: { x: f32('length', 'batch', 1) },
    targets: { y: f32('length', 'batch', 1) },
    forward: ({ x }: { x: Tensor }) => ({ next: linear(x, { name: 'head', size: 1 }) })
  },
  classes: {
    name: 'classes',
    config: {},
    inputs: { x: f32('length', 'batch', 3) },
    targets: { targets: i32('length', 'batch') },
    forward: ({ x }: { x: Tensor }) => ({ logits: linear(x, { name: 'head', size: 5 }) })
  },
  texts: {
    name: 'texts',
    config: {},
    inputs: { x: f32('length', 'batch', 3) },
    targets: { targets: i32('batch', 'width'), inputLengths: i32('batch'), targetLengths: i32('batch') },
    forward: ({ x }: { x: Tensor }) => ({ logits: linear(x, { name: 'head', size: 5 }) })
  },
  points: {
    name: 'points',
    config: {},
    inputs: { x: f32('length', 'batch', 3) },
    targets: { points: f32('length', 'batch', 3) },
    forward: ({ x }: { x: Tensor }) => ({ y: linear(x, { name: 'head', size: 13 }) })
  }
}

let textRun: Promise<TextRun> | undefined
/** A run holds a lock on its files: all examples have the same one. */
async function run() {
  const network = { hidden: 8, embedding: 8, layers: 1 }
  textRun ??= prepareTextRun({ data: ['shakespeare.txt'], out: 'run.safetensors', network, training: { steps: 1 } })
  return { run: await textRun }
}

const reader = async () => ({ reader: await loadReader('reader.safetensors') })
const writer = async () => ({ writer: await loadWriter('writer.safetensors') })

export const fixtures = {
  'src/data/batching/buckets.ts': () => ({
    sequences: Array.from({ length: 40 }, (_, n) => Array.from({ length: 1 + (n % 7) }, (_, i) => i + n)),
    longest: 7
  }),
  'src/data/batching/dataset.ts': () => ({
    model: defineModel({
      name: 'labelled',
      config: {},
      inputs: { x: f32('length', 'batch', 1), lengths: i32('batch') },
      targets: { label: i32('batch') },
      forward({ x, lengths }) {
        const { h } = lstm(x, { name: 'lstm', hidden: 4, lengths })
        return { logits: linear(h[0]!, { name: 'head', size: 2 }) }
      },
      loss: ({ logits }, { label }) => crossEntropy(logits, label)
    })
  }),
  'src/generate/decode/beam.ts#beamSearchAsync': (): { session: Session; signal: AbortSignal } => ({
    session: drawing(),
    signal: new AbortController().signal
  }),
  'src/generate/decode/session-decoder.ts': () => ({ model: characterModel(), begin, end }),
  'src/generate/samplers.ts#categoricalSampler': () => ({ model: characterModel() }),
  'src/generate/samplers.ts#mixtureSampler': () => ({ model: penModel() }),
  'src/generate/samplers.ts#feedbackSampler': () => ({ model: seriesModel() }),
  'src/generate/scorers.ts#streamScorer': () => ({ model: characterModel(), vocabulary }),
  'src/generate/session.ts#createSession': () => ({ model: penModel() }),
  'src/generate/session.ts': twoSessions,

  'src/graph/graph.ts': () => {
    const made = named({ x, queries: [2, 3, 4], keys: [2, 5, 4] })
    made.graph.name('lstm.cell_l0', ops.tanh(made['x']))
    return made
  },
  'src/generate/engine/engine.ts': () => ({ model: characterModel(), vocabulary }),
  'src/graph/initializers.ts': () => named({ x }, { ids: [3, 2] }),
  'src/graph/ops/attention.ts#softWindow': () => named({ h: x }, { chars: [2, 6], lengths: [2] }),
  'src/graph/ops/attention.ts#dotAttention': () => named(encoded, { lengths: [2] }),
  'src/graph/ops/attention.ts#additiveAttention': () =>
    named({ queries: [3, 2, 4], keys: [5, 2, 4], source: [5, 2, 6] }, { lengths: [2] }, { v: [4] }),
  'src/graph/ops/index.ts#sigmoidCrossEntropy': () => ({ definition: definitions.labels }),
  'src/graph/ops/index.ts#meanSquare': () => ({ definition: definitions.values }),
  'src/graph/ops/index.ts#sample': () => named({ logits: [3, 2, 5] }),
  'src/graph/ops/index.ts#topLogSoftmax': () => named({ logits: [3, 2, 5] }),
  'src/graph/ops/linear.ts#linearOp': () => named({ x: [2, 3] }),
  'src/graph/ops/linear.ts': () => named({ x }, { ids: [3, 2] }),
  'src/graph/ops/losses.ts#crossEntropy': () => ({ definition: definitions.classes }),
  'src/graph/ops/losses.ts#ctcLoss': () => ({ definition: definitions.texts }),
  'src/graph/ops/losses.ts#mixtureDensity': () => ({ definition: definitions.points }),
  'src/graph/ops/losses.ts': () => named({ output: x, y: [3, 2, 13] }),
  'src/graph/ops/map.ts': () => named({ x: [3, 2, 1], m: [3, 2, 1], s: [3, 2, 1] }),
  'src/graph/ops/moves.ts#scatterAdd': () => named({ x: [6, 4] }, { groups: [6] }),
  'src/graph/ops/moves.ts': () => ({
    ...named(
      { sequence: x, x, forward: x, backward: x, first: x, second: x, y: x },
      { places: [2] },
      { weights: [12, 5] }
    ),
    ...{ T: 3, B: 2, H: 4 }
  }),
  'src/graph/ops/products.ts': () => ({ ...named({ queries: [2, 3, 4], keys: [2, 5, 4], values: [2, 5, 6] }), A: 4 }),
  'src/graph/ops/reduce.ts': () => named({ x, mean: x }),
  'src/layers/attention.ts#attentionKeys': () => named({ queries: [3, 2, 4], source: [5, 2, 4] }, { lengths: [2] }),
  'src/layers/attention.ts#attention': () => named({ queries: [3, 2, 64], x: [5, 2, 4] }, { lengths: [2] }),
  'src/layers/dropout.ts': () => named({ output: x }),
  'src/layers/embedding.ts': () => named({}, { tokens: [3, 2] }),
  'src/layers/gru.ts': () => named({ x }),
  'src/layers/linear.ts': () => named({ output: x }),
  'src/layers/lstm.ts': () => named({ x }),
  'src/layers/rnn.ts': () => named({ x }),
  'src/layers/window-lstm.ts': () => named({ points: [3, 2, 3] }, { chars: [2, 6], lengths: [2] }),

  'src/metrics/classification.ts#accuracy': () => ({ model: characterModel(), data: dataset() }),
  'src/metrics/classification.ts#f1': training,
  'src/metrics/metric.ts': () => ({ model: characterModel(), data: dataset() }),
  'src/model-types.ts': () => ({ model: seriesModel() }),
  'src/train/evaluate.ts': () => ({ model: characterModel(), data: dataset() }),
  'src/train/initialize-from.ts': () => ({ model: characterModel(), oldSymbols: 'abcd', newSymbols: symbols }),
  'src/train/optimizers.ts': training,
  'src/train/options.ts': training,
  'src/train/schedules.ts': training,
  'src/train/trainer.ts#setGroups': () => {
    const { model, data } = training()
    return { trainer: createTrainer(model, data) }
  },
  'src/train/trainer.ts': () => ({ model: characterModel(), vocabulary, text: letters }),

  'src/tasks/handwriting-recognition/data.ts': reader,
  'src/tasks/handwriting-recognition/training/evaluate.ts': reader,
  'src/tasks/handwriting-recognition/use/live-reader.ts': reader,
  'src/tasks/handwriting-recognition/model.ts': reader,
  'src/tasks/handwriting-synthesis/data.ts': writer,
  'src/tasks/handwriting-synthesis/training/evaluate.ts': writer,
  'src/tasks/handwriting-synthesis/model.ts': writer,
  'src/tasks/text/use/load.ts#writeText': run,
  'src/tasks/text/training/output-layer.ts': run,
  'src/tasks/text/model.ts': async () => ({ loaded: await loadTextModel('shakespeare.safetensors') }),

  'src/interop/load-weights.ts': () => ({ model: characterModel() }),

  'src/serve/server.ts#servePlugin': async () => ({ app: (await import('fastify')).default() }),
  'src/serve/server.ts#createHandler': async () => ({ http: await import('node:http') }),

  'docs/losses.md': () => ({
    ...named({ m: x, s: x, x, y: x, k: x }),
    definition: definitions.values
  })
}
