// gatecell evaluate: a model file and data in, how well it does out: nats per symbol of a text, character error rate of ink.

import type { Command } from 'commander'
import { openCorpus } from '../data/corpus.js'
import type { Tokens } from '../data/tokens.js'
import { GatecellError } from '../errors.js'
import { readCheckpointInfo } from '../io/checkpoint.js'
import { GENERATION_TASK } from '../tasks/handwriting/generation/index.js'
import { RECOGNITION_TASK } from '../tasks/handwriting/recognition/index.js'
import {
  evaluateText,
  loadTextModel,
  TEXT_TASK,
  type TextMeasure,
  type TextMeasureOptions
} from '../tasks/text/index.js'
import { evaluateHandwriting } from './evaluate-handwriting.js'
import { evaluateRecognition } from './evaluate-recognition.js'
import { checkDevice } from './backends.js'
import { duration, integer, nats } from './format.js'
import { addInkOptions, type InkFlags } from './ink-options.js'
import { readStdin, withInterrupts, type Interrupts } from './interrupt.js'
import { choice, device, number, weights, whole } from './options.js'
import { createOutput } from './output.js'
import { createProgress } from './progress.js'

const parts = ['all', 'train', 'valid', 'test'] as const

export interface EvaluateFlags extends InkFlags {
  part: (typeof parts)[number]
  valid?: number
  test?: number
  threads?: number
  weights?: 'f32' | 'bf16' | 'int8'
  device?: 'auto' | 'cpu' | 'cuda'
  cacheDir?: string
  where?: string
  reader?: string
  count: number
  bias: number
  seed: number
  unseen?: string[]
  json?: true
}

const EXAMPLES = `
Examples:
  gatecell evaluate shakespeare.safetensors other.txt
  gatecell evaluate shakespeare.safetensors shakespeare.txt --part valid --json
  gatecell evaluate shakespeare.safetensors shakespeare.txt --part valid --weights int8
  gatecell evaluate reader.safetensors words.ndjson.gz --json
  gatecell evaluate digits.safetensors digits.unipen --where comment:2=26-30
  gatecell evaluate writer.safetensors valid.ndjson.gz --reader reader.safetensors --bias 1 --json

A text is read as one stream, its state carried from the first symbol to the last: the figure is exact. --part takes
the part that the training held back, cut by the same shares. With narrow --weights the text is read twice, and what they
cost is printed. Ink is read sample by sample: the share of symbols read
wrong (cer), of samples read without an error (exact), and nats per sample. A writer is measured in nats per point, beside
a Gaussian and a mixture without a memory; with --reader it writes texts of the ink, and cer and exact say how they are read.`

export function addEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .description('Measures how well a model predicts a text, or reads ink.')
    .argument('<model>', 'a .safetensors file of a training')
    .argument('<data...>', 'texts or ink: files, folders, patterns, or - for standard input')
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
    .option('--where <field=values>', 'of ink: only these samples, as writer=26-30')
  command
    .option('--reader <file>', 'of a writer: a model that reads what it writes')
    .option('--count <n>', 'with --reader: so many texts of the ink at most', whole('--count', 1, 2 ** 20), 200)
    .option('--unseen <ink...>', 'with --reader: no texts that this ink has, as that of the training')
    .option('--bias <b>', 'with --reader: as for gatecell write', number('--bias', 0, 100), 0.5)
    .option('--seed <n>', 'with --reader: of the draws', whole('--seed', 0), 0)
  addInkOptions(command)
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, data: string[], flags: EvaluateFlags) => {
      process.exitCode = await withInterrupts((interrupts) => evaluate(model, data, flags, interrupts))
    })
}

/** The measure of the model's task. ERR_WRONG_TASK for one without. */
async function evaluate(path: string, data: string[], flags: EvaluateFlags, interrupts: Interrupts): Promise<number> {
  checkDevice(flags.device)
  const { task } = await readCheckpointInfo(path)
  if (flags.reader !== undefined && task !== GENERATION_TASK)
    throw new GatecellError('ERR_INVALID_OPTION', `Expected --reader with a writer but ${path} holds a "${task}" model`)
  if (task === TEXT_TASK) return await evaluateTextModel(path, data, flags, interrupts)
  if (task === RECOGNITION_TASK) return await evaluateRecognition(path, data, flags, interrupts)
  if (task === GENERATION_TASK) return await evaluateHandwriting(path, data, flags, interrupts)
  const expected = [TEXT_TASK, RECOGNITION_TASK, GENERATION_TASK].join(' or ')
  throw new GatecellError('ERR_WRONG_TASK', `Expected a ${expected} model but ${path} holds a "${task}" model`)
}

async function evaluateTextModel(
  path: string,
  text: string[],
  flags: EvaluateFlags,
  { signal, exitCode }: Interrupts
): Promise<number> {
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
