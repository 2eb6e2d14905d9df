// Random ONNX models against ONNX Runtime and PyTorch: a part of them is in test/golden/onnx. Mistakes of an importer, made in the models before they
// are imported, change results.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { OnnxConstant, OnnxNode } from '../../src/interop/onnx/read.js'
import { differenceOf, readCases, type OnnxCase } from './onnx-cases.js'

const python = process.env['GATECELL_PYTHON']
const golden = fileURLToPath(new URL('../golden', import.meta.url))
const cases = await readCases(`${golden}/onnx`)

t.test('the results of ONNX Runtime and PyTorch', async (t) => {
  t.equal(cases.length, 36)
  for (const one of cases) t.ok((await differenceOf(one)) < 1e-6, one.name)
})

t.test('200 more', { skip: python === undefined && 'GATECELL_PYTHON is not set' }, async (t) => {
  const folder = t.testdir()
  execFileSync(python!, [`${golden}/make_onnx.py`, folder, '200', '17'], { stdio: 'pipe' })
  const all = await readCases(folder)
  t.equal(all.length, 200)
  let worst = 0
  for (const one of all) {
    const difference = await differenceOf(one)
    if (!(difference < 1e-5)) t.fail(`${one.name}: ${difference}`)
    worst = Math.max(worst, difference)
  }
  t.comment(`largest difference ${worst.toExponential(1)}`)
})

const gatesOf: Record<string, number> = { LSTM: 4, GRU: 3, RNN: 1 }

/** Returns a file in which the constant that is input `index` of each node of a type has other values. */
function changed(
  { file, ...rest }: OnnxCase,
  type: string,
  index: number,
  change: (data: Float32Array, node: OnnxNode, shape: readonly number[]) => Float32Array
): OnnxCase | null {
  // prettier-ignore
  const constants = new Map<string, OnnxConstant>(file.constants)
  for (const node of file.nodes.filter((node) => node.type === type)) {
    const name = node.inputs[index] ?? ''
    const constant = file.constants.get(name)
    if (constant) constants.set(name, { ...constant, data: change(constant.data as Float32Array, node, constant.shape) }) // prettier-ignore
  }
  return { ...rest, file: { ...file, constants } }
}

/** Returns blocks of `count` equal parts of each of `directions` parts in another order. */
function exchanged(
  data: Float32Array,
  directions: number,
  count: number,
  [a, b]: readonly [number, number]
): Float32Array {
  // prettier-ignore
  const result = data.slice()
  const size = data.length / directions / count
  for (let direction = 0; direction < directions; direction++) {
    const at = (block: number) => (direction * count + block) * size
    result.set(data.subarray(at(a), at(a) + size), at(b))
    result.set(data.subarray(at(b), at(b) + size), at(a))
  }
  return result
}

const directionsOf = ({ attributes }: OnnxNode) => (attributes.get('direction') === 'bidirectional' ? 2 : 1)
const withNodes = ({ file, ...rest }: OnnxCase, change: (node: OnnxNode) => OnnxNode): OnnxCase => ({ ...rest, file: { ...file, nodes: file.nodes.map(change) } }) // prettier-ignore

/** Exchanges two gates in W, R and B, as an importer with another order does. */
const gates = (type: string, pair: readonly [number, number]) => (one: OnnxCase) => {
  const swap = (data: Float32Array, node: OnnxNode) => exchanged(data, directionsOf(node), gatesOf[type]!, pair)
  const both = (data: Float32Array, node: OnnxNode) => exchanged(exchanged(data, directionsOf(node), 2 * gatesOf[type]!, pair), directionsOf(node), 2 * gatesOf[type]!, [pair[0] + gatesOf[type]!, pair[1] + gatesOf[type]!]) // prettier-ignore
  return changed(changed(changed(one, type, 1, swap)!, type, 2, swap)!, type, 3, both)
}

/** Transposes the H x H blocks of R. */
const transposed = (type: string) => (one: OnnxCase) =>
  changed(one, type, 2, (data, _, [, , hidden = 0]) =>
    data.map((__, i) => {
      const [block, inside] = [Math.floor(i / hidden ** 2), i % hidden ** 2]
      return data[block * hidden ** 2 + (inside % hidden) * hidden + Math.floor(inside / hidden)]!
    })
  )

const pairs = (count: number) => Array.from({ length: count }, (_, a) => Array.from({ length: count - a - 1 }, (_, i) => [a, a + i + 1] as const)).flat() // prettier-ignore

/** Leaves out lengths. An importer that begins a reverse layer at the padded end does that, except that outputs after the end are zeros. */
const withoutLengths = (types: readonly string[], isWanted: (node: OnnxNode) => boolean) => (one: OnnxCase) =>
  withNodes(one, (node) =>
    types.includes(node.type) && isWanted(node)
      ? { ...node, inputs: node.inputs.map((name, i) => (i === 4 ? '' : name)) }
      : node
  )

const PADDED = 'reverse from the padded end'
const mistakes: Record<string, (one: OnnxCase) => OnnxCase | null> = {
  ...Object.fromEntries(pairs(4).map((pair) => [`gates ${pair.join()} of an LSTM`, gates('LSTM', pair)])),
  ...Object.fromEntries(pairs(3).map((pair) => [`gates ${pair.join()} of a GRU`, gates('GRU', pair)])),
  ...Object.fromEntries(Object.keys(gatesOf).map((type) => [`R transposed of ${type}`, transposed(type)])),
  ...Object.fromEntries(pairs(3).map((pair) => [`peepholes ${pair.join()}`, (one: OnnxCase) => changed(one, 'LSTM', 7, (data, node) => exchanged(data, directionsOf(node), 3, pair))])), // prettier-ignore
  ...Object.fromEntries(Object.keys(gatesOf).map((type) => [`lengths ignored by ${type}`, withoutLengths([type], () => true)])), // prettier-ignore
  [PADDED]: withoutLengths(Object.keys(gatesOf), ({ attributes }) => attributes.get('direction') === 'reverse'), // prettier-ignore
  'biases of the new gate exchanged': (one) => changed(one, 'GRU', 3, (data, node) => exchanged(data, directionsOf(node), 6, [2, 5])), // prettier-ignore
  'linear_before_reset ignored': (one) => withNodes(one, (node) => ({ ...node, attributes: new Map([...node.attributes].filter(([name]) => name !== 'linear_before_reset')) })) // prettier-ignore
}

t.test('each mistake of an importer makes a case fail', async (t) => {
  for (const [name, mistake] of Object.entries(mistakes)) {
    let failed = ''
    for (const one of cases) {
      const wrong = mistake(one)
      if (failed === '' && wrong && !((await differenceOf(wrong, name !== PADDED)) < 1e-5)) failed = one.name
    }
    t.not(failed, '', name)
  }
})
