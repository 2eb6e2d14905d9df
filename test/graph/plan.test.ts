// Plans: views, carried states, modes, what is dropped, and every misuse.
import t from 'tap'
import { createPlan } from '../../src/graph/plan.js'
import { Graph } from '../../src/graph/graph.js'
import { constant } from '../../src/graph/initializers.js'
import { lower } from '../../src/graph/compile.js'
import * as ops from '../../src/graph/ops/index.js'
import { ParameterStore } from '../../src/graph/parameters.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

/** y = x * w, carried sum s' = s + y, loss = mean (y - target)^2. */
function build(training = true) {
  const graph = new Graph()
  const x = graph.input('x', [3, 5], 'f32')
  const target = graph.input('target', [3, 5], 'f32')
  const y = ops.mul(x, graph.parameter('w', [5], constant(2)))
  const sum = graph.state('sum', [3, 5])
  graph.carry(ops.add(sum, y), sum)
  graph.output('y', y)
  const loss = ops.meanSquare(y, target)
  graph.output('loss', loss)
  const parameters = new ParameterStore(graph.parameters, { training })
  parameters.initialize(1)
  return { graph, loss, parameters }
}

function make() {
  const { graph, loss, parameters } = build()
  const plan = createPlan(graph, { parameters, loss, optimizer: 'sgd' })
  return { plan, parameters, x: plan.inputs['x'] as Float32Array, y: plan.outputs['y'] as Float32Array }
}

t.test('views, runs and carried states', async (t) => {
  const { plan, x, y } = make()
  t.equal(x.length, 15)
  t.equal(x.byteOffset % 64, y.byteOffset % 64, 'slots of 64 bytes')
  t.ok(x.buffer instanceof SharedArrayBuffer)
  x.set(x.map((_, i) => i))
  plan.runSync()
  t.same(
    [...y],
    [...x].map((value) => 2 * value)
  )
  await plan.run('forward')
  t.same(
    [...plan.states['sum']!],
    [...x].map((value) => 4 * value)
  )
  plan.resetStates()
  t.ok(plan.states['sum']!.every((value) => value === 0))
  t.same(plan.shapes, {
    inputs: { x: [3, 5], target: [3, 5] },
    outputs: { y: [3, 5], loss: [2] },
    states: { sum: [3, 5] }
  })
  t.ok(plan.bytes > 0)
  t.match(plan.explain(), { isa: String, threads: Number, nodes: [{ op: String, why: String }] })
})

t.test('carries apply at once, and a state has one', (t) => {
  for (const deepFirst of [true, false]) {
    const graph = new Graph()
    const x = graph.input('x', [1, 16], 'f32')
    const [first, second] = [graph.state('first', [1, 16]), graph.state('second', [1, 16])]
    const carries = [() => graph.carry(first, second), () => graph.carry(ops.affine(x, 1), first)]
    for (const carry of deepFirst ? carries : carries.reverse()) carry()
    graph.output('y', ops.add(ops.add(x, first), second))
    t.throws(() => graph.carry(x, first), { code: 'ERR_INVALID_ARGUMENT' }, 'a second carry')
    const plan = createPlan(graph, { parameters: new ParameterStore(graph.parameters, { training: false }) })
    for (let step = 1; step <= 3; step++) {
      plan.inputs['x']!.fill(step)
      plan.runSync()
      t.same([plan.states['first']![0], plan.states['second']![0]], [step, step - 1], `step ${step}`)
    }
  }
  t.end()
})

t.test('a refused step leaves the states as they were', (t) => {
  const { plan, x } = make()
  plan.control.learningRate = 0.1
  x.fill(1)
  plan.runSync('train')
  t.equal(plan.control.applied, true)
  const before = [...plan.states['sum']!]
  x[0] = NaN
  plan.runSync('train')
  t.equal(plan.control.applied, false)
  t.same([...plan.states['sum']!], before)
  x[0] = 1
  plan.runSync('train')
  t.equal(plan.control.applied, true)
  t.end()
})

