// What all trainings of the command line have in common: the options of a run, its log, its progress, how it begins and
// ends. An application brings its own options, and says what it trains on and how well it did.

import type { Command } from 'commander'
import { GatecellError } from '../errors.js'
import { machineInfo } from '../graph/machine.js'
import type { JsonObject } from '../io/json.js'
import type { Run } from '../tasks/run.js'
import type { RunMode } from '../tasks/run-files.js'
import { openRunLog, reportRecord, type RunLog } from '../tasks/run-log.js'
import type { RunMemory } from '../tasks/run-memory.js'
import type { Training } from '../tasks/training.js'
import type { Summary } from '../train/reports.js'
import { checkDevice } from './backends.js'
import { bytes, duration, integer, quantity } from './format.js'
import { withInterrupts, type Interrupts } from './interrupt.js'
import { choice, device, number, precision, seconds, whole } from './options.js'
import { createOutput, exitCodes, type Output } from './output.js'
import { createProgress, peakMemory, type Progress } from './progress.js'

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
  clip?: number
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
  validEvery: string
  seed: string
}

/** The options of every training, behind those of the application. */
export function addTrainOptions(command: Command, says: TrainTexts): Command {
  return command
    .option('--batch <n>', `sequences side by side (default: ${says.batch})`, whole('--batch', 1, 2 ** 20))
    .option(
      '--epochs <n>',
      `end after so many passes over the ${says.data} (default: ${says.epochs})`,
      whole('--epochs', 1)
    )
    .option('--steps <n>', 'end after so many steps', whole('--steps', 1))
    .option('--time-limit <time>', 'end after so much training: 180s, 15m, 2h', seconds('--time-limit'))
    .option('--lr <rate>', `peak learning rate (default: ${says.learningRate})`, number('--lr', 0, 1e3, 'least'))
    .option(
      '--schedule <name>',
      'constant, cosine or plateau (default: cosine)',
      choice('--schedule', ['constant', 'cosine', 'plateau'])
    )
    .option(
      '--warmup <n>',
      `rise of the rate: steps, or below 1 a share of the run (default: ${says.warmup})`,
      number('--warmup', 0, 1e12)
    )
    .option(
      '--optimizer <name>',
      'sgd, rmsprop, adam or adamw (default: adam)',
      choice('--optimizer', ['sgd', 'rmsprop', 'adam', 'adamw'])
    )
    .option('--clip <norm>', 'largest norm of the gradient, 0: any (default: 1)', number('--clip', 0, 1e9))
    .option('--valid-file <file...>', 'validate on other files instead')
    .option('--valid-every <n>', `steps between validations (default: ${says.validEvery})`, whole('--valid-every', 1))
    .option('--patience <n>', 'end after so many validations without a gain', whole('--patience', 1))
    .option('--seed <n>', `seed of ${says.seed} (default: 0)`, whole('--seed', 0))
    .option(
      '--threads <n>',
      'threads; the result is the same for any number (default: all cores)',
      whole('--threads', 1, 1024)
    )
    .option('--device <name>', 'auto, cpu or cuda (default: auto, the faster one)', device)
    .option(
      '--precision <name>',
      'operands of the LSTM products: f32, bf16, or on cuda tf32 (default: f32; on cuda bf16)',
      precision
    )
    .option(
      '--checkpoint-every <n>',
      'steps between checkpoints (default: as --valid-every)',
      whole('--checkpoint-every', 1)
    )
    .option('--resume', 'go on from the last checkpoint; from the start where there is none')
    .option('--force', 'replace a model that exists')
    .option('--log-dir <folder>', 'metrics.jsonl, TensorBoard events and the loss curve as SVG')
    .option('--json', 'one JSON object a line')
}

/** The part of the flags that is a Training. */
export function trainingOf(flags: TrainFlags): Partial<Training> {
  const { batch, optimizer, lr: learningRate, schedule, warmup, clip, seed, precision, validEvery } = flags
  const { patience, steps, epochs, timeLimit } = flags
  const training = { batch, optimizer, learningRate, schedule, warmup, clip, seed, precision, validEvery }
  return defined({ ...training, patience, steps, epochs, timeLimit })
}

export function modeOf({ resume, force }: TrainFlags): RunMode {
  if (resume && force)
    throw new GatecellError('ERR_INVALID_OPTION', 'Expected --resume or --force but received both: leave one out')
  return force ? 'force' : resume ? 'resume' : 'new'
}

/** Optimiser, rate and schedule, for the line about the training. */
export function rateLine({ optimizer, learningRate, schedule }: Training, threads: number): string {
  return `${optimizer} ${learningRate.toPrecision(3)} ${schedule}, ${threads} threads`
}

export function defined<T extends object>(from: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}

/** A training that is ready, as its command sees it. */
export interface Trainee<R extends { summary: Summary }> {
  readonly run: Run<R>
  /** What steps count, for rates: symbols, points. */
  readonly unit: string
  /** What the loss curve is measured in. */
  readonly lossUnit: string
  /** What the last measurement does with `count` symbols or samples, where it takes long enough to be told. */
  measuring?(count: number): string
  /** Lines about data, network and training. */
  introduce(threads: number): string[]
  /** Behind the line about memory. */
  readonly memoryNote?: string
  /** Fields of the last record. */
  measured(result: R): JsonObject
  /** How well it did; null where nothing was measured. `weights`: which ones are measured, to stand behind the figure. */
  judge(result: R, weights: string): string | null
  /** What to do next. */
  readonly next: string
}

