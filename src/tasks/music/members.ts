// An ensemble: networks that are trained side by side in one graph, each on its own loss. Their probabilities are averaged.

import { map } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import type { MusicNetwork } from './settings.js'

/** Returns the names of the networks, under which the outputs of a model have their scores. */
export function memberNames({ members }: Pick<MusicNetwork, 'members'>): string[] {
  return Array.from({ length: members }, (_, k) => `member${k}`)
}

/** Records the mean of losses: each network gets the gradient of its own loss, divided by the number of networks. */
export function meanLoss(losses: readonly Tensor[]): Tensor {
  return map(losses, (...values) => values.reduce((one, other) => one.add(other)).mul(1 / losses.length))
}
