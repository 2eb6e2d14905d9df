// Models of Keras and TensorFlow.js as models of ours.

import { filled, integer, optional, options as optionsOf, record } from '../check/index.js'
import { importGraph, type ImportedOnnx } from './import-onnx.js'
import { readKeras } from './keras/read.js'

/** Options of `importKeras`. */
export interface ImportKerasOptions {
  /**
   * File of weights (.weights.h5, .h5) for a configuration as JSON, which `model.to_json()` returns. Default: the weights are in the model's file.
   */
  weights?: string
  /** Sizes by name that are free in the file but have one value, such as `length`. Default: none. */
  sizes?: Readonly<Record<string, number>>
  /** Number of threads, from 0 to 1024; 0 takes that of the engine. Default 1. */
  threads?: number
}

const readOptions = optionsOf<ImportKerasOptions>({
  weights: optional(filled),
  sizes: optional(record(integer(1, 2 ** 31 - 1))),
  threads: optional(integer(0, 1024))
})

/**
 * Imports a Sequential or Functional model of Keras (.keras, .h5, or the JSON of `model.to_json()` with a file of weights), or a layers model of
 * TensorFlow.js (model.json), with the layers that docs/interop.md lists. Sequences are batch-first, as in Keras. Throws ERR_UNSUPPORTED, before
 * weights are read, with all layers that are not supported, by their classes and names. Throws ERR_FILE_NOT_FOUND, and ERR_FILE_FORMAT for a
 * damaged file.
 *
 * @example
 * using imported = await importKeras('reviews.keras')
 * const { dense } = await imported.run({ ids: { shape: [1, 3], data: Int32Array.of(1, 4, 2) } })
 * dense.shape // [1, 1]
 */
export async function importKeras(path: string, options: ImportKerasOptions = {}): Promise<ImportedOnnx> {
  filled(path, 'the path')
  const { weights, ...others } = readOptions(options, 'the options of importKeras')
  return importGraph(await readKeras(path, weights), others)
}
