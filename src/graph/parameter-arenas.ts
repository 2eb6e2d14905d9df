// Memory of a model's parameters: arenas of one layout for values, gradients and moments, and the views on them.

import { createArena, slotted } from './arena.js'
import type { ParameterSpec } from './parameter-specs.js'
import { sizeOf, type Shape } from './shape.js'

/** A float32 tensor with its name. */
export interface NamedTensor {
  name: string
  shape: readonly number[]
  data: Float32Array
}

/** One parameter of a model, with views of its arrays, which are row-major. */
export interface Parameter {
  /** Unique in the model; the name of its tensor in files. */
  readonly name: string
  readonly shape: Shape
  /**
   * Live view of the values; call `touch()` after a write. A GPU trains copies of its own: get the parameter again, or call `fetch()`, to
   * see the result of a training step. If the first values are not computed yet, reading this property computes them. Throws ERR_NOT_READY
   * if that would take longer than about a second: await `ready()` first.
   */
  readonly data: Float32Array
  /** Live view of the gradient; like the moments, null in a model made with `training: false`. */
  readonly grad: Float32Array | null
  /** Adam's first moment; SGD's velocity; RMSprop's mean square. */
  readonly moment1: Float32Array | null
  /** Adam's second moment. */
  readonly moment2: Float32Array | null
  /** AMSGrad's largest second moment; null before a plan with the optimizer 'amsgrad' or `addArena('moment3')`. */
  readonly moment3: Float32Array | null
  /** Averaged weights; null before `addArena('average')`. */
  readonly average: Float32Array | null
}

/** The arenas of a store; null for a group that it does not have. */
export interface Arenas {
  readonly data: Float32Array
  readonly grad: Float32Array | null
  readonly moment1: Float32Array | null
  readonly moment2: Float32Array | null
  moment3: Float32Array | null
  average: Float32Array | null
  /** Mean gradient of the runs of the mode 'accumulate'. */
  accumulated: Float32Array | null
}

/**
 * Makes the arenas of `specs` and the parameters in them. `table` is the form of the parameters for the core: begin, rank and sizes of each;
 * `values` are the views that `Parameter.data` returns after a call of `settle` with the parameter's name. `lend` is called before a
 * parameter returns a view of its gradient or of a moment.
 */
export function layOut(
  specs: readonly ParameterSpec[],
  training: boolean,
  { settle, lend }: { settle: (name: string) => void; lend: () => void }
) {
  const table = new Float64Array(specs.length * 4)
  let elements = 0
  specs.forEach(({ shape }, i) => {
    table.set([elements, shape.length, shape[0]!, shape[1] ?? 1], 4 * i)
    elements += slotted(sizeOf(shape))
  })
  const arena = (wanted: boolean) => (wanted ? createArena(elements) : null)
  const arenas: Arenas = {
    data: createArena(elements),
    grad: arena(training),
    moment1: arena(training),
    moment2: arena(training),
    moment3: null,
    average: null,
    accumulated: null
  }
  const values = new Map<string, Float32Array>()
  const parameters = new Map<string, Parameter>()
  specs.forEach(({ name, shape }, i) => {
    const begin = table[4 * i]!
    const end = begin + sizeOf(shape)
    const part = (whole: Float32Array | null) => whole?.subarray(begin, end) ?? null
    const [grad, moment1, moment2] = [part(arenas.grad), part(arenas.moment1), part(arenas.moment2)]
    const data = arenas.data.subarray(begin, end)
    const views = {
      get data() {
        settle(name)
        return data
      },
      get grad() {
        lend()
        return grad
      },
      get moment1() {
        lend()
        return moment1
      },
      get moment2() {
        lend()
        return moment2
      },
      get moment3() {
        lend()
        return part(arenas.moment3)
      },
      get average() {
        return part(arenas.average)
      }
    }
    values.set(name, data)
    parameters.set(name, Object.freeze(Object.assign(views, { name, shape })))
  })
  return { table, arenas, values, parameters }
}

/**
 * Returns the parts of `copy`, a copy of an arena, as tensors with the names and shapes of the parameters. `values` are the views of
 * `arena`, the arena of the values, which has the same layout.
 */
export function tensorsIn(
  copy: Float32Array,
  parameters: ReadonlyMap<string, Parameter>,
  { arena, values }: { arena: Float32Array; values: ReadonlyMap<string, Float32Array> }
): NamedTensor[] {
  return [...parameters.values()].map(({ name, shape }) => {
    const view = values.get(name)!
    const begin = (view.byteOffset - arena.byteOffset) / 4
    return { name, shape, data: copy.subarray(begin, begin + view.length) }
  })
}
