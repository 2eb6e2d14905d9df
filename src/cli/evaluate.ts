// gatecell evaluate: a model file and a text in, nats per symbol out.

import type { Command } from 'commander'
import { openCorpus } from '../data/corpus.js'
import type { Tokens } from '../data/tokens.js'
import { evaluateText, loadTextModel, type TextMeasure, type TextMeasureOptions } from '../tasks/text/index.js'
import { checkDevice } from './backends.js'
import { duration, integer, nats } from './format.js'
import { readStdin, withInterrupts, type Interrupts } from './interrupt.js'
import { choice, device, number, weights, whole } from './options.js'
import { createOutput } from './output.js'
import { createProgress } from './progress.js'

const parts = ['all', 'train', 'valid', 'test'] as const

interface EvaluateFlags {
  part: (typeof parts)[number]
  valid?: number
  test?: number
  threads?: number
  weights?: 'f32' | 'bf16' | 'int8'
  device?: 'auto' | 'cpu' | 'cuda'
  cacheDir?: string
  json?: true
}

const EXAMPLES = `
Examples:
  gatecell evaluate shakespeare.safetensors other.txt
  gatecell evaluate shakespeare.safetensors shakespeare.txt --part valid --json
  gatecell evaluate shakespeare.safetensors shakespeare.txt --part valid --weights int8

The text is read as one stream, its state carried from the first symbol to the last: the figure is exact. --part takes
the part of the text that the training held back, cut by the same shares. With narrow --weights the text is read twice,
and what they cost is printed.`

export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('Measures how well a model predicts a text, in nats and bits per symbol.')
    .argument('<model>', 'a .safetensors file of a training')
    .argument('<text...>', 'files, folders, patterns, or - for standard input')
    .option('--part <name>', 'all, train, valid or test', choice('--part', parts), 'all')
    .option('--valid <share>', 'share that validates (default: as in the training)', number('--valid', 0, 1, 'most'))
    .option(
      '--test <share>',
      'share behind it that tests (default: as in the training)',
      number('--test', 0, 1, 'most')
    )
    .option('--weights <name>', 'f32, bf16 or int8 for the LSTM products (default: f32)', weights)
    .option('--device <name>', 'auto, cpu or cuda (default: auto, the faster one)', device)
    .option('--threads <n>', 'threads (default: what suits one stream)', whole('--threads', 1, 1024))
    .option('--cache-dir <folder>', 'for the symbols of texts above 64 MB')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, text: string[], flags: EvaluateFlags) => {
      process.exitCode = await withInterrupts((interrupts) => evaluate(model, text, flags, interrupts))
    })
}

async function evaluate(
  path: string,
  text: string[],
  flags: EvaluateFlags,
  { signal, exitCode }: Interrupts
): Promise<number> {
  checkDevice(flags.device)
  const output = createOutput(flags.json === true)
  const progress = await createProgress(output)
  using loaded = await loadTextModel(path, {
    precision: flags.weights,
    threads: flags.threads,
    device: flags.device ?? 'auto'
  })
  const { vocabulary, config, info, model } = loaded
  const { valid = config.split.valid, test = config.split.test, cacheDir } = flags
  const corpus = await openCorpus(text, {
    vocabulary,
    valid,
    test,
    signal,
    stdin: readStdin(signal),
    ...(cacheDir !== undefined && { cacheDir })
  })
  try {
    const tokens = corpus[flags.part]
    const onProgress = (done: number) => progress.show(`measuring on ${integer(tokens.length)} symbols`, done)
    const measure = await evaluateText(model, tokens, { signal, onProgress })
    const narrow = flags.weights !== undefined && flags.weights !== 'f32'
    const full = narrow ? await evaluateInFull(path, tokens, { signal, onProgress }, flags) : null
    progress.clear()
    output.record({
      task: info.task,
      nats: measure.nats,
      bits: measure.bits,
      tokens: measure.tokens,
      part: flags.part,
      seconds: measure.seconds,
      ...(full && { weights: flags.weights!, f32_nats: full.nats, cost_nats: measure.nats - full.nats })
    })
    output.line(`${nats(measure.nats)} nats, ${nats(measure.bits)} bits a symbol`)
    output.line(`over ${integer(measure.tokens)} symbols (${flags.part}), one stream, in ${duration(measure.seconds)}`)
    if (full)
      output.line(`${flags.weights!} weights cost ${nats(measure.nats - full.nats)} nats: f32 gives ${nats(full.nats)}`)
    return exitCode
  } finally {
    progress.clear()
    corpus.close()
  }
}

/** The same measure with the weights as they are in the file: what narrow ones are compared with. */
async function evaluateInFull(
  path: string,
  tokens: Tokens,
  options: TextMeasureOptions,
  { threads, device }: EvaluateFlags
): Promise<TextMeasure> {
  using loaded = await loadTextModel(path, { threads, device: device ?? 'auto' })
  return await evaluateText(loaded.model, tokens, options)
}
