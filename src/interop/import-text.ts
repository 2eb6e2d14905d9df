// Text models of PyTorch as ours: an embedding, a stack of LSTM, GRU or RNN layers and a linear layer, found in a state_dict by their names and
// shapes. The result is a model file like that of a training: it can be sampled, served, measured and trained further.

import { boolean, filled, integer, object, optional, record } from '../check/index.js'
import { expected, type GatecellError } from '../errors.js'
import { assertOutputs } from '../io/atomic.js'
import { writeCheckpoint } from '../io/checkpoint.js'
import type { Model } from '../model.js'
import { configToJson } from '../settings/index.js'
import { TEXT_TASK, textModel, type TextConfig } from '../tasks/text/index.js'
import { loadWeights, type WeightsReport } from './load-weights.js'
import { listed, mappedName, withoutWrappers, type NameMap } from './names.js'
import { readSymbols } from './symbols-file.js'
import { openTensorFile, type TensorFile } from './tensors/tensor-file.js'

/** Options of `importText`. */
export interface ImportTextOptions {
  /** The model file to write. A file of the same name is replaced. */
  out: string
  /**
   * JSON file with the symbols: a list of characters in the order of their ids, an object with the id of each, what `gatecell export` writes, or a
   * tokenizer.json of Hugging Face.
   */
  vocabulary: string
  /** Our names `embedding`, `lstm` (or `gru`, `rnn`) and `head` by those of the file. Default: found by shapes and by usual names. */
  map?: NameMap
  /** Whether float64 tensors are rounded to float32. Default false: they are an error. */
  narrow?: boolean
  /** Most bytes of the file's tensors, as for `openTensorFile`. Default: 4 times the size of the file and 16 MiB. */
  maxBytes?: number
}

/** The result of `importText`. */
export interface ImportTextReport extends WeightsReport {
  /** The configuration of the model file. */
  config: TextConfig
}

const readOptions = object<ImportTextOptions>({
  out: filled,
  vocabulary: filled,
  map: optional(record(filled)),
  narrow: optional(boolean),
  maxBytes: optional(integer(0))
})

/**
 * Makes a text model from a state_dict of PyTorch (.pt or safetensors) with an embedding, LSTM, GRU or RNN layers and a linear layer, writes it
 * to `options.out`, and returns the use of each tensor. A state_dict has no function of RNN layers: they are taken to have tanh, PyTorch's
 * default. Throws ERR_UNSUPPORTED, by name, for layers that a text model does not have (both directions, projections), ERR_INVALID_SHAPE if sizes
 * do not fit the vocabulary, and the errors of `openTensorFile` and of `loadWeights`.
 *
 * @example
 * const { config } = await importText('torch.safetensors', { vocabulary: 'torch.vocabulary.json', out: 'imported.safetensors' })
 * config.network.hidden // 8
 */
export async function importText(path: string, options: ImportTextOptions): Promise<ImportTextReport> {
  filled(path, 'the path')
  const { out, vocabulary, map, narrow = false, maxBytes } = readOptions(options, 'the options of importText')
  await assertOutputs([out], [path, vocabulary])
  const symbols = await readSymbols(vocabulary)
  const file = await openTensorFile(path, maxBytes === undefined ? {} : { maxBytes })
  try {
    const parts = partsOf(file, symbols.vocabulary.size, map)
    const plain = { dropout: 0, variational: false, recurrentDropout: 0, zoneout: 0 }
    const { hidden, layers, embedding, cell } = parts
    const network = { ...plain, hidden, layers, embedding, ...(cell !== 'lstm' && { cell }) }
    const config: TextConfig = { vocabulary: symbols.vocabulary.config, network, split: { valid: 0.1, test: 0 } }
    using model = textModel(config, { training: false, initialize: false })
    const report = await loadWeights(model, file, { map: parts.map, narrow })
    if (symbols.rows)
      for (const name of ['embedding.weight', 'head.weight', 'head.bias']) reorder(model, name, symbols.rows)
    const weights = model.parameters.list()
    await writeCheckpoint(out, { task: TEXT_TASK, config: configToJson(config), progress: {}, weights })
    return { ...report, config }
  } finally {
    await file.close()
  }
}

/** Puts the rows of a parameter in the order of our ids. */
function reorder({ parameters }: Model, name: string, rows: readonly number[]): void {
  const { data } = parameters.get(name)
  const [width, before] = [data.length / rows.length, data.slice()]
  const after = new Float32Array(data.length)
  for (const [id, row] of rows.entries()) after.set(before.subarray(row * width, (row + 1) * width), id * width)
  parameters.set(name, after)
}

/** The parts of a text model in a file. */
interface TextParts {
  readonly map: NameMap
  readonly cell: Cell
  readonly hidden: number
  readonly layers: number
  readonly embedding: number
}

