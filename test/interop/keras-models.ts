// Models of Keras with inputs and the outputs that Keras computes of them, as make_keras.py writes them.
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { importModel, type OnnxArray } from '../../src/interop/index.js'
import { largestDifference, type GoldenTensor } from '../golden.js'

/** Inputs of a model, and the outputs that Keras computes. */
export interface KerasExpected {
  inputs: Record<string, GoldenTensor>
  outputs: GoldenTensor[]
}

/** Returns the models of a folder. */
export const kerasModels = (folder: string) =>
  JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as Record<string, KerasExpected>

/** Compares the shapes of outputs with those of Keras, and returns the largest difference of values. */
export async function kerasDifference(t: Test, path: string, { inputs, outputs }: KerasExpected): Promise<number> {
  using imported = await importModel(path)
  const arrays = imported.inputs.map(({ name, dtype }): [string, OnnxArray] => {
    const { shape, data } = inputs[name]!
    return [name, { shape, data: dtype === 'i32' ? Int32Array.from(data) : Float32Array.from(data) }]
  })
  const results = Object.values(await imported.run(Object.fromEntries(arrays)))
  t.same(results.map(({ shape }) => shape), outputs.map(({ shape }) => shape), `${path}: shapes`) // prettier-ignore
  return Math.max(...outputs.map(({ data }, i) => largestDifference(results[i]!.data, data)))
}
