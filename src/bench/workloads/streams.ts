// streams: how late the event loop turns, and how many symbols come, while many streams of one model generate at once.

import { machineInfo } from '../../machine.js'
import type { Model } from '../../model.js'
import { lateness } from './event-loop.js'
import { characterModel } from './networks.js'
import type { Workload } from '../workload.js'

const stacks = [
  { H: 128, layers: 1 },
  { H: 512, layers: 2 }
]
const counts = [1, 10, 50, 200]

/** The workload streams. */
export const streams: Workload = {
  name: 'streams',
  summary: 'delay of the event loop while 1 to 200 streams generate',
  async *run({ seconds }) {
    const { isaUsed: isa } = machineInfo()
    for (const stack of stacks) {
      const setting = { threads: 1, precision: 'f32', device: 'cpu' } as const
      using model = characterModel(stack, setting, false)
      await model.ready()
      for (const count of counts) {
        await generated(model, count, Math.min(0.1, seconds)) // warms up
        let rate = 0
        const busy = await lateness(async () => {
          rate = await generated(model, count, seconds)
        })
        yield {
          workload: 'streams',
          shape: { ...stack, streams: count },
          threads: 1,
          precision: 'f32',
          isa,
          median_us: busy.percentile(50),
          p99_us: busy.percentile(99),
          max_us: busy.percentile(100),
          samples: busy.samples,
          symbols_per_second: rate
        }
      }
    }
  }
}

/** Symbols a second of `count` streams together, over `seconds`. */
async function generated(model: Model, count: number, seconds: number): Promise<number> {
  const begin = performance.now()
  let symbols = 0
  const draw = async (seed: number) => {
    const stream = model.stream({ seed })
    stream.feed([seed % 7])
    for await (const block of stream.generate()) {
      symbols += block.length
      if (performance.now() - begin > 1000 * seconds) return
    }
  }
  await Promise.all(Array.from({ length: count }, (_, seed) => draw(seed)))
  return (1000 * symbols) / (performance.now() - begin)
}
