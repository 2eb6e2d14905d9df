// Names of tensors: those of layers, of callers, and of the outputs of a model.
import t from 'tap'
import * as g from '../../src/index.js'
import { defineModel, f32, linear } from '../../src/index.js'
import { largestDifference } from '../golden.js'

t.test('names that callers give, and gradients of a figure of their own', (t) => {
  using model = defineModel({
    name: 'named',
    config: {},
    inputs: { x: f32('batch', 3) },
    forward({ x }) {
      const first = linear(x, { name: 'head', size: 2 })
      const second = linear(x, { name: 'head', size: 2, shared: true })
      return { y: x.graph.name('sum', g.ops.add(first, second)) }
    }
  })
  const { graph, outputs } = model.record({ batch: 2 }, 'predict')
  t.same(graph.tensorNames, ['head.output', 'head.output.2', 'sum', 'y', 'x'])
  t.equal(graph.tensor('sum'), outputs.y)
  const refused = { code: 'ERR_INVALID_ARGUMENT' }
  for (const name of ['sum', 'x', '']) t.throws(() => graph.name(name, outputs.y), refused, name)
  t.throws(() => graph.name('other', model.record({ batch: 2 }, 'predict').outputs.y), refused, 'another graph')
  t.throws(
    () =>
      graph.name(
        'weight',
        graph.parameter('head.weight', [2, 3], () => {})
      ),
    refused,
    'a parameter'
  )

  const loss = g.ops.sum(outputs.y)
  const plan = model.compile(graph, { loss, gradients: ['x', 'sum'], parameterGradients: false })
  plan.runSync('gradient')
  const { data } = model.parameters.get('head.weight')
  const columns = [0, 1, 2].map((i) => 2 * (data[i]! + data[3 + i]!))
  t.ok(largestDifference(plan.gradients['x']!, [...columns, ...columns]) < 1e-6)
  t.same([...plan.gradients['sum']!], [1, 1, 1, 1])
  t.end()
})
