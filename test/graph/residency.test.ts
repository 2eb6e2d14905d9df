// The memory of a model's plans is bounded, and results do not depend on the bound.
import t from 'tap'
import { affine, defineModel, f32, lstm, ops, type Model, type ModelOptions } from '../../src/index.js'
import { textModel } from '../text-model.js'

function network(options: ModelOptions = {}) {
  return defineModel(
    {
      name: 'm',
      config: {},
      inputs: { x: f32('length', 1, 64) },
      forward: ({ x }) => ({ y: lstm(x, { name: 'l', hidden: 64, layers: 2, bidirectional: true }).output })
    },
    { threads: 1, ...options }
  )
}

function predict(model: ReturnType<typeof network>, length: number): number {
  const plan = model.plan({ length }, { purpose: 'predict' })
  plan.inputs.x.forEach((_, i, all) => (all[i] = Math.sin(i)))
  plan.runSync()
  return plan.outputs.y.reduce((sum, value, i) => sum + value * (i % 13), 0)
}

t.test('many shapes: plans and memory stay within the bound', async (t) => {
  const limit = 16 * 2 ** 20
  using bounded = network({ planMemory: limit })
  using free = network({ planMemory: Infinity })
  for (let length = 1; length <= 60; length++) predict(bounded, length)
  const before = process.memoryUsage().rss
  let most = 0
  for (let length = 100; length <= 900; length += 2) {
    predict(bounded, length)
    most = Math.max(most, bounded.planUsage.bytes)
  }
  const grown = process.memoryUsage().rss - before
  t.ok(most <= limit, `at most ${most} bytes of plans`)
  t.ok(bounded.planUsage.plans < 60, `${bounded.planUsage.plans} plans have memory`)
  t.ok(grown < 400 * 2 ** 20, `the process grew by ${Math.round(grown / 2 ** 20)} MiB`)
  for (const length of [100, 500, 898]) t.equal(predict(bounded, length), predict(free, length), 'the same results')
})

t.test('plans to train of many lengths share one arena', async (t) => {
  using model = defineModel(
    {
      name: 'm',
      config: {},
      inputs: { x: f32('length', 1, 64) },
      forward: ({ x }) => ({ y: lstm(x, { name: 'l', hidden: 64, layers: 2, bidirectional: true }).output }),
      loss: ({ y }) => ops.meanSquare(y, affine(y, 0.5, 0.1))
    },
    { threads: 1, planMemory: Infinity }
  )
  const before = process.memoryUsage().rss
  const arenas: number[] = []
  for (let length = 100; length <= 600; length += 10) {
    const plan = model.plan({ length })
    plan.runSync('gradient')
    arenas.push(plan.explain().arenaBytes)
  }
  const grown = process.memoryUsage().rss - before
  const [sum, most] = [arenas.reduce((total, bytes) => total + bytes, 0), Math.max(...arenas)]
  t.ok(sum > 15 * most, 'by themselves the plans would take many times the memory of the largest')
  t.ok(grown < sum / 3, `the process grew by ${grown} bytes, the arenas have ${sum} together`)
  t.ok(model.planUsage.bytes < sum / 3, `the model counts ${model.planUsage.bytes} bytes`)
})

t.test('a plan whose memory was taken goes on as if it had kept it', async (t) => {
  using bounded = textModel({}, { planMemory: 0 })
  using free = textModel({}, { planMemory: Infinity })
  const run = async (model: Model) => {
    const held = model.plan({ length: 4, batch: 2 }, { purpose: 'predict' })
    const view = held.inputs['tokens'] as Int32Array
    const results: number[] = []
    for (let step = 0; step < 5; step++) {
      view.fill(step)
      for (const length of [5, 6, 7]) model.plan({ length, batch: 1 }, { purpose: 'predict' }).runSync()
      // The state is carried from step to step; the plan is found again by its shape.
      const plan = model.plan({ length: 4, batch: 2 }, { purpose: 'predict' })
      t.equal(plan, held)
      await plan.run()
      results.push(...(plan.outputs['logits'] as Float32Array).slice(0, 9))
      // One that nobody holds keeps its states, too.
      const other = model.plan({ length: 2, batch: 1 }, { purpose: 'predict' })
      other.runSync()
      results.push(...Object.values(other.states).flatMap((state) => [...state]))
    }
    return results
  }
  t.same(await run(bounded), await run(free))
  t.ok(bounded.planUsage.plans <= 1)
  const plan = bounded.plan({ length: 4, batch: 2 })
  bounded.dispose()
  t.ok(plan.disposed)
  t.throws(() => plan.runSync(), { code: 'ERR_DISPOSED' })
  t.throws(() => textModel({}, { planMemory: -1 }), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('leases: nobody else has the plan, states are zero, idle ones are reused', async (t) => {
  using model = textModel()
  const dims = { length: 3, batch: 1 }
  const [a, b] = [model.lease(dims), model.lease(dims)]
  t.not(a.plan, b.plan)
  t.not(a.plan, model.plan(dims))
  a.plan.runSync()
  t.ok(a.plan.states['lstm.h_l0']!.some((value) => value !== 0))
  a.release()
  a.release()
  using again = model.lease(dims)
  t.equal(again.plan, a.plan)
  t.ok(again.plan.states['lstm.h_l0']!.every((value) => value === 0))
  using other = model.lease(dims)
  t.not(other.plan, a.plan, 'released twice, leased once')
  b.release()
})
