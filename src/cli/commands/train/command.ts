// The training commands: a run is made ready from options, shows its progress, and tells how it ended. What an application
// trains on and how well it did is a `TrainingCommand`.

import type { Command } from 'commander'
import { counted } from '../../../errors.js'
import { backends, machineInfo } from '../../../machine.js'
import type { JsonObject } from '../../../io/json.js'
import type { Run, RunResult } from '../../../tasks/runs/run.js'
import { openRunLog, reportRecord, type RunLog } from '../../../tasks/runs/log.js'
import type { Report } from '../../../train/reports.js'
import type { RunMemory } from '../../../tasks/runs/memory.js'
import { checkDevice } from '../../options/device.js'
import { bytes, duration, integer, quantity, shellWord } from '../../ui/format.js'
import { printHints, recordHints, type Hint } from '../../ui/hint.js'
import { withInterrupts, type Interrupts } from '../../ui/interrupt.js'
import { createOutput, exitCodes, type Output } from '../../ui/output.js'
import { createProgress, peakMemory, type Progress } from '../../ui/progress.js'
import type { Given, Group } from '../../../settings/index.js'
import type { Device } from '../../../graph/opcodes.js'
import { addSettings, givenOnCommandLine } from '../../options/settings.js'
import { addTrainOptions, runFiles, type TrainFlags } from './options.js'
import { filePath, filePaths } from '../../options/parse.js'

export interface TrainContext {
  output: Output
  progress: Progress
  signal: AbortSignal
}

/** The files of a run, and what happens if they exist. */
export type RunPlace = ReturnType<typeof runFiles>

/** The training of an application on the command line. G: its settings; F: its other options; R: its run; M: the measure of a trained model. */
export interface TrainingCommand<G extends Group, F extends TrainFlags, R extends Run<M>, M> {
  readonly name: string
  /** For the list of commands, and for its own help. */
  readonly summary: string
  readonly description: string
  /** What it trains on: the argument and what that may be. */
  readonly data: readonly [argument: string, what: string]
  readonly examples: string
  /** Its settings, which become options. */
  readonly settings: G
  /** Adds options that are not settings. */
  addOptions?(command: Command): Command
  /** What steps count, for rates: symbols, points. */
  readonly unit: string
  /** What the loss curve is measured in. */
  readonly lossUnit: string
  /** Makes a run ready. */
  prepare(place: RunPlace, given: Given<G>, flags: F, context: TrainContext): Promise<R>
  /** Returns a line about the data that begins with a name in eight columns; the network without its parameters; the size of a batch. */
  introduce(run: R): { data: string; network: string; step: string }
  /** Returns more fields for the first record, next to those of the run. */
  facts?(run: R): JsonObject
  /** Returns the hints to give before the first step. */
  hints?(run: R): Hint[]
  /** Returns a function that is called with each report of the run and returns the hints to give after it. */
  watch?(run: R): (report: Report) => Promise<Hint[]>
  /** Returns the hints that the last measurement gives reason for. */
  lastHints?(run: R, valid: M): Hint[]
  /** Returns text to append to the line about memory. */
  memoryNote?(run: R): string
  /** Returns the words that the progress bar shows during the last measurement, of `count` symbols or samples. */
  measuring(count: number): string
  /** Fields of the last record. */
  readonly fields: Readonly<Record<string, (valid: M) => number | boolean>>
  /** Returns a line about the result; `weights` names the measured weights, for the place after the first figure. */
  judge(valid: M, weights: string): string
  /** The command line to try next. */
  next(run: R): string
}

