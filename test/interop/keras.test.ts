// Models of Keras: the golden files of make_keras.py, of which each output is within 1e-5 of Keras.
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { exportModel, importModel, importText, openTensorFile } from '../../src/interop/index.js'
import { readHdf5 } from '../../src/interop/hdf5/file.js'
import { hdf5Pieces } from '../../src/interop/hdf5/write.js'
import { largestDifference, type GoldenTensor } from '../golden.js'
import { golden as torch, goldenPath } from './files.js'
import { kerasDifference, kerasModels } from './keras-models.js'

const folder = fileURLToPath(new URL('../golden/keras/', import.meta.url))
const golden = kerasModels(folder)

for (const [name, expected] of Object.entries(golden))
  if ('outputs' in expected)
    t.test(name, async (t) => {
      t.ok((await kerasDifference(t, folder + name, expected)) < 1e-5)
    })

t.test('layers that are not supported are in one message', async (t) => {
  const all = /layers in .*masked\.keras that docs\/interop\.md lists but received Masking "masking", LayerNormalization "norm", Dense "dense_\d+" with the activation gelu: build/ // prettier-ignore
  await t.rejects(importModel(`${folder}masked.keras`), { code: 'ERR_UNSUPPORTED', message: all })
  await t.rejects(importModel(`${folder}refused.keras`), { code: 'ERR_UNSUPPORTED', message: /Maximum "maximum"/ })
})

t.test('a layer that is called twice has its parameters once, also when it was saved', async (t) => {
  using imported = await importModel(`${folder}shared.keras`)
  t.equal(imported.model.parameterCount, 9 * 2 + 9 * 3 + 9 + 9)
  const path = `${t.testdir()}/shared.safetensors`
  await imported.save(path)
  using again = await importModel(path)
  t.strictSame(again.model.parameters.names, imported.model.parameters.names)
})

t.test('a configuration with a file of weights, and the tensors of that file', async (t) => {
  const weights = `${folder}only.weights.h5`
  const { arrays } = golden['only.weights.h5'] as unknown as { arrays: GoldenTensor[] }
  const file = await openTensorFile(weights)
  t.same([...file.tensors.keys()], ['layers/embedding/vars/0', ...[0, 1, 2].map((i) => `layers/lstm/cell/vars/${i}`)])
  let i = 0
  for (const { shape, read } of file.tensors.values()) {
    t.same(shape, arrays[i]!.shape)
    t.ok(largestDifference((await read()) as Float32Array, arrays[i++]!.data) < 1e-6)
  }
  await file.close()
  await t.rejects(importModel(weights), {
    code: 'ERR_UNSUPPORTED',
    message: /a model with its configuration .* only weights/
  })
  const layer = (class_name: string, config: object) => ({ class_name, config: { name: class_name.toLowerCase(), ...config } }) // prettier-ignore
  const layers = [
    layer('InputLayer', { batch_shape: [null, null], dtype: 'int32' }),
    layer('Embedding', { input_dim: 5, output_dim: 4 }),
    layer('LSTM', { units: 4, activation: 'tanh', recurrent_activation: 'sigmoid' })
  ]
  const path = `${t.testdir()}/config.json`
  const write = (...changed: object[]) => writeFileSync(path, JSON.stringify({ class_name: 'Sequential', config: { layers: changed } })) // prettier-ignore
  write(...layers)
  await t.rejects(importModel(path), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /a file of weights for the configuration/
  })
  using imported = await importModel(path, { weights })
  t.same((await imported.run({ inputlayer: { shape: [1, 3], data: Int32Array.of(1, 2, 3) } }))['lstm']!.shape, [1, 4])
  write(...layers.slice(0, 2), layer('LSTM', { units: 3 }))
  await t.rejects(importModel(path, { weights }), {
    code: 'ERR_FILE_FORMAT',
    message: /shape \[4, 12\] for LSTM "lstm"/
  })
  write(...layers, layer('Dense', { units: 3 }))
  await t.rejects(importModel(path, { weights }), { code: 'ERR_FILE_FORMAT', message: /the weights kernel, bias as layers\/dense\/vars for Dense "dense"/ }) // prettier-ignore
  write(layers[0]!, { ...layers[1]!, config: { ...layers[1]!.config, mask_zero: true } }, layer('LSTM', { units: 4, stateful: true, activation: { class_name: 'Lambda' } })) // prettier-ignore
  await t.rejects(importModel(path, { weights }), { code: 'ERR_UNSUPPORTED', message: /Embedding "embedding" with mask_zero, LSTM "lstm" with stateful, LSTM "lstm" with the activation of Python code/ }) // prettier-ignore
})

