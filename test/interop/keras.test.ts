// Models of Keras: the golden files of make_keras.py, of which each output is within 1e-5 of Keras.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { importKeras, type OnnxArray } from '../../src/interop/index.js'
import { largestDifference, type GoldenTensor } from '../golden.js'

const folder = fileURLToPath(new URL('../golden/keras/', import.meta.url))
interface Expected {
  inputs: Record<string, GoldenTensor>
  outputs: GoldenTensor[]
}
const golden = JSON.parse(readFileSync(`${folder}expected.json`, 'utf8')) as Record<string, Expected>

/** Returns the largest difference of a model from Keras. */
async function difference(t: Test, name: string, { inputs, outputs }: Expected): Promise<number> {
  using imported = await importKeras(folder + name)
  const arrays = imported.inputs.map(({ name, dtype }): [string, OnnxArray] => {
    const { shape, data } = inputs[name]!
    return [name, { shape, data: dtype === 'i32' ? Int32Array.from(data) : Float32Array.from(data) }]
  })
  const results = Object.values(await imported.run(Object.fromEntries(arrays)))
  t.same(results.map(({ shape }) => shape), outputs.map(({ shape }) => shape), `${name}: shapes`) // prettier-ignore
  return Math.max(...outputs.map(({ data }, i) => largestDifference(results[i]!.data, data)))
}

for (const [name, expected] of Object.entries(golden))
  if ('outputs' in expected) t.test(name, async (t) => { t.ok((await difference(t, name, expected)) < 1e-5) }) // prettier-ignore
