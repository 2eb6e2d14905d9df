// Weights of another model as the first values of a model: tensors of the same name and shape are taken, and rows of embeddings and output
// layers (columns of layers that read one-hot symbols) are copied by symbol if the vocabulary has grown or shrunk.

import { integer, list, object, optional, options as optionsOf, signal as signalOf, string } from '../check/index.js'
import { expected } from '../errors.js'
import { checkLoaded, type LoadedTensors } from '../graph/loaded-tensors.js'
import type { Parameter } from '../graph/parameter-arenas.js'
import { operationsOf } from '../graph/parameters.js'
import { asFloat32 } from '../io/float32.js'
import type { TensorData } from '../io/safetensors/dtypes.js'
import { checkModel, type Model } from '../model.js'
import { expectUsableTensors } from './not-finite.js'

/** Parameters with a row for each symbol of a vocabulary: an embedding's weight, an output layer's weight and bias. */
export interface SymbolRows {
  /** Names of the parameters. */
  parameters: readonly string[]
  /** Symbols of the rows of the tensors, in their order, each once. */
  from: readonly string[]
  /** Symbols of the rows of the model's parameters, in their order. */
  to: readonly string[]
  /**
   * For matrices that have a column for each symbol: the column of the first symbol. The columns before and after those of the symbols are
   * copied as they are. Default: symbols have rows.
   */
  firstColumn?: number | undefined
}

/** Options of `initializeFrom`. */
export interface InitializeOptions {
  /** Parameters whose rows are copied by symbol; default none. */
  rows?: readonly SymbolRows[] | undefined
  /** Aborts before the weights are written. */
  signal?: AbortSignal | undefined
}

/** The result of `initializeFrom`: the use of each parameter and tensor. */
export interface InitializeReport {
  /** Parameters that took a tensor as it is. */
  taken: string[]
  /** Parameters whose rows or columns were copied by symbol; `rows` is the number of copied ones, and the others keep their first values. */
  byRow: { name: string; rows: number }[]
  /** Parameters that keep their first values, because no tensor has their name ('absent') or because its shape differs ('shape'). */
  left: { name: string; reason: 'absent' | 'shape' }[]
  /** Tensors whose names no parameter of the model has. */
  unused: string[]
}

const readOptions = optionsOf<InitializeOptions>({
  rows: optional(
    list(
      object<SymbolRows>({
        parameters: list(string),
        from: list(string),
        to: list(string),
        firstColumn: optional(integer(0, 2 ** 31 - 1))
      })
    )
  ),
  signal: optional(signalOf)
})

/**
 * Gives the parameters of `model` the values of the `tensors` that fit them, and returns a report of the use of each. Values of F16, BF16 and
 * F64 are converted to float32. Moments are not changed: make the trainer afterwards. Throws, before anything is written,
 * ERR_INVALID_ARGUMENT if `rows` names an unknown parameter, if a symbol occurs twice in `from`, or if no tensor fits. Throws
 * ERR_INVALID_SHAPE if a tensor or parameter of `rows` does not have a row for each symbol, ERR_NOT_FINITE if a value is not finite, ERR_BUSY
 * while an operation on the model is under way, and ERR_ABORTED if `signal` is aborted.
 * @example
 * const { weights } = await readCheckpoint('stories.safetensors')
 * const report = await initializeFrom(model, weights, {
 *   rows: [{ parameters: ['embedding.weight', 'head.weight', 'head.bias'], from: [...oldSymbols], to: [...newSymbols] }]
 * })
 */
