// train-translation: one training step of a translator with attention, whole: embeddings, a bidirectional encoder, two layers of the decoder with
// Luong's general attention between them, an output layer over the embeddings of the symbols, cross-entropy with label smoothing, backward, clipping,
// Adam. All sentences have T symbols, so nothing is padded.

import { Graph } from '../../graph/graph.js'
import { normal, zeros } from '../../graph/initializers.js'
import { add, crossEntropy, linear as linearOp, tanh } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { decodeSequence, encodeSequence } from '../../layers/encoder-decoder.js'
import { linear } from '../../layers/linear.js'
import { symbolVectors } from '../../layers/symbols.js'
import { defineModel, i32, type Model } from '../../model.js'
import { createRandom } from '../../random.js'
import type { Point } from '../point.js'
import { asyncContestant, type Contestant } from '../turns.js'
import type { Workload } from '../workload.js'
import { TRANSLATION_SYMBOLS, outputFlops, sequenceBytes, trainTranslationFlops, type Sizes } from './amounts.js'
import { compile, type Setting } from './networks.js'
import { allThreads, orElse, trainingPrecisions } from './shapes.js'

/** The workload train-translation. */
export const trainTranslation: Workload = {
  name: 'train-translation',
  summary: `training step of a translator with attention over ${TRANSLATION_SYMBOLS} symbols, and the share of its output layer and loss`,
  points: (choice) =>
    trainingPrecisions(choice).flatMap((precision) =>
      allThreads(choice).flatMap((threads) =>
        orElse(choice.hidden, [512]).flatMap((H) =>
          orElse(choice.batch, [64]).map((B) =>
            point({ B, T: choice.length ?? 16, H, layers: 2 }, { threads, precision, device: 'cpu' })
          )
        )
      )
    )
}

function point(sizes: Sizes, setting: Setting): Point {
  const arithmetic = { kind: 'arithmetic', ...setting } as const
  const amount = trainTranslationFlops(sizes)
  return {
    workload: 'train-translation',
    shape: { ...sizes, V: TRANSLATION_SYMBOLS },
    ...setting,
    counted: 'flops',
    amount,
    traffic: 3 * sequenceBytes(sizes, setting.precision),
    limits: [arithmetic],
    bound: (at) => amount / at(arithmetic),
    open() {
      const model = translator(sizes.H, setting)
      const plan = model.plan({ source: sizes.T, length: sizes.T, batch: sizes.B }, { optimizer: 'adam' })
      const random = createRandom(0, 'bench.symbols')
      for (const name of ['source', 'given', 'next']) draw(plan.inputs[name] as Int32Array, random)
      for (const name of ['sourceLengths', 'lengths']) plan.inputs[name]!.fill(sizes.T)
      Object.assign(plan.control, { learningRate: 1e-4, clipNorm: 1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 })
      const step = async () => {
        await plan.run('train')
        plan.control.step += 1
      }
      return {
        contestant: asyncContestant(step, () => model.dispose()),
        references: [{ name: 'output', contestant: outputOnly(sizes, setting) }],
        plan,
        figures: {
          symbols: sizes.B * sizes.T,
          plan_bytes: plan.bytes,
          parameters: model.parameterCount,
          output_flops: 3 * outputFlops(sizes)
        }
      }
    },
    task: { mode: 'train-translation', sizes, ...setting }
  }
}

function draw(ids: Int32Array, random: { below(n: number): number }): void {
  for (let i = 0; i < ids.length; i++) ids[i] = random.below(TRANSLATION_SYMBOLS)
}

/** Records the loss of the symbols `next` from the inputs [T, B, H / 2] of the output layer, whose weights are the table of the embeddings. */
function lossOf(hidden: Tensor, next: Tensor, size: number): Tensor {
  const { graph } = hidden
  const table = graph.parameter('symbols.weight', [TRANSLATION_SYMBOLS, size], normal(1 / Math.sqrt(size)))
  const logits = linearOp(hidden, table, graph.parameter('head.bias', [TRANSLATION_SYMBOLS], zeros))
  return crossEntropy(logits, next, { labelSmoothing: 0.1 })
}

/** Makes a translator of H units, with embeddings half as wide. */
function translator(H: number, setting: Setting): Model {
  const size = H / 2
  const table = { name: 'symbols', vocabulary: TRANSLATION_SYMBOLS, size, dropout: 0 }
  const vectors = (ids: Tensor) => symbolVectors(ids, table)
  const options = {
    hidden: H,
    encoderLayers: 1,
    decoderLayers: 2,
    attention: 'general',
    dropout: 0,
    layerNorm: false
  } as const
  return defineModel(
    {
      name: 'bench-translation',
      config: {},
      inputs: {
        source: i32('source', 'batch'),
        sourceLengths: i32('batch'),
        given: i32('length', 'batch'),
        lengths: i32('batch')
      },
      targets: { next: i32('length', 'batch') },
      forward({ source, sourceLengths, given, lengths }) {
        const encoded = encodeSequence(vectors(source), sourceLengths, options)
        const output = decodeSequence({ x: vectors(given), lengths, encoded, sourceLengths }, options)
        return { hidden: tanh(linear(output, { name: 'output', size })) }
      },
      loss: ({ hidden }, { next }) => lossOf(hidden, next, size)
    },
    setting
  )
}

/** Compiles only the output layer and its loss, forward and with all gradients: the gradient of x flows into a bias that is added to x. */
function outputOnly({ B, T, H }: Sizes, setting: Setting): Contestant {
  const graph = new Graph({ training: true })
  const x = add(graph.input('x', [T, B, H / 2], 'f32'), graph.parameter('shift', [H / 2], zeros))
  const loss = lossOf(x, graph.input('next', [T, B], 'i32'), H / 2)
  const { plan, close } = compile({ graph, loss }, setting)
  draw(plan.inputs['next'] as Int32Array, createRandom(0, 'bench.symbols'))
  return asyncContestant(() => plan.run('gradient'), close)
}
