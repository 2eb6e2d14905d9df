// ONNX models: the vectors of ../shared/data/onnx-node-tests, where they are, and what is refused by name.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { encodeNpyHeader } from '../../src/data/files/npy.js'
import { importModel, type OnnxArray } from '../../src/interop/index.js'
import { readOnnx } from '../../src/interop/onnx/read.js'
import { messageField } from '../../src/io/protobuf.js'
import { onnxModel, onnxNode, onnxTensor, onnxValue } from '../../src/io/onnx.js'
import { largestDifference } from '../golden.js'
import { inProcess } from '../cli/in-process.js'
import { golden, goldenPath } from './files.js'

const folder = t.testdir()
const vectors = join(process.env['GATECELL_DATA'] ?? '../shared/data', 'onnx-node-tests')

/** Reads a tensor of a test, which is a message of its own, as a constant of a model. */
function arrayOf(path: string): OnnxArray {
  const model = Buffer.concat([
    ...messageField(7, messageField(5, [readFileSync(path)])),
    ...messageField(8, [Uint8Array.of(16, 17)])
  ])
  const [{ shape, data } = { shape: [], data: new Float32Array(0) }] = readOnnx(model, path).constants.values()
  return { shape, data: data instanceof Float32Array ? data : Int32Array.from(data) }
}

/** Runs a test; weights that are inputs of the graph are constants. */
async function run(path: string): Promise<number> {
  const set = join(path, 'test_data_set_0')
  const file = readOnnx(readFileSync(join(path, 'model.onnx')), path)
  const arrays = Object.fromEntries(file.inputs.map(({ name }, i) => [name, arrayOf(join(set, `input_${i}.pb`))]))
  const isWeight = (name: string) => ['W', 'R', 'B', 'P'].includes(name)
  const of = (wanted: boolean) =>
    Object.fromEntries(Object.entries(arrays).filter(([name]) => isWeight(name) === wanted))
  using imported = await importModel(join(path, 'model.onnx'), { constants: of(true) })
  const found = await imported.run(of(false))
  let worst = 0
  for (const [i, { name }] of imported.outputs.entries()) {
    const wanted = arrayOf(join(set, `output_${i}.pb`))
    t.same(found[name]!.shape, wanted.shape, `${path} ${name}`)
    worst = Math.max(worst, largestDifference(found[name]!.data, wanted.data))
  }
  return worst
}

t.test('vectors', { skip: !existsSync(vectors) && `${vectors} is not there` }, async (t) => {
  for (const kind of ['node', 'direction', 'own', 'pytorch-2.13'])
    for (const name of readdirSync(join(vectors, kind)).sort()) {
      const path = join(vectors, kind, name)
      t.ok((await run(path)) < 1e-6, name)
    }
})

t.test('our own export comes back with the same results', async (t) => {
  using imported = await importModel(goldenPath('text.onnx'))
  t.same(imported.inputs[0], { name: 'tokens', key: 'tokens', dtype: 'i32', shape: ['length', 'batch'] })
  const zeros = { shape: [2, 2, 5], data: new Float32Array(20) }
  const tokens = { shape: [4, 2], data: Int32Array.from(golden.logits.ids) }
  const { logits } = await imported.run({ tokens, h0: zeros, c0: zeros })
  t.ok(largestDifference(logits!.data, golden.logits.data) < 1e-6)
  await t.rejects(imported.run({ tokens, h0: zeros }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /values for the input "c0"/
  })
  await t.rejects(imported.run({ tokens, h0: zeros, c0: { shape: [2, 3, 5], data: new Float32Array(30) } }), { code: 'ERR_INVALID_SHAPE', message: /\[2, batch, 5\] for the input "c0"/ }) // prettier-ignore
  await t.rejects(imported.run({ tokens: zeros, h0: zeros, c0: zeros }), {
    message: /an Int32Array for the input "tokens"/
  })
})

t.test('gatecell run', async (t) => {
  const write = async (name: string, shape: number[], data: Float32Array | BigInt64Array) => {
    const header = encodeNpyHeader(data instanceof Float32Array ? 'F32' : 'I64', shape)!
    writeFileSync(join(folder, name), Buffer.concat([header, new Uint8Array(data.buffer)]))
  }
  await write('tokens.npy', [4, 2], BigInt64Array.from(golden.logits.ids, BigInt))
  await write('zeros.npy', [2, 2, 5], new Float32Array(20))
  const words = ['run', goldenPath('text.onnx'), '--input', 'tokens=tokens.npy', '--input', 'h0=zeros.npy']
  const { code, stdout, stderr } = await inProcess([...words, '--input', 'c0=zeros.npy', '--json'], undefined, folder)
  t.equal(code, 0, stderr)
  const { outputs } = JSON.parse(stdout) as { outputs: { logits: { shape: number[]; data: number[] } } }
  t.same(outputs.logits.shape, [4, 2, 7])
  t.ok(largestDifference(outputs.logits.data, golden.logits.data) < 1e-6)
  const lines = await inProcess([...words, '--input', 'c0=zeros.npy'], undefined, folder)
  t.match(lines.stdout, /^logits \[4, 2, 7\] {2}-?\d\.\d+ .* \.\.\.\nh \[2, 2, 5\]/)
  const twice = await inProcess([...words, '--input', 'h0=zeros.npy'], undefined, folder)
  t.match(twice.stderr, /another name and a file such as x=x\.npy for --input/)
})

