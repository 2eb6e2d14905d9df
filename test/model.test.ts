// Models: defined by a user's own function, with layers of their own; plans by shape; weights in and out.
import t from 'tap'
import {
  add,
  affine,
  concat,
  constant,
  createTrainer,
  defineModel,
  f32,
  i32,
  linear,
  lstm,
  meanSquare,
  mul,
  orthogonal,
  sigmoid,
  sub,
  tanh,
  uniform,
  type BatchSource,
  type ModelDefinition,
  type NamedTensor,
  type Tensor
} from '../src/index.js'
import { textModel } from './text-model.js'

/** A layer nobody here has heard of: a highway, y = g tanh(W x) + (1 - g) x. */
function highway(x: Tensor, name: string): Tensor {
  const size = x.shape.at(-1)!
  const gate = sigmoid(linear(x, { name: `${name}.gate`, size, biasStart: constant(-1) }))
  const scale = x.graph.parameter(`${name}.scale`, [size], constant(1))
  return add(mul(gate, mul(tanh(linear(x, { name: `${name}.map`, size })), scale)), mul(affine(gate, -1, 1), x))
}

t.test('a model of its own: numbers in, numbers out', async (t) => {
  using model = defineModel(
    {
      name: 'waves',
      config: { width: 6 },
      inputs: { x: f32('length', 'batch', 2) },
      targets: { y: f32('length', 'batch', 1) },
      forward: ({ x }) => {
        const forward = lstm(x, { name: 'up', hidden: 6, recurrentWeight: orthogonal(), forgetBias: 1 })
        const both = lstm(x, { name: 'two', hidden: 3, layers: 2, bidirectional: true, inputWeight: uniform(0.2) })
        return { y: linear(highway(concat([forward.output, both.output]), 'highway'), { name: 'out', size: 1 }) }
      },
      loss: ({ y }, targets) => meanSquare(y, targets.y)
    },
    { threads: 1 }
  )
  t.ok(
    ['up.weight_ih_l0', 'two.weight_hh_l1_reverse', 'highway.scale', 'out.bias'].every((name) =>
      model.parameters.has(name)
    )
  )
  t.equal(
    model.parameterCount,
    [...model.parameters].reduce((sum, { data }) => sum + data.length, 0)
  )
  const bias = model.parameters.get('up.bias_ih_l0').data
  t.same([...bias.subarray(6, 12)], Array(6).fill(1), 'forget bias')
  t.same([...model.parameters.get('up.bias_hh_l0').data.subarray(6, 12)], Array(6).fill(0))

  const [length, batch] = [10, 4]
  const waves: BatchSource = {
    dims: { length, batch },
    *batches(cursor = 0) {
      for (let step = cursor as number; ; step++) {
        const phase = (row: number, at: number) => 0.3 * at + row + step
        const x = new Float32Array(length * batch * 2)
        const y = new Float32Array(length * batch)
        y.forEach((_, i) => {
          const [at, row] = [Math.floor(i / batch), i % batch]
          x.set([Math.sin(phase(row, at)), Math.cos(phase(row, at))], 2 * i)
          y[i] = Math.sin(phase(row, at + 1))
        })
        yield { inputs: { x, y }, epoch: 0, cursor: step + 1, reset: true }
      }
    }
  }
  const { smoothedLoss } = await createTrainer(model, waves, {
    steps: 200,
    optimizer: { kind: 'rmsprop', learningRate: 5e-3 }
  }).fit()
  t.ok(smoothedLoss! < 0.02, `learns the next value (${smoothedLoss})`)

  const plan = model.plan({ length: 3, batch: 1 }, { purpose: 'predict' })
  t.same(Object.keys(plan.outputs), ['y'])
  await plan.run()
  t.ok(plan.outputs.y.every(Number.isFinite))
})