t.test('gradients and updates', async (t) => {
  const { plan, parameters, x } = make()
  const { data, grad } = parameters.get('w')
  x.fill(1)
  plan.runSync('gradient')
  // d/dw mean (w x)^2 = 2 w x^2 over the 3 rows of 15 elements
  t.ok(largestDifference(grad!, Array(5).fill((2 * 2 * 3) / 15)) < 1e-6)
  t.ok(
    data.every((value) => value === 2),
    'gradient mode leaves the weights alone'
  )
  plan.control.learningRate = 0.5
  plan.runSync('train')
  t.ok(plan.control.applied)
  t.ok(largestDifference(data, Array(5).fill(1.6)) < 1e-6)
  t.ok(Math.abs(plan.control.gradNorm - 0.8 * Math.sqrt(5)) < 1e-6)
  parameters.set('w', [1, 2, 3, 4, 5])
  plan.runSync()
  t.same([...(plan.outputs['y'] as Float32Array).subarray(0, 5)], [1, 2, 3, 4, 5], 'set() reaches the next run')
})

t.test('ops that nobody reads are dropped', async (t) => {
  const graph = new Graph()
  const x = graph.input('x', [4, 2, 3], 'f32')
  const weight = (name: string, ...shape: number[]) => graph.parameter(name, shape, constant(0.1))
  const { y, h } = ops.lstm({ x, weightIh: weight('i', 20, 3), weightHh: weight('h', 20, 5) })
  ops.tanh(h)
  graph.output('y', y)
  const tables = lower(graph, null)
  const [opcode, inputs, outputs] = tables.ops
  t.same([opcode, inputs, outputs], [2, 7, 1])
  t.equal(tables.ops.length, 4 + 7 + 1, 'one op')
  t.same([...tables.ops.subarray(4 + 7)], [tables.idOf(y)], 'its final states, cells and gates are absent')
})

t.test('misuse', async (t) => {
  const { plan, parameters } = make()
  t.throws(() => plan.runSync('backward' as 'train'), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /forward, gradient, train/
  })
  await t.rejects(plan.run('forward', { signal: AbortSignal.abort('late') }), { code: 'ERR_ABORTED', cause: 'late' })
  const running = plan.run('train')
  t.throws(() => plan.runSync(), { code: 'ERR_BUSY' })
  await t.rejects(plan.run(), { code: 'ERR_BUSY' })
  t.throws(() => plan.dispose(), { code: 'ERR_BUSY' })
  t.throws(() => parameters.set('w', [1, 2, 3, 4, 5]), { code: 'ERR_BUSY' })
  t.throws(() => parameters.dispose(), { code: 'ERR_BUSY' })
  await running
  plan.dispose()
  plan.dispose()
  t.ok(plan.disposed)
  t.throws(() => plan.runSync(), { code: 'ERR_DISPOSED' })
  await t.rejects(plan.run(), { code: 'ERR_DISPOSED' })
  t.throws(() => plan.explain(), { code: 'ERR_DISPOSED' })
  t.throws(() => plan.bytes, { code: 'ERR_DISPOSED' })
  ;(plan.inputs['x'] as Float32Array).fill(1)
  t.pass('views outlive the plan')
  parameters.dispose()
  t.throws(() => parameters.touch(), { code: 'ERR_DISPOSED' })
})

t.test('plans that cannot be', async (t) => {
  const { graph, loss, parameters } = build(false)
  t.throws(() => createPlan(graph, { parameters, loss, optimizer: 'sgd' }), { code: 'ERR_UNSUPPORTED' })
  const plan = createPlan(graph, { parameters })
  t.throws(() => plan.runSync('gradient'), { code: 'ERR_INVALID_ARGUMENT' }, 'no loss, no gradients')
  const other = build()
  const untrained = createPlan(other.graph, { parameters: other.parameters, loss: other.loss })
  t.throws(() => untrained.runSync('train'), { code: 'ERR_INVALID_ARGUMENT' }, 'no optimizer, no update')
  untrained.runSync('gradient')

  const apart = new Graph()
  const x = apart.input('x', [3], 'f32')
  apart.output('y', ops.tanh(x))
  const none = new ParameterStore([], { training: true })
  t.throws(
    () => createPlan(apart, { parameters: none, loss: x }),
    { code: 'ERR_INVALID_ARGUMENT' },
    'a loss without parameters'
  )
  createPlan(apart, { parameters: none }).runSync()
  const huge = new Graph()
  huge.output('y', ops.tanh(huge.input('x', [2 ** 30, 1], 'f32')))
  huge.output('z', ops.tanh(huge.input('z', [2 ** 30, 1], 'f32')))
  t.throws(() => createPlan(huge, { parameters: none }), { code: 'ERR_OUT_OF_MEMORY' })
})

