// event-loop: how late the event loop turns while a model trains on all threads. Training is native and asynchronous, so
// the loop competes for a core but never waits for a step.

import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { machineInfo } from '../../machine.js'
import { createRandom } from '../../random.js'
import { networkDefaults } from '../../tasks/text/settings.js'
import { textModel } from '../../tasks/text/model.js'
import { createTrainer } from '../../train/trainer.js'
import type { BatchSource } from '../../data/batching/source.js'
import type { Workload } from '../workload.js'

const shape = { B: 64, T: 64, H: 256, layers: 2 }
const SYMBOLS = 65
const RESOLUTION_MS = 1

/** The workload event-loop. */
export const eventLoop: Workload = {
  name: 'event-loop',
  summary: 'delay of the event loop while a 2 x 256 model trains',
  async *run({ threads, seconds }) {
    const machine = machineInfo()
    const idle = await lateness(() => sleep(1000 * Math.min(1, seconds)))
    const network = { ...networkDefaults, embedding: shape.H, hidden: shape.H, layers: shape.layers }
    const symbols = String.fromCodePoint(...Array.from({ length: SYMBOLS }, (_, i) => 48 + i))
    const vocabulary = { kind: 'character', symbols, unknown: false } as const
    using model = textModel({ vocabulary, network, split: { valid: 0, test: 0 } }, { threads })
    const trainer = createTrainer(model, randomSymbols(), { timeLimit: seconds })
    let rate = 0
    const busy = await lateness(async () => {
      rate = (await trainer.fit()).tokensPerSecond
    })
    yield {
      workload: 'event-loop',
      shape,
      threads: threads || machine.threads,
      precision: 'f32',
      isa: machine.isaUsed,
      median_us: busy.percentile(50),
      p99_us: busy.percentile(99),
      max_us: busy.percentile(100),
      idle_p99_us: idle.percentile(99),
      samples: busy.samples,
      tokens_per_second: rate
    }
  }
}

/** Measures how much later than its 1 ms a timer fires during `work`: percentiles in microseconds. */
export async function lateness(work: () => Promise<unknown>) {
  const histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  await work()
  histogram.disable()
  return {
    samples: histogram.count,
    percentile: (p: number) =>
      Math.max(0, (p === 100 ? histogram.max : histogram.percentile(p)) / 1000 - 1000 * RESOLUTION_MS)
  }
}

function randomSymbols(): BatchSource {
  const random = createRandom(0, 'bench.event-loop')
  const ids = () => Int32Array.from({ length: shape.B * shape.T }, () => random.below(SYMBOLS))
  const inputs = { tokens: ids(), targets: ids() }
  return {
    dims: { batch: shape.B, length: shape.T },
    *batches() {
      for (let step = 0; ; step++) yield { inputs, epoch: 0, cursor: step }
    }
  }
}
