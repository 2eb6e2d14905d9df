// gatecell import: a text model of PyTorch becomes a model file.

import type { Command } from 'commander'
import { importText } from '../../interop/import-text.js'
import { filePath, modelPath } from '../options/parse.js'
import { asTyped } from '../ui/command-line.js'
import { createOutput } from '../ui/output.js'
import { nameMap } from '../options/names.js'
import { descriptions } from './descriptions.js'

const EXAMPLES = `
Example:
  gatecell import characters.pt --vocabulary characters.json --out characters.safetensors

The file is a state_dict of PyTorch (.pt, .safetensors) with an embedding, LSTM layers and a linear layer. The vocabulary is a JSON list of characters
in the order of their ids, an object with the id of each character, the file that gatecell export writes, or a tokenizer.json.`

interface Flags {
  readonly out: string
  readonly vocabulary: string
  readonly map?: Readonly<Record<string, string>>
  readonly narrow?: true
  readonly json?: true
}

/** Adds the command. */
export function addImport(program: Command): void {
  program
    .command('import')
    .description(descriptions.import)
    .argument('<file>', 'a state_dict of PyTorch: .pt, .pth or .safetensors', filePath('the file'))
    .requiredOption('--out <file>', 'the model to write', modelPath('--out'))
    .requiredOption('--vocabulary <file>', 'JSON file with the symbols', filePath('--vocabulary'))
    .option(
      '--map <names>',
      'our names embedding, lstm, head by those of the file: rnn=lstm,decoder=head',
      nameMap('--map')
    )
    .option('--narrow', 'round float64 to float32')
    .option('--json', 'one JSON object')
    .addHelpText('after', asTyped(EXAMPLES))
    .action(async (path: string, { json, ...options }: Flags) => {
      const output = createOutput(json === true)
      const { config, ...report } = await importText(path, options)
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
    })
}
