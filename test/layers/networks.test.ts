// Networks of one to three layers against PyTorch: outputs, states, loss and every gradient within 1e-5.
import t from 'tap'
import { crossEntropy, defineModel, embedding, f32, i32, linear, lstm, meanSquare } from '../../src/index.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

interface Network {
  vocabulary: number
  embedding: number
  hidden: number
  layers: number
  steps: number
  batch: number
  parameters: Record<string, GoldenTensor>
  gradients: Record<string, GoldenTensor>
  ids: GoldenTensor
  targets: GoldenTensor
  h0: GoldenTensor
  c0: GoldenTensor
  hT: GoldenTensor
  cT: GoldenTensor
  y: GoldenTensor
  logits: GoldenTensor
  loss: GoldenTensor
  counted: number
}

function define(golden: Network) {
  const { vocabulary, hidden, layers } = golden
  return defineModel({
    name: 'golden',
    config: {},
    inputs: { ids: i32('length', 'batch') },
    targets: { targets: i32('length', 'batch') },
    forward: ({ ids }) => {
      const x = embedding(ids, { name: 'embedding', vocabulary, size: golden.embedding })
      const { output: y } = lstm(x, { name: 'lstm', hidden, layers, carry: true })
      return { y, logits: linear(y, { name: 'head', size: vocabulary }) }
    },
    loss: ({ logits }, { targets }) => crossEntropy(logits, targets)
  })
}

const shapesOf = (golden: Record<string, GoldenTensor>) =>
  Object.fromEntries(Object.entries(golden).map(([k, v]) => [k, v.shape]))

for (const name of ['1x5', '2x5', '3x9', '1x16', '2x16', '3x20', '2x33']) {
  t.test(`network ${name}`, async (t) => {
    const golden = readGolden<Network>(`network-${name}`)
    using model = define(golden)
    t.same(Object.fromEntries([...model.parameters].map((p) => [p.name, p.shape])), shapesOf(golden.parameters))
    for (const [parameter, { data }] of Object.entries(golden.parameters)) model.parameters.set(parameter, data)
    const near = (what: string, found: ArrayLike<number>, expected: ArrayLike<number>) => {
      const difference = largestDifference(found, expected)
      t.ok(difference <= 1e-5, `${what} within 1e-5 (${difference.toExponential(1)})`)
    }

    const plan = model.plan({ length: golden.steps, batch: golden.batch }, { outputs: ['y', 'logits'] })
    const { layers, batch, hidden } = golden
    const part = (tensor: GoldenTensor, layer: number) =>
      tensor.data.slice(layer * batch * hidden, (layer + 1) * batch * hidden)
    plan.inputs.ids.set(golden.ids.data)
    plan.inputs.targets.set(golden.targets.data)
    for (const mode of ['forward', 'gradient'] as const) {
      for (let layer = 0; layer < layers; layer++) {
        plan.states[`lstm.h_l${layer}`]!.set(part(golden.h0, layer))
        plan.states[`lstm.c_l${layer}`]!.set(part(golden.c0, layer))
      }
      await plan.run(mode)
      near(`${mode}: y`, plan.outputs.y, golden.y.data)
      near(`${mode}: logits`, plan.outputs.logits, golden.logits.data)
      near(`${mode}: loss`, plan.outputs.loss, [golden.loss.data[0]!, golden.counted])
      near(`${mode}: loss in the control block`, [plan.control.loss], golden.loss.data)
      for (let layer = 0; layer < layers; layer++) {
        near(`${mode}: final h of layer ${layer}`, plan.states[`lstm.h_l${layer}`]!, part(golden.hT, layer))
        near(`${mode}: final c of layer ${layer}`, plan.states[`lstm.c_l${layer}`]!, part(golden.cT, layer))
      }
    }
    for (const [parameter, { data }] of Object.entries(golden.gradients)) {
      near(`gradient of ${parameter}`, model.parameters.get(parameter).grad!, data)
    }
  })
}

t.test('both directions', async (t) => {
  const golden = readGolden<Omit<Network, 'embedding'> & { input: number; x: GoldenTensor; target: GoldenTensor }>(
    'bidirectional-6'
  )
  const { input, hidden, steps, batch } = golden
  using model = defineModel({
    name: 'golden',
    config: {},
    inputs: {
      x: f32('length', 'batch', input),
      ...Object.fromEntries(['h', 'c', 'h_reverse', 'c_reverse'].map((name) => [name, f32('batch', hidden)]))
    },
    targets: { target: f32('length', 'batch', 2 * hidden) },
    forward: (inputs) => {
      const { x, h, c, h_reverse: hr, c_reverse: cr } = inputs as Record<string, (typeof inputs)['x']>
      const initial = { h: [h!, hr!], c: [c!, cr!] }
      const { output, ...finals } = lstm(x!, { name: 'lstm', hidden, bidirectional: true, initial })
      return { y: output, h: finals.h[0]!, hr: finals.h[1]!, c: finals.c[0]!, cr: finals.c[1]! }
    },
    loss: ({ y }, { target }) => meanSquare(y, target)
  })
  for (const [parameter, { data }] of Object.entries(golden.parameters)) model.parameters.set(`lstm.${parameter}`, data)
  const plan = model.plan({ length: steps, batch }, { outputs: ['y', 'h', 'hr', 'c', 'cr'] })
  const inputs = plan.inputs as unknown as Record<string, Float32Array>
  const half = (tensor: GoldenTensor, direction: number) =>
    tensor.data.slice(direction * batch * hidden, (direction + 1) * batch * hidden)
  inputs['x']!.set(golden.x.data)
  inputs['target']!.set(golden.target.data)
  inputs['h']!.set(half(golden.h0, 0))
  inputs['h_reverse']!.set(half(golden.h0, 1))
  inputs['c']!.set(half(golden.c0, 0))
  inputs['c_reverse']!.set(half(golden.c0, 1))
  plan.runSync('gradient')
  const near = (what: string, found: ArrayLike<number>, expected: ArrayLike<number>) =>
    t.ok(largestDifference(found, expected) <= 1e-5, `${what} (${largestDifference(found, expected).toExponential(1)})`)
  near('y', plan.outputs.y, golden.y.data)
  near(
    'final states',
    [...plan.outputs.h, ...plan.outputs.hr, ...plan.outputs.c, ...plan.outputs.cr],
    [...golden.hT.data, ...golden.cT.data]
  )
  near('loss', plan.outputs.loss.subarray(0, 1), golden.loss.data)
  for (const [parameter, { data }] of Object.entries(golden.gradients)) {
    near(`gradient of ${parameter}`, model.parameters.get(`lstm.${parameter}`).grad!, data)
  }
})
