// Rows of a batch by shard: which rows a shard has, its part of a batch, and the carried states of its rows. A shard has neighbouring rows, and
// the numbers of rows differ by at most one, the larger ones first.

import { types } from 'node:util'
import { expected } from '../errors.js'
import type { Batch } from '../data/batching/source.js'
import { tensorsOf, type Dims, type Model, type ModelDefinition } from '../model.js'

/** The name of the dim that shards divide. */
const BATCH = 'batch'

/** Neighbouring rows of a batch. */
export interface ShardRows {
  readonly first: number
  readonly count: number
}

/** Returns the rows of shard number `shard` of `shards` of a batch of `rows` rows. */
export function rowsOfShard(rows: number, shards: number, shard: number): ShardRows {
  const [size, longer] = [Math.floor(rows / shards), rows % shards]
  return { first: shard * size + Math.min(shard, longer), count: size + (shard < longer ? 1 : 0) }
}

/** An array in row-major order in which one dimension is that of the batch: `outer` x rows x `inner` elements. */
interface Layout {
  readonly outer: number
  readonly inner: number
}

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1)

/** Copies rows from one array to another; `at` is the row of the first one in an array of `of` rows. */
function copyRows(
  { outer, inner }: Layout,
  from: { data: ArrayLike<number>; at: number; of: number },
  to: { data: Float32Array | Int32Array; at: number; of: number },
  count: number
): void {
  const source = from.data as Float32Array
  for (let o = 0; o < outer; o++) {
    const begin = (o * from.of + from.at) * inner
    to.data.set(source.subarray(begin, begin + count * inner), (o * to.of + to.at) * inner)
  }
}

/** Cuts the batches of a model into shards. */
export class BatchCutter {
  readonly #shapes: ReadonlyMap<string, readonly (number | string)[]>

  /** Throws ERR_UNSUPPORTED for a model without the dim `batch`. */
  constructor({ definition, dimNames }: Pick<Model, 'definition' | 'dimNames'>) {
    const { inputs, targets = {} } = definition
    this.#shapes = new Map(Object.entries({ ...inputs, ...targets }).map(([name, { shape }]) => [name, shape]))
    if (dimNames.includes(BATCH)) return
    const found = `one with the dims ${dimNames.join(', ') || 'none'}`
    throw expected('ERR_UNSUPPORTED', 'a model with the dim "batch" to train in shards', found, 'train without shards')
  }

  /**
   * Returns the part of a batch of the shape `dims` that has the given rows; inputs without the dim `batch` are whole. Throws ERR_INVALID_SHAPE if
   * an array does not have the shape.
   */
  part(batch: Batch, dims: Dims, rows: ShardRows): Batch {
    const inputs = Object.entries(batch.inputs).map(
      ([name, data]) => [name, this.#cut(name, data, dims, rows)] as const
    )
    return { ...batch, inputs: Object.fromEntries(inputs), dims: { ...dims, [BATCH]: rows.count } }
  }

  #cut(name: string, data: Float32Array | Int32Array, dims: Dims, rows: ShardRows): Float32Array | Int32Array {
    const shape = this.#shapes.get(name)
    const at = shape?.indexOf(BATCH) ?? -1
    // Unknown names and other types are refused where the part is written to a plan.
    if (!shape || at < 0 || !(types.isFloat32Array(data) || types.isInt32Array(data))) return data
    const sizes = shape.map((dim) => (typeof dim === 'number' ? dim : dims[dim]!))
    if (data.length !== product(sizes)) {
      const remedy = 'fill an array of that length, and do not detach it'
      throw expected(
        'ERR_INVALID_SHAPE',
        `${product(sizes)} elements in the batch's "${name}"`,
        `${data.length}`,
        remedy
      )
    }
    const layout = { outer: product(sizes.slice(0, at)), inner: product(sizes.slice(at + 1)) }
    const elements = layout.outer * rows.count * layout.inner
    const part = types.isInt32Array(data) ? new Int32Array(elements) : new Float32Array(elements)
    copyRows(layout, { data, at: rows.first, of: sizes[at]! }, { data: part, at: 0, of: rows.count }, rows.count)
    return part
  }
}

/** The carried states of a model: where each has the rows of the batch. */
export class StateRows {
  /** Shapes by name, with 0 in place of the number of rows, and the dimension of the rows. */
  readonly #states: ReadonlyMap<string, { shape: readonly number[]; at: number }>

  /** Throws ERR_UNSUPPORTED if a state of the model has no dimension, or several, of the batch. */
  constructor(definition: ModelDefinition, dims: Dims) {
    const statesFor = (batch: number) => tensorsOf(definition, { ...dims, [BATCH]: batch }).states
    const [two, three] = [statesFor(2), statesFor(3)]
    this.#states = new Map(
      [...two].map(([name, shape]) => {
        const places = [...shape.keys()].filter((i) => shape[i] !== three.get(name)![i])
        if (places.length !== 1) {
          const found = `the state "${name}", of which ${places.length} have it`
          throw expected('ERR_UNSUPPORTED', 'states with one dimension of the batch', found, 'train without shards')
        }
        return [name, { shape, at: places[0]! }]
      })
    )
  }

  get names(): string[] {
    return [...this.#states.keys()]
  }

  /** Returns the shapes of the states of `rows` rows. */
  shapes(rows: number): Record<string, number[]> {
    return Object.fromEntries([...this.#states].map(([name, { shape, at }]) => [name, shape.with(at, rows)]))
  }

  /** Returns the number of elements of all states of `rows` rows. */
  elements(rows: number): number {
    return Object.values(this.shapes(rows)).reduce((sum, shape) => sum + product(shape), 0)
  }

  /** Copies the states of some rows: from row `from.at` of arrays of `from.of` rows to row `to.at` of arrays of `to.of` rows. */
  copy(
    from: { states: Readonly<Record<string, Float32Array>>; at: number; of: number },
    to: { states: Readonly<Record<string, Float32Array>>; at: number; of: number },
    count: number
  ): void {
    for (const [name, { shape, at }] of this.#states) {
      const layout = { outer: product(shape.slice(0, at)), inner: product(shape.slice(at + 1)) }
      copyRows(layout, { ...from, data: from.states[name]! }, { ...to, data: to.states[name]! }, count)
    }
  }

  /** Returns arrays of zeros for the states of `rows` rows, as views of one array. */
  arrays(rows: number): { all: Float32Array; states: Record<string, Float32Array> } {
    const all = new Float32Array(this.elements(rows))
    let at = 0
    const views = Object.entries(this.shapes(rows)).map(([name, shape]) => {
      const view = all.subarray(at, at + product(shape))
      at += view.length
      return [name, view] as const
    })
    return { all, states: Object.fromEntries(views) }
  }
}