export async function initializeFrom(
  model: Model,
  tensors: LoadedTensors,
  options: InitializeOptions = {}
): Promise<InitializeReport> {
  checkModel(model, 'the model')
  const given = checkLoaded(tensors, 'the tensors')
  const { rows = [], signal } = readOptions(options, 'the options of initializeFrom')
  const { parameters } = model
  for (const name of rows.flatMap((rule) => rule.parameters)) if (!parameters.has(name)) parameters.get(name)
  expectUsableTensors('weights', given, 'any')
  await model.ready({ signal })
  operationsOf(parameters).checkIdle('initialisation')
  const report: InitializeReport = { taken: [], byRow: [], left: [], unused: [] }
  const values = new Map<string, Float32Array>()
  for (const parameter of parameters) {
    const { name } = parameter
    const tensor = given.get(name)
    const rule = rows.find((one) => one.parameters.includes(name))
    if (!tensor) report.left.push({ name, reason: 'absent' })
    else if (rule) {
      const copied = copyRows(parameter, tensor, rule)
      values.set(name, copied.data)
      report.byRow.push({ name, rows: copied.rows })
    } else if (tensor.shape.join() === parameter.shape.join()) {
      values.set(name, floatsOf(name, tensor))
      report.taken.push(name)
    } else report.left.push({ name, reason: 'shape' })
  }
  report.unused = [...given.keys()].filter((name) => !parameters.has(name))
  if (values.size === 0) {
    const wanted = "tensors of the names and shapes of the model's parameters"
    const found = `${given.size} tensors, of which none fits`
    throw expected('ERR_INVALID_ARGUMENT', wanted, found, 'use the weights of a similar model')
  }
  for (const [name, data] of values) parameters.set(name, data)
  return report
}

type LoadedTensor = LoadedTensors extends ReadonlyMap<string, infer T> ? T : never

function floatsOf(name: string, { data, dtype = 'F32' }: LoadedTensor): Float32Array {
  return (dtype === 'F32' ? data : asFloat32(name, dtype, data as TensorData)) as Float32Array
}

/** Returns the values of `parameter` with the rows or columns of `tensor` for the symbols that both have, and the number of these. */
function copyRows(
  { name, shape, data: first }: Parameter,
  tensor: LoadedTensor,
  { from, to, firstColumn }: SymbolRows
): { data: Float32Array; rows: number } {
  // Blocks of `inner` values: `before` of them, one for each symbol, `after` of them, and that `outer` times.
  const byColumn = firstColumn !== undefined
  const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1)
  const layout = (sizes: readonly number[], symbols: number) => {
    const [outer, inner] = byColumn ? [sizes[0], product(sizes.slice(2))] : [1, product(sizes.slice(1))]
    const before = firstColumn ?? 0
    return { outer, inner, before, after: (sizes[byColumn ? 1 : 0] ?? -1) - before - symbols }
  }
  const [old, now] = [layout(tensor.shape, from.length), layout(shape, to.length)]
  const fits = old.outer === now.outer && old.inner === now.inner && old.after === now.after && now.after >= 0
  if (!fits || (!byColumn && now.after > 0)) {
    const symbols = byColumn ? 'columns of symbols' : 'rows'
    const wanted = `"${name}" with ${from.length} ${symbols} in the tensors and ${to.length} in the model, of one width,`
    const found = `[${tensor.shape.join(', ')}] and [${shape.join(', ')}]`
    throw expected('ERR_INVALID_SHAPE', wanted, found, 'list the symbol of each row')
  }
  const rowOf = new Map(from.map((symbol, row) => [symbol, row]))
  if (rowOf.size < from.length) {
    const wanted = `the symbols of the rows of "${name}", each once,`
    throw expected('ERR_INVALID_ARGUMENT', wanted, 'one twice', "list each row's own symbol")
  }
  const values = floatsOf(name, tensor)
  const data = first.slice()
  const { outer = 1, inner, before, after } = now
  const [oldSize, size] = [before + from.length + after, before + to.length + after]
  for (let o = 0; o < outer; o++) {
    const copy = (source: number, target: number, count: number) => {
      const begin = (o * oldSize + source) * inner
      data.set(values.subarray(begin, begin + count * inner), (o * size + target) * inner)
    }
    copy(0, 0, before)
    to.forEach((symbol, row) => {
      const source = rowOf.get(symbol)
      if (source !== undefined) copy(before + source, before + row, 1)
    })
    copy(before + from.length, before + to.length, after)
  }
  return { data, rows: to.filter((symbol) => rowOf.has(symbol)).length }
}
