// Readers, writers and decoders on the device: their trainings follow those on the processor, and carried states that stay on the
// device are what the processor's are, whenever they are looked at.
import t from 'tap'
import type { Device } from '../../src/graph/opcodes.js'
import { mixtureColumns, mixtureSample } from '../../src/graph/ops/index.js'
import type { Plan } from '../../src/graph/plan.js'
import {
  attention,
  createRandom,
  crossEntropy,
  ctcLoss,
  defineModel,
  embedding,
  f32,
  i32,
  linear,
  lstm,
  mixtureDensity,
  windowLstm
} from '../../src/index.js'
import { largestDifference } from '../golden.js'
import { library } from './device.js'

if (library.file !== null) process.env['GATECELL_CUDA_LIBRARY'] = library.file
const { skip } = library
const [T, B] = [6, 3]
type AnyModel = Pick<ReturnType<typeof reader>['model'], 'parameters' | 'dispose'>

function reader(device: Device) {
  const model = defineModel(
    {
      name: 'reader',
      config: {},
      inputs: { x: f32('length', 'batch', 4), steps: i32('batch') },
      targets: { labels: i32('batch', 3), counts: i32('batch') },
      forward({ x }) {
        const { output } = lstm(x, { name: 'lstm', hidden: 7, bidirectional: true })
        return { logits: linear(output, { name: 'head', size: 5 }) }
      },
      loss: ({ logits }, { labels, counts }, { steps }) =>
        ctcLoss({ logits, targets: labels, inputLengths: steps, targetLengths: counts }).loss
    },
    { device, seed: 3 }
  )
  const plan = model.plan({ length: T, batch: B }, { outputs: ['logits'], optimizer: 'adam' })
  plan.inputs.steps.set([T, 4, 0])
  plan.inputs.labels.set([1, 1, 4, 2, 0, 0, 0, 0, 0])
  plan.inputs.counts.set([3, 1, 0])
  return { model, plan }
}

function writer(device: Device) {
  const model = defineModel(
    {
      name: 'writer',
      config: {},
      inputs: { x: f32('length', 'batch', 3), text: i32('batch', 5), counts: i32('batch'), bias: f32(4) },
      targets: { points: f32('length', 'batch', 3), weights: f32('length', 'batch') },
      forward({ x, text, counts, bias }) {
        const { y, window, phi } = windowLstm(x, {
          name: 'first',
          hidden: 9,
          gaussians: 2,
          chars: text,
          lengths: counts,
          vocabulary: 6,
          stepsPerCharacter: 2,
          carry: true
        })
        const mixture = linear(y, { name: 'head', size: mixtureColumns(3) })
        return { mixture, window, phi, points: mixtureSample(mixture, bias, 3) }
      },
      loss: ({ mixture }, { points, weights }) => mixtureDensity(mixture, points, { weights })
    },
    { device, seed: 4 }
  )
  const plan = model.plan({ length: T, batch: B }, { outputs: ['phi', 'window', 'points'], optimizer: 'adam' })
  plan.inputs.text.set([0, 1, 2, 3, 4, 5, 5, 1, 0, 0, 3, 0, 0, 0, 0])
  plan.inputs.counts.set([5, 3, 0])
  plan.inputs.weights.fill(1).fill(0, 0, 2)
  return { model, plan }
}

function decoder(device: Device, kind: 'general' | 'additive') {
  const model = defineModel(
    {
      name: 'decoder',
      config: {},
      inputs: { source: i32('source', 'batch'), tokens: i32('length', 'batch'), counts: i32('batch') },
      targets: { targets: i32('length', 'batch') },
      forward({ source, tokens, counts }) {
        const encoded = embedding(source, { name: 'source', vocabulary: 8, size: 10 })
        const { output } = lstm(embedding(tokens, { name: 'tokens', vocabulary: 8, size: 10 }), {
          name: 'lstm',
          hidden: 10
        })
        const { context, weights } = attention(output, encoded, { name: 'attention', kind, lengths: counts })
        return { logits: linear(context, { name: 'head', size: 8 }), weights }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets)
    },
    { device, seed: 5 }
  )
  const plan = model.plan({ source: 5, length: T, batch: B }, { outputs: ['weights'], optimizer: 'adam' })
  plan.inputs.counts.set([5, 2, 0])
  return { model, plan }
}

/** Trains four steps and returns losses, outputs and states. */
function train({ model, plan }: { model: AnyModel; plan: Plan }) {
  const random = createRandom(6, 'sequences')
  const found: Record<string, Float32Array> = {}
  plan.control.learningRate = 0.01
  const views = plan.inputs as Readonly<Record<string, Float32Array | Int32Array>>
  const fixed = ['steps', 'labels', 'counts', 'text', 'weights', 'bias']
  for (let step = 0; step < 4; step++) {
    for (const [name, view] of Object.entries(views)) {
      if (fixed.includes(name)) continue
      view.forEach((_, i) => (view[i] = view instanceof Float32Array ? random.normal() : random.below(8)))
    }
    plan.runSync('train')
    plan.control.step++
    found[`loss of step ${step}`] = Float32Array.of(plan.outputs['loss']![0]!)
  }
  for (const [name, view] of Object.entries(plan.outputs)) found[`output ${name}`] = Float32Array.from(view)
  for (const [name, view] of Object.entries(plan.states)) found[`state ${name}`] = view.slice()
  for (const { name } of model.parameters.specs) found[name] = model.parameters.get(name).data.slice()
  return found
}

for (const [name, make] of Object.entries({
  reader,
  writer,
  'decoder with general scores': (device: Device) => decoder(device, 'general'),
  'decoder with additive scores': (device: Device) => decoder(device, 'additive')
})) {
  t.test(`a ${name} trains on the device as on the processor`, { skip }, async (t) => {
    const [cpu, cuda] = [make('cpu'), make('cuda')]
    t.equal(cuda.plan.explain().device, 'cuda')
    const [here, there] = [train(cpu), train(cuda)]
    for (const [what, expected] of Object.entries(here)) {
      const worst = largestDifference(there[what]!, expected)
      t.ok(worst < 1e-3, `${what}: ${worst.toExponential(1)}`)
    }
    for (const { model } of [cpu, cuda]) model.dispose()
  })
}

t.test('states are looked at, written and zeroed as on the processor', { skip }, async (t) => {
  const [cpu, cuda] = [writer('cpu'), writer('cuda')]
  const near = (what: string) => {
    for (const name in cpu.plan.states)
      t.ok(largestDifference(cuda.plan.states[name]!, cpu.plan.states[name]!) < 1e-5, `${what}: ${name}`)
  }
  const run = async (steps: number) => {
    for (let step = 0; step < steps; step++) for (const { plan } of [cpu, cuda]) await plan.run()
  }
  await run(3)
  near('after three runs')
  await run(1)
  for (const { plan } of [cpu, cuda]) plan.states['first.h_l0']!.fill(0.25)
  await run(2)
  near('after h was written')
  for (const { plan } of [cpu, cuda]) plan.resetStates()
  near('zeroed')
  await run(1)
  near('after a run from zero')
  for (const { model } of [cpu, cuda]) model.dispose()
})
