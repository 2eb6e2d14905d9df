// State_dicts of PyTorch: the zip archives that torch.save writes since version 1.6, with a pickle that describes tensors and an entry for each
// storage. Refused, with the line of Python that saves it properly: whole modules, the format before 1.6, and TorchScript.

import { expected, type GatecellError } from '../../errors.js'
import { dtypeBits, elementCount, quoted, type Dtype } from '../../io/safetensors/dtypes.js'
import { describePickle } from '../bytes/pickle.js'
import { isKind, type PickleCall, type PickleValue } from '../bytes/pickle-values.js'
import type { ZipEntry } from '../bytes/zip.js'
import { asArray, MAX_TENSORS, type StoredTensor } from './stored-tensor.js'
import { elementSpan, gatherElements, type Layout } from './strided.js'

/** The classes of storages and their types of elements. */
const storages: Readonly<Record<string, Dtype>> = {
  'torch.FloatStorage': 'F32',
  'torch.DoubleStorage': 'F64',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL'
}

const REBUILD = 'torch._utils._rebuild_tensor_v2'
const PARAMETER = 'torch._utils._rebuild_parameter'
const ORDERED = 'collections.OrderedDict'
const types = ['float16', 'bfloat16', 'float32', 'float64', 'int8', 'int16', 'int32', 'int64', 'uint8', 'bool']
const names: ReadonlySet<string> = new Set([
  ...Object.keys(storages),
  ...types.map((type) => `torch.${type}`),
  ...[REBUILD, PARAMETER, ORDERED, 'torch.Size']
])

/** Keys under which checkpoints keep the state_dict of the model. */
const nests = ['state_dict', 'model_state_dict', 'model']
const MAX_DEPTH = 4
/** Most values that are visited: a dictionary may contain itself many times. */
const MAX_VISITS = 2 ** 16

/** Returns the line that saves a model so that it can be read. */
function saving(path: string): string {
  const name = path.replace(/^.*[\\/]/, '').slice(-60)
  return `save only the tensors in Python: torch.save(model.state_dict(), ${JSON.stringify(name)})`
}

/** Throws ERR_FILE_FORMAT if a file that is not an archive begins as a pickle: the format of PyTorch before 1.6, or another one. */
export function refuseOldTorch(head: Uint8Array, path: string): void {
  if (head[0] !== 0x80) return
  // A pickle of the magic number 0x1950a86a20f9469cfc6c.
  const magic = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
  const old = magic.every((byte, i) => head[2 + i] === byte)
  const found = old ? 'a file of the format before PyTorch 1.6' : 'a pickle of Python'
  const line = `torch.save(torch.load(${JSON.stringify(path.replace(/^.*[\\/]/, '').slice(-60))}, weights_only=True), 'new.pt')`
  throw expected('ERR_FILE_FORMAT', `a state_dict of PyTorch in ${path}`, found, `save it again in Python: ${line}`)
}

/** Returns the tensors of the archive that torch.save wrote, which take at most `maxBytes` bytes. Throws ERR_FILE_FORMAT. */
export async function readStateDict(
  entries: ReadonlyMap<string, ZipEntry>,
  path: string,
  maxBytes: number
): Promise<Map<string, StoredTensor>> {
  const pickles = [...entries.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name))
  const refused = (found: string) =>
    expected('ERR_FILE_FORMAT', `a state_dict of PyTorch in ${path}`, found, saving(path))
  if (pickles.length !== 1) throw refused('an archive without one data.pkl')
  const folder = pickles[0]!.slice(0, -'data.pkl'.length)
  if (entries.has(`${folder}constants.pkl`)) throw refused('a TorchScript module')
  const order = entries.get(`${folder}byteorder`)
  if (order && (order.size > 16 || Buffer.from(await order.read()).toString('latin1') !== 'little'))
    throw refused('tensors in big-endian order')
  const refuse = (name: string) => refused(`the Python object ${name}`)
  const pickle = describePickle(await entries.get(pickles[0]!)!.read(), { where: path, names, refuse })
  const state: State = { entries, folder, path, bytes: 0, visits: 0, tensors: new Map() }
  collect(state, stateOf(pickle), '', 0)
  if (state.tensors.size === 0) throw refused('an object without tensors')
  checkTotal(state, maxBytes)
  return state.tensors
}

/** The parts of a file that is read. */
interface State {
  readonly entries: ReadonlyMap<string, ZipEntry>
  readonly folder: string
  readonly path: string
  /** Bytes of all tensors, visited values, and the tensors. */
  bytes: number
  visits: number
  readonly tensors: Map<string, StoredTensor>
}

/** Throws if all tensors take more memory than is allowed: views may share a storage, as tied weights do. */
function checkTotal({ path, bytes }: State, maxBytes: number): void {
  if (bytes <= maxBytes) return
  const remedy = 'save copies of the tensors, with clone(), or open it with a larger maxBytes'
  throw expected('ERR_FILE_FORMAT', `at most ${maxBytes} bytes of tensors in ${path}`, `${bytes}`, remedy)
}

