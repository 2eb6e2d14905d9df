// Models of PyTorch in gatecell and back, with the same bits, and in ONNX.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  defineModel,
  embedding,
  f32,
  i32,
  linear,
  lstm,
  openSafetensors,
  writeSafetensors,
  type Model
} from '../../src/index.js'
import { exportModel, importText, loadWeights, openTensorFile } from '../../src/interop/index.js'
import { loadTextModel } from '../../src/tasks/text/index.js'
import { largestDifference } from '../golden.js'
import { inProcess } from '../cli/in-process.js'
import { golden, goldenPath } from './files.js'

const folder = t.testdir()
const at = (name: string) => join(folder, name)
const pytorch = { embed: 'embedding', rnn: 'lstm', decoder: 'head' }

/** Returns a model with the layers of the PyTorch program of make_interop.py. */
const characters = (hidden = 5): Model =>
  defineModel({
    name: 'characters',
    config: {},
    inputs: { tokens: i32('length', 'batch') },
    forward({ tokens }) {
      const x = embedding(tokens, { name: 'embedding', vocabulary: 7, size: 4 })
      return { logits: linear(lstm(x, { name: 'lstm', hidden, layers: 2 }).output, { name: 'head', size: 7 }) }
    }
  })

/** Returns the logits of a model for the tokens of the golden file. */
async function logitsOf(model: Model): Promise<Float32Array> {
  const plan = model.plan({ length: 4, batch: 2 }, { purpose: 'predict', outputs: ['logits'] })
  ;(plan.inputs as { tokens: Int32Array }).tokens.set(golden.logits.ids)
  await plan.run()
  return (plan.outputs as { logits: Float32Array }).logits
}

t.test('weights of PyTorch give the logits of PyTorch', async (t) => {
  for (const name of ['checkpoint.pt', 'text.safetensors']) {
    using model = characters()
    const report = await loadWeights(model, goldenPath(name), { map: pytorch })
    t.equal(report.taken.length, 11)
    t.same([report.zeros, report.missing, report.leftOver, report.shapes], [[], [], [], []])
    t.ok(largestDifference(await logitsOf(model), golden.logits.data) < 1e-6, name)
  }
})

t.test('both directions, from an open file, with names that need no map', async (t) => {
  using model = defineModel({
    name: 'both',
    config: {},
    inputs: { x: f32('length', 'batch', 3) },
    forward: ({ x }) => ({ y: lstm(x, { name: 'rnn', hidden: 4, layers: 2, bidirectional: true }).output })
  })
  const file = await openTensorFile(goldenPath('lstm.pt'))
  const map = Object.fromEntries([...file.tensors.keys()].map((name) => [name, `rnn.${name}`]))
  t.equal((await loadWeights(model, file, { map })).taken.length, 16)
  await file.close()
  t.same([...model.parameters.get('rnn.weight_hh_l1_reverse').data], golden.lstm['weight_hh_l1_reverse']!.data)
})

t.test('what does not fit is listed at once, and nothing is written', async (t) => {
  using model = characters(6)
  const before = model.parameters.copies().map(({ data }) => [...data])
  const none =
    /a tensor of .* for each parameter but received none for "embedding\.weight", .* and 3 more: name the parameters of "decoder\.bias"/
  await t.rejects(loadWeights(model, goldenPath('text.safetensors')), { code: 'ERR_INVALID_SHAPE', message: none })
  const wrong = /received \[20, 4\] instead of \[24, 4\] for "lstm\.weight_ih_l0", \[20, 5\] instead of \[24, 6\]/
  await t.rejects(loadWeights(model, goldenPath('text.safetensors'), { map: pytorch }), { message: wrong })
  const unused = /as a key of the map but received "rmm": use one of "decoder\.bias"/
  await t.rejects(loadWeights(model, goldenPath('text.safetensors'), { map: { rmm: 'lstm' } }), { message: unused })
  await t.rejects(loadWeights(model, goldenPath('text.safetensors'), { map: { ...pytorch, embed: 'head' } }), {
    message: /one tensor for the parameter "head\.weight"/
  })
  t.same(
    model.parameters.copies().map(({ data }) => [...data]),
    before
  )
  const report = await loadWeights(model, goldenPath('text.safetensors'), { map: pytorch, partial: true })
  t.same(
    report.taken.map(({ parameter }) => parameter),
    ['embedding.weight', 'head.bias']
  )
  t.equal(report.shapes.length, 9)
})

t.test('biases that a file lacks are zeros, cells are layers, float64 only if asked', async (t) => {
  const layer = defineModel({
    name: 'layer',
    config: {},
    inputs: { x: f32('length', 'batch', 1) },
    forward: ({ x }) => ({ y: lstm(x, { name: 'lstm', hidden: 1 }).output })
  })
  const matrix = (name: string, data: Float32Array | Float64Array) => ({ name, shape: [4, 1], data })
  await writeSafetensors(at('cell.safetensors'), [
    matrix('lstm.weight_ih', Float32Array.of(1, 2, 3, 4)),
    matrix('lstm.weight_hh', Float64Array.of(5, 6, 7, 8.5))
  ])
  await t.rejects(loadWeights(layer, at('cell.safetensors')), {
    code: 'ERR_UNSUPPORTED',
    message: /float32, .* "lstm\.weight_hh" .* float64/
  })
  const { zeros } = await loadWeights(layer, at('cell.safetensors'), { narrow: true })
  t.same(zeros, ['lstm.bias_ih_l0', 'lstm.bias_hh_l0'])
  t.same([...layer.parameters.get('lstm.weight_hh_l0').data], [5, 6, 7, 8.5])
  t.same([...layer.parameters.get('lstm.bias_hh_l0').data], [0, 0, 0, 0])
  layer.dispose()
})

