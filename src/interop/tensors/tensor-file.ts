// Files of tensors of other programs, opened by their content: safetensors, state_dicts of PyTorch, arrays of NumPy, and the HDF5 files of Keras.
// Opening reads names, types and shapes, and compares them with the file; a tensor is read when it is wanted.

import { filled } from '../../check/index.js'
import { bytesInMemory, openBytes, type ByteReader } from '../../data/files/byte-reader.js'
import { isNpy, readNpyHeader } from '../../data/files/npy.js'
import { expected } from '../../errors.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { parseSafetensorsHeader, safetensorsHeaderLength } from '../../io/safetensors/header.js'
import { isZip, openZip, type ZipEntry } from '../bytes/zip.js'
import { isHdf5, readHdf5 } from '../hdf5/file.js'
import { refuseOldTorch, readStateDict } from './state-dict.js'
import { asArray, type StoredTensor } from './stored-tensor.js'
import { gatherElements, stridesOf } from './strided.js'

/** An open file of tensors. */
export interface TensorFile {
  readonly path: string
  readonly format: 'safetensors' | 'pytorch' | 'npz' | 'npy' | 'keras'
  /** The tensors by name: that of an NPY file has the empty name, those of Keras their paths, such as `layers/lstm/cell/vars/0`. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** Closes the file; a second call does nothing. */
  close(): Promise<void>
}

/** The entry of a .keras archive with the weights. */
export const KERAS_WEIGHTS = 'model.weights.h5'

/** The files that this module opened. */
export const tensorFiles = new WeakSet<TensorFile>()

/**
 * Opens a file of tensors by its content: a safetensors file, a state_dict that `torch.save` of PyTorch 1.6 or newer wrote (.pt, .pth), or arrays
 * that `numpy.save` or `numpy.savez` wrote (.npy, .npz), or the weights of Keras (.keras, .weights.h5, .h5). A state_dict may be inside a
 * checkpoint, under `state_dict`, `model_state_dict` or `model`. Nothing in the file is executed. Throws ERR_FILE_NOT_FOUND, and ERR_FILE_FORMAT for damaged files and everything that is not a
 * tensor of numbers, with the remedy.
 *
 * @example
 * const file = await openTensorFile('english.safetensors')
 * for (const { name, dtype, shape } of file.tensors.values()) console.log(name, dtype, shape)
 * await file.close()
 */
export async function openTensorFile(path: string): Promise<TensorFile> {
  return await tensorsFrom(await openBytes(filled(path, 'the path')))
}

/** Opens the tensors of a source, which is closed with the result, or if an error is thrown. Throws ERR_FILE_FORMAT. */
export async function tensorsFrom(source: ByteReader): Promise<TensorFile> {
  try {
    const found = await tensorsOf(source)
    let open = true
    const close = async () => {
      const first = open
      open = false
      if (first) await source.close()
    }
    const file: TensorFile = { path: source.name, ...found, close }
    tensorFiles.add(file)
    return file
  } catch (error) {
    await source.close()
    throw error
  }
}

async function tensorsOf(source: ByteReader): Promise<Pick<TensorFile, 'format' | 'tensors'>> {
  const { name: path, size } = source
  const head = await source.read(0, Math.min(16, size))
  if (isHdf5(head)) return { format: 'keras', tensors: readHdf5(await source.read(0, size), path).tensors }
  if (isNpy(head)) return { format: 'npy', tensors: new Map([['', await npyTensor(source, '')]]) }
  if (isZip(head)) {
    const entries = await openZip(source)
    const weights = entries.get(KERAS_WEIGHTS)
    if (weights) return { format: 'keras', tensors: readHdf5(await weights.read(), path).tensors }
    if ([...entries.keys()].some((name) => name.endsWith('.npy')))
      return { format: 'npz', tensors: await npzTensors(entries, path) }
    return { format: 'pytorch', tensors: await readStateDict(entries, path) }
  }
  if (head[8] === 0x7b) return { format: 'safetensors', tensors: await safetensorsTensors(source) }
  refuseOldTorch(head, path)
  const what = `a safetensors, PyTorch (.pt), Keras, NPY or NPZ file in ${path}`
  throw expected(
    'ERR_FILE_FORMAT',
    what,
    size === 0 ? 'an empty file' : 'another format',
    'save the tensors as one of these'
  )
}

async function safetensorsTensors(source: ByteReader): Promise<Map<string, StoredTensor>> {
  const { name: path, size } = source
  const length = safetensorsHeaderLength(await source.read(0, 8), size, path)
  const { tensors, dataBegin } = parseSafetensorsHeader(await source.read(8, length), size, path)
  return new Map(
    [...tensors.values()].map(({ name, dtype, shape, begin, end }) => {
      const read = async () => asArray(await source.read(dataBegin + begin, end - begin), dtype)
      return [name, { name, dtype, shape, read }]
    })
  )
}

/** Returns the tensor of an NPY file. */
async function npyTensor(source: ByteReader, name: string): Promise<StoredTensor> {
  const { dtype, shape, fortran, dataBegin } = await readNpyHeader(source)
  const read = async () => {
    const data = asArray(await source.read(dataBegin, source.size - dataBegin), dtype)
    return fortran ? gatherElements(data, { shape, strides: stridesOf(shape, true), offset: 0 }) : data
  }
  return { name, dtype, shape, read }
}

/** Most arrays of an NPZ file. */
const MAX_ARRAYS = 2 ** 12

/** Returns the arrays of an NPZ file. Their headers are read now, one entry in memory at a time; the entries again when they are wanted. */
async function npzTensors(entries: ReadonlyMap<string, ZipEntry>, path: string): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>()
  if (entries.size > MAX_ARRAYS)
    throw expected('ERR_FILE_FORMAT', `at most ${MAX_ARRAYS} arrays in ${path}`, `${entries.size}`, 'divide them')
  for (const [entryName, entry] of entries) {
    const where = `${quoted(entryName)} of ${path}`
    if (!entryName.endsWith('.npy'))
      throw expected('ERR_FILE_FORMAT', `only arrays in ${path}`, quoted(entryName), 'save it with numpy.savez')
    const load = async () => bytesInMemory(await entry.read(), where)
    const name = entryName.slice(0, -4)
    const { dtype, shape } = await npyTensor(await load(), name)
    tensors.set(name, { name, dtype, shape, read: async () => await (await npyTensor(await load(), name)).read() })
  }
  return tensors
}
