// step: batch 1, one step a call, state carried. sample: the whole loop through the public stream: embedding, layers,
// linear, softmax, draw; in turns with the same steps of only the layers, in a native loop, so that the difference is the cost of
// head, draw and the public API. Both workloads are bounded by reading the weights once.

import { layersBytes, sampleBytes, type Sizes } from './amounts.js'
import { onDevice } from '../machine/devices.js'
import { characterModel, characterSteps, foldsEmbedding, sequencePlan, type Setting } from './networks.js'
import type { Point } from '../point.js'
import type { Workload } from '../workload.js'
import { type Choice, oneAndAllThreads, orElse, precisionsOf } from './shapes.js'
import { syncContestant } from '../turns.js'

const hiddenSizes = [128, 256, 512, 1024, 2048]

/** The workload step: one step at batch 1. */
export const step: Workload = {
  name: 'step',
  summary: 'one step at batch 1, state carried, one call each',
  onGpu: true,
  points: (choice) => pointsOf(choice, oneAndAllThreads(choice), stepPoint)
}

/** The workload sample: the sampling loop. */
export const sampling: Workload = {
  name: 'sample',
  summary: 'the sampling loop per character, through the public stream, and what it adds to the steps of its layers',
  onGpu: true,
  // Streams run on one thread, independently of the number of the engine.
  points: (choice) => pointsOf(choice, [1], samplePoint)
}

function pointsOf(choice: Choice, threads: readonly number[], make: (sizes: Sizes, setting: Setting) => Point) {
  return precisionsOf(choice).flatMap((precision) =>
    threads.flatMap((count) =>
      orElse(choice.layers, [1, 2]).flatMap((layers) =>
        orElse(choice.hidden, hiddenSizes).map((H) =>
          onDevice({ threads: count, precision, device: choice.device }, (setting) =>
            make({ B: 1, T: 1, H, layers }, setting)
          )
        )
      )
    )
  )
}

function stepPoint(sizes: Sizes, setting: Setting): Point {
  const bytes = layersBytes(sizes, setting.precision)
  const read = { kind: 'read', threads: setting.threads, bytes: Math.max(4096, bytes) } as const
  return {
    workload: 'step',
    shape: { ...sizes },
    ...setting,
    counted: 'bytes',
    amount: bytes,
    traffic: bytes,
    limits: [read],
    bound: (at) => bytes / at(read),
    open() {
      const { plan, close } = sequencePlan(sizes, setting, true)
      return { contestant: syncContestant(() => plan.runSync('forward'), close), plan }
    },
    task: { mode: 'step', sizes, ...setting }
  }
}

/** Characters that one call draws; times are of one character. */
const BLOCK = 64

function samplePoint(sizes: Sizes, setting: Setting): Point {
  const bytes = sampleBytes(sizes, setting.precision, false)
  const read = { kind: 'read', threads: setting.threads, bytes: Math.max(4096, bytes) } as const
  return {
    workload: 'sample',
    shape: { ...sizes },
    ...setting,
    counted: 'bytes',
    amount: bytes,
    traffic: bytes,
    limits: [read],
    bound: (at) => bytes / at(read),
    open() {
      const model = characterModel(sizes, setting, false)
      const stream = model.stream({ seed: 1, temperature: 1 })
      stream.feed([0])
      const steps = characterSteps(model, sizes)
      const out = new Int32Array(BLOCK)
      const dispose = () => model.dispose()
      return {
        contestant: syncContestant(() => stream.sample(BLOCK), dispose, BLOCK),
        plan: steps.plan,
        references: [{ name: 'steps', contestant: syncContestant(() => steps.run(out), dispose, BLOCK) }],
        executed: sampleBytes(sizes, setting.precision, foldsEmbedding(steps.plan)),
        figures: { block: BLOCK }
      }
    },
    task: { mode: 'sample', sizes, ...setting }
  }
}
