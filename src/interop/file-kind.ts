// The kind of a file of another program, by its first bytes.

import { openBytes } from '../data/files/byte-reader.js'
import { isZip, openZip } from './bytes/zip.js'
import { isHdf5 } from './hdf5/file.js'
import { KERAS_CONFIG } from './keras/read.js'

/**
 * Kinds of files: 'safetensors' holds tensors or a model of ours, 'tensors' is a state_dict of PyTorch or arrays of NumPy, 'keras' a model of Keras
 * or TensorFlow.js, and everything else may be a graph of ONNX, which has no mark at its beginning.
 */
export type FileKind = 'safetensors' | 'tensors' | 'keras' | 'onnx'

/** Returns the kind of a file. Throws ERR_FILE_NOT_FOUND. */
export async function fileKind(path: string): Promise<FileKind> {
  const source = await openBytes(path)
  try {
    const head = Buffer.from(await source.read(0, Math.min(16, source.size)))
    if (head.length >= 9 && head[8] === 0x7b && head.readBigUInt64LE(0) <= BigInt(source.size)) return 'safetensors'
    if (isHdf5(head) || head[0] === 0x7b) return 'keras'
    if (isZip(head) && (await openZip(source)).has(KERAS_CONFIG)) return 'keras'
    const isTensors = magics.some((magic) => head.subarray(0, magic.length).equals(Buffer.from(magic, 'latin1')))
    return isTensors ? 'tensors' : 'onnx'
  } finally {
    await source.close()
  }
}

/** Zip archives (.pt, .npz), arrays (.npy), and pickles, among them those of the format before PyTorch 1.6. */
const magics = ['PK\x03\x04', '\x93NUMPY', '\x80\x02']