type Cell = NonNullable<TextConfig['network']['cell']>
/** Rows of gates for each unit. */
const rowsOf: Readonly<Record<Cell, number>> = { lstm: 4, gru: 3, rnn: 1 }
const cells = Object.keys(rowsOf) as Cell[]
const usual = { embedding: /emb|encoder|wte|lookup/i, head: /head|fc|out|decoder|linear|proj/i } as const

function partsOf(file: TensorFile, size: number, map: NameMap = {}): TextParts {
  const all = [...file.tensors.values()]
  const shapes = new Map(withoutWrappers(all.map(({ name }) => name)).map((name, i) => [name, all[i]!.shape]))
  const names = [...shapes.keys()]
  const recurrent = recurrentName(names, map, file.path)
  const prefix = recurrent === '' ? '' : `${recurrent}.`
  const shapeOf = (name: string) =>
    shapes.get(`${prefix}${name}`) ?? shapes.get(`${prefix}${name.replace(/_l0$/, '')}`) ?? []
  const [rows = 0, embedding = 0] = shapeOf('weight_ih_l0')
  const [, hidden = 0] = shapeOf('weight_hh_l0')
  const refuse = (what: string, found: string) =>
    expected('ERR_UNSUPPORTED', `${what} in ${file.path}`, found, 'define a model of your own and use loadWeights')
  if (names.some((name) => name.startsWith(`${prefix}weight_hr_l`)))
    throw refuse('LSTM layers without a projection', `${prefix}weight_hr_l0`)
  if (names.some((name) => name.startsWith(prefix) && name.endsWith('_reverse')))
    throw refuse('recurrent layers of one direction', 'two directions')
  const cell = cells.find((one) => rows === rowsOf[one] * hidden)
  if (hidden < 1 || embedding < 1 || cell === undefined)
    throw refuse(`${listed(cells)} layers with 4, 3 or 1 times ${hidden} rows of gates`, `${rows} rows`)
  let layers = 1
  while (shapes.has(`${prefix}weight_ih_l${layers}`)) layers++
  const found = { shapes, size, names, map, file }
  const source = matrixName(found, 'embedding', embedding)
  const head = matrixName(found, 'head', hidden)
  const own = named(recurrent, cell, names)
  return { cell, hidden, layers, embedding, map: { ...own, [source]: 'embedding', [head]: 'head' } }
}

/** Returns the map of the recurrent layers; those of a state_dict of only these layers have no name before theirs. */
function named(recurrent: string, cell: Cell, names: readonly string[]): NameMap {
  if (recurrent !== '') return { [recurrent]: cell }
  return Object.fromEntries(
    names.filter((name) => /^(weight|bias)_(ih|hh)/.test(name)).map((name) => [name, `${cell}.${name}`])
  )
}

/** Returns the name of the recurrent layers. Throws unless there is one. */
function recurrentName(names: readonly string[], map: NameMap, path: string): string {
  const found = [...new Set(names.flatMap((name) => /^(?:(.*)\.)?weight_ih(?:_l0)?$/.exec(name)?.slice(1, 2) ?? []).map((name) => name ?? ''))] // prettier-ignore
  const mapped = found.filter((name) => cells.some((cell) => mappedName(name, map) === cell))
  const [only] = mapped.length > 0 ? mapped : found
  if (only !== undefined && (mapped.length === 1 || found.length === 1)) return only
  throw missing('stack of recurrent layers (weight_ih_l0)', found, path, 'lstm')
}

function missing(what: string, found: readonly string[], path: string, name: string): GatecellError {
  const received = found.length === 0 ? 'none' : `${listed(found)}, of which any may be meant`
  return expected('ERR_INVALID_SHAPE', `one ${what} in ${path}`, received, `name it in the map, as x in x=${name}`)
}

interface Found {
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readonly size: number
  readonly names: readonly string[]
  readonly map: NameMap
  readonly file: TensorFile
}

/** Returns the name of the embedding or of the output layer: of the matrix [symbols, width] that the map or a usual name points to. */
function matrixName({ shapes, size, names, map, file }: Found, part: 'embedding' | 'head', width: number): string {
  const fitting = names.filter((name) => name.endsWith('.weight') && shapes.get(name)!.join() === `${size},${width}`).map((name) => name.slice(0, -'.weight'.length)) // prettier-ignore
  const mapped = fitting.filter((name) => mappedName(name, map) === part)
  if (mapped.length === 1) return mapped[0]!
  const [only] = fitting
  const likely = fitting.filter((name) => usual[part].test(name))
  if (likely.length === 1) return likely[0]!
  if (fitting.length === 1 && only !== undefined) return only
  throw missing(
    `matrix "weight" of the shape [${size}, ${width}], ${size} symbols of the vocabulary,`,
    fitting,
    file.path,
    part
  )
}
