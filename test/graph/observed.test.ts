// Reading any tensor of a graph: values and gradients against PyTorch, in plans, sessions, evaluations and trainings; what cannot be read.
import t from 'tap'
import * as g from '../../src/index.js'
import {
  crossEntropy,
  defineModel,
  embedding,
  evaluate,
  f32,
  gru,
  i32,
  linear,
  lstm,
  meanSquare
} from '../../src/index.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'
import { alphabet, source, textModel } from './observed-models.js'

type Tensors = Record<string, GoldenTensor>
interface Observed {
  steps: number
  batch: number
  input: number
  hidden: number
  lengths: number[]
  lstm: {
    parameters: Tensors
    x: GoldenTensor
    target: GoldenTensor
    loss: GoldenTensor
    values: Tensors
    gradients: Tensors
  }
  gru: Observed['lstm']
}

const golden = readGolden<Observed>('observed')
const { steps: length, batch, hidden } = golden

for (const [kind, layer] of [
  ['lstm', lstm],
  ['gru', gru]
] as const) {
  t.test(`values and gradients of ${kind} layers are those of PyTorch`, async (t) => {
    const { parameters, x, target, loss, values, gradients } = golden[kind]
    for (const threads of [1, 2]) {
      using model = defineModel(
        {
          name: 'golden',
          config: {},
          inputs: { x: f32('length', 'batch', golden.input), lengths: i32('batch') },
          targets: { y: f32('length', 'batch', hidden) },
          forward: (inputs) => ({
            output: layer(inputs.x, { name: 'net', hidden, layers: 2, lengths: inputs.lengths }).output
          }),
          loss: ({ output }, { y }) => meanSquare(output, y)
        },
        { threads }
      )
      for (const [name, { data }] of Object.entries(parameters)) model.parameters.set(`net.${name}`, data)
      const named = (tensors: Tensors) => Object.keys(tensors).map((name) => (name === 'x' ? name : `net.${name}`))
      for (const purpose of ['evaluate', 'train'] as const) {
        const options = { purpose, outputs: named(values), gradients: named(gradients) }
        const plan = model.plan({ length, batch }, options)
        plan.inputs.x.set(x.data)
        plan.inputs.y.set(target.data)
        plan.inputs.lengths.set(golden.lengths)
        await plan.run('gradient')
        t.ok(largestDifference([plan.control.loss], loss.data) < 1e-6, 'loss')
        const near = (what: string, found: Float32Array, { data }: GoldenTensor) => {
          const difference = largestDifference(found, data)
          t.ok(difference < 1e-5, `${purpose}: ${what} (${difference.toExponential(1)})`)
        }
        for (const [name, value] of Object.entries(values)) near(name, plan.outputs[`net.${name}`]!, value)
        for (const [name, value] of Object.entries(gradients))
          near(`gradient of ${name}`, plan.gradients[name === 'x' ? name : `net.${name}`]!, value)
        t.same(plan.shapes.outputs['net.hidden_l0'], [length, batch, hidden])
      }
    }
  })
}

t.test('a run of only the observed gradients leaves those of parameters as they are', async (t) => {
  using model = textModel()
  const dims = { length: 6, batch: 2 }
  const fill = ({ inputs }: { inputs: { tokens: Int32Array; targets: Int32Array } }) => {
    inputs.tokens.set(inputs.tokens.map((_, i) => (i * 5) % alphabet))
    inputs.targets.set(inputs.targets.map((_, i) => (i * 3) % alphabet))
  }
  const all = model.plan(dims, { outputs: ['logits'], gradients: ['embedding.output', 'logits'] })
  fill(all)
  all.runSync('gradient')
  const table = model.parameters.get('embedding.weight')
  // The gradient of the table is the sum over the positions of each token.
  const sums = new Float64Array(table.data.length)
  const width = table.shape[1]!
  all.inputs.tokens.forEach((token, at) => {
    for (let k = 0; k < width; k++) sums[token * width + k]! += all.gradients['embedding.output'][at * width + k]!
  })
  t.ok(largestDifference(table.grad!, sums) < 1e-6)

  table.grad!.fill(7)
  const only = model.plan(dims, { purpose: 'evaluate', outputs: ['logits'], gradients: ['logits', 'embedding.output'] })
  fill(only)
  only.runSync('gradient')
  t.ok(table.grad!.every((value) => value === 7))
  t.same(only.gradients['embedding.output'], all.gradients['embedding.output'], 'the same bits')
  t.same(only.gradients.logits, all.gradients.logits)
  t.same(only.outputs.logits, all.outputs.logits)

  using inference = defineModel(model.definition, { training: false })
  inference.parameters.copyFrom(model.parameters)
  const saliency = inference.plan(dims, { purpose: 'evaluate', gradients: ['embedding.output'] })
  saliency.inputs['tokens'].set(all.inputs.tokens)
  saliency.inputs['targets'].set(all.inputs.targets)
  await saliency.run('gradient')
  t.same(saliency.gradients['embedding.output'], all.gradients['embedding.output'], 'without memory for training')
})

