// Models for other programs: a state_dict of PyTorch as a safetensors file, arrays of NumPy as an NPZ file, or a graph of ONNX. The names of weights
// are ours, which are those of PyTorch, unless a map changes them; the values are the same bits.

import { choice, filled, object, optional, record } from '../check/index.js'
import { encodeNpyHeader } from '../data/files/npy.js'
import { expected } from '../errors.js'
import { assertOutputs, writeAtomically, writeTextAtomically } from '../io/atomic.js'
import { openCheckpoint } from '../io/checkpoint.js'
import { bytesOf, quoted, type WritableTensor } from '../io/safetensors/dtypes.js'
import { writeSafetensors } from '../io/safetensors/file.js'
import type { JsonObject } from '../io/json.js'
import { checkModel, type Model, type ModelDefinition } from '../model.js'
import { tasks } from '../tasks/registry.js'
import { writeZip } from './bytes/zip-writer.js'
import { kerasText } from './keras/text.js'
import { onnxOf } from './onnx/write/graph.js'
import { weightsByName, type ModelContents } from './text-contents.js'
import { checkMap, listed, mappedName, type NameMap } from './names.js'

/** Options of `exportModel`. */
export interface ExportOptions {
  /**
   * The program: 'pytorch' writes a safetensors file for `load_state_dict`, 'numpy' an NPZ file, 'onnx' a model that ONNX Runtime runs, of operator
   * set 17, if ONNX has all ops of the network, and 'keras', only for text models with LSTM layers, a .keras file of Keras 3.
   */
  to: 'pytorch' | 'numpy' | 'onnx' | 'keras'
  /** The file to write. A file of the same name is replaced. */
  out: string
  /**
   * New names by our names: a whole name, or its beginning before a dot, such as `{ lstm: 'rnn', head: 'decoder' }`. Default: our names. Not
   * with 'onnx' and 'keras'.
   */
  map?: NameMap
}

/** The report of an export. */
export interface ExportReport {
  /** Names of the tensors in the file. */
  tensors: string[]
  /** The files: that of the tensors, and of models with a vocabulary `<out>.vocabulary.json`. */
  files: string[]
}

const readOptions = object<ExportOptions>({
  to: choice('pytorch', 'numpy', 'onnx', 'keras'),
  out: filled,
  map: optional(record(filled))
})

/** Parts of our recurrent layers that the layers of PyTorch lack. */
const lacking: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\.weight_peephole_l\d/, 'peepholes'],
  [/\.norm_(ih|hh|c|c_bias)_l\d/, 'layer normalisation inside the cell'],
  [/\.[hc]0_l\d/, 'learned initial states']
]

/**
 * Writes a model file, or a model in memory, for PyTorch, NumPy, ONNX or Keras, and returns the names of tensors and files. For a model with a
 * vocabulary its symbols are written next to it as JSON. Throws ERR_UNSUPPORTED, by name, for layers that the program lacks,
 * ERR_INVALID_ARGUMENT for options that are not valid, ERR_FILE_WRITE, and the errors of `readCheckpoint` for a path.
 *
 * @example
 * await exportModel('shakespeare.safetensors', { to: 'numpy', out: 'shakespeare.npz', map: { lstm: 'rnn' } })
 */
export async function exportModel(source: string | Model, options: ExportOptions): Promise<ExportReport> {
  if (typeof source !== 'string') checkModel(source, 'the model')
  else filled(source, 'the path')
  const { to, out, map } = readOptions(options, 'the options of exportModel')
  await assertOutputs([out], typeof source === 'string' ? [source] : [])
  const contents = await contentsOf(source)
  if (to === 'onnx' || to === 'keras') {
    if (map) throw expected('ERR_INVALID_ARGUMENT', `no map for ${to}`, 'one', 'leave it out')
    await writeGraph(to, out, contents)
  } else await writeTensors(to, out, renamed(to, contents, map ?? {}))
  const files = [out]
  const { vocabulary } = contents.config
  if (vocabulary !== undefined) {
    const path = `${out.replace(/\.(safetensors|npz|onnx|keras)$/, '')}.vocabulary.json`
    await writeTextAtomically(path, `${JSON.stringify(vocabulary)}\n`)
    files.push(path)
  }
  return { tensors: contents.weights.map(({ name }) => mappedName(name, map ?? {})), files }
}

