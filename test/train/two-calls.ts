// Trains a model by hand, with one call or two calls a step, for update.test.ts and its child processes.
import { createHash } from 'node:crypto'
import type { Device, OptimizerName } from '../../src/graph/opcodes.js'
import { noise, textModel } from '../text-model.js'

/** Returns a hash of weights, moments and states after five steps on data that changes. */
export async function trainedBits(
  optimizer: OptimizerName,
  threads: number,
  way: 'one call' | 'two calls',
  device: Device = 'cpu'
): Promise<string> {
  using model = textModel({ hidden: 40, layers: 2, dropout: 0.25 }, { seed: 2, threads, device })
  using plan = model.plan({ length: 8, batch: 6 }, { optimizer })
  for (let step = 0; step < 5; step++) {
    plan.inputs.tokens.set(noise(48, step))
    plan.inputs.targets.set(noise(48, step + 1))
    Object.assign(plan.control, { seed: 3, step, clipNorm: 0.3, l2: 0.01 })
    if (way === 'one call') await plan.run('train')
    else {
      await plan.run('gradient')
      await plan.run('update')
    }
  }
  const hash = createHash('sha256')
  for (const group of ['data', 'moment1', 'moment2'] as const)
    for (const { data } of model.parameters.list(group)) hash.update(data)
  for (const state of Object.values(plan.states)) hash.update(state)
  return hash.digest('hex')
}
