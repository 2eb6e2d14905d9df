// Scores of notes by their intervals to other notes. A table of intervals is the same at every pitch, so what is learned from one chord applies to
// all others.

import { normal } from '../../graph/initializers.js'
import { gather, map, pad, patches, permute, reshape, sum } from '../../graph/ops/index.js'
import type { Tensor } from '../../graph/graph.js'
import { linear } from '../../layers/linear.js'

/** Options of `intervalScores`. */
export interface IntervalOptions {
  /** Begin of the names of the parameters. */
  readonly prefix: string
  /** K, number of tables of each reference note. */
  readonly count: number
  /** P, number of pitches. */
  readonly pitches: number
}

/** Records tables of scores of the pitches for a note: N ids give [N, K, P]. Equal intervals have equal scores. */
function intervalTables(ids: Tensor, name: string, { count, pitches }: IntervalOptions): Tensor {
  const intervals = ids.graph.parameter(`${name}.intervals`, [2 * pitches - 1, count], normal(0.1))
  const windows = reshape(patches(intervals, { axes: 0, kernel: pitches }), [pitches, pitches, count])
  const rows = reshape(permute(windows, [0, 2, 1]), [pitches, count * pitches])
  const size = ids.shape.reduce((product, n) => product * n, 1)
  return reshape(gather(pad(rows, [[0, 1], [0, 0]]), ids), [size, count, pitches]) // prettier-ignore
}

/**
 * Records the scores of the pitches by their intervals to `notes`, i32 [...] each, of tables that z [..., D] weighs: [N, P], N the number of places.
 * A note is the distance from the highest pitch down, or P for none, which gives no score.
 */
export function intervalScores(notes: Readonly<Record<string, Tensor>>, z: Tensor, options: IntervalOptions): Tensor {
  const { prefix, count } = options
  const pairs = Object.entries(notes).flatMap(([name, ids]) => {
    const tables = intervalTables(ids, `${prefix}${name}`, options)
    const factors = linear(z, { name: `${prefix}${name}.factors`, size: count })
    return [tables, reshape(factors, [tables.shape[0]!, count, 1])]
  })
  const weighted = map(pairs, (...values) => {
    const products = values.flatMap((value, i) => (i % 2 === 0 ? [value.mul(values[i + 1]!)] : []))
    return products.reduce((one, other) => one.add(other))
  })
  return sum(weighted, 1)
}
