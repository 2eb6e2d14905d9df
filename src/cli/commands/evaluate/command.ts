// gatecell evaluate: a model file and data in, how well it does out: nats per symbol of a text, character error rate of ink.

import type { Command } from 'commander'
import { GatecellError } from '../../../errors.js'
import { readCheckpointInfo } from '../../../io/checkpoint.js'
import { GENERATION_TASK } from '../../../tasks/handwriting-synthesis/index.js'
import { RECOGNITION_TASK } from '../../../tasks/handwriting-recognition/index.js'
import { TEXT_TASK } from '../../../tasks/text/index.js'
import { refuseOtherTasks, refuseWithout, type OptionTasks } from '../../options/applicable.js'
import { checkDevice } from '../../options/device.js'
import { addEngineOptions } from '../../options/engine.js'
import { parts, type EvaluateFlags } from './flags.js'
import { evaluateHandwriting } from './handwriting-synthesis.js'
import { evaluateRecognition } from './handwriting-recognition.js'
import { evaluateTextModel } from './text.js'
import { addInkOptions } from '../../options/ink.js'
import { withInterrupts, type Interrupts } from '../../ui/interrupt.js'
import { choice, filePath, filePaths, number, whole } from '../../options/parse.js'

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
    .argument('<model>', 'a .safetensors file of a training', filePath('the model'))
    .argument('<data...>', 'texts or ink: files, folders, patterns, or - for standard input', filePaths('the data'))
    .option('--part <name>', 'all, train, valid or test', choice('--part', parts), 'all')
    .option('--valid <share>', 'share that validates (default: as in the training)', number('--valid', 0, 1, 'most'))
    .option(
      '--test <share>',
      'share behind it that tests (default: as in the training)',
      number('--test', 0, 1, 'most')
    )
  addEngineOptions(command, 'what suits one stream')
    .option('--cache-dir <folder>', 'for the symbols of texts above 64 MB', filePath('--cache-dir', 'folder'))
    .option('--where <field=values>', 'of ink: only these samples, as writer=26-30')
    .option('--reader <file>', 'of a writer: a model that reads what it writes', filePath('--reader'))
    .option('--count <n>', 'with --reader: so many texts of the ink at most', whole('--count', 1, 2 ** 20), 200)
    .option(
      '--unseen <ink...>',
      'with --reader: no texts that this ink has, as that of the training',
      filePaths('--unseen')
    )
    .option('--bias <b>', 'with --reader: as for gatecell write', number('--bias', 0, 100), 0.5)
    .option('--seed <n>', 'with --reader: of the draws', whole('--seed', 0), 0)
  addInkOptions(command)
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, data: string[], flags: EvaluateFlags) => {
      process.exitCode = await withInterrupts(async (interrupts) => {
        refuseWithout(command, 'reader', ['count', 'unseen', 'bias', 'seed'])
        checkDevice(flags.device)
        const { task } = await readCheckpointInfo(model)
        if (evaluations.has(task)) refuseOtherTasks(command, optionTasks, task, model)
        return await evaluate(task, model, data, flags, interrupts)
      })
    })
}

const INK = [RECOGNITION_TASK, GENERATION_TASK]

const optionTasks: OptionTasks = {
  test: [TEXT_TASK],
  cacheDir: [TEXT_TASK],
  weights: [TEXT_TASK, RECOGNITION_TASK],
  where: INK,
  y: INK,
  skipBad: INK,
  reader: [GENERATION_TASK],
  count: [GENERATION_TASK],
  unseen: [GENERATION_TASK],
  bias: [GENERATION_TASK],
  seed: [GENERATION_TASK]
}

type Evaluation = (path: string, data: string[], flags: EvaluateFlags, interrupts: Interrupts) => Promise<number>

const evaluations = new Map<string, Evaluation>([
  [TEXT_TASK, evaluateTextModel],
  [RECOGNITION_TASK, evaluateRecognition],
  [GENERATION_TASK, evaluateHandwriting]
])

/** Runs the evaluation of the model's task. Throws ERR_WRONG_TASK if the task has none. */
async function evaluate(
  task: string,
  path: string,
  data: string[],
  flags: EvaluateFlags,
  interrupts: Interrupts
): Promise<number> {
  const evaluation = evaluations.get(task)
  if (evaluation) return await evaluation(path, data, flags, interrupts)
  const expected = [...evaluations.keys()].join(' or ')
  throw new GatecellError(
    'ERR_WRONG_TASK',
    `Expected a ${expected} model but ${path} holds a "${task}" model: name a model that can be evaluated`
  )
}
