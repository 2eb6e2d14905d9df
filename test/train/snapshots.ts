// A snapshot of a run with copies of its arrays, as createTrainer resumes it.
import type { Resumable, Trainer } from '../../src/index.js'
import type { NamedTensor } from '../../src/graph/parameter-arenas.js'

export function snapshotOf(trainer: Trainer): Resumable {
  const { progress, weights, ...groups } = trainer.snapshot()
  const named = (list: NamedTensor[]) =>
    new Map(list.map((tensor) => [tensor.name, { ...tensor, data: tensor.data.slice() }]))
  const rest = Object.entries(groups).filter(([, value]) => Array.isArray(value))
  return {
    progress: structuredClone(progress),
    weights: named(weights),
    ...Object.fromEntries(rest.map(([name, list]) => [name, named(list as NamedTensor[])]))
  }
}
