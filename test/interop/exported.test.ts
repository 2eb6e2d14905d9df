// Random text models of ours in ONNX: back here they give the same bits, and in ONNX Runtime and PyTorch the same results.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { writeSafetensors } from '../../src/index.js'
import { exportModel, importModel } from '../../src/interop/index.js'
import { createRandom } from '../../src/random.js'
import { networkDefaults } from '../../src/tasks/text/settings.js'
import { textModel, type TextConfig } from '../../src/tasks/text/index.js'

const python = process.env['GATECELL_PYTHON']
const folder = t.testdir()

/** Writes a random model with random inputs and results, and returns whether each weight of the import has the bits of one of the model. */
async function exported(index: number): Promise<boolean> {
  const random = createRandom(index, 'exported')
  const pick = (from: number, to: number) => from + random.below(to - from + 1)
  const at = (end: string) => `${folder}/${String(index).padStart(3, '0')}.${end}`
  const symbols = String.fromCodePoint(...Array.from({ length: pick(2, 40) }, (_, i) => 48 + i))
  const network = { ...networkDefaults, embedding: pick(1, 24), hidden: pick(1, 40), layers: pick(1, 3) }
  const vocabulary = { kind: 'character', symbols, unknown: false } as const
  const config: TextConfig = { vocabulary, network, split: { valid: 0, test: 0 } }
  using model = textModel(config, { threads: 1, seed: index })
  await model.ready()
  const weights = model.parameters.list()
  await exportModel(model, { to: 'onnx', out: at('onnx') })
  const [length, batch] = [pick(1, 12), pick(1, 4)]
  const tokens = { shape: [length, batch], data: Int32Array.from({ length: length * batch }, () => random.below(symbols.length)) } // prettier-ignore
  const shape = [network.layers, batch, network.hidden]
  const state = () => ({ shape, data: Float32Array.from({ length: network.layers * batch * network.hidden }, () => random.uniform() - 0.5) }) // prettier-ignore
  const [h0, c0] = [state(), state()]
  using imported = await importModel(at('onnx'))
  const results = await imported.run({ tokens, h0, c0 })
  const tensors = Object.entries({ tokens, h0, c0, ...results }).map(([name, { shape, data }]) => ({ name, shape: [...shape], data })) // prettier-ignore
  await writeSafetensors(at('safetensors'), [
    ...tensors,
    ...weights.map(({ name, shape, data }) => ({ name, shape, data }))
  ])
  return imported.model.parameters.list().every(({ data }) => weights.some((one) => sameBits(one.data, data))) // prettier-ignore
}

/** Whether two arrays have the same bits. */
const sameBits = (a: Float32Array, b: Float32Array) => a.length === b.length && Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength)) // prettier-ignore

t.test('ours to ONNX to ours: the same bits', async (t) => {
  for (let index = 0; index < 4; index++) t.ok(await exported(index), `model ${index}`)
})

t.test('200 in ONNX Runtime and PyTorch', { skip: python === undefined && 'GATECELL_PYTHON is not set' }, async (t) => {
  for (let index = 4; index < 200; index++) t.ok(await exported(index), `model ${index}`)
  const program = fileURLToPath(new URL('../golden/check_exports.py', import.meta.url))
  const worst = JSON.parse(execFileSync(python!, [program, folder], { encoding: 'utf8' })) as Record<string, number>
  t.equal(worst['models'], 200)
  t.ok(worst['onnxruntime']! < 1e-6, `ONNX Runtime ${worst['onnxruntime']}`)
  t.ok(worst['pytorch']! < 1e-5, `PyTorch ${worst['pytorch']}`)
})