t.test('everything that is not supported is in one message, and damaged files are refused', async (t) => {
  const path = join(folder, 'odd.onnx')
  const write = (...pieces: readonly Uint8Array[]) => writeFileSync(path, Buffer.concat(pieces))
  const graph = (nodes: ReturnType<typeof onnxNode>[]) =>
    onnxModel({ nodes, initializers: [onnxTensor('a', 1, [2], new Float32Array(2))], inputs: [onnxValue('x', 1, ['n', 2])], outputs: [onnxValue('y', 1, ['n', 2])] }) // prettier-ignore
  write(...graph([onnxNode('Conv', ['x', 'a'], ['y']), onnxNode('Add', ['x', 'a'], ['z'], { odd: 1 }), onnxNode('Attention', ['x'], ['w'], {}, 'com.microsoft')])) // prettier-ignore
  const all =
    /received Conv "Conv 0", Add "Add 1" with the attribute "odd", com\.microsoft\.Attention "Attention 2": export/
  await t.rejects(importModel(path), { code: 'ERR_UNSUPPORTED', message: all })
  write(...graph([onnxNode('Add', ['b', 'a'], ['y'])]))
  await t.rejects(importModel(path), { code: 'ERR_FILE_FORMAT', message: /a value before node "Add 0"/ })
  write(...graph([onnxNode('Add', ['x', 'a'], ['y'])]))
  using imported = await importModel(path)
  const { y } = await imported.run({ x: { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) } })
  t.same(y, { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) })
  const whole = readFileSync(goldenPath('text.onnx'))
  for (const bytes of [
    whole.subarray(0, 900),
    Buffer.alloc(0),
    Buffer.from('\x0b'),
    Buffer.from('\x3a\xff\xff\xff\x7f', 'latin1')
  ]) {
    write(bytes)
    await t.rejects(importModel(path), { code: 'ERR_FILE_FORMAT' })
  }
})

t.test('graphs that ask for much more than their file holds are refused at once', async (t) => {
  const x = onnxValue('x', 1, ['steps', 1, 1])
  const tensor = (name: string, ...shape: number[]) => onnxTensor(name, 1, shape, new Float32Array(shape.reduce((all, size) => all * size))) // prettier-ignore
  const integers = (name: string, values: readonly number[]) => onnxTensor(name, 7, [values.length], BigInt64Array.from(values, BigInt)) // prettier-ignore
  const refused = async (
    nodes: ReturnType<typeof onnxNode>[],
    message: RegExp,
    { code = 'ERR_UNSUPPORTED', outputs = 1 } = {}
  ) => {
    // prettier-ignore
    const initializers = [tensor('W', 1, 4, 1), tensor('R', 1, 4, 1), integers('axes', Array.from({ length: 999 }, (_, i) => i)), integers('minus', [-2, -3]), integers('many', [2 ** 20])] // prettier-ignore
    const ports = { inputs: [x, onnxValue('h0', 1, [1, 1, 1])], outputs: Array.from({ length: outputs }, () => onnxValue('y', 1, [])) } // prettier-ignore
    const path = join(folder, 'much.onnx')
    writeFileSync(path, Buffer.concat(onnxModel({ nodes, initializers, ...ports })))
    await t.rejects(importModel(path), { code, message })
  }
  const lstm = onnxNode('LSTM', ['x', 'W', 'R', '', '', 'h0'], ['', 'h40'], { hidden_size: 1 })
  const doubled = Array.from({ length: 40 }, (_, i) => onnxNode('Concat', [`h${40 - i}`, `h${40 - i}`], [i === 39 ? 'y' : `h${39 - i}`], { axis: 0 })) // prettier-ignore
  await refused([lstm, ...doubled], /at most 2147483647 elements in the output of concat/, {
    code: 'ERR_INVALID_SHAPE'
  })
  await refused(
    Array.from({ length: 5 }, (_, i) => onnxNode('ConstantOfShape', ['many'], [`k${i}`])),
    /at most \d+ elements of all computed constants for ConstantOfShape "ConstantOfShape 4"/
  )
  await refused([onnxNode('Unsqueeze', ['x', 'axes'], ['y'])], /at most 8 dimensions .* 1002/)
  await refused([onnxNode('Reshape', ['axes', 'minus'], ['y'])], /a shape of 999 elements .* \[-2, -3\]/)
  await refused([onnxNode('Add', ['x', 'x'], ['y'])], /at most 1024 inputs/, { code: 'ERR_FILE_FORMAT', outputs: 1025 })
  const backward = onnxNode('LSTM', ['x', 'W', 'R'], ['y'], { hidden_size: 1, direction: 'backward' })
  await refused([backward], /with the direction backward/)
})
