// The CTC loss against PyTorch, and what it refuses.
import t from 'tap'
import { Graph } from '../../src/graph/graph.js'
import { zeros } from '../../src/graph/initializers.js'
import { ctcLoss, reshape } from '../../src/graph/ops/index.js'
import { ParameterStore } from '../../src/graph/parameters.js'
import { createPlan } from '../../src/graph/plan.js'
import { ctcNeeds } from '../../src/index.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

type Golden = Record<'x' | 'targets' | 'inputLengths' | 'targetLengths' | 'rows' | 'loss' | 'gradX', GoldenTensor> & {
  blank: number
}

/** A plan whose logits are a parameter, so that their gradient can be read. */
function ctcPlan(shape: readonly number[], labels: number, blank: number) {
  const [steps, batch, symbols] = shape as [number, number, number]
  const graph = new Graph()
  const logits = reshape(graph.parameter('x', [steps * batch, symbols], zeros), shape)
  const { loss, rows } = ctcLoss({
    logits,
    targets: graph.input('targets', [batch, labels], 'i32'),
    inputLengths: graph.input('inputLengths', [batch], 'i32'),
    targetLengths: graph.input('targetLengths', [batch], 'i32'),
    blank
  })
  graph.output('loss', loss)
  graph.output('rows', rows)
  const parameters = new ParameterStore(graph.parameters, { training: true })
  const plan = createPlan(graph, { parameters, loss })
  const close = () => {
    plan.dispose()
    parameters.dispose()
  }
  return { plan, parameters, close }
}

for (const name of ['ctc', 'ctc-last-blank']) {
  t.test(`${name}: PyTorch's losses and gradients`, async (t) => {
    const golden = readGolden<Golden>(name)
    const { plan, parameters, close } = ctcPlan(golden.x.shape, golden.targets.shape[1]!, golden.blank)
    parameters.set('x', golden.x.data)
    for (const input of ['targets', 'inputLengths', 'targetLengths'] as const)
      plan.inputs[input]!.set(golden[input].data)
    await plan.run('gradient')
    const near = (what: string, found: ArrayLike<number>, expected: ArrayLike<number>, bound: number) => {
      const difference = largestDifference(found, expected)
      t.ok(difference <= bound, `${what} (${difference.toExponential(1)})`)
    }
    near('rows', plan.outputs['rows']!, golden.rows.data, 1e-5)
    near('loss', plan.outputs['loss']!, [golden.loss.data[0]!, golden.x.shape[1]!], 1e-5)
    near('gradient', parameters.get('x').grad!, golden.gradX.data, 1e-6)
    const [steps, batch, symbols] = golden.x.shape as [number, number, number]
    golden.inputLengths.data.forEach((length, b) => {
      for (let at = length; at < steps; at++) {
        const row = parameters.get('x').grad!.subarray((at * batch + b) * symbols, (at * batch + b + 1) * symbols)
        t.ok(
          row.every((d) => d === 0),
          `no gradient at step ${at} of row ${b}`
        )
      }
    })
    close()
  })
}

t.test('what has no loss is refused by name, and the plan runs on', async (t) => {
  const { plan, close } = ctcPlan([4, 2, 5], 3, 0)
  const { targets, inputLengths, targetLengths } = plan.inputs
  const give = (labels: number[], steps: number[], counts: number[]) => {
    targets!.set(labels)
    inputLengths!.set(steps)
    targetLengths!.set(counts)
  }
  give([1, 2, 3, 4, 4, 4], [4, 4], [3, 3])
  await t.rejects(plan.run(), {
    code: 'ERR_INVALID_ARGUMENT',
    message: 'ctc: expected at least 5 steps for the 3 labels of row 1, got 4; leave the sample out or give more'
  })
  t.equal(ctcNeeds([4, 4, 4]), 5)
  give([1, 2, 3, 4, 4, 4], [4, 0], [3, 1])
  await t.rejects(plan.run(), { code: 'ERR_INVALID_ARGUMENT', message: /for the 1 labels of row 1, got 0/ })
  for (const [labels, steps, counts, message] of [
    [[1, 2, 3, 4, 0, 4], [4, 4], [3, 2], /labels from 0 to 4 without the blank 0, got 0 in row 1/],
    [[5, 2, 3, 4, 0, 4], [4, 4], [3, 0], /got 5 in row 0/],
    [[1, 2, 3, 4, 0, 4], [5, 4], [3, 0], /input lengths from 0 to 4, got 5 in row 0/],
    [[1, 2, 3, 4, 0, 4], [4, -1], [3, 0], /input lengths from 0 to 4, got -1 in row 1/],
    [[1, 2, 3, 4, 0, 4], [4, 4], [4, 0], /target lengths from 0 to 3, got 4 in row 0/]
  ] as const) {
    give([...labels], [...steps], [...counts])
    await t.rejects(plan.run(), { code: 'ERR_OUT_OF_RANGE', message })
  }
  give([1, 2, 3, 0, 0, 0], [4, 0], [3, 0])
  await plan.run('gradient')
  // Of 5^4 sequences these read 1 2 3: one label doubled (3), or one blank before, between or after (4).
  t.ok(Math.abs(plan.outputs['loss']![0]! - Math.log(625 / 7)) < 1e-6)
  t.same([...plan.outputs['rows']!.subarray(1)], [0])
  t.equal(plan.outputs['loss']![1], 1, 'a row without steps does not count')
  close()
})

t.test('finite logits give a finite loss, others a NaN that the trainer refuses', async (t) => {
  const { plan, parameters, close } = ctcPlan([2, 1, 3], 1, 0)
  plan.inputs['targets']!.set([1])
  plan.inputs['inputLengths']!.set([2])
  plan.inputs['targetLengths']!.set([1])
  for (const values of [
    [3e38, -3e38, 0, 3e38, -3e38, 0],
    [1000, -1000, 0, 1000, 0, -1000],
    [0, -Infinity, 0, 0, -Infinity, 0]
  ]) {
    parameters.set('x', values)
    await plan.run('gradient')
    t.ok(Number.isFinite(plan.outputs['loss']![0]), `${values.join()}: ${plan.outputs['loss']![0]}`)
    t.ok(parameters.get('x').grad!.every(Number.isFinite), `gradient ${parameters.get('x').grad!.join()}`)
  }
  for (const values of [
    [0, NaN, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, Infinity]
  ]) {
    parameters.set('x', values)
    await plan.run('gradient')
    t.ok(Number.isNaN(plan.outputs['loss']![0]))
    t.ok(parameters.get('x').grad!.some(Number.isNaN))
  }
  close()
})
