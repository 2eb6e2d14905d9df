// Random models that test/golden/make_onnx.py made, with the results of ONNX Runtime and PyTorch.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importGraph } from '../../src/interop/import-model.js'
import { openTensorFile, type OnnxArray } from '../../src/interop/index.js'
import { readOnnx, type OnnxFile } from '../../src/interop/onnx/read.js'
import { asFloat32 } from '../../src/io/float32.js'
import { largestDifference } from '../golden.js'

/** A model with its inputs and the results of other programs, by the names of inputs and outputs. */
export interface OnnxCase {
  readonly name: string
  readonly file: OnnxFile
  readonly inputs: Record<string, OnnxArray>
  /** Results by program: `out` is ONNX Runtime, `torch` PyTorch. */
  readonly results: Readonly<Record<string, Record<string, OnnxArray>>>
}

/** Reads the cases of a folder. */
export async function readCases(folder: string): Promise<OnnxCase[]> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.onnx')).sort() // prettier-ignore
  return await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      const arrays = await openTensorFile(path.replace(/onnx$/, 'npz'))
      const of: Record<string, Record<string, OnnxArray>> = { in: {}, out: {}, torch: {} }
      for (const [label, { dtype, shape, read }] of arrays.tensors) {
        const [kind = '', port = ''] = label.split(':')
        const data = await read()
        const values = dtype.startsWith('F') ? asFloat32(label, dtype, data) : Int32Array.from(data as ArrayLike<number | bigint>, Number) // prettier-ignore
        of[kind]![port] = { shape, data: values }
      }
      await arrays.close()
      const { in: inputs = {}, ...results } = of
      return { name, file: readOnnx(readFileSync(path), path), inputs, results }
    })
  )
}

/**
 * Returns the largest difference of the results of our import from those of the programs; infinite for another shape. `zeros`: whether zeros of the
 * programs are compared, too.
 */
export async function differenceOf({ file, inputs, results }: OnnxCase, zeros = true): Promise<number> {
  using imported = importGraph(file)
  const found = await imported.run(inputs)
  let worst = 0
  for (const arrays of Object.values(results))
    for (const [name, { shape, data }] of Object.entries(arrays)) {
      const same = found[name]!.shape.join() === shape.join()
      const ours = zeros ? found[name]!.data : found[name]!.data.map((one, i) => (data[i] === 0 ? 0 : one))
      worst = Math.max(worst, same ? largestDifference(ours, data) : Infinity)
    }
  return worst
}
