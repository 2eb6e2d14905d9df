// The hot path: one native call a token and nothing for the garbage collector.
import t from 'tap'
import { poolOf } from '../../src/generate/plan-pool.js'
import { streamKind } from '../../src/generate/stream-kind.js'
import { collectGarbage } from '../bindings/fixture.js'
import { textModel } from '../text-model.js'

t.test('a step allocates nothing', async (t) => {
  using model = textModel({ hidden: 16 })
  const stream = model.stream()
  const steps = (count: number) => {
    for (let i = 0; i < count; i++) stream.step(i % 7)
  }
  steps(20000)
  let least = Infinity
  for (let round = 0; round < 5; round++) {
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    steps(20000)
    least = Math.min(least, process.memoryUsage().heapUsed - before)
  }
  t.ok(least < 40000, `${least} bytes in 20000 steps`)
})

t.test('a sample is one run of the native loop, a step one run of the plan', async (t) => {
  using model = textModel({ hidden: 16 })
  const stream = model.stream({ seed: 3 })
  stream.feed([1])
  const { kind } = streamKind(model).core
  const plan = poolOf(model).take(kind, 1, 'run') // the only one, in which the stream is
  poolOf(model).give(kind, plan, 'run')
  const steps = t.capture(plan.plan, 'runSync', plan.plan.runSync)
  const loop = plan.runSync.bind(plan)
  const samples = t.capture(plan, 'runSync', loop)
  t.equal(stream.sample(500).length, 500)
  t.same([steps().length, samples().length], [0, 1])
  stream.step(2)
  t.same([steps().length, samples().length], [1, 0])
})