/** Returns the weights under their new names. */
function renamed(to: ExportOptions['to'], { where, weights }: ModelContents, map: NameMap): WritableTensor[] {
  const found = lacking.find(([pattern]) => weights.some(({ name }) => pattern.test(name)))
  if (to === 'pytorch' && found) {
    const { name } = weights.find((tensor) => found[0].test(tensor.name))!
    throw expected(
      'ERR_UNSUPPORTED',
      `layers that torch.nn has, in ${where}`,
      `${found[1]} (${quoted(name)})`,
      'export it to numpy'
    )
  }
  const names = weights.map(({ name }) => name)
  checkMap(map, names, where)
  const tensors = weights.map((tensor) => ({ ...tensor, name: mappedName(tensor.name, map) }))
  const twice = tensors.find(({ name }, i) => tensors.findIndex((other) => other.name === name) < i)
  if (!twice) return tensors
  throw expected(
    'ERR_INVALID_ARGUMENT',
    'a map with a name for each tensor',
    `${quoted(twice.name)} twice`,
    'change the map'
  )
}

async function writeTensors(to: 'pytorch' | 'numpy', out: string, tensors: WritableTensor[]): Promise<void> {
  if (to === 'pytorch') await writeSafetensors(out, tensors, { format: 'pt' })
  else await writeNpz(out, tensors)
}

async function writeGraph(to: 'onnx' | 'keras', out: string, contents: ModelContents): Promise<void> {
  if (to === 'keras') {
    const entries = kerasText(contents)
    await writeAtomically(out, (file) => writeZip(file, entries))
    return
  }
  const { where, config } = contents
  const { vocabulary } = config
  const metadata: Record<string, string> =
    vocabulary === undefined ? {} : { 'gatecell.vocabulary': JSON.stringify(vocabulary) }
  const bytes = onnxOf({ where, definition: await contents.definition(), weight: weightsByName(contents), metadata })
  await writeAtomically(out, async (file) => {
    for (const piece of bytes) await file.write(piece)
  })
}

async function contentsOf(source: string | Model): Promise<ModelContents> {
  if (typeof source !== 'string') {
    await source.ready()
    const weights = source.parameters.copies().map(({ name, shape, data }) => ({ name, shape, data }))
    const definition = async () => await Promise.resolve(source.definition)
    return { where: 'the model', task: source.name, config: source.config, weights, definition }
  }
  const file = await openCheckpoint(source)
  try {
    const { weights } = await file.load(({ group }) => (group === 'weights' ? undefined : null))
    const { task, config } = file.info
    const list = [...weights].map(([name, { shape, data, dtype }]) => ({ name, shape, data, dtype }))
    return {
      where: source,
      task,
      config,
      weights: list,
      definition: async () => await definitionOf(task, config, source)
    }
  } finally {
    await file.close()
  }
}

/** Returns the definition of the network of a model file. */
async function definitionOf(task: string, config: JsonObject, path: string): Promise<ModelDefinition> {
  const entry = tasks.find(({ id, formerIds = [] }) => [id, ...formerIds].includes(task))
  if (!entry)
    throw expected('ERR_UNSUPPORTED', `a model of ${tasks.map(({ id }) => id).join(', ')} as ${path}`, `a "${task}" model`, 'pass the model in memory to exportModel') // prettier-ignore
  const model = await entry.model()
  return model.definition(model.configFromJson(config, path))
}

async function writeNpz(out: string, tensors: readonly WritableTensor[]): Promise<void> {
  const entries = tensors.map(({ name, shape, data, dtype = 'F32' }) => {
    const header = encodeNpyHeader(dtype, shape)
    if (header) return { name: `${name}.npy`, parts: [header, bytesOf(data)] }
    throw expected(
      'ERR_UNSUPPORTED',
      `a type that NumPy has for tensor ${listed([name])}`,
      dtype,
      'export it to pytorch'
    )
  })
  await writeAtomically(out, (file) => writeZip(file, entries))
}
