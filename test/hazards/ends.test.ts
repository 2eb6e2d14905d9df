// Ends at bad moments: workers terminated in a training step, garbage collected under a run, disposal under a run, exits.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { createTrainer } from '../../src/index.js'
import { collectGarbage } from '../bindings/fixture.js'
import { noise, textModel, trainingData } from '../text-model.js'

const data = trainingData(noise(2000), 16, 16)

t.test('workers ended in the middle of a step', async (t) => {
  const count = process.env['GATECELL_TEST_ALL'] ? 100 : 3
  for (let first = 0; first < count; first += 4) {
    const some = Array.from({ length: Math.min(4, count - first) }, async (_, i) => {
      const worker = new Worker(new URL('./train-worker.ts', import.meta.url))
      await once(worker, 'message')
      await new Promise((done) => setTimeout(done, 4 * i))
      await worker.terminate()
    })
    await Promise.all(some)
  }
  using model = textModel()
  t.match(await createTrainer(model, data, { steps: 2 }).fit(), { step: 2 }, 'this thread goes on')
})

t.test('the process may exit in the middle of a step', async (t) => {
  const script = fileURLToPath(new URL('./exit-midway.ts', import.meta.url))
  const ended = ['exit', 'throw', 'end'].map(async (how) => {
    const child = spawn(process.execPath, [...process.execArgv, script, how], { stdio: 'ignore' })
    t.same(await once(child, 'exit'), [how === 'throw' ? 1 : 0, null], how)
  })
  await Promise.all(ended)
})

t.test('garbage collection takes nothing that a run needs, and everything else', async (t) => {
  const run = (): Promise<void> => {
    const plan = textModel({ hidden: 64, layers: 2 }).plan({ length: 64, batch: 16 }, { optimizer: 'adam' })
    plan.inputs.tokens.fill(3)
    return plan.run('train')
  }
  for (let round = 0; round < 5; round++) {
    const running = [run(), run()]
    collectGarbage()
    await Promise.all(running)
  }
  let views: Float32Array[] = []
  for (let round = 0; round < 40; round++) {
    // About 9 MB each, native memory included: without collection this would be 360 MB.
    const model = textModel({ hidden: 128, layers: 2 })
    const stream = model.stream()
    stream.feed([1, 2, 3])
    views = [...model.parameters].map((parameter) => parameter.data)
    if (round % 10 === 9) {
      collectGarbage()
      await new Promise((done) => setImmediate(done))
    }
  }
  collectGarbage()
  t.ok(
    views.every((view) => view.every(Number.isFinite)),
    'views outlive their model'
  )
  t.ok(process.memoryUsage().rss < 900e6, `${Math.round(process.memoryUsage().rss / 1e6)} MB`)
})

t.test('disposal under a run is refused, after it everything says so', async (t) => {
  const model = textModel({ hidden: 64 })
  const stream = model.stream()
  stream.feed([1])
  const running = model.plan(data.dims, { optimizer: 'adam' }).run('train')
  t.throws(() => model.dispose(), { code: 'ERR_BUSY' })
  await running
  model.dispose()
  model.dispose()
  const calls = [
    () => stream.step(1),
    () => stream.sample(1),
    () => model.stream(),
    () => model.clone(),
    () => model.plan(data.dims),
    () => model.parameters.touch(),
    () => createTrainer(model, data)
  ]
  for (const call of calls) t.throws(call, { code: 'ERR_DISPOSED' }, String(call))
})

t.test('training leaves the event loop free', async (t) => {
  using model = textModel({ hidden: 128, layers: 2 })
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await createTrainer(model, trainingData(noise(9000), 16, 64), { steps: 5 }).fit()
  clearInterval(timer)
  t.ok(turns >= 5, `${turns} turns in 5 steps`)
})
