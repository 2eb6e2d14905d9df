// The code of a task of a test, which is imported on use: it learns the factor 3 from numbers that it makes itself.

import { createBuckets, f32, linear, meanSquare, sampleSource, type Model } from '../../src/index.js'
import type { TaskCode } from '../../src/tasks/define-task.js'

function sourceOf(train: boolean) {
  return sampleSource(createBuckets([1, 1], { batch: 2, shuffle: train }), { dims: { batch: 2 }, train }, (rows) => {
    const x = Float32Array.from(rows, (row) => row + 1)
    return { inputs: { x, y: x.map((value) => 3 * value) }, count: rows.length }
  })
}

export const definition: TaskCode<Record<never, never>>['definition'] = () => ({
  inputs: { x: f32('batch', 1) },
  targets: { y: f32('batch', 1) },
  forward: ({ x }) => ({ out: linear(x!, { name: 'factor', size: 1, bias: false }) }),
  loss: ({ out }, { y }) => meanSquare(out!, y!)
})

export const open = () => ({ train: sourceOf(true), valid: sourceOf(false), count: 2 })

export const measure = ({ parameters }: Model) =>
  Promise.resolve({ values: { error: Math.abs(parameters.get('factor.weight').data[0]! - 3) }, facts: {} })
