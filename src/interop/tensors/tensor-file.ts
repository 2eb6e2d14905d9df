// Files of tensors of other programs, opened by their content: safetensors, state_dicts of PyTorch, arrays of NumPy, and the HDF5 files of Keras.
// Opening reads names, types and shapes, and compares them with the file; a tensor is read when it is wanted.

import { filled, integer, optional, options as optionsOf } from '../../check/index.js'
import { openBytes, type ByteReader } from '../../data/files/byte-reader.js'
import { isNpy, readNpyHeader } from '../../data/files/npy.js'
import { expected } from '../../errors.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { parseSafetensorsHeader, safetensorsHeaderLength } from '../../io/safetensors/header.js'
import { isZip, openZip, unpackedBound, type ZipEntry } from '../bytes/zip.js'
import { isHdf5, readHdf5 } from '../hdf5/file.js'
import { refuseOldTorch, readStateDict } from './state-dict.js'
import { asArray, MAX_TENSORS, type StoredTensor } from './stored-tensor.js'
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

/** Options of `openTensorFile`. */
export interface OpenTensorFileOptions {
  /**
   * Most bytes that all compressed entries of an archive may take after decompression, and that all tensors which share storages may take, an
   * integer of at least 0. Default: 4 times the size of the file and 16 MiB. Raise it for a file of your own that is mostly zeros.
   */
  maxBytes?: number
}

const readOptions = optionsOf<OpenTensorFileOptions>({ maxBytes: optional(integer(0)) })

/** The files that this module opened. */
export const tensorFiles = new WeakSet<TensorFile>()

/**
 * Opens a file of tensors by its content: a safetensors file, a state_dict that `torch.save` of PyTorch 1.6 or newer wrote (.pt, .pth), arrays
 * that `numpy.save` or `numpy.savez` wrote (.npy, .npz), or the weights of Keras (.keras, .weights.h5, .h5). A state_dict may be inside a
 * checkpoint, under `state_dict`, `model_state_dict` or `model`. Nothing in the file is executed. Opening takes at most the size of the file and
 * 16 MiB of memory, and of a file of Keras its weights; reading a tensor takes its bytes, and if it is compressed those in the file. Throws
 * ERR_FILE_NOT_FOUND, and ERR_FILE_FORMAT for damaged files and everything that is not a tensor of numbers, with the remedy.
 *
 * @example
 * const file = await openTensorFile('english.safetensors')
 * for (const { name, dtype, shape } of file.tensors.values()) console.log(name, dtype, shape)
 * await file.close()
 */
export async function openTensorFile(path: string, options: OpenTensorFileOptions = {}): Promise<TensorFile> {
  filled(path, 'the path')
  const { maxBytes } = readOptions(options, 'the options of openTensorFile')
  return await tensorsFrom(await openBytes(path), maxBytes)
}

/** Opens the tensors of a source, which is closed with the result, or if an error is thrown. Throws ERR_FILE_FORMAT. */
export async function tensorsFrom(source: ByteReader, maxBytes = unpackedBound(source.size)): Promise<TensorFile> {
  try {
    const found = await tensorsOf(source, maxBytes)
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

async function tensorsOf(source: ByteReader, maxBytes: number): Promise<Pick<TensorFile, 'format' | 'tensors'>> {
  const { name: path, size } = source
  const head = await source.read(0, Math.min(16, size))
  if (isHdf5(head)) return { format: 'keras', tensors: readHdf5(await source.read(0, size), path).tensors }
  if (isNpy(head)) return { format: 'npy', tensors: new Map([['', await npyTensor(source, '')]]) }
  if (isZip(head)) {
    const entries = await openZip(source, maxBytes)
    const weights = entries.get(KERAS_WEIGHTS)
    if (weights) return { format: 'keras', tensors: readHdf5(await weights.read(), path).tensors }
    if ([...entries.keys()].some((name) => name.endsWith('.npy')))
      return { format: 'npz', tensors: await npzTensors(entries, path) }
    return { format: 'pytorch', tensors: await readStateDict(entries, path, maxBytes) }
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

/** Most bytes of a safetensors header, which is in memory twice, and most values of it, those of 6,000 tensors: one of two dimensions has 10. */
const MAX_JSON = 2 ** 23
const MAX_VALUES = 2 ** 16

async function safetensorsTensors(source: ByteReader): Promise<Map<string, StoredTensor>> {
  const { name: path, size } = source
  const length = safetensorsHeaderLength(await source.read(0, 8), size, path, MAX_JSON)
  const { tensors, dataBegin } = parseSafetensorsHeader(await source.read(8, length), size, path, MAX_VALUES)
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

/** Bytes of an entry that hold its header: 12 bytes and 64 KiB. */
const MAX_HEADER = 2 ** 16 + 12

/** Returns the arrays of an NPZ file. Their headers are read now, the entries when they are wanted. */
async function npzTensors(entries: ReadonlyMap<string, ZipEntry>, path: string): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>()
  if (entries.size > MAX_TENSORS)
    throw expected('ERR_FILE_FORMAT', `at most ${MAX_TENSORS} arrays in ${path}`, `${entries.size}`, 'divide them')
  for (const [entryName, entry] of entries) {
    const where = `${quoted(entryName)} of ${path}`
    if (!entryName.endsWith('.npy'))
      throw expected('ERR_FILE_FORMAT', `only arrays in ${path}`, quoted(entryName), 'save it with numpy.savez')
    const name = entryName.slice(0, -4)
    let head: Uint8Array | null = await entry.head(MAX_HEADER)
    const read = async (begin: number, length: number) =>
      head ? Uint8Array.prototype.slice.call(head, begin, begin + length) : await entry.read(begin, length)
    tensors.set(name, await npyTensor({ name: where, size: entry.size, read, close: async () => {} }, name))
    // The elements are read from the entry, whose checksum is compared then.
    head = null
  }
  return tensors
}