t.test('there is no dropout in a run of only the observed gradients', (t) => {
  const options = { name: 'lstm', hidden: 9, recurrentDropout: 0.5 }
  const definition = (more: object) => ({
    name: 'drops',
    config: {},
    inputs: { x: f32('length', 'batch', 4) },
    forward: ({ x }: { x: g.Tensor }) => ({ y: lstm(g.dropout(x, { p: 0.5 }), { ...options, ...more }).output }),
    loss: ({ y }: { y: g.Tensor }) => g.ops.mean(g.ops.mul(y, y))
  })
  const gradient = (more: object, purpose: 'evaluate' | 'train') => {
    using model = defineModel(definition(more), { seed: 4 })
    const plan = model.plan({ length: 5, batch: 2 }, { purpose, gradients: ['x'] })
    plan.inputs.x.fill(0.5)
    plan.runSync('gradient')
    return plan.gradients.x.slice()
  }
  t.same(gradient({}, 'evaluate'), gradient({ recurrentDropout: 0 }, 'evaluate'))
  t.notSame(gradient({}, 'evaluate'), gradient({}, 'train'))
  t.notSame(gradient({ recurrentDropout: 0, zoneout: 0.3 }, 'evaluate'), gradient({ recurrentDropout: 0 }, 'evaluate'))
  t.end()
})

t.test('a session returns cells and gates with the bits of the whole sequence', async (t) => {
  using model = textModel()
  const names = ['logits', 'lstm.hidden_l0', 'lstm.cell_l0', 'lstm.forget_gate_l0', 'embedding.output'] as const
  const tokens = Array.from({ length: 9 }, (_, i) => (i * 7) % alphabet)
  const plan = model.plan({ length: tokens.length, batch: 1 }, { purpose: 'predict', outputs: names })
  plan.inputs.tokens.set(tokens)
  plan.runSync()
  const session = g.createSession(model, { outputs: names })
  const other = session.fork()
  for (const [step, token] of tokens.entries()) {
    const outputs = step % 2 ? session.stepSync({ tokens: [token] }) : await session.step({ tokens: [token] })
    for (const name of names) {
      const { length: size } = outputs[name]!
      t.same(outputs[name], plan.outputs[name].subarray(step * size, (step + 1) * size), `${name} of step ${step}`)
    }
  }
  const together = await g.stepTogether(
    [other, g.createSession(model, { outputs: names })],
    [{ tokens: [0] }, { tokens: [1] }]
  )
  t.same(together[0]!['lstm.cell_l0'], plan.outputs['lstm.cell_l0'].subarray(0, together[0]!['lstm.cell_l0']!.length))
  const unknown = { code: 'ERR_INVALID_ARGUMENT', message: /lstm\.cell_l0.*logits.*received "cells"/ }
  t.throws(() => g.createSession(model, { outputs: ['cells'] }), unknown)
  t.throws(() => g.createSession(model, { records: ['cells'] }), unknown)
})

t.test('metrics read any tensor, and a trainer has outputs and gradients after each step', async (t) => {
  using model = textModel()
  let [sum, count] = [0, 0]
  const forget: g.Metric = {
    outputs: ['lstm.forget_gate_l0'],
    better: 'higher',
    begin: () => ({
      add({ outputs }) {
        for (const value of outputs['lstm.forget_gate_l0']!) [sum, count] = [sum + value, count + 1]
      },
      value: () => sum / count
    })
  }
  const data = source()
  const { metrics } = await evaluate(model, data, { metrics: { forget } })
  t.ok(metrics!['forget']! > 0 && metrics!['forget']! < 1)

  const trainer = g.createTrainer(model, data, {
    steps: 3,
    reportEvery: 1,
    outputs: ['lstm.hidden_l0'],
    gradients: ['embedding.output']
  })
  const norms: number[] = []
  trainer.on('report', () => {
    norms.push(Math.hypot(...trainer.plan.gradients['embedding.output']!))
    t.ok((trainer.plan.outputs['lstm.hidden_l0'] as Float32Array).some((value) => value !== 0))
  })
  await trainer.fit()
  t.ok(norms.length === 3 && norms.every((norm) => norm > 0))
})

