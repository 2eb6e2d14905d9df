// Imported models: saved and opened again with equal bits, and step by step with states as values.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCheckpoint, writeCheckpoint, type JsonObject } from '../../src/index.js'
import { importModel, type ImportedModel, type OnnxArray } from '../../src/interop/index.js'
import { largestDifference } from '../golden.js'
import { inProcess } from '../cli/in-process.js'
import { golden, goldenPath } from './files.js'

const folder = t.testdir()
const at = (name: string) => join(folder, name)
const zeros = (): OnnxArray => ({ shape: [2, 2, 5], data: new Float32Array(20) })
const tokens = (ids: number[], batch = 2): OnnxArray => ({ shape: [ids.length / batch, batch], data: Int32Array.from(ids) }) // prettier-ignore

/** Returns all outputs for the tokens of the golden file. */
const outputsOf = async (imported: ImportedModel) =>
  await imported.run({ tokens: tokens(golden.logits.ids), h0: zeros(), c0: zeros() })

t.test('gatecell import and run: the saved model has equal bits', async (t) => {
  const cli = (words: string[]) => inProcess(words, undefined, folder)
  const { code, stdout, stderr } = await cli(['import', goldenPath('text.onnx'), '--out', 'm.safetensors'])
  t.equal(code, 0, stderr)
  t.match(stdout, /^input {4}tokens i32 \[length, batch\]\ninput {4}h0 f32 \[2, batch, 5\], continues h\n/)
  using before = await importModel(goldenPath('text.onnx'))
  using after = await importModel(at('m.safetensors'))
  t.same(after.states, { h0: 'h', c0: 'c' })
  t.same(await outputsOf(after), await outputsOf(before))
  await after.save(at('again.safetensors'))
  t.ok(readFileSync(at('again.safetensors')).equals(readFileSync(at('m.safetensors'))), 'the same bytes')
  const inspected = await cli(['inspect', 'm.safetensors'])
  t.match(inspected.stdout, /imported model/)
  t.match((await cli(['sample', 'm.safetensors'])).stderr, /"imported" model/)
  for (const [words, message] of [
    [['import', goldenPath('text.onnx'), '--out', 'x.safetensors', '--narrow'], /no --narrow/],
    [['import', goldenPath('text.safetensors'), '--out', 'x.safetensors'], /--vocabulary for/],
    [['import', goldenPath('text.onnx'), '--out', 'x.safetensors', '--states', 'h0=z'], /an output of .* "z"/]
  ] as const)
    t.match((await cli([...words])).stderr, message)
})

t.test('step by step with the state as a value', async (t) => {
  using imported = await importModel(goldenPath('text.onnx'))
  const ids = golden.logits.ids.filter((_, i) => i % 2 === 0)
  const whole = await imported.run({ tokens: tokens(ids, 1), h0: { shape: [2, 1, 5], data: new Float32Array(10) }, c0: { shape: [2, 1, 5], data: new Float32Array(10) } }) // prettier-ignore
  const session = imported.session({ outputs: ['logits'] })
  const rows: number[] = []
  for (const [step, id] of ids.entries()) {
    if (step === 2) {
      const state = session.save()
      t.same(Object.keys(state.states), ['h0', 'c0'])
      session.stepSync({ tokens: [3] })
      session.restore(state)
    }
    rows.push(...(session.stepSync({ tokens: [id] })['logits'] as Float32Array))
  }
  t.same(rows, [...whole['logits']!.data])
  t.same([...session.save().states['h0']!], [...whole['h']!.data])
  const fed = imported.session({ outputs: ['logits'] })
  const last = await fed.feed({ tokens: ids })
  t.same([...last['logits']!], rows.slice(-7))
})

t.test('a changed graph in a model file is refused', async (t) => {
  using imported = await importModel(goldenPath('text.onnx'))
  await imported.save(at('good.safetensors'))
  const { config, weights } = await readCheckpoint(at('good.safetensors'))
  type Graph = { nodes: Record<string, unknown>[]; constants: Record<string, unknown>[]; [key: string]: unknown }
  const changed = async (change: (graph: Graph) => void) => {
    const graph = structuredClone(config) as unknown as Graph
    change(graph)
    const list = [...weights].map(([name, { shape, data }]) => ({ name, shape, data: data as Float32Array }))
    await writeCheckpoint(at('bad.safetensors'), { task: 'imported', config: graph as unknown as JsonObject, progress: {}, weights: list }) // prettier-ignore
    return importModel(at('bad.safetensors'))
  }
  const refused = async (code: string, change: (graph: Graph) => void) =>
    await t.rejects(changed(change), { code }, change.toString())
  await refused('ERR_FILE_FORMAT', (graph) => delete graph['nodes' as string])
  await refused('ERR_FILE_FORMAT', (graph) => (graph['operators'] = 99))
  await refused('ERR_UNSUPPORTED', (graph) => (graph.nodes[0]!['type'] = 'Loop'))
  await refused('ERR_FILE_FORMAT', (graph) => (graph.nodes[0]!['inputs'] = ['nothing', 'tokens']))
  await refused('ERR_FILE_FORMAT', (graph) => graph.constants.push(graph.constants[0]!))
  await refused('ERR_FILE_FORMAT', (graph) => (graph.constants[0]!['shape'] = [2 ** 30, 2 ** 30]))
  await refused('ERR_FILE_FORMAT', (graph) => (graph.constants[0]!['shape'] = [8, 4]))
  await refused('ERR_FILE_FORMAT', (graph) => delete graph.constants.find(({ type }) => type === 'i64')!['data'])
  await refused('ERR_FILE_FORMAT', (graph) => (graph['states'] = { tokens2: 'h' }))
  using same = await changed(() => {})
  t.ok(largestDifference((await outputsOf(same))['logits']!.data, golden.logits.data) < 1e-6)
  await t.rejects(importModel(at('good.safetensors'), { sizes: { batch: 1 } }), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('commands take a saved model, and short runs give the bits of long ones', async (t) => {
  const path = at('benched.safetensors')
  using imported = await importModel(goldenPath('text.onnx'))
  await imported.save(path)
  const { code, stderr, records } = await inProcess(['bench', path, '--length', '4', '--time', '0.02s', '--json'])
  t.equal(code, 0, stderr)
  t.strictSame(records.filter(({ workload }) => workload === 'imported').map(({ call }) => call), ['sequence', 'step']) // prettier-ignore
  const shapeOf = (size: number | string) => (typeof size === 'number' ? size : 2)
  const inputs = Object.fromEntries(imported.inputs.map(({ name, dtype, shape }) => {
    const sizes = shape.map(shapeOf)
    const count = sizes.reduce((all, size) => all * size, 1)
    return [name, { shape: sizes, data: dtype === 'i32' ? new Int32Array(count) : new Float32Array(count).fill(0.25) }]
  })) // prettier-ignore
  const first = await imported.run(inputs) // on the engine's thread
  for (let i = 0; i < 3; i++) t.strictSame(await imported.run(inputs), first)
})
