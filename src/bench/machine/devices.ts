// One point on a device. On 'auto' there are three contestants in turns, the chosen device, the processor and the GPU, so that a run
// shows whether the choice was right.

import type { Contestant } from '../turns.js'
import type { Setting } from '../workloads/networks.js'
import type { Own, Point } from '../point.js'

/** Returns the point of `make` at `setting`. On the device 'auto' it is measured in turns with the processor and the GPU. */
export function onDevice(setting: Setting, make: (setting: Setting) => Point): Point {
  const point = make(setting)
  if (setting.device !== 'auto') return point
  return { ...point, task: null, open: () => beside(point, (device) => make({ ...setting, device })) }
}

function beside(point: Point, on: (device: 'cpu' | 'cuda') => Point): Own {
  const opened: Contestant[] = []
  const open = (from: Point): Own => {
    const { references = [], contestant, ...own } = from.open()
    // What it would be held against is closed with it: they may share a model.
    const all = [contestant, ...references.map((reference) => reference.contestant)]
    const alone: Contestant = {
      burst: async (seconds, warm) => contestant.burst(seconds, warm),
      close: async () => void (await Promise.all(all.map(async (one) => one.close())))
    }
    opened.push(alone)
    return { ...own, contestant: alone }
  }
  try {
    const chosen = open(point)
    const references = (['cpu', 'cuda'] as const).map((name) => ({ name, contestant: open(on(name)).contestant }))
    return { ...chosen, references }
  } catch (error) {
    for (const contestant of opened) void contestant.close()
    throw error
  }
}

/** Returns the device that 'auto' chose, its reason, and whether the measured times confirm the choice. */
export function judgeChoice({ plan }: Own, figures: Readonly<Record<string, unknown>>): Record<string, string> {
  if (!plan) throw new Error('a point on the device that auto chose needs its plan')
  const { device, deviceWhy } = plan.explain()
  const [cpu, cuda] = [figures['cpu_us'] as number, figures['cuda_us'] as number]
  return { chosen: device, why: deviceWhy, right: cpu <= cuda === (device === 'cpu') ? 'yes' : 'no' }
}