t.test('the axis of a normalisation, and configurations that are refused', async (t) => {
  const folder = t.testdir()
  const [path, weights] = [`${folder}/config.json`, `${folder}/m.weights.h5`]
  const values = [0, 1, 2, 3].map((i) => ({ path: `layers/batch_normalization/vars/${i}`, shape: [2], data: Float32Array.of(2, i + 1) })) // prettier-ignore
  writeFileSync(weights, Buffer.concat(hdf5Pieces(values)))
  type Layer = { name: string; inbound_nodes: unknown }
  const input = (...shape: unknown[]) => ({ class_name: 'InputLayer', name: 'x', config: { name: 'x', batch_shape: shape }, inbound_nodes: [] }) // prettier-ignore
  const layer = (class_name: string, name: string, from: string, config = {}) => ({ class_name, name, config: { name, ...config }, inbound_nodes: [[[from, 0, 0, {}]]] }) // prettier-ignore
  const model = async (layers: Layer[], outputs = 1) => {
    const output_layers = Array.from({ length: outputs }, () => [layers.at(-1)!.name, 0, 0])
    writeFileSync(path, JSON.stringify({ class_name: 'Functional', config: { layers, input_layers: [['x', 0, 0]], output_layers } })) // prettier-ignore
    return await importModel(path, { weights })
  }
  const normalised = (axis: unknown) => layer('BatchNormalization', 'n', 'x', { axis, epsilon: 0 })
  using whole = await model([input(null, 2), normalised([1])])
  const { n } = await whole.run({ x: { shape: [1, 2], data: Float32Array.of(4, 7) } })
  // gamma [2, 1], beta [2, 2], mean [2, 3], variance [2, 4].
  t.ok(largestDifference(n!.data, [(2 * (4 - 2)) / Math.SQRT2 + 2, (7 - 3) / 2 + 2]) < 1e-6)
  const refused = async (made: Promise<unknown>, code: string, message: RegExp) => await t.rejects(made, { code, message }) // prettier-ignore
  await refused(model([input(null, 3, 2, 2), normalised(2)]), 'ERR_UNSUPPORTED', /the last axis for BatchNorm.* 2: build/) // prettier-ignore
  await refused(model([input(null, 2), normalised(0)]), 'ERR_UNSUPPORTED', /an axis that is not the last one/)
  const lstm = { class_name: 'LSTM', config: { units: 2, go_backwards: true, activation: 'tanh', recurrent_activation: 'sigmoid' } } // prettier-ignore
  await refused(model([input(null, null, 2), layer('Bidirectional', 'b', 'x', { layer: lstm, merge_mode: 'sum' })]), 'ERR_UNSUPPORTED', /Bidirectional "b" with go_backwards/) // prettier-ignore
  const chain = Array.from({ length: 2047 }, (_, i) => layer('Identity', `l${i}`, i === 0 ? 'x' : `l${i - 1}`))
  await refused(model([input(null, 2), ...chain]), 'ERR_FILE_FORMAT', /at most 512 layers after each other/)
  const nodes = { ...chain[0]!, inbound_nodes: [Array.from({ length: 200_000 }, () => [])] }
  await refused(model([input(null, 2), nodes]), 'ERR_FILE_FORMAT', /number of inputs of Identity "l0"/)
  await refused(model([input(null, 2), chain[0]!], 1025), 'ERR_FILE_FORMAT', /1 to 1024 names .* 1025/)
})

t.test('links and other storage in HDF5 are refused', async (t) => {
  const path = `${t.testdir()}/odd.h5`
  const whole = readFileSync(`${folder}lstm.h5`)
  const refused = async (change: (bytes: Buffer) => void, code: string, message: RegExp) => {
    const bytes = Buffer.from(whole)
    change(bytes)
    writeFileSync(path, bytes)
    await t.rejects(importModel(path), { code, message })
  }
  const symbols = whole.indexOf('SNOD')
  await refused((bytes) => bytes.writeUInt32LE(2, symbols + 8 + 16), 'ERR_UNSUPPORTED', /but received a soft link/)
  await refused((bytes) => bytes.writeBigUInt64LE(whole.readBigUInt64LE(64), symbols + 16), 'ERR_UNSUPPORTED', /but received a second link/) // prettier-ignore
  const layout = whole.indexOf(Buffer.of(3, 1), whole.indexOf('recurrent_kernel'))
  t.equal(whole.readUInt16LE(layout - 8), 8, 'the message of a layout')
  await refused((bytes) => (bytes[layout + 1] = 2), 'ERR_UNSUPPORTED', /chunks, which may be compressed/)
  await refused((bytes) => bytes.writeBigUInt64LE(2n ** 40n, layout + 2), 'ERR_FILE_FORMAT', /a file of \d+ bytes/)
  await refused((bytes) => bytes.writeBigUInt64LE(2n ** 40n, layout + 10), 'ERR_FILE_FORMAT', /but received the shape/)
  await refused((bytes) => bytes.writeUInt16LE(7, layout - 8), 'ERR_UNSUPPORTED', /external data/)
  const float = whole.indexOf(Buffer.of(23, 8, 0, 23, 127, 0, 0, 0))
  await refused((bytes) => (bytes[float + 4] = 126), 'ERR_UNSUPPORTED', /floats of 4 bytes with unusual bits/)
})