/** Adds the command to `gatecell train`. */
export function addTraining<G extends Group, F extends TrainFlags, R extends Run<M>, M>(
  train: Command,
  training: TrainingCommand<G, F, R, M>
): void {
  const { name, summary, description, data, examples } = training
  const command = train
    .command(name)
    .summary(summary)
    .description(description)
    .argument(...data, filePaths('the data'))
    .requiredOption('--out <file>', 'the model, a .safetensors file', filePath('--out'))
  addSettings(command, training.settings)
  training.addOptions?.(command)
  addTrainOptions(command)
    .addHelpText('after', examples)
    .action(async (words: string[], flags: F) => {
      process.exitCode = await withInterrupts(async (interrupts) => {
        const given = givenOnCommandLine(command, training.settings)
        const { device, threads } = given as { device?: Device; threads?: number }
        checkDevice(device)
        const output = createOutput(flags.json === true)
        const progress = await createProgress(output, training.unit)
        const run = await training.prepare(runFiles(words, flags), { ...given, device: device ?? 'auto' }, flags, {
          output,
          progress,
          signal: interrupts.signal
        })
        progress.clear()
        const lines = { again: resumeLine(command), measureAgain: measureLine(run.files.model, words, flags) }
        return await trainAndTell(training, run, { output, progress, flags, interrupts, ...lines, device, threads })
      })
    })
}

interface Session {
  output: Output
  progress: Progress
  flags: TrainFlags
  interrupts: Interrupts
  device: Device | undefined
  threads: number | undefined
  /** The command line that resumes the training. */
  again: string
  /** The command line that repeats the last measurement. */
  measureAgain: string
}

type Told<R extends Run<M>, M> = Omit<TrainingCommand<Group, never, R, M>, 'prepare' | 'settings'>

async function trainAndTell<R extends Run<M>, M>(training: Told<R, M>, run: R, session: Session): Promise<number> {
  const { output, progress, flags, interrupts } = session
  let log: RunLog | undefined
  try {
    const threads = session.threads || machineInfo().threads
    const described = { ...run.describe(threads), ...training.facts?.(run) }
    if (flags.logDir !== undefined) {
      const title = `${flags.out}: ${training.lossUnit}`
      log = await openRunLog(flags.logDir, { resumeStep: run.resumed?.step, title, unit: training.lossUnit })
      log.note({ event: 'start', ...described })
    }
    output.record({ event: 'start', ...described })
    for (const line of introduction(training, run, threads)) output.line(line)
    const { device, deviceWhy } = run.trainer.plan.explain()
    output.line(`device   ${device}${deviceReason(session.device, deviceWhy)}`)
    output.line(`memory   ${memoryLine(run.memory)}${training.memoryNote?.(run) ?? ''}`)
    const { resumed } = run
    if (resumed) output.line(`resumed  at step ${integer(resumed.step)} from ${resumed.path}`)
    if (resumed?.remakes)
      output.line(`restored ${run.files.model}, which was missing: the best weights are in ${resumed.path}`)
    const tell = (hints: readonly Hint[]) => {
      if (hints.length > 0) progress.clear()
      recordHints(hints, output, log)
      printHints(hints, output)
    }
    tell(training.hints?.(run) ?? [])
    const watch = training.watch?.(run)
    const result = await run.fit({
      signal: interrupts.signal,
      ...(log && { log }),
      async onReport(report) {
        output.record(reportRecord(report))
        progress.report(report)
        if (watch) tell(await watch(report))
      },
      onMeasure(count) {
        progress.show(training.measuring(count), 1)
      }
    })
    progress.clear()
    const lastHints = (result.valid !== null && training.lastHints?.(run, result.valid)) || []
    recordHints(lastHints, output, log)
    const record = endRecord(training, run, result)
    log?.note(record)
    output.record(record)
    conclude(training, run, { ...result, hints: lastHints }, session)
    return interrupts.exitCode
  } finally {
    progress.clear()
    await log?.close()
    run.dispose()
  }
}

/**
 * The reason for a device that auto chose, in parentheses. A machine without a GPU that nobody asked for is the normal case and gets none:
 * gatecell doctor names what is missing.
 */
