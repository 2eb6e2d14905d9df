// gatecell sample: a model file and a prompt in, text out as it is drawn.

import type { Command } from 'commander'
import { loadTextModel } from '../../tasks/text/index.js'
import { addEngineOptions, loadOptions, type EngineFlags } from '../options/engine.js'
import { withInterrupts, type Interrupts } from '../ui/interrupt.js'
import { filePath, number, whole } from '../options/parse.js'
import { createOutput } from '../ui/output.js'

interface SampleFlags extends EngineFlags {
  prompt?: string
  length: number
  temperature: number
  topK: number
  topP: number
  seed: number
  json?: true
}

const EXAMPLES = `
Examples:
  gatecell sample shakespeare.safetensors --prompt 'ROMEO:' --length 500
  gatecell sample shakespeare.safetensors --temperature 0 --length 80 --json

The prompt is read into the state and written out, then --length symbols follow. The same seed gives the same text.`

export function addSample(program: Command): void {
  const command = program
    .command('sample')
    .description('Writes with a trained text model.')
    .argument('<model>', 'a .safetensors file of a training', filePath('the model'))
    .option('--prompt <text>', 'text to go on from (default: a new line)')
    .option('--length <n>', 'symbols to write', whole('--length', 0, 1e12), 500)
    .option(
      '--temperature <t>',
      '1: as learned, lower: safer, 0: always the most probable',
      number('--temperature', 0, 1e6),
      0.8
    )
    .option('--top-k <k>', 'only the k most probable symbols, 0: all', whole('--top-k', 0, 2 ** 24), 0)
    .option('--top-p <p>', 'only the most probable ones that sum to p', number('--top-p', 0, 1, 'least'), 1)
    .option('--seed <n>', 'seed of the draws', whole('--seed', 0), 0)
  addEngineOptions(command, 'what suits one stream')
    .option('--json', 'one JSON object with the text')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, flags: SampleFlags) => {
      process.exitCode = await withInterrupts((interrupts) => sample(model, flags, interrupts))
    })
}

async function sample(path: string, flags: SampleFlags, interrupts: Interrupts): Promise<number> {
  const options = loadOptions(flags)
  const output = createOutput(flags.json === true)
  const { prompt = '', length, temperature, topK, topP, seed } = flags
  using loaded = await loadTextModel(path, options)
  const writer = loaded.write({ prompt, temperature, topK, topP, seed })
  const pieces: string[] = []
  const begin = performance.now()
  if (!output.json) await output.write(prompt)
  try {
    for await (const piece of writer.pieces({ length, signal: interrupts.signal })) {
      if (output.json) pieces.push(piece)
      else await output.write(piece)
    }
  } catch (error) {
    if (!interrupts.signal.aborted) throw error
  }
  const seconds = (performance.now() - begin) / 1000
  if (!output.json && !interrupts.closed) await output.write('\n')
  output.record({
    task: loaded.info.task,
    prompt,
    text: pieces.join(''),
    length: writer.count,
    seed,
    temperature,
    top_k: topK,
    top_p: topP,
    seconds,
    tokens_per_second: Math.round(writer.count / Math.max(seconds, 1e-9))
  })
  return interrupts.exitCode
}