export interface TrainContext {
  output: Output
  progress: Progress
  signal: AbortSignal
}

/** Runs a training command: `prepare` makes it ready; exit code and signals are seen to. */
export async function runTraining<R extends { summary: Summary }>(
  command: Command,
  flags: TrainFlags,
  unit: string,
  prepare: (context: TrainContext) => Promise<Trainee<R>>
): Promise<number> {
  return await withInterrupts(async (interrupts) => {
    checkDevice(flags.device)
    const output = createOutput(flags.json === true)
    const progress = await createProgress(output, unit)
    const trainee = await prepare({ output, progress, signal: interrupts.signal })
    progress.clear()
    return await train(trainee, { output, progress, flags, interrupts, again: resumeLine(command) })
  })
}

interface Session {
  output: Output
  progress: Progress
  flags: TrainFlags
  interrupts: Interrupts
  again: string
}

async function train<R extends { summary: Summary }>(trainee: Trainee<R>, session: Session): Promise<number> {
  const { output, progress, flags, interrupts } = session
  const { run } = trainee
  let log: RunLog | undefined
  try {
    const threads = flags.threads ?? machineInfo().threads
    const described = run.describe(threads)
    if (flags.logDir !== undefined) {
      const title = `${flags.out}: ${trainee.lossUnit}`
      log = await openRunLog(flags.logDir, { resumeStep: run.resumed?.step, title, unit: trainee.lossUnit })
      log.note({ event: 'start', ...described })
    }
    output.record({ event: 'start', ...described })
    for (const line of trainee.introduce(threads)) output.line(line)
    const { device, deviceWhy } = run.trainer.plan.explain()
    output.line(`device   ${device}${deviceWhy === '' ? '' : `: ${deviceWhy}`}`)
    output.line(`memory   ${memoryLine(run.memory)}${trainee.memoryNote ?? ''}`)
    const { resumed } = run
    if (resumed) output.line(`resumed  at step ${integer(resumed.step)} from ${resumed.path}`)
    const result = await run.fit({
      signal: interrupts.signal,
      ...(log && { log }),
      onReport(report) {
        output.record(reportRecord(report))
        progress.report(report)
      },
      onMeasure(count) {
        if (trainee.measuring) progress.show(trainee.measuring(count), 1)
      }
    })
    progress.clear()
    const record = endRecord(trainee, result)
    log?.note(record)
    output.record(record)
    conclude(trainee, result, session)
    return interrupts.exitCode
  } finally {
    progress.clear()
    await log?.close()
    run.dispose()
  }
}

function endRecord<R extends { summary: Summary }>(trainee: Trainee<R>, result: R): JsonObject {
  const { summary } = result
  return {
    event: 'end',
    steps: summary.step,
    epoch: summary.epoch,
    seconds: summary.seconds,
    wall_seconds: summary.wallSeconds,
    tokens: summary.tokens,
    tokens_per_second: Math.round(summary.tokensPerSecond),
    train_nats: summary.smoothedLoss,
    ...trainee.measured(result),
    best_step: summary.best?.step ?? null,
    peak_rss_bytes: peakMemory(),
    stopped: summary.stopped,
    model: trainee.run.files.model,
    last: trainee.run.files.last
  }
}

function conclude<R extends { summary: Summary }>(trainee: Trainee<R>, result: R, session: Session): void {
  const { output, interrupts, again } = session
  const { summary } = result
  const { unit } = trainee
  const { files } = trainee.run
  if (interrupts.exitCode !== exitCodes.ok) {
    output.line(`stopped after step ${integer(summary.step)}; saved ${files.last}`)
    output.line(`go on with: ${again}`)
    return
  }
  const rate = `${quantity(summary.tokensPerSecond)} ${unit}/s`
  output.line(
    `done     ${integer(summary.step)} steps, ${duration(summary.seconds)} of training, ${rate}, ${bytes(peakMemory())} of memory at most`
  )
  const weights = summary.best ? ` (the weights of step ${integer(summary.best.step)})` : ''
  const valid = trainee.judge(result, weights)
  if (valid !== null) output.line(`valid    ${valid}`)
  output.line(`saved    ${files.model} (to use), ${files.last} (to resume)`)
  output.line(`next     ${trainee.next}`)
}

function resumeLine(command: Command): string {
  const words = process.argv.slice(2).filter((word) => word !== '--resume' && word !== '--force')
  const quoted = words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
  return `${command.parent!.parent!.name()} ${quoted.join(' ')} --resume`
}

function memoryLine({ process, parameters, step, validation, measurement, total }: RunMemory): string {
  const held = bytes(validation + measurement)
  return `${bytes(total)}: process and data ${bytes(process)}, parameters ${bytes(parameters)}, step ${bytes(step)}, validation ${held}`
}
