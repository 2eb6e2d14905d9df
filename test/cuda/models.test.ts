// Models on the device: training, checkpoints, evaluation and sampling as on the processor.
import t from 'tap'
import { backends } from '../../src/machine.js'
import type { Device } from '../../src/graph/opcodes.js'
import { createTrainer } from '../../src/train/trainer.js'
import { evaluate } from '../../src/train/evaluate.js'
import { library } from './device.js'
import { textFixture } from './text.js'

if (library.file !== null) process.env['GATECELL_CUDA_LIBRARY'] = library.file
const { skip } = library
const steps = 4

async function train(device: Device) {
  const { model, source } = textFixture(device)
  const losses: number[] = []
  const trainer = createTrainer(model, source, { optimizer: { kind: 'adam' }, steps, reportEvery: 1, seed: 3 })
  trainer.on('report', ({ loss }) => losses.push(loss))
  await trainer.fit()
  return { model, source, trainer, losses }
}

t.test('a training on the device follows the one on the processor', { skip }, async (t) => {
  const cpu = await train('cpu')
  const cuda = await train('cuda')
  t.equal(cuda.trainer.plan.explain().device, 'cuda')
  t.equal(cuda.losses.length, steps)
  cuda.losses.forEach((loss, i) => t.ok(Math.abs(loss - cpu.losses[i]!) < 1e-4, `step ${i}: ${loss}`))
  const here = new Map(cpu.trainer.snapshot().weights.map(({ name, data }) => [name, data]))
  for (const { name, data } of cuda.trainer.snapshot().weights) {
    const worst = Math.max(...data.map((x, i) => Math.abs(x - here.get(name)![i]!)))
    t.ok(worst < 1e-3, `${name} came back from the device: ${worst}`)
  }
  t.ok(
    cuda.trainer.snapshot().moment1!.some(({ data }) => data.some((x) => x !== 0)),
    'so did the moments'
  )
  for (const { model } of [cpu, cuda]) model.dispose()
})

t.test('evaluation and sampling give what the processor gives', { skip }, async (t) => {
  const [cpu, cuda] = [textFixture('cpu'), textFixture('cuda')]
  const measured = await Promise.all([cpu, cuda].map(({ model, source }) => evaluate(model, source)))
  t.ok(Math.abs(measured[0]!.loss - measured[1]!.loss) < 1e-5)
  const drawn = [cpu, cuda].map(({ model }) => {
    const stream = model.stream({ seed: 4 })
    stream.feed([1, 2, 3])
    return [...stream.sample(12)]
  })
  t.same(drawn[1], drawn[0])
  for (const { model } of [cpu, cuda]) model.dispose()
})

t.test('auto says why it chose', { skip }, async (t) => {
  const { model } = textFixture('auto')
  const plan = model.plan({ batch: 2, length: 3 })
  const { device, deviceWhy } = plan.explain()
  t.match(deviceWhy, backends().cuda.emulated ? /emulator/ : /by measured rates/)
  t.ok(device === 'cpu' || device === 'cuda')
  model.dispose()
})