t.test('a plan to predict has neither targets nor a loss, nor their dims', async (t) => {
  using model = defineModel({
    name: 'labelled',
    config: {},
    inputs: { x: f32('batch', 3) },
    targets: { y: f32('batch', 'labels') },
    forward: ({ x }) => ({ out: linear(x, { name: 'head', size: 1 }) }),
    loss: ({ out }, { y }) => meanSquare(concat([out, out]), y),
    smallest: { labels: 2 }
  })
  t.same(model.dimNames, ['batch', 'labels'])
  t.same(model.inputDimNames, ['batch'])
  const plan = model.plan({ batch: 2 }, { purpose: 'predict' })
  t.same(Object.keys(plan.inputs), ['x'])
  t.same(Object.keys(plan.outputs), ['out'])
  // @ts-expect-error The types agree: no targets.
  t.equal(plan.inputs.y, undefined)
  // @ts-expect-error Nor a loss.
  t.equal(plan.outputs.loss, undefined)
  plan.inputs.x.fill(1)
  await plan.run()
  t.ok(plan.outputs.out.every(Number.isFinite))
  for (const refused of [
    () => model.plan({ batch: 2, labels: 2 }, { purpose: 'predict' }),
    () => model.plan({ batch: 2 })
  ])
    t.throws(refused, { code: 'ERR_INVALID_SHAPE' })
  const train = model.plan({ batch: 2, labels: 2 })
  t.equal(train.inputs.y.length, 4)
  t.equal(train.outputs.loss.length, 2)
  using lease = model.lease({ batch: 2 }, { purpose: 'predict' })
  // @ts-expect-error A lease has the types of its purpose.
  t.equal(lease.plan.outputs.loss, undefined)
})

t.test('plans are kept by shape and purpose', async (t) => {
  using model = textModel()
  const dims = { length: 4, batch: 2 }
  const plan = model.plan(dims)
  t.equal(model.plan({ batch: 2, length: 4 }), plan)
  t.not(model.plan({ length: 5, batch: 2 }), plan)
  t.not(model.plan(dims, { purpose: 'evaluate' }), plan)
  t.not(model.plan(dims, { optimizer: 'sgd' }), plan)
  t.not(model.plan(dims, { outputs: ['logits'] }), plan)
  plan.dispose()
  t.not(model.plan(dims), plan, 'a new one for one that is gone')
})

t.test('first values depend on seed and name alone', async (t) => {
  const weights = (seed: number, layers = 1) =>
    new Map([...textModel({ layers }, { seed }).parameters].map((p) => [p.name, [...p.data]]))
  t.same(weights(1), weights(1))
  t.notSame(weights(1), weights(2))
  const name = 'lstm.weight_hh_l0'
  t.same(weights(1, 2).get(name), weights(1).get(name), 'not on what else there is')
  using empty = textModel({}, { initialize: false })
  t.ok(empty.parameters.get(name).data.every((value) => value === 0))
})

t.test('weights in and out', async (t) => {
  using model = textModel()
  using other = textModel({}, { seed: 6 })
  const weights = new Map(model.parameters.list().map((tensor) => [tensor.name, tensor]))
  other.parameters.load(weights)
  t.same(other.parameters.list(), model.parameters.list())
  using copy = model.clone()
  t.same(copy.parameters.list(), model.parameters.list())
  t.equal(copy.parameters.get('head.bias').grad, null)

  const before = other.parameters.list().map(({ data }) => data.slice())
  const change = (name: string, tensor: unknown) => new Map(weights).set(name, tensor as NamedTensor)
  const { shape, data } = weights.get('head.bias')!
  const refused: [string, Map<string, NamedTensor>, string][] = [
    ['unknown', change('tail.bias', { shape, data }), 'ERR_INVALID_ARGUMENT'],
    ['shape', change('head.bias', { shape: [3], data: data.slice(0, 3) }), 'ERR_INVALID_SHAPE'],
    ['dtype', change('head.bias', { shape, data: Float64Array.from(data) }), 'ERR_INVALID_ARGUMENT'],
    ['length', change('head.bias', { shape, data: data.slice(1) }), 'ERR_INVALID_ARGUMENT']
  ]
  for (const [name, tensors, code] of refused) t.throws(() => other.parameters.load(tensors), { code }, name)
  weights.delete('head.bias')
  t.throws(() => other.parameters.load(weights), { code: 'ERR_INVALID_SHAPE', message: /"head.bias".*none/ })
  t.same(
    other.parameters.list().map((tensor) => tensor.data),
    before,
    'a refusal changes nothing'
  )
  t.throws(() => model.parameters.set('head.bias', [1, 2]), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => model.parameters.get('none'), { code: 'ERR_INVALID_ARGUMENT', message: /embedding\.weight/ })
})

