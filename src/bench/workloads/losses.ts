// ctc and mixture: the sequence losses in turns with the training step that they are part of: their own time,
// forward with gradient, and its share of the step.

import { ctcNeeds } from '../../generate/decode/ctc-length.js'
import { machineInfo } from '../../machine.js'
import { ctcLoss, mixtureColumns, mixtureDensity } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { linear } from '../../layers/linear.js'
import { lstm } from '../../layers/lstm.js'
import { defineModel, f32, i32, type Dims, type Model } from '../../model.js'
import { createRandom } from '../../random.js'
import type { Workload } from '../workload.js'
import { asyncContestant, takeTurns, type Contestant } from '../turns.js'

/** Words of up to 12 letters, read from 200 pen points by one bidirectional layer. */
export const reader = { B: 32, T: 200, H: 128, layers: 1, K: 80, L: 12 }
/** Three layers that write pen points under a mixture of 20 Gaussians. */
export const writer = { B: 32, T: 200, H: 256, layers: 3, M: 20 }

type Reader = typeof reader
type Writer = typeof writer

const POINT = 3

interface Case {
  shape: Readonly<Record<string, number>>
  /** The whole model, or only the loss over its outputs. */
  define(whole: boolean, threads: number): Model
  fill(inputs: Readonly<Record<string, Float32Array | Int32Array>>): void
}

/** A loss over a linear layer of width 1: the smallest thing with a gradient in front of it. */
function columns(x: Tensor, size: number): Tensor {
  return linear(x, { name: 'head', size })
}

const ctcCase = (reader: Reader): Case => ({
  shape: reader,
  define: (whole, threads) =>
    defineModel(
      {
        name: 'bench-ctc',
        config: {},
        inputs: { x: f32('length', 'batch', whole ? POINT : 1), steps: i32('batch') },
        targets: { labels: i32('batch', reader.L), counts: i32('batch') },
        forward: ({ x }) => {
          const y = whole ? lstm(x, { name: 'lstm', hidden: reader.H, bidirectional: true }).output : x
          return { logits: columns(y, reader.K) }
        },
        loss: ({ logits }, { labels, counts }, { steps }) =>
          ctcLoss({ logits, targets: labels, inputLengths: steps, targetLengths: counts }).loss
      },
      { threads }
    ),
  fill(inputs) {
    const random = createRandom(0, 'bench.ctc')
    for (let b = 0; b < reader.B; b++) {
      const labels = Array.from({ length: 4 + random.below(reader.L - 3) }, () => 1 + random.below(reader.K - 1))
      inputs['labels']!.set(labels, b * reader.L)
      inputs['counts']![b] = labels.length
      inputs['steps']![b] = Math.max(ctcNeeds(labels), reader.T - random.below(reader.T / 2))
    }
  }
})

const mixtureCase = (writer: Writer): Case => ({
  shape: writer,
  define: (whole, threads) =>
    defineModel(
      {
        name: 'bench-mixture',
        config: {},
        inputs: { x: f32('length', 'batch', whole ? POINT : 1) },
        targets: { next: f32('length', 'batch', POINT) },
        forward: ({ x }) => {
          const y = whole ? lstm(x, { name: 'lstm', hidden: writer.H, layers: writer.layers }).output : x
          return { pen: columns(y, mixtureColumns(writer.M)) }
        },
        loss: ({ pen }, { next }) => mixtureDensity(pen, next)
      },
      { threads }
    ),
  fill() {}
})

/** Returns the workload ctc for the sizes of a reader. */
export const ctcOf = (reader: Reader): Workload =>
  workload('ctc', 'the CTC loss compared with the training step of a bidirectional reader', ctcCase(reader))
/** Returns the workload mixture for the sizes of a writer. */
export const mixtureOf = (writer: Writer): Workload =>
  workload(
    'mixture',
    'the mixture density loss compared with the training step of a three-layer writer',
    mixtureCase(writer)
  )
/** The workloads at the sizes of the tasks. */
export const [ctc, mixture] = [ctcOf(reader), mixtureOf(writer)]

function workload(name: string, summary: string, it: Case): Workload {
  return {
    name,
    summary,
    async *run({ threads, seconds }) {
      const machine = machineInfo()
      const contestants = [contestant(it, true, threads), contestant(it, false, threads)]
      try {
        const { timings, foreign } = await takeTurns(contestants, { seconds })
        const [step, alone] = timings.map((timing) => {
          if (timing instanceof Error) throw timing
          return timing
        })
        yield {
          workload: name,
          shape: it.shape,
          threads: threads || machine.threads,
          precision: 'f32',
          isa: machine.isaUsed,
          step_us: step!.median,
          loss_us: alone!.median,
          loss_p10_us: alone!.p10,
          loss_p90_us: alone!.p90,
          samples: alone!.samples,
          share_of_step: alone!.median / step!.median,
          ...(foreign !== null && { foreign_share: foreign })
        }
      } finally {
        for (const one of contestants) await one.close()
      }
    }
  }
}

function contestant(it: Case, whole: boolean, threads: number): Contestant {
  const model = it.define(whole, threads)
  const dims: Dims = { batch: it.shape['B']!, length: it.shape['T']! }
  const plan = model.plan(dims, { purpose: 'train', optimizer: 'adam' })
  const random = createRandom(0, 'bench.losses')
  const inputs = plan.inputs as Readonly<Record<string, Float32Array | Int32Array>>
  for (const values of Object.values(inputs)) {
    if (values instanceof Float32Array) for (let i = 0; i < values.length; i++) values[i] = random.uniform() - 0.5
  }
  it.fill(inputs)
  Object.assign(plan.control, { learningRate: 1e-5, clipNorm: 1 })
  return asyncContestant(
    () => plan.run(whole ? 'train' : 'gradient'),
    () => model.dispose()
  )
}