/** Returns the items of a dictionary, keys and values in turn; undefined for other values. */
function itemsOf(value: PickleValue): readonly PickleValue[] | undefined {
  if (isKind(value, 'dict')) return value.items
  return isKind(value, 'call') && value.name === ORDERED ? value.items : undefined
}

/** Returns the state_dict in a checkpoint, or the value itself. */
function stateOf(value: PickleValue): PickleValue {
  const items = itemsOf(value) ?? []
  for (let i = 0; i < items.length; i += 2) {
    const inner = items[i + 1]!
    if (nests.includes(items[i] as string) && itemsOf(inner)) return inner
  }
  return value
}

/** Adds the tensors of a dictionary and of the dictionaries in it, whose names begin with their keys. Other values are not read. */
function collect(state: State, value: PickleValue, prefix: string, depth: number): void {
  const items = itemsOf(value)
  if (items === undefined || depth > MAX_DEPTH) return
  for (let i = 0; i < items.length; i += 2) {
    if (++state.visits > MAX_VISITS)
      throw expected('ERR_FILE_FORMAT', `at most ${MAX_VISITS} values in ${state.path}`, 'more', saving(state.path))
    const [key, member] = [items[i]!, items[i + 1]!]
    if (typeof key !== 'string' && typeof key !== 'number') continue
    const name = `${prefix}${key}`
    if (isKind(member, 'call') && (member.name === REBUILD || member.name === PARAMETER)) addTensor(state, name, member)
    else collect(state, member, `${name}.`, depth + 1)
  }
}

function addTensor(state: State, name: string, call: PickleCall): void {
  const where = `tensor ${quoted(name)} of ${state.path}`
  const wrong = (what: string, found: string) =>
    expected('ERR_FILE_FORMAT', `${what} for ${where}`, found, 'the file is damaged, save it again')
  if (name.length > 1024) throw wrong('a name of at most 1024 characters', `${name.length}`)
  if (state.tensors.has(name)) throw wrong('one tensor', 'two of the name')
  const inner = call.name === PARAMETER ? (call.args[0] ?? null) : call
  if (!isKind(inner, 'call') || inner.name !== REBUILD) throw wrong('a tensor in a parameter', 'another value')
  const [storage = null, offset, shape = null, strides = null] = inner.args
  const layout = layoutOf(offset, shape, strides, wrong)
  const { entry, dtype, count } = storageOf(state, storage, wrong)
  const span = elementSpan(layout)
  if (layout.offset + span > count)
    throw wrong(`elements within the ${count} of its storage`, `${layout.offset + span}`)
  const elements = elementCount(layout.shape)
  if (elements < 0 || elements > count)
    throw wrong(`at most the ${count} elements of its storage`, `${elements}, as of an expanded tensor`)
  state.bytes += (elements * dtypeBits[dtype]) / 8
  if (state.tensors.size === MAX_TENSORS) throw wrong(`at most ${MAX_TENSORS} tensors`, 'more')
  const width = dtypeBits[dtype] / 8
  // Only its own part of the storage, which may have the weights of all layers.
  const part = async () => asArray(await entry.read(layout.offset * width, span * width), dtype)
  const read = async () => gatherElements(await part(), { ...layout, offset: 0 })
  state.tensors.set(name, { name, dtype, shape: layout.shape, read })
}

type Wrong = (what: string, found: string) => GatecellError

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Returns the sizes of a tuple of integers. */
function sizesOf(value: PickleValue): number[] | undefined {
  const plain = isKind(value, 'call') && value.name === 'torch.Size' ? (value.args[0] ?? null) : value
  if (!isKind(plain, 'tuple') || plain.items.length > 8 || !plain.items.every(isSize)) return undefined
  return plain.items
}

function layoutOf(offset: unknown, shape: PickleValue, strides: PickleValue, wrong: Wrong): Layout {
  const [sizes, steps] = [sizesOf(shape), sizesOf(strides)]
  if (isSize(offset) && sizes && steps && sizes.length === steps.length) return { offset, shape: sizes, strides: steps }
  throw wrong('an offset, and a shape and strides of at most 8 integers', 'other values')
}

/** Returns the storage that a reference names: ('storage', class, key, device, number of elements). */
function storageOf(
  { entries, folder }: State,
  value: PickleValue,
  wrong: Wrong
): { entry: ZipEntry; dtype: Dtype; count: number } {
  const id = isKind(value, 'reference') && isKind(value.id, 'tuple') ? value.id.items : []
  const [word, type = null, key, , count] = id
  const dtype = isKind(type, 'global') ? storages[type.name] : undefined
  if (id.length !== 5 || word !== 'storage' || dtype === undefined || typeof key !== 'string' || !isSize(count))
    throw wrong('a storage', 'another value')
  const entry = entries.get(`${folder}data/${key}`)
  if (!entry) throw wrong('a storage in the archive', `${quoted(key)}, which it lacks`)
  const bytes = (count * dtypeBits[dtype]) / 8
  if (entry.size !== bytes) throw wrong(`${bytes} bytes in its storage`, `${entry.size}`)
  return { entry, dtype, count }
}