t.test('parts of an HDF5 file that refer to the same bytes many times are refused', async (t) => {
  const names = ['m'.repeat(1000), ...Array.from({ length: 40 }, (_, i) => `n${i}`)]
  const bytes = Buffer.concat(hdf5Pieces(names.map((path) => ({ path, shape: [1], data: Float32Array.of(1) }))))
  const symbols = bytes.indexOf('SNOD')
  for (let i = 0; i < names.length; i++) bytes.writeBigUInt64LE(BigInt(8 + i), symbols + 8 + 40 * i)
  t.throws(() => readHdf5(bytes, 'm.h5'), { code: 'ERR_FILE_FORMAT', message: /structures at different places/ })
})

t.test('models of TensorFlow.js, as they are and quantised', async (t) => {
  const tfjs = fileURLToPath(new URL('../golden/tfjs/', import.meta.url))
  const models = JSON.parse(readFileSync(`${tfjs}expected.json`, 'utf8')) as Record<string, Record<'inputs' | 'outputs', GoldenTensor>> // prettier-ignore
  for (const [name, { inputs, outputs }] of Object.entries(models)) {
    using imported = await importModel(`${tfjs}${name}.json`)
    const results = await imported.run({ table_input: { shape: inputs.shape, data: Int32Array.from(inputs.data) } })
    t.ok(largestDifference(results['dense_Dense1']!.data, outputs.data) < 1e-5, name)
  }
  const text = readFileSync(`${tfjs}plain.json`, 'utf8')
  const folder = t.testdir({ model: {}, 'outside.bin': '' })
  const path = `${folder}/model/model.json`
  for (const name of ['plain.1.bin', 'plain.2.bin']) copyFileSync(tfjs + name, `${folder}/model/${name}`)
  const refused = async (from: string, to: string, code: string, message: RegExp) => {
    writeFileSync(path, text.replace(from, to))
    await t.rejects(importModel(path), { code, message })
  }
  symlinkSync(`${tfjs}plain.2.bin`, `${folder}/model/link.bin`)
  for (const name of ['../outside.bin', '/etc/hostname', 'a/../plain.2.bin', 'link.bin'])
    await refused('plain.2.bin', name, 'ERR_FILE_FORMAT', /paths of files in its folder/)
  await refused('plain.2.bin', 'none.bin', 'ERR_FILE_NOT_FOUND', /none\.bin/)
  await refused('"plain.2.bin"', '"plain.2.bin","plain.2.bin"', 'ERR_FILE_FORMAT', /1416 bytes of weights .* 2124/)
  await refused('"shape":[5,4]', '"shape":[5,4000]', 'ERR_FILE_FORMAT', /bytes for the weight "table\/embeddings"/)
  await refused('layers-model', 'graph-model', 'ERR_UNSUPPORTED', /a layers model of TensorFlow\.js .* a graph model/)
  await refused('"float32"}]}]', '"int32"}]}]', 'ERR_UNSUPPORTED', /float32 for the weight "dense_Dense1\/bias"/)
})

t.test('a text model as a .keras file has the logits that it had', async (t) => {
  const cwd = t.testdir({ 'symbols.json': '["a","b","c","d","e","f","g"]' })
  const at = (name: string) => `${cwd}/${name}`
  await importText(goldenPath('checkpoint.pt'), { out: at('m.safetensors'), vocabulary: at('symbols.json') })
  const { files } = await exportModel(at('m.safetensors'), { to: 'keras', out: at('m.keras') })
  t.same(files, [at('m.keras'), at('m.vocabulary.json')])
  using imported = await importModel(at('m.keras'))
  const [length, batch, symbols] = torch.logits.shape as [number, number, number]
  const { ids, data } = torch.logits
  const rows = Int32Array.from(ids, (_, i) => ids[(i % length) * batch + Math.floor(i / length)]!)
  const { head } = await imported.run({ tokens: { shape: [batch, length], data: rows } })
  t.same(head!.shape, [batch, length, symbols])
  const found = data.map((_, i) => {
    const [step, row] = [Math.floor(i / symbols / batch), Math.floor(i / symbols) % batch]
    return head!.data[(row * length + step) * symbols + (i % symbols)]!
  })
  t.ok(largestDifference(found, data) < 1e-6)
  await t.rejects(exportModel(at('m.safetensors'), { to: 'keras', out: at('n.keras'), map: { lstm: 'rnn' } }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /no map for keras/
  })
})