t.test('ids are checked in the run', async (t) => {
  const graph = new Graph()
  const ids = graph.input('ids', [3], 'i32')
  graph.output('y', ops.embedding(graph.parameter('table', [7, 2], constant(1)), ids))
  const parameters = new ParameterStore(graph.parameters, { training: false })
  const plan = createPlan(graph, { parameters })
  for (const id of [7, -1, 2 ** 31 - 1, -(2 ** 31)]) {
    plan.inputs['ids']![1] = id
    t.throws(() => plan.runSync(), { code: 'ERR_OUT_OF_RANGE' }, String(id))
    await t.rejects(plan.run(), { code: 'ERR_OUT_OF_RANGE' }, String(id))
  }
  plan.inputs['ids']!.fill(6)
  plan.runSync()
})

t.test('linear and softmax against PyTorch', async (t) => {
  type Linear = { parameters: Record<'weight' | 'bias', GoldenTensor>; x: GoldenTensor; y: GoldenTensor }
  const linear = readGolden<Linear>('linear')
  const softmax = readGolden<{ x: GoldenTensor; y: GoldenTensor }>('softmax')
  const graph = new Graph()
  const { weight, bias } = linear.parameters
  const parameter = (name: string, { shape }: GoldenTensor) => graph.parameter(name, shape, constant(0))
  const x = graph.input('x', linear.x.shape, 'f32')
  graph.output('linear', ops.linear(x, parameter('weight', weight), parameter('bias', bias)))
  graph.output('softmax', ops.softmax(graph.input('logits', softmax.x.shape, 'f32')))
  const parameters = new ParameterStore(graph.parameters, { training: false })
  parameters.set('weight', weight.data)
  parameters.set('bias', bias.data)
  const plan = createPlan(graph, { parameters })
  plan.inputs['x']!.set(linear.x.data)
  plan.inputs['logits']!.set(softmax.x.data)
  plan.runSync()
  t.ok(largestDifference(plan.outputs['linear']!, linear.y.data) <= 1e-5)
  t.ok(largestDifference(plan.outputs['softmax']!, softmax.y.data) <= 1e-5)
})

t.test('losses and their gradients against PyTorch', async (t) => {
  type Loss = Record<'x' | 'target' | 'loss' | 'gradX', GoldenTensor>
  for (const [file, op] of [
    ['mean-square', ops.meanSquare],
    ['sigmoid-cross-entropy', ops.sigmoidCrossEntropy]
  ] as const) {
    const golden = readGolden<Loss>(file)
    const graph = new Graph()
    const [steps, batch, size] = golden.x.shape as [number, number, number]
    const x = graph.parameter('x', [steps * batch, size], constant(0))
    const loss = op(ops.reshape(x, golden.x.shape), graph.input('target', golden.target.shape, 'f32'))
    graph.output('loss', loss)
    const parameters = new ParameterStore(graph.parameters, { training: true })
    parameters.set('x', golden.x.data)
    const plan = createPlan(graph, { parameters, loss })
    plan.inputs['target']!.set(golden.target.data)
    plan.runSync('gradient')
    t.ok(largestDifference(plan.outputs['loss']!.subarray(0, 1), golden.loss.data) <= 1e-5, file)
    t.ok(largestDifference(parameters.get('x').grad!, golden.gradX.data) <= 1e-5, `gradient of ${file}`)
  }
})
