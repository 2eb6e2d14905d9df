// A text model as a .keras archive: Embedding, an LSTM layer for each of ours, and Dense, with tokens [batch, length] as input and logits as output.
// The states of Keras begin with zeros in each call.

import { vocabularySizeOf } from '../../data/text/vocabulary.js'
import type { JsonObject } from '../../io/json.js'
import type { WritableEntry } from '../bytes/zip-writer.js'
import { hdf5Pieces, type Hdf5Dataset } from '../hdf5/write.js'
import { KERAS_WEIGHTS } from '../tensors/tensor-file.js'
import { textContents, type ModelContents, type TextContents } from '../text-contents.js'
import { transposedWeight } from './graph.js'
import { KERAS_CONFIG } from './read.js'

/** The version of Keras whose form this is; later versions read it. */
const VERSION = '3.15.1'

/** Returns the entries of the archive of a text model. Throws ERR_UNSUPPORTED for other models and for zoneout, which Keras lacks. */
export function kerasText(contents: ModelContents): WritableEntry[] {
  const { network, vocabulary, weight } = textContents(contents, 'Keras')
  const { hidden, layers, embedding } = network
  const json = (value: JsonObject) => [Buffer.from(JSON.stringify(value))]
  const symbols = vocabularySizeOf(vocabulary)
  return [
    { name: 'metadata.json', parts: json({ keras_version: VERSION, date_saved: '1980-01-01@00:00:00' }) },
    { name: KERAS_CONFIG, parts: json(configOf({ hidden, layers, embedding, symbols })) },
    { name: KERAS_WEIGHTS, parts: hdf5Pieces(datasetsOf(layers, weight)) }
  ]
}

/** Returns the weights at their paths. Our gates i, f, g, o are those of Keras i, f, c, o: only the matrices are transposed. */
function datasetsOf(layers: number, weight: TextContents['weight']): Hdf5Dataset[] {
  const dataset = (path: string, shape: readonly number[], data: Float32Array) => ({ path, shape, data })
  const matrix = (path: string, name: string) => {
    const found = weight(name)
    return dataset(path, [...found.shape].reverse(), transposedWeight(found))
  }
  const table = weight('embedding.weight')
  const bias = weight('head.bias')
  const all = [dataset('layers/embedding/vars/0', table.shape, table.data)]
  for (let layer = 0; layer < layers; layer++) {
    const path = `layers/lstm${layer === 0 ? '' : `_${layer}`}/cell/vars`
    const [input, recurrent] = [weight(`lstm.bias_ih_l${layer}`), weight(`lstm.bias_hh_l${layer}`)]
    all.push(matrix(`${path}/0`, `lstm.weight_ih_l${layer}`), matrix(`${path}/1`, `lstm.weight_hh_l${layer}`))
    all.push(dataset(`${path}/2`, input.shape, input.data.map((one, i) => one + recurrent.data[i]!))) // prettier-ignore
  }
  return [...all, matrix('layers/dense/vars/0', 'head.weight'), dataset('layers/dense/vars/1', bias.shape, bias.data)]
}

interface Sizes {
  readonly hidden: number
  readonly layers: number
  readonly embedding: number
  readonly symbols: number
}

/** Returns the configuration of the model. */
function configOf({ hidden, layers, embedding, symbols }: Sizes): JsonObject {
  const layer = (type: string, config: JsonObject): JsonObject => ({ module: 'keras.layers', class_name: type, config, registered_name: null }) // prettier-ignore
  const lstm = (index: number) =>
    layer('LSTM', { name: `lstm_l${index}`, units: hidden, activation: 'tanh', recurrent_activation: 'sigmoid', return_sequences: true }) // prettier-ignore
  const stack = [
    layer('InputLayer', { name: 'tokens', batch_shape: [null, null], dtype: 'int32' }),
    layer('Embedding', { name: 'embedding', input_dim: symbols, output_dim: embedding }),
    ...Array.from({ length: layers }, (_, index) => lstm(index)),
    layer('Dense', { name: 'head', units: symbols, activation: 'linear' })
  ]
  const build = { input_shape: [null, null] }
  return {
    module: 'keras',
    class_name: 'Sequential',
    config: { name: 'gatecell', layers: stack, build_input_shape: [null, null] },
    registered_name: null,
    build_config: build
  }
}
