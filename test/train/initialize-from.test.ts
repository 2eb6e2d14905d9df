// Weights of another model as first values: what is taken, what is left, rows by symbol, refusals.
import t from 'tap'
import { defineModel, embedding, i32, initializeFrom, linear, meanSquare, type SymbolRows } from '../../src/index.js'

const modelOf = (symbols: number, { hidden = 3, seed = 1, named = 'head' } = {}) =>
  defineModel(
    {
      name: 'small',
      config: {},
      inputs: { ids: i32('size') },
      forward: ({ ids }) => {
        const x = embedding(ids, { name: 'embedding', vocabulary: symbols, size: hidden })
        return { y: linear(x, { name: named, size: symbols }) }
      },
      loss: ({ y }) => meanSquare(y, y)
    },
    { seed }
  )
const tensorsOf = (model: ReturnType<typeof modelOf>) =>
  new Map(model.parameters.copies().map((tensor) => [tensor.name, tensor]))
const all = ['embedding.weight', 'head.weight', 'head.bias']

t.test('the same model takes everything', async (t) => {
  using from = modelOf(4, { seed: 2 })
  using model = modelOf(4)
  t.same(await initializeFrom(model, tensorsOf(from)), { taken: all, byRow: [], left: [], unused: [] })
  t.same(model.parameters.copies(), from.parameters.copies())
})

t.test('rows go by symbol; new symbols keep their first values', async (t) => {
  using from = modelOf(3, { seed: 2 })
  using model = modelOf(5)
  const first = new Map(model.parameters.copies().map(({ name, data }) => [name, data]))
  const rows: SymbolRows[] = [{ parameters: all, from: ['a', 'b', 'c'], to: ['c', 'x', 'a', 'y', 'z'] }]
  const report = await initializeFrom(model, tensorsOf(from), { rows })
  t.same(report, { taken: [], byRow: all.map((name) => ({ name, rows: 2 })), left: [], unused: [] })
  for (const name of all) {
    const width = name === 'head.bias' ? 1 : 3
    const row = (values: Float32Array, at: number) => [...values.subarray(at * width, (at + 1) * width)]
    const [now, old] = [model.parameters.get(name).data, from.parameters.get(name).data]
    t.same(row(now, 0), row(old, 2), `${name}: c`)
    t.same(row(now, 2), row(old, 0), `${name}: a`)
    for (const at of [1, 3, 4]) t.same(row(now, at), row(first.get(name)!, at), `${name}: new`)
  }
})

t.test('what does not fit is left, and reported', async (t) => {
  using from = modelOf(4, { named: 'old' })
  using model = modelOf(4)
  t.same(await initializeFrom(model, tensorsOf(from)), {
    taken: ['embedding.weight'],
    byRow: [],
    left: ['head.weight', 'head.bias'].map((name) => ({ name, reason: 'absent' })),
    unused: ['old.weight', 'old.bias']
  })
  using wide = modelOf(4, { hidden: 7 })
  const { taken, left } = await initializeFrom(wide, tensorsOf(model))
  t.same(taken, ['head.bias'])
  t.same(
    left,
    ['embedding.weight', 'head.weight'].map((name) => ({ name, reason: 'shape' }))
  )
})

t.test('refused, before anything is written', async (t) => {
  using from = modelOf(3, { seed: 2 })
  using model = modelOf(5)
  const before = model.parameters.copies()
  const tensors = tensorsOf(from)
  const rule = { parameters: ['embedding.weight'], from: ['a', 'b', 'c'], to: ['a', 'b', 'c', 'd', 'e'] }
  const refuse = (rows: unknown, code = 'ERR_INVALID_ARGUMENT') =>
    t.rejects(initializeFrom(model, tensors, { rows: rows as SymbolRows[] }), { code })
  await refuse([{ ...rule, parameters: ['x'] }])
  await refuse([{ ...rule, from: ['a', 'a', 'b'] }])
  await refuse([{ ...rule, from: ['a', 'b'] }], 'ERR_INVALID_SHAPE')
  await refuse([{ ...rule, to: ['a'] }], 'ERR_INVALID_SHAPE')
  await refuse([{ ...rule, to: undefined }])
  await refuse([], 'ERR_INVALID_ARGUMENT')
  tensors.get('embedding.weight')!.data[1] = NaN
  await refuse([rule], 'ERR_NOT_FINITE')
  const signal = AbortSignal.abort()
  using fresh = modelOf(3)
  await t.rejects(initializeFrom(fresh, tensorsOf(from), { signal }), { code: 'ERR_ABORTED' })
  t.same(model.parameters.copies(), before)
})
