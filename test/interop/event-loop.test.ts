// Runs of imported models leave the event loop free: long ones and copies of large arrays, also during a training step. Times are those that the
// thread was on a processor, so that other programs do not count.
import { existsSync, readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createTrainer, crossEntropy, i32, type Tensor } from '../../src/index.js'
import { importModel } from '../../src/interop/index.js'

const path = fileURLToPath(new URL('../golden/finetuning/lstm.onnx', import.meta.url))
const schedule = `/proc/self/task/${process.pid}/schedstat`
const tokensOf = (length: number, batch = 1) => ({ tokens: { shape: [length, batch], data: new Int32Array(length * batch) } }) // prettier-ignore

/** Milliseconds that this thread was on a processor, in steps of a tick of the kernel. */
const processor = () => Number(readFileSync(schedule, 'utf8').split(' ')[0]) / 1e6

/** Waits for work, and returns the turns of the event loop and the most milliseconds of processor time between two of them. */
async function watched(work: Promise<unknown>): Promise<{ turns: number; longest: number }> {
  let over = false
  void work.finally(() => (over = true))
  let [turns, longest, before] = [0, 0, processor()]
  for (; !over; turns++) {
    await setImmediate()
    const now = processor()
    longest = Math.max(longest, now - before)
    before = now
  }
  await work
  return { turns, longest }
}

t.test('a long run', { skip: !existsSync(schedule) && 'the kernel has no times of threads' }, async (t) => {
  using imported = await importModel(path)
  const inputs = tokensOf(100_000)
  await imported.run(inputs) // makes the plan
  const runs: { turns: number; longest: number }[] = []
  for (let i = 0; i < 5; i++) runs.push(await watched(imported.run(inputs)))
  const pieces = (100_000 * 9) / 2 ** 18
  t.ok(Math.min(...runs.map(({ turns }) => turns)) >= pieces, 'a turn after each piece of the outputs')
  const least = Math.min(...runs.map(({ longest }) => longest))
  t.ok(least < 10, `${least} ms`)
})

t.test('during training steps', { skip: !existsSync(schedule) && 'the kernel has no times of threads' }, async (t) => {
  const loss = ({ logits }: Record<string, Tensor>, { targets }: Record<string, Tensor>) => crossEntropy(logits!, targets!) // prettier-ignore
  using imported = await importModel(path, { targets: { targets: i32('length', 'batch') }, loss })
  const [length, batch] = [2000, 16]
  const step = { inputs: { tokens: new Int32Array(length * batch), targets: new Int32Array(length * batch) }, epoch: 0, cursor: 0 } // prettier-ignore
  const data = { dims: { length, batch }, batches: () => [step, step, step, step, step, step] }
  const inputs = tokensOf(3)
  const before = await imported.run(inputs)
  let [over, runs] = [false, 0]
  const training = createTrainer(imported.model, data, { steps: 6 }).fit().finally(() => (over = true)) // prettier-ignore
  const { turns } = await watched(
    (async () => {
      for (; !over; runs++) {
        const { logits } = await imported.run(inputs) // short: on the caller's thread between two steps
        if (!logits!.data.every(Number.isFinite)) t.fail('a result that is not finite')
      }
    })()
  )
  t.equal((await training).step, 6)
  t.ok(runs > 0 && turns > 0, `${runs} runs in ${turns} turns`)
  t.not((await imported.run(inputs))['logits']!.data[0], before['logits']!.data[0], 'the weights have changed')
})