t.test('PyTorch to gatecell to PyTorch: the same bits and names; to NumPy: the same bits', async (t) => {
  using model = characters()
  await loadWeights(model, goldenPath('text.safetensors'), { map: pytorch })
  const back = { embedding: 'embed', lstm: 'rnn', head: 'decoder' }
  await exportModel(model, { to: 'pytorch', out: at('back.safetensors'), map: back })
  const [before, after] = await Promise.all([
    openSafetensors(goldenPath('text.safetensors')),
    openSafetensors(at('back.safetensors'))
  ])
  t.same([...after.header.tensors.keys()].sort(), [...before.header.tensors.keys()].sort())
  for (const name of before.header.tensors.keys()) t.same(await after.read(name), await before.read(name), name)
  t.equal(after.header.metadata.get('format'), 'pt')
  await Promise.all([before.close(), after.close()])
  await exportModel(model, { to: 'numpy', out: at('back.npz') })
  const arrays = await openTensorFile(at('back.npz'))
  t.equal(arrays.format, 'npz')
  for (const { name, data, shape } of model.parameters.list()) {
    t.same(arrays.tensors.get(name)!.shape, shape)
    t.same(await arrays.tensors.get(name)!.read(), Float32Array.from(data), name)
  }
  await arrays.close()
})

t.test('gatecell import and export: a text model that samples, in ONNX as ONNX Runtime read it', async (t) => {
  mkdirSync(at('cli'))
  const run = (words: string[]) => inProcess(words, undefined, at('cli'))
  writeFileSync(at('cli/symbols.json'), JSON.stringify([...'abcdefg']))
  const words = ['import', goldenPath('checkpoint.pt'), '--vocabulary', 'symbols.json', '--out', 'text.safetensors']
  const imported = await run(words)
  t.equal(imported.code, 0, imported.stderr)
  t.match(imported.stdout, /^module\.embed\.weight +embedding\.weight\n/)
  using loaded = await loadTextModel(at('cli/text.safetensors'))
  t.ok(largestDifference(await logitsOf(loaded.model), golden.logits.data) < 1e-6)
  t.match(loaded.write({ prompt: 'abc', seed: 1 }).text(20), /^[a-g]{20}$/)
  const exported = await run(['export', 'text.safetensors', '--to', 'onnx', '--out', 'text.onnx', '--json'])
  t.equal(exported.code, 0, exported.stderr)
  // check_onnx.py ran the golden file with ONNX Runtime.
  t.ok(readFileSync(at('cli/text.onnx')).equals(readFileSync(goldenPath('text.onnx'))))
  t.same(JSON.parse(readFileSync(at('cli/text.vocabulary.json'), 'utf8')), loaded.vocabulary.config)
  const other = JSON.stringify({ g: 0, f: 1, e: 2, d: 3, c: 4, b: 5, a: 6 })
  writeFileSync(at('cli/symbols.json'), other)
  await importText(goldenPath('text.safetensors'), {
    vocabulary: at('cli/symbols.json'),
    out: at('cli/turned.safetensors'),
    map: pytorch
  })
  using turned = await loadTextModel(at('cli/turned.safetensors'))
  const row = (model: Model, id: number) => [...model.parameters.get('embedding.weight').data].slice(4 * id, 4 * id + 4)
  t.same(row(turned.model, 0), row(loaded.model, 6), 'rows go by symbol')
})

t.test('text models that cannot be imported or exported are refused by name', async (t) => {
  writeFileSync(at('seven.json'), JSON.stringify([...'abcdefg']))
  writeFileSync(at('six.json'), JSON.stringify([...'abcdef']))
  const out = at('refused.safetensors')
  const from = (name: string, vocabulary = 'seven.json') =>
    importText(goldenPath(name), { vocabulary: at(vocabulary), out })
  await t.rejects(from('lstm.pt'), { code: 'ERR_UNSUPPORTED', message: /one direction in .* two directions/ })
  await t.rejects(from('text.safetensors', 'six.json'), {
    code: 'ERR_INVALID_SHAPE',
    message: /the shape \[6, 4\], 6 symbols .* none/
  })
  await t.rejects(from('arrays.npz'), { message: /one stack of recurrent layers \(weight_ih_l0\)/ })
  for (const [text, message] of [
    ['["ab"]', /"ab"/],
    ['["a","a"]', /one twice/],
    ['{"a":0,"b":7}', /received/],
    ['3', /another value/],
    ['[]', /another value/]
  ] as const) {
    writeFileSync(at('odd.json'), text)
    await t.rejects(from('text.safetensors', 'odd.json'), { code: 'ERR_FILE_FORMAT', message })
  }
  using model = characters()
  await t.rejects(exportModel(model, { to: 'keras', out: at('a.keras') }), {
    code: 'ERR_UNSUPPORTED',
    message: /a text model .* "characters"/
  })
  using peepholes = defineModel({
    name: 'peepholes',
    config: {},
    inputs: { x: f32('length', 'batch', 1) },
    forward: ({ x }) => ({ y: lstm(x, { name: 'lstm', hidden: 1, peepholes: true }).output })
  })
  await t.rejects(exportModel(peepholes, { to: 'pytorch', out }), {
    code: 'ERR_UNSUPPORTED',
    message: /peepholes \("lstm\.weight_peephole_l0"\)/
  })
})
