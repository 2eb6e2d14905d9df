// Gradient and update as two calls: the bits of one training step, for every optimizer, thread count and instruction set, and on a device.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { machineInfo } from '../../src/index.js'
import { compiledProgram, plainEnvironment } from '../compiled.js'
import { noise, textModel } from '../text-model.js'
import { library } from '../cuda/device.js'
import { trainedBits } from './two-calls.js'

const order = ['scalar', 'avx2', 'avx512']
const script = compiledProgram('test/train/print-update')

async function run(isa: string): Promise<string> {
  const env = { ...plainEnvironment(), GATECELL_ISA: isa }
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  await once(child, 'close')
  return text.trim()
}

t.test('with 1 to 3 threads and under every instruction set', async (t) => {
  const here = order.slice(0, order.indexOf(machineInfo().isaFound) + 1)
  for (const isa of here) t.equal(await run(isa), `${isa} equal`)
})

t.test('on a device', { skip: library.skip }, async (t) => {
  process.env['GATECELL_CUDA_LIBRARY'] = library.file!
  t.equal(await trainedBits('adamw', 1, 'two calls', 'cuda'), await trainedBits('adamw', 1, 'one call', 'cuda'))
})

t.test('an update runs no pass, and needs gradients, an optimizer and an idle model', async (t) => {
  using model = textModel()
  using plan = model.plan({ length: 8, batch: 4 }, { optimizer: 'sgd' })
  plan.inputs.tokens.set(noise(32))
  plan.inputs.targets.set(noise(32, 2))
  plan.control.learningRate = 0.1
  plan.runSync('update')
  t.ok(plan.control.applied, 'gradients of zeros')
  plan.runSync('gradient')
  const before = model.parameters.copies()
  const gradients = model.parameters.list('grad').map(({ data }) => data.slice())
  const states = Object.values(plan.states).map((state) => state.slice())
  plan.inputs.tokens.fill(0)
  await plan.run('update')
  before.forEach(({ name, data }, i) => {
    const expected = data.map((x, k) => Math.fround(x - Math.fround(0.1) * gradients[i]![k]!))
    t.ok(
      model.parameters.get(name).data.every((x, k) => Math.abs(x - expected[k]!) < 1e-6),
      name
    )
  })
  t.same(Object.values(plan.states), states, 'states stay')
  const running = plan.run('update')
  t.throws(() => model.parameters.set('head.bias', new Float32Array(27)), { code: 'ERR_BUSY' })
  await running
  using own = model.plan({ length: 8, batch: 4 }, { purpose: 'evaluate' })
  t.throws(() => own.runSync('update'), { code: 'ERR_INVALID_ARGUMENT' }, 'a plan without a loss')
  t.throws(() => plan.runSync('accumulate'), { code: 'ERR_INVALID_ARGUMENT', message: /arena/ }, 'no arena')
})