t.test('writing a view and touch() reach packed weights', async (t) => {
  using model = textModel()
  const plan = model.plan({ length: 2, batch: 1 }, { purpose: 'predict' })
  plan.runSync()
  for (const { data } of model.parameters) data.fill(0)
  model.parameters.touch()
  plan.runSync()
  t.ok(plan.outputs.logits.every((value) => value === 0))
})

t.test('misuse', async (t) => {
  using model = textModel()
  t.throws(() => model.plan({ length: 4 }), { code: 'ERR_INVALID_SHAPE', message: /"batch" but received undefined/ })
  t.throws(() => model.plan({ length: 4, batch: 0 }), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => model.plan({ length: 4, batch: 1, width: 2 }), { code: 'ERR_INVALID_SHAPE', message: /"width"/ })
  t.throws(() => model.plan({ length: 4, batch: 1 }, { outputs: ['none'] }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /logits/
  })
  t.throws(() => model.plan({ length: 2 ** 20, batch: 2 ** 20 }), { code: 'ERR_INVALID_SHAPE' }, 'too large')
  model.dispose()
  t.throws(() => model.plan({ length: 4, batch: 1 }), { code: 'ERR_DISPOSED' })
  t.throws(() => model.stream(), { code: 'ERR_DISPOSED' })

  const base = { name: 'm', config: {}, inputs: { x: f32('batch', 3) }, forward: ({ x }: { x: Tensor }) => ({ y: x }) }
  const define = (change: Partial<ModelDefinition<{ x: ReturnType<typeof f32> }>>) => () =>
    defineModel({ ...base, ...change })
  t.throws(define({ name: '' }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(define({ forward: undefined }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(define({ targets: { x: f32('batch') } }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => defineModel(base, { seed: -1 }), { code: 'ERR_INVALID_ARGUMENT' })
  using lossless = defineModel({ ...base, forward: ({ x }) => ({ y: linear(x, { name: 'a', size: 2 }) }) })
  t.throws(() => lossless.plan({ batch: 1 }), { code: 'ERR_INVALID_ARGUMENT', message: /a loss/ })
  using shifty = defineModel({
    name: 'shifty',
    config: {},
    inputs: { x: f32('batch', 3), ids: i32('batch') },
    forward: ({ x }, dims) => ({ y: sub(x, linear(x, { name: dims['batch'] === 1 ? 'a' : 'b', size: 3 })) })
  })
  t.throws(() => shifty.plan({ batch: 2 }, { purpose: 'predict' }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /"b.weight"/
  })
})

t.test('weights of other float formats', async (t) => {
  using model = textModel()
  const [name] = model.parameters.names
  const { shape } = model.parameters.get(name!)
  const size = model.parameters.get(name!).data.length
  const rest = model.parameters.list().filter((one) => one.name !== name)
  const load = (data: unknown, dtype: string) => {
    const changed = { shape, data, dtype }
    model.parameters.load(
      new Map<string, typeof changed>([
        ...rest.map((one) => [one.name, { ...one, dtype: 'F32' }] as const),
        [name!, changed]
      ])
    )
  }
  load(new Uint16Array(size).fill(0x3e00), 'F16')
  t.ok(model.parameters.get(name!).data.every((value) => value === 1.5))
  load(new Uint16Array(size).fill(0xbfc0), 'BF16')
  t.ok(model.parameters.get(name!).data.every((value) => value === -1.5))
  load(new Float64Array(size).fill(0.1), 'F64')
  t.ok(model.parameters.get(name!).data.every((value) => value === Math.fround(0.1)))
  t.throws(() => load(new Float64Array(size).fill(1e39), 'F64'), { code: 'ERR_UNSUPPORTED', message: name! })
  t.throws(() => load(new Uint8Array(size), 'F8_E4M3'), { code: 'ERR_UNSUPPORTED', message: name! })
  t.throws(() => load(new Uint16Array(size - 1), 'F16'), { code: 'ERR_INVALID_ARGUMENT' })
  t.ok(
    model.parameters.get(name!).data.every((value) => value === Math.fround(0.1)),
    'a refused load changes nothing'
  )
})