t.test('gradients may be read while the model trains', async (t) => {
  using model = textModel()
  const trainer = g.createTrainer(model, source(), { steps: 20 })
  const fit = trainer.fit()
  const plan = model.plan({ length: 4, batch: 1 }, { purpose: 'evaluate', gradients: ['embedding.output'] })
  for (let i = 0; i < 5; i++) await plan.run('gradient')
  await t.rejects(model.plan({ length: 4, batch: 1 }).run('gradient'), { code: 'ERR_BUSY' })
  await fit
  t.ok(plan.gradients['embedding.output'].some((value) => value !== 0))
})

t.test('tensors that cannot be read', (t) => {
  using model = textModel()
  const dims = { length: 4, batch: 1 }
  const refused = (options: g.ModelPlanOptions, code: string, message: RegExp) =>
    t.throws(() => model.plan(dims, options), { code, message }, String(message))
  refused(
    { outputs: ['gates'] },
    'ERR_INVALID_ARGUMENT',
    /embedding\.output, lstm\.hidden_l0.*targets.*received "gates"/
  )
  refused({ gradients: ['gates'] }, 'ERR_INVALID_ARGUMENT', /lstm\.hidden_l0.*received "gates"/)
  refused(
    { outputs: ['head.weight'] },
    'ERR_INVALID_ARGUMENT',
    /parameter "head\.weight": read it from model\.parameters/
  )
  refused({ gradients: ['tokens'] }, 'ERR_INVALID_ARGUMENT', /float32.*"tokens".*i32.*embedding/)
  refused({ gradients: ['lstm.cell_l0'] }, 'ERR_UNSUPPORTED', /no gradient flows through its cells and gates/)
  refused({ purpose: 'predict', gradients: ['logits'] }, 'ERR_INVALID_ARGUMENT', /a loss, of which the gradients are/)
  using gated = defineModel({
    name: 'gated',
    config: {},
    inputs: { x: f32('length', 'batch', 2) },
    forward({ x }) {
      const weight = (what: string, columns: number) =>
        x.graph.parameter(what, [12, columns], (values) => values.fill(0.1))
      return { forget: g.ops.lstm({ x, weightIh: weight('ih', 2), weightHh: weight('hh', 3) }).gates.forget }
    },
    loss: ({ forget }) => g.ops.mean(forget)
  })
  const predicted = gated.plan(dims, { purpose: 'predict' })
  predicted.runSync()
  t.ok(predicted.outputs.forget.every((value) => value === 0.5))
  t.throws(() => gated.plan(dims), { code: 'ERR_UNSUPPORTED', message: /the loss depends on them/ })
  t.end()
})

t.test('a layer of which nothing is read has the tables of a plain layer', (t) => {
  using model = defineModel({
    name: 'two',
    config: {},
    inputs: { ids: i32('length', 'batch') },
    targets: { y: i32('length', 'batch') },
    forward: ({ ids }) => {
      const x = embedding(ids, { name: 'embedding', vocabulary: 5, size: 6 })
      return { logits: linear(lstm(x, { name: 'lstm', hidden: 8 }).output, { name: 'head', size: 5 }) }
    },
    loss: ({ logits }, { y }) => crossEntropy(logits, y)
  })
  const dims = { length: 16, batch: 8 }
  const explained = (options: g.ModelPlanOptions) => model.plan(dims, options).explain()
  const before = explained({})
  t.equal(before.nodes.length, 3, 'the embedding is folded into the layer')
  const observed = explained({ outputs: ['lstm.cell_l0'], gradients: ['embedding.output'] })
  t.equal(observed.nodes.length, 4)
  t.match(observed.nodes.find(({ op }) => op === 'lstm')!.why, /cells and gates are copied out/)
  t.same(model.plan(dims, { optimizer: 'sgd' }).explain().nodes, before.nodes)
  t.end()
})
