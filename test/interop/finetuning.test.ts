// Fine-tuning of imported models: test/golden/make_finetuning.py trained the same models with PyTorch on the same batches.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  createTrainer,
  crossEntropy,
  defineModel,
  embedding,
  gru,
  i32,
  linear,
  lstm,
  rnn,
  type Model,
  type Optimizer,
  type Tensor
} from '../../src/index.js'
import { importModel, loadWeights } from '../../src/interop/index.js'
import { largestDifference } from '../golden.js'

const folder = fileURLToPath(new URL('../golden/finetuning/', import.meta.url))
const golden = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
  symbols: number
  length: number
  batch: number
  /** Tokens [length + 1, batch] of each step. */
  windows: number[][]
  losses: Record<'lstm' | 'gru' | 'rnn', Record<'adam' | 'sgd', number[]>>
}
const { length, batch, symbols } = golden
const cells = ['lstm', 'gru', 'rnn'] as const
const optimizers: Record<'adam' | 'sgd', Optimizer> = {
  adam: { kind: 'adam', learningRate: 0.01 },
  sgd: { kind: 'sgd', learningRate: 0.1, momentum: 0.9 }
}
const targets = { targets: i32('length', 'batch') }
const loss = ({ logits }: Record<string, Tensor>, { targets }: Record<string, Tensor>) => crossEntropy(logits!, targets!) // prettier-ignore
const training = { targets, loss }

/** Returns the loss before each step of a training on the batches of the golden file. */
async function lossesOf(model: Model, optimizer: Optimizer): Promise<number[]> {
  const { windows } = golden
  const batches = windows.map((window, step) => {
    const ids = Int32Array.from(window)
    const inputs = { tokens: ids.subarray(0, length * batch), targets: ids.subarray(batch) }
    return { inputs, epoch: 0, cursor: step + 1, reset: true }
  })
  const data = { dims: { length, batch }, batches: () => batches }
  const found: number[] = []
  const trainer = createTrainer(model, data, { optimizer, clip: 0, steps: windows.length, reportEvery: 1 })
  for await (const report of trainer.reports()) found.push(report.loss)
  return found
}

/** Defines the model of make_finetuning.py. */
function characters(cell: (typeof cells)[number]): Model {
  const stack = { lstm, gru, rnn }[cell]
  return defineModel({
    name: 'characters',
    config: {},
    inputs: { tokens: i32('length', 'batch') },
    targets,
    forward({ tokens }): Record<string, Tensor> {
      const x = embedding(tokens, { name: 'embed', vocabulary: symbols, size: 5 })
      return { logits: linear(stack(x, { name: 'rnn', hidden: 8, layers: 2 }).output, { name: 'decoder', size: symbols }) } // prettier-ignore
    },
    loss
  })
}

for (const cell of cells)
  for (const kind of ['adam', 'sgd'] as const)
    t.test(`${kind} on a model with ${cell} layers follows PyTorch for 50 steps`, async (t) => {
      const wanted = golden.losses[cell][kind]
      const follows = async (model: Model, name: string) => {
        const found = await lossesOf(model, optimizers[kind])
        t.equal(found.length, 50)
        const difference = largestDifference(found, wanted)
        t.ok(difference < 1e-4, `${name}: ${difference}`)
      }
      using imported = await importModel(join(folder, `${cell}.onnx`), training)
      const path = join(t.testdir(), 'imported.safetensors')
      await imported.save(path)
      await follows(imported.model, 'a graph of ONNX')
      using saved = await importModel(path, training)
      await follows(saved.model, 'a saved graph')
      using defined = characters(cell)
      await loadWeights(defined, join(folder, `${cell}.safetensors`))
      await follows(defined, 'a definition with the weights of a state_dict')
      const tokens = { shape: [length, batch], data: Int32Array.from(golden.windows[0]!.slice(batch)) }
      const { logits } = await imported.run({ tokens })
      await imported.save(path)
      using tuned = await importModel(path)
      t.strictSame((await tuned.run({ tokens }))['logits']!.data, logits!.data, 'the tuned weights are saved')
    })
