// Ends at bad moments: workers terminated in a training step, garbage collected under a run, disposal under a run, exits.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { createTrainer } from '../../src/index.js'
import { compiledProgram, plainEnvironment } from '../compiled.js'
import { collectGarbage } from '../bindings/fixture.js'
import { noise, textModel, trainingData } from '../text-model.js'
import { rounds } from '../amounts.js'

const data = trainingData(noise(2000), 16, 16)

t.test('workers ended in the middle of a step', async (t) => {
  const count = rounds(3, 3, 100)
  for (let first = 0; first < count; first += 4) {
    const some = Array.from({ length: Math.min(4, count - first) }, async (_, i) => {
      const worker = new Worker(compiledProgram('test/hazards/train-worker'), { execArgv: [] })
      await once(worker, 'message')
      await new Promise((done) => setTimeout(done, 4 * i))
      await worker.terminate()
    })
    await Promise.all(some)
  }
  using model = textModel()
  t.match(await createTrainer(model, data, { steps: 2 }).fit(), { step: 2 }, 'this thread continues')
})

t.test('the process may exit in the middle of a step', async (t) => {
  const script = compiledProgram('test/hazards/exit-midway')
  const options = { stdio: 'ignore', env: plainEnvironment() } as const
  const ended = ['exit', 'throw', 'end'].map(async (how) => {
    const child = spawn(process.execPath, [script, how], options)
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
  let before = Infinity
  for (let round = 0; round < 40; round++) {
    // About 9 MB each, native memory included: without collection this would be 360 MB.
    const model = textModel({ hidden: 128, layers: 2 })
    const stream = model.stream()
    stream.feed([1, 2, 3])
    views = [...model.parameters].map((parameter) => parameter.data)
    if (round % 10 === 9) {
      collectGarbage()
      await new Promise((done) => setImmediate(done))
      before = Math.min(before, process.memoryUsage().rss)
    }
  }
  collectGarbage()
  t.ok(
    views.every((view) => view.every(Number.isFinite)),
    'views outlive their model'
  )
  // The growth, because the size of the process itself depends on V8 and on the loader: 30 rounds without collection are 270 MB.
  const grown = Math.round((process.memoryUsage().rss - before) / 1e6)
  t.ok(grown < 150, `${grown} MB`)
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
  const trainer = createTrainer(model, trainingData(noise(9000), 16, 64), { steps: 5, reportEvery: 1 })
  const turnsOfSteps: number[] = []
  let [turns, running] = [0, true]
  trainer.on('report', () => (turnsOfSteps.push(turns), (turns = 0)))
  const counting = (async () => {
    for (; running; turns++) await new Promise((done) => setImmediate(done))
  })()
  await trainer.fit()
  running = false
  await counting
  // A step that kept this thread would leave the loop a few turns. On a busy machine one of five steps is enough.
  t.ok(Math.max(...turnsOfSteps) >= 100, `turns of the steps: ${turnsOfSteps.join()}`)
})
