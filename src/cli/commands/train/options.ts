// The options of every training on the command line, and what they say of a run.

import type { Command } from 'commander'
import { GatecellError } from '../../../errors.js'
import type { RunMode } from '../../../tasks/runs/files.js'
import { given, type Training } from '../../../tasks/runs/settings.js'
import { choice, device, filePath, filePaths, number, precision, seconds, whole } from '../../options/parse.js'

export interface TrainFlags {
  out: string
  batch?: number
  epochs?: number
  steps?: number
  timeLimit?: number
  lr?: number
  schedule?: 'constant' | 'cosine' | 'plateau'
  warmup?: number
  optimizer?: 'sgd' | 'rmsprop' | 'adam' | 'adamw'
  weightDecay?: number
  clip?: number
  average?: number
  validFile?: string[]
  validEvery?: number
  patience?: number
  seed?: number
  threads?: number
  device?: 'auto' | 'cpu' | 'cuda'
  precision?: 'f32' | 'bf16' | 'tf32'
  checkpointEvery?: number
  resume?: true
  force?: true
  logDir?: string
  json?: true
}

/** How the help names an application's defaults and its data. */
export interface TrainTexts {
  data: string
  batch: number
  epochs: number
  learningRate: string
  warmup: number
  clip: number
  validEvery: string
  seed: string
  precision: string
}

/** The options of every training, after those of the application. */
export function addTrainOptions(command: Command, says: TrainTexts): Command {
  addLengthOptions(command, says)
  addOptimizerOptions(command, says)
  return addRunOptions(command, says)
}

function addLengthOptions(command: Command, says: TrainTexts): void {
  command
    .option('--batch <n>', `sequences side by side (default: ${says.batch})`, whole('--batch', 1, 2 ** 20))
    .option(
      '--epochs <n>',
      `stop after this many passes over the ${says.data} (default: ${says.epochs})`,
      whole('--epochs', 1)
    )
    .option('--steps <n>', 'stop after this many steps', whole('--steps', 1))
    .option('--time-limit <time>', 'stop after this much training: 180s, 15m, 2h', seconds('--time-limit'))
}

function addOptimizerOptions(command: Command, says: TrainTexts): void {
  command
    .option('--lr <rate>', `peak learning rate (default: ${says.learningRate})`, number('--lr', 0, 1e3, 'least'))
    .option(
      '--schedule <name>',
      'constant, cosine or plateau (default: cosine)',
      choice('--schedule', ['constant', 'cosine', 'plateau'])
    )
    .option(
      '--warmup <n>',
      `length of the linear warm-up: a number of steps, or below 1 a share of the run (default: ${says.warmup})`,
      number('--warmup', 0, 1e12)
    )
    .option(
      '--optimizer <name>',
      'sgd, rmsprop, adam or adamw (default: adam)',
      choice('--optimizer', ['sgd', 'rmsprop', 'adam', 'adamw'])
    )
    .option(
      '--weight-decay <rate>',
      'decay of weights and embeddings: decoupled with adamw, added to the gradient with the others (default: 0, with adamw 0.01)',
      number('--weight-decay', 0, 1e3)
    )
    .option(
      '--clip <norm>',
      `clip the global norm of the gradient to this value; 0 disables clipping (default: ${says.clip})`,
      number('--clip', 0, 1e9)
    )
    .option(
      '--average <decay>',
      'save and validate an exponential average of the weights with this decay per step, for example 0.999; useful if the rate does not fall to 0 (default: no average)',
      number('--average', 1e-6, 0.9999999)
    )
}

function addRunOptions(command: Command, says: TrainTexts): Command {
  return command
    .option('--valid-file <file...>', 'validate on other files instead', filePaths('--valid-file'))
    .option('--valid-every <n>', `steps between validations (default: ${says.validEvery})`, whole('--valid-every', 1))
    .option('--patience <n>', 'stop after this many validations without improvement', whole('--patience', 1))
    .option('--seed <n>', `seed of ${says.seed} (default: 0)`, whole('--seed', 0))
    .option(
      '--threads <n>',
      'threads; the result is the same for any number (default: all cores)',
      whole('--threads', 1, 1024)
    )
    .option('--device <name>', 'auto, cpu or cuda (default: auto, the faster one)', device)
    .option(
      '--precision <name>',
      `operands of the LSTM products: f32, bf16, or on cuda tf32 (default: ${says.precision})`,
      precision
    )
    .option(
      '--checkpoint-every <n>',
      'steps between checkpoints (default: as --valid-every)',
      whole('--checkpoint-every', 1)
    )
    .option('--resume', 'resume from the last checkpoint, or start if there is none')
    .option('--force', 'replace a model that exists')
    .option(
      '--log-dir <folder>',
      'metrics.jsonl, TensorBoard events and the loss curve as SVG',
      filePath('--log-dir', 'folder')
    )
    .option('--json', 'one JSON object a line')
}

/** What `flags` say of every run; an application adds its own settings. */
export function runOptions(data: readonly string[], flags: TrainFlags) {
  return {
    data,
    out: flags.out,
    mode: modeOf(flags),
    training: trainingOf(flags),
    ...given({ validFiles: flags.validFile, checkpointEvery: flags.checkpointEvery }),
    threads: flags.threads ?? 0,
    device: flags.device ?? 'auto'
  } as const
}

/** The part of the flags that is a Training. */
function trainingOf(flags: TrainFlags): Partial<Training> {
  const { batch, optimizer, lr: learningRate, schedule, warmup, clip, seed, precision, validEvery } = flags
  const { patience, steps, epochs, timeLimit, weightDecay, average } = flags
  const training = { batch, optimizer, learningRate, schedule, warmup, clip, seed, precision, validEvery }
  return given({ ...training, weightDecay, average, patience, steps, epochs, timeLimit })
}

function modeOf({ resume, force }: TrainFlags): RunMode {
  if (resume && force)
    throw new GatecellError('ERR_INVALID_OPTION', 'Expected --resume or --force but received both: leave one out')
  return force ? 'force' : resume ? 'resume' : 'new'
}
