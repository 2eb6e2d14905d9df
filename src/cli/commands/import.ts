// gatecell import: a model of another program becomes a model file; the content of the file decides how.

import type { Command } from 'commander'
import { expected } from '../../errors.js'
import { assertOutputs } from '../../io/atomic.js'
import { fileKind } from '../../interop/file-kind.js'
import { importModel } from '../../interop/import-model.js'
import { importText } from '../../interop/import-text.js'
import type { OnnxPort } from '../../interop/onnx/ports.js'
import { filePath, modelPath } from '../options/parse.js'
import { asTyped } from '../ui/command-line.js'
import { createOutput, type Output } from '../ui/output.js'
import { maxBytesOption } from '../options/max-bytes.js'
import { nameMap } from '../options/names.js'
import { descriptions } from './descriptions.js'

const EXAMPLES = `
Examples:
  gatecell import characters.pt --vocabulary characters.json --out characters.safetensors
  gatecell import model.onnx --out model.safetensors

A state_dict of PyTorch (.pt, .safetensors) becomes a text model: it has an embedding, LSTM, GRU or RNN layers and a linear layer. The vocabulary is a JSON list of
characters in the order of their ids, an object with the id of each character, the file that gatecell export writes, or a tokenizer.json. A model of
ONNX, Keras (.keras, .h5) or TensorFlow.js (model.json) is for gatecell run and importModel(); docs/interop.md lists operators and layers.`

interface Flags {
  readonly out: string
  readonly vocabulary?: string
  readonly map?: Readonly<Record<string, string>>
  readonly narrow?: true
  readonly maxBytes?: number
  readonly states?: Readonly<Record<string, string>>
  readonly json?: true
}

/** Adds the command. */
export function addImport(program: Command): void {
  program
    .command('import')
    .description(descriptions.import)
    .argument(
      '<file>',
      'a state_dict of PyTorch (.pt, .safetensors), or a model of ONNX or Keras',
      filePath('the file')
    )
    .requiredOption('--out <file>', 'the model to write', modelPath('--out'))
    .option('--vocabulary <file>', 'JSON file with the symbols of a state_dict', filePath('--vocabulary'))
    .option(
      '--map <names>',
      'our names embedding, lstm, head by those of a state_dict: rnn=lstm,decoder=head',
      nameMap('--map')
    )
    .option('--narrow', 'round float64 of a state_dict to float32')
    .addOption(maxBytesOption())
    .option('--states <names>', 'inputs of a graph that continue outputs: h0=h,c0=c', nameMap('--states'))
    .option('--json', 'one JSON object')
    .addHelpText('after', asTyped(EXAMPLES))
    .action(async (path: string, flags: Flags) => {
      const output = createOutput(flags.json === true)
      const kind = await fileKind(path)
      const isGraph = kind === 'onnx' || kind === 'keras'
      refuseOptions(path, flags, isGraph ? ['vocabulary', 'map', 'narrow', 'maxBytes'] : ['states'])
      await (isGraph ? importOfGraph : importOfText)(path, flags, output)
    })
}

/** Throws ERR_INVALID_OPTION for an option that the kind of the file does not have. */
function refuseOptions(path: string, flags: Flags, names: readonly (keyof Flags)[]): void {
  const given = names.find((name) => flags[name] !== undefined)
  if (given !== undefined)
    throw expected('ERR_INVALID_OPTION', `no --${given === 'maxBytes' ? 'max-bytes' : given} for ${path}`, 'one', 'it is for files of the other kind, see --help') // prettier-ignore
}

async function importOfGraph(path: string, { out, states }: Flags, output: Output): Promise<void> {
  await assertOutputs([out], [path])
  using imported = await importModel(path, states ? { states } : {})
  await imported.save(out)
  const { inputs, outputs, model } = imported
  const described = ({ name, dtype, shape }: OnnxPort) => ({ name, dtype, shape: [...shape] })
  output.record({
    event: 'import',
    path,
    out,
    inputs: inputs.map(described),
    outputs: outputs.map(described),
    states: { ...imported.states },
    parameters: model.parameterCount
  })
  for (const { name, dtype, shape } of inputs) {
    const next = imported.states[name]
    output.line(`input    ${name} ${dtype} [${shape.join(', ')}]${next === undefined ? '' : `, continues ${next}`}`)
  }
  for (const { name, dtype, shape } of outputs) output.line(`output   ${name} ${dtype} [${shape.join(', ')}]`)
  output.line(`saved    ${out}`)
}

async function importOfText(
  path: string,
  { vocabulary, json: _, states: __, ...options }: Flags,
  output: Output
): Promise<void> {
  if (vocabulary === undefined)
    throw expected('ERR_INVALID_OPTION', `--vocabulary for ${path}, a file of tensors`, 'none', 'name the JSON file with its symbols') // prettier-ignore
  const { config, ...report } = await importText(path, { ...options, vocabulary })
  const { taken, zeros, missing, leftOver } = report
  output.record({
    event: 'import',
    path,
    out: options.out,
    taken,
    zeros,
    missing,
    left_over: leftOver,
    network: config.network
  })
  for (const { tensor, parameter } of taken) output.line(`${tensor.padEnd(40)} ${parameter}`)
  for (const parameter of zeros) output.line(`${'zeros'.padEnd(40)} ${parameter}`)
  for (const tensor of leftOver) output.line(`${tensor.padEnd(40)} not used`)
  output.line(`saved    ${options.out}`)
}
