// Models of Keras and TensorFlow.js as graphs of ONNX in memory, from the files in which they are saved: .keras archives, .h5 files, model.json of
// tfjs, and a configuration as JSON with a file of weights.

import { bytesInMemory, openBytes, type ByteReader } from '../../data/files/byte-reader.js'
import { expected } from '../../errors.js'
import { parseJsonObject, type JsonObject } from '../../io/json.js'
import { isZip, openZip } from '../bytes/zip.js'
import { isHdf5, readHdf5, type Hdf5File } from '../hdf5/file.js'
import type { OnnxFile } from '../onnx/read.js'
import { KERAS_WEIGHTS } from '../tensors/tensor-file.js'
import { readKerasConfig, textIn } from './config.js'
import { graphOf } from './model.js'
import { tfjsTopology, tfjsWeights } from './tfjs.js'
import { weightsByLayer, weightsByPath, weightsInOrder, type KerasWeights } from './weights.js'

const MAX_BYTES = 2 ** 31
const MAX_JSON = 2 ** 26
/** The entry of a .keras archive with the configuration. */
export const KERAS_CONFIG = 'config.json'
const MODEL_CONFIG = 'model_config'

/**
 * Reads a model of Keras (.keras, .h5) or of TensorFlow.js (model.json) as a graph. `weights` is a file of weights (.weights.h5, .h5) for a model
 * whose file has only its configuration. Throws ERR_UNSUPPORTED, with all layers that are not supported by their classes and names, before weights
 * are read, ERR_FILE_NOT_FOUND, and ERR_FILE_FORMAT for damaged files.
 */
export async function readKeras(path: string, weights?: string): Promise<OnnxFile> {
  const source = await openBytes(path)
  try {
    return await kerasFrom(source, weights)
  } finally {
    await source.close()
  }
}

/** Reads a model from an open file, which stays open. Throws the errors of `readKeras`. */
export async function kerasFrom(source: ByteReader, weights?: string): Promise<OnnxFile> {
  if (source.size > MAX_BYTES) throw tooLarge(source.name, MAX_BYTES, source.size)
  const head = await source.read(0, Math.min(16, source.size))
  if (isZip(head)) return await fromArchive(source)
  if (isHdf5(head)) return await fromHdf5(source)
  return await fromJson(source, weights)
}

function tooLarge(path: string, most: number, size: number) {
  return expected('ERR_FILE_FORMAT', `at most ${most} bytes in ${path}`, `${size}`, 'name a smaller file')
}

async function textOf(source: ByteReader): Promise<string> {
  if (source.size > MAX_JSON) throw tooLarge(source.name, MAX_JSON, source.size)
  return Buffer.from(await source.read(0, source.size)).toString('utf8')
}

/** Reads a .keras archive. */
async function fromArchive(source: ByteReader): Promise<OnnxFile> {
  const { name: path } = source
  const entries = await openZip(source)
  const entry = (name: string) => {
    const found = entries.get(name)
    if (found) return found
    throw expected('ERR_FILE_FORMAT', `a model of Keras in ${path}, with the entry ${name},`, 'an archive without it', 'save it with model.save("model.keras")') // prettier-ignore
  }
  const json = async (name: string) => {
    const found = entry(name)
    if (found.size > MAX_JSON) throw tooLarge(path, MAX_JSON, found.size)
    return parseJsonObject(await textOf(bytesInMemory(await found.read(), path)), `${name} of ${path}`)
  }
  const version = entries.has('metadata.json') ? textIn(await json('metadata.json'), 'keras_version') : '3'
  const config = readKerasConfig(await json(KERAS_CONFIG), path, version)
  return await graphOf(config, async () => weightsByPath(readHdf5(await entry(KERAS_WEIGHTS).read(), path), path))
}

/** Reads an .h5 file with a configuration. */
async function fromHdf5(source: ByteReader): Promise<OnnxFile> {
  const { name: path, size } = source
  const file = readHdf5(await source.read(0, size), path)
  const [text] = file.texts('', MODEL_CONFIG) ?? []
  if (text === undefined)
    throw expected('ERR_UNSUPPORTED', `a model with its configuration in ${path}`, 'only weights', 'save the whole model with model.save(), or import the JSON of model.to_json() with these weights') // prettier-ignore
  const [version = ''] = file.texts('', 'keras_version') ?? file.texts('model_weights', 'keras_version') ?? []
  const config = readKerasConfig(parseJsonObject(text, `${MODEL_CONFIG} of ${path}`), path, version)
  return await graphOf(config, async () => weightsByLayer(file, path))
}

/** Reads model.json of tfjs, or a configuration of Keras with a file of weights. */
async function fromJson(source: ByteReader, weights?: string): Promise<OnnxFile> {
  const { name: path } = source
  const json: JsonObject = parseJsonObject(await textOf(source), path)
  if ('modelTopology' in json) {
    const { model, version } = tfjsTopology(json, path)
    return await graphOf(readKerasConfig(model, path, version), async () => weightsInOrder(await tfjsWeights(json, path), path)) // prettier-ignore
  }
  const config = readKerasConfig(json, path, textIn(json, 'keras_version') || '3')
  if (weights === undefined)
    throw expected('ERR_INVALID_ARGUMENT', `a file of weights for the configuration ${path}`, 'none', 'name it (weights)') // prettier-ignore
  return await graphOf(config, () => weightsIn(weights))
}

/** Returns the weights of a file that has only these. */
async function weightsIn(path: string): Promise<KerasWeights> {
  const source = await openBytes(path)
  try {
    if (source.size > MAX_BYTES) throw tooLarge(path, MAX_BYTES, source.size)
    const file: Hdf5File = readHdf5(await source.read(0, source.size), path)
    const isByLayer = file.groups.has('model_weights') || file.texts('', 'layer_names') !== null
    return isByLayer ? weightsByLayer(file, path) : weightsByPath(file, path)
  } finally {
    await source.close()
  }
}
