// gatecell export: a model for other programs.

import type { Command } from 'commander'
import { exportModel, type ExportOptions } from '../../interop/export-model.js'
import { choiceParser, filePath } from '../options/parse.js'
import { nameMap } from '../options/names.js'
import { asTyped } from '../ui/command-line.js'
import { createOutput } from '../ui/output.js'
import { descriptions } from './descriptions.js'

const EXAMPLES = `
Example:
  gatecell export shakespeare.safetensors --to pytorch --out torch.safetensors --map lstm=rnn,head=decoder

The symbols of a model with a vocabulary are written next to the file, as <name>.vocabulary.json.`

/** Adds the command. */
export function addExport(program: Command): void {
  program
    .command('export')
    .description(descriptions.export)
    .argument('<model>', 'a .safetensors file of a training', filePath('the model'))
    .requiredOption(
      '--to <program>',
      'pytorch (safetensors), onnx, keras or numpy (npz)',
      choiceParser('--to', ['pytorch', 'onnx', 'keras', 'numpy'])
    )
    .requiredOption('--out <file>', 'the file to write', filePath('--out'))
    .option('--map <names>', 'new names by ours: lstm=rnn,head=decoder', nameMap('--map'))
    .option('--json', 'one JSON object')
    .addHelpText('after', asTyped(EXAMPLES))
    .action(async (path: string, { json, ...options }: ExportOptions & { json?: true }) => {
      const output = createOutput(json === true)
      const { tensors, files } = await exportModel(path, options)
      output.record({ event: 'export', path, to: options.to, files, tensors })
      for (const name of tensors) output.line(name)
      for (const file of files) output.line(`saved    ${file}`)
    })
}
