// Rivals: their processes, the model that ONNX Runtime gets, and that none is left out in silence.
import { join } from 'node:path'
import t from 'tap'
import { openInChild, startChild } from '../../src/bench/rivals/child.js'
import { findOneDnn } from '../../src/bench/rivals/onednn.js'
import { lstmModel } from '../../src/bench/rivals/onnx.js'
import { findOnnxRuntime } from '../../src/bench/rivals/onnxruntime.js'
import { findTorch, librariesOf } from '../../src/bench/rivals/torch.js'
import type { Task } from '../../src/bench/rivals/types.js'

const task: Task = { mode: 'step', sizes: { B: 1, T: 1, H: 16, layers: 2 }, threads: 1, precision: 'f32' }

/** A rival for this test: answers in the form of torch_lstm.py and onednn_lstm.cpp, and prints its requests. */
const script = `
  const answers = { open: {}, burst: { us: [3, 1, 2] }, close: {} }
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const [name, id, mode] = line.split(' ')
    if (mode === 'gemm') return console.log(JSON.stringify({ unsupported: 'gemm' }))
    if (mode === 'layer') return console.log(JSON.stringify({ error: 'out of memory' }))
    if (mode === 'sample') return process.stderr.write('it broke\\n', () => process.exit(3))
    if (mode === 'sequence') return console.log('{"us": 1}')
    console.log(JSON.stringify({ ...answers[name], line }))
  })`

const start = () => startChild(process.execPath, ['-e', script], { NODE_OPTIONS: '' })

t.test('a process answers commands', async (t) => {
  const child = start()
  t.teardown(() => child.close())
  const { line } = await child.ask('open 1 step f32 2 1 1 16 -')
  t.equal(line, 'open 1 step f32 2 1 1 16 -')
  const variant = await openInChild(child, task, '-', 'a note')
  t.equal(variant!.note, 'a note')
  t.same(await variant!.burst(0.1, true), [3, 1, 2])
  await variant!.close()
  t.equal(await openInChild(child, { ...task, mode: 'gemm' }, '-', ''), null, 'what it cannot do')
  await t.rejects(openInChild(child, { ...task, mode: 'layer' }, '-', ''), { message: /out of memory/ })
})

t.test('a process that ends or cannot start is an error with its words', async (t) => {
  const child = start()
  await t.rejects(openInChild(child, { ...task, mode: 'sample' }, '-', ''), {
    code: 'ERR_UNSUPPORTED',
    message: /it broke/
  })
  await t.rejects(child.ask('burst 1 1 1'), { code: 'ERR_UNSUPPORTED' })
  await child.close()
  const missing = startChild(join(t.testdir(), 'no-such-program'), [], {})
  await t.rejects(missing.ask('open'), { code: 'ERR_UNSUPPORTED', message: /ENOENT/ })
  await missing.close()
})

t.test('rivals that are not there say how to get them', async (t) => {
  const empty = t.testdir()
  t.match(await findOnnxRuntime(empty), { name: 'onnxruntime-node', missing: /npm install/ })
  t.match(await findTorch(empty, false), { name: 'PyTorch', missing: /torch_lstm/ })
  t.match(await findOneDnn(empty, empty, false), { name: 'oneDNN', missing: /onednn_lstm/ })
  const broken = t.testdir({ 'onednn_lstm.cpp': 'no C++', 'torch_lstm.py': '' })
  t.match(await findOneDnn(broken, join(broken, 'out'), false), { missing: /did not compile|ENOENT/ })
  const named = process.env['GATECELL_PYTHON']
  process.env['GATECELL_PYTHON'] = join(broken, 'no-python')
  t.match(await findTorch(broken, false), { missing: /apt-get install python3-torch/ })
  if (named === undefined) delete process.env['GATECELL_PYTHON']
  else process.env['GATECELL_PYTHON'] = named
})

/** Fields of one protocol buffers message: numbers for varints, bytes for the rest. */
function fieldsOf(message: Uint8Array): [number, number | Uint8Array][] {
  const fields: [number, number | Uint8Array][] = []
  let at = 0
  const varint = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const key = varint()
    if (key % 8 === 0) fields.push([key >> 3, varint()])
    else {
      const length = varint()
      fields.push([key >> 3, message.subarray(at, (at += length))])
    }
  }
  if (at !== message.length) throw new Error('a field ends beyond its message')
  return fields
}

const all = (message: Uint8Array, field: number) =>
  fieldsOf(message).flatMap(([number, value]) => (number === field && typeof value !== 'number' ? [value] : []))
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes!).toString()

t.test('the ONNX model: nodes, and initialisers as large as their shapes say', async (t) => {
  for (const [options, types] of [
    [{ character: false, quantized: false }, 'LSTM Squeeze LSTM Squeeze Identity'],
    [{ character: false, quantized: true }, 'DynamicQuantizeLSTM Squeeze DynamicQuantizeLSTM Squeeze Identity'],
    [{ character: true, quantized: false }, 'Gather LSTM Squeeze LSTM Squeeze MatMul Add Reshape']
  ] as const) {
    const [graph] = all(lstmModel({ layers: 2, hidden: 24, ...options }), 7)
    const nodes = all(graph!, 1).map((node) => text(all(node, 4)[0]))
    t.equal(nodes.join(' '), types)
    for (const tensor of all(graph!, 5)) {
      const fields = fieldsOf(tensor)
      const dims = fields.flatMap(([number, value]) => (number === 1 && typeof value === 'number' ? [value] : []))
      const type = fields.find(([number]) => number === 2)![1] as number
      const size = { 1: 4, 3: 1, 7: 8 }[type]!
      t.equal(
        all(tensor, 9)[0]!.length,
        size * dims.reduce((product, dim) => product * dim, 1),
        text(all(tensor, 8)[0])
      )
    }
    const inputs = all(graph!, 11).map((info) => text(all(info, 1)[0]))
    t.same(inputs, [options.character ? 'tok' : 'X', 'h0_0', 'c0_0', 'h0_1', 'c0_1'])
  }
})

t.test('the libraries behind PyTorch are those that it was built with', async (t) => {
  const wheel =
    '  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605\n' +
    '  - Intel(R) MKL-DNN v3.12.0 (Git Hash 80afa)\n  - Build settings: BLAS_INFO=mkl, BUILD_TYPE=Release'
  const here = { openmp: true, avx512: true }
  t.equal(librariesOf(wheel, here), 'MKL 2024.2; oneDNN 3.12.0', 'not the OpenBLAS that the system has, too')
  const debian = '  - Build settings: BLAS_INFO=open, BUILD_TYPE=None'
  t.equal(librariesOf(debian, here), 'OpenBLAS, openmp, SkylakeX')
  t.match(librariesOf(debian, { openmp: false, avx512: true }), /default OpenBLAS.*missing/)
  t.equal(librariesOf('', here), 'an unknown BLAS')
})