function deviceReason(device: Device | undefined, why: string): string {
  const absent = !backends().cuda.available
  const chosen = device === 'cpu' || device === 'cuda'
  if (why === '' || chosen || (absent && device === undefined)) return ''
  return ` (${absent ? `auto found no GPU: ${backends().cuda.reason}` : why})`
}

function introduction<R extends Run<M>, M>(training: Told<R, M>, run: R, threads: number): string[] {
  const { optimizer, learningRate, schedule } = run.config.training!
  const { data, network, step } = training.introduce(run)
  const rate = `${optimizer} ${learningRate.toPrecision(3)} ${schedule}, ${counted(threads, 'thread')}`
  return [
    data,
    `network  ${network}, ${quantity(run.model.parameterCount)} parameters`,
    `training ${step} a step, ${counted(run.stepsPerEpoch, 'step')} an epoch, ${rate}`
  ]
}

function endRecord<M>(
  { fields }: Pick<TrainingCommand<Group, never, never, M>, 'fields'>,
  { files }: Run<M>,
  { summary, valid }: RunResult<M>
): JsonObject {
  const measured = Object.entries(fields).map(([name, value]) => [name, valid === null ? null : value(valid)] as const)
  return {
    event: 'end',
    steps: summary.step,
    epoch: summary.epoch,
    seconds: summary.seconds,
    wall_seconds: summary.wallSeconds,
    tokens: summary.tokens,
    tokens_per_second: Math.round(summary.tokensPerSecond),
    train_nats: summary.smoothedLoss,
    ...Object.fromEntries(measured),
    best_step: summary.best?.step ?? null,
    peak_rss_bytes: peakMemory(),
    stopped: summary.stopped,
    model: files.model,
    last: files.last
  }
}

function conclude<R extends Run<M>, M>(
  training: Told<R, M>,
  run: R,
  { summary, valid, measurementAborted, hints }: RunResult<M> & { hints: readonly Hint[] },
  { output, interrupts, again, measureAgain }: Session
): void {
  const { files } = run
  if (measurementAborted) {
    output.line('stopped in the last measurement: the training was complete')
    output.line(`saved    ${files.model} (to use), ${files.last} (to resume)`)
    output.line(`measure  ${measureAgain}`)
    return
  }
  if (interrupts.exitCode !== exitCodes.ok) {
    const begun = run.model.parameters.isReady
    output.line(
      begun
        ? `stopped after step ${integer(summary.step)}; saved ${files.last}`
        : 'stopped before the first step; there is nothing to save'
    )
    output.line(`go on with: ${again}`)
    return
  }
  const rate = `${quantity(summary.tokensPerSecond)} ${training.unit}/s`
  output.line(
    `done     ${counted(summary.step, 'step')}, ${duration(summary.seconds)} of training, ${rate}, ${bytes(peakMemory())} of memory at most`
  )
  const weights = summary.best ? ` (the weights of step ${integer(summary.best.step)})` : ''
  if (valid !== null) output.line(`valid    ${training.judge(valid, weights)}`)
  printHints(hints, output)
  output.line(`saved    ${files.model} (to use), ${files.last} (to resume)`)
  output.line(`next     ${training.next(run)}`)
}

function resumeLine(command: Command): string {
  const words = process.argv.slice(2).filter((word) => word !== '--resume' && word !== '--force')
  return `${command.parent!.parent!.name()} ${words.map(shellWord).join(' ')} --resume`
}

function measureLine(model: string, data: readonly string[], { validFile }: TrainFlags): string {
  const words = validFile ? [model, ...validFile] : [model, ...data, '--part', 'valid']
  return `gatecell evaluate ${words.map(shellWord).join(' ')}`
}

function memoryLine({ process, parameters, step, validation, measurement, total }: RunMemory): string {
  const held = bytes(validation + measurement)
  return `${bytes(total)}: process and data ${bytes(process)}, parameters ${bytes(parameters)}, step ${bytes(step)}, validation ${held}`
}
