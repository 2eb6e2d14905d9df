// gatecell run: an imported model on arrays of NumPy.

import type { Command } from 'commander'
import { importModel } from '../../interop/import-model.js'
import type { OnnxArray } from '../../interop/onnx/ports.js'
import { readArray } from '../../interop/tensors/array.js'
import type { OpenTensorFileOptions } from '../../interop/tensors/tensor-file.js'
import { filePath } from '../options/parse.js'
import { maxBytesOption } from '../options/max-bytes.js'
import { namedFiles } from '../options/names.js'
import { asTyped } from '../ui/command-line.js'
import { createOutput } from '../ui/output.js'
import { descriptions } from './descriptions.js'

const EXAMPLES = `
Example:
  gatecell run model.onnx --input x=x.npy --input h0=h0.npy --json

Inputs that are weights are given with --constant: they become parameters. The operators are those of docs/interop.md.`

interface Flags {
  readonly input: Readonly<Record<string, string>>
  readonly constant: Readonly<Record<string, string>>
  readonly maxBytes?: number
  readonly json?: true
}

/** Adds the command. */
export function addRun(program: Command): void {
  program
    .command('run')
    .description(descriptions.run)
    .argument('<model>', 'a file of ONNX or Keras, or a model that gatecell import made of one', filePath('the model'))
    .option('--input <name=file>', 'an NPY file for an input; once for each', namedFiles('--input'), {})
    .option('--constant <name=file>', 'an NPY file for an input that is a weight', namedFiles('--constant'), {})
    .addOption(maxBytesOption())
    .option('--json', 'one JSON object with all values')
    .addHelpText('after', asTyped(EXAMPLES))
    .action(async (path: string, { input, constant, maxBytes, json }: Flags) => {
      const limit = maxBytes === undefined ? {} : { maxBytes }
      const output = createOutput(json === true)
      using imported = await importModel(path, await constantsOf(constant, limit))
      const results = await imported.run(await readAll(input, limit))
      const outputs = Object.fromEntries(Object.entries(results).map(([name, { shape, data }]) => [name, { shape: [...shape], data: Array.from(data) }])) // prettier-ignore
      output.record({ event: 'run', path, outputs })
      for (const [name, { shape, data }] of Object.entries(outputs)) {
        const first = data.slice(0, 4).map((value) => value.toPrecision(6)).join(' ') // prettier-ignore
        output.line(`${name} [${shape.join(', ')}]  ${first}${data.length > 4 ? ' ...' : ''}`)
      }
    })
}

async function constantsOf(
  files: Flags['constant'],
  limit: OpenTensorFileOptions
): Promise<{ constants?: Record<string, OnnxArray> }> {
  return Object.keys(files).length === 0 ? {} : { constants: await readAll(files, limit) }
}

async function readAll(
  files: Readonly<Record<string, string>>,
  limit: OpenTensorFileOptions
): Promise<Record<string, OnnxArray>> {
  const arrays: Record<string, OnnxArray> = {}
  for (const [name, path] of Object.entries(files)) arrays[name] = await readArray(path, limit)
  return arrays
}
