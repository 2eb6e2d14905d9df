// The training commands, one for each task: a run is prepared from options, shows its progress, and prints its results.

import type { Command } from 'commander'
import { counted } from '../../../errors.js'
import { bytes, duration, grouped, quantity, shellWord } from '../../../format.js'
import type { Device } from '../../../graph/opcodes.js'
import { assertOutputs } from '../../../io/atomic.js'
import type { EventRecord } from '../../../io/json.js'
import { backends, machineInfo } from '../../../machine.js'
import type { Ranks } from '../../../ranks/ranks.js'
import type { Hint } from '../../../tasks/hint.js'
import { lastPath } from '../../../tasks/runs/files.js'
import { initialLine } from '../../../tasks/runs/initial-weights.js'
import { openRunLog, reportRecord, type RunLog } from '../../../tasks/runs/log.js'
import type { RunMemory } from '../../../tasks/runs/memory.js'
import type { RunResult } from '../../../tasks/runs/run-types.js'
import type { TaskMeasurement, TaskEntry, TaskRun } from '../../../tasks/task.js'
import { checkDevice } from '../../options/device.js'
import { filePaths, modelPath } from '../../options/parse.js'
import { addSettings, givenOnCommandLine } from '../../options/settings.js'
import { asTyped, commandLine } from '../../ui/command-line.js'
import { printHints, recordHints } from '../../ui/hint.js'
import { readStdin, withInterrupts, type Interrupts } from '../../ui/interrupt.js'
import { createOutput, exitCodes, silentOutput, type Output } from '../../ui/output.js'
import { createProgress, peakMemory, type ProgressDisplay } from '../../ui/progress.js'
import { ranksLine, refuseStdin, shareThreads, withRanks } from '../../ui/ranks.js'
import { linesOf } from '../evaluate.js'
import { addTrainOptions, runFiles, type TrainFlags } from './options.js'

/** Adds the training of a task to `gatecell train`. */
export function addTraining(train: Command, task: TaskEntry): void {
  const command = train
    .command(task.id)
    .summary(task.summary)
    .description(task.description)
    .requiredOption('--out <file>', 'the model, a .safetensors file', modelPath('--out'))
  if (task.data) command.argument(...task.data, filePaths('the data'))
  addSettings(command, task.settings)
  addTrainOptions(command, task)
    .addHelpText('after', asTyped(task.notes))
    .action(async () => {
      const given = { words: command.args, flags: command.opts<TrainFlags>() }
      process.exitCode = await withInterrupts((interrupts) =>
        withRanks((ranks) => trainTask(command, task, { ...given, interrupts, ranks }))
      )
    })
}

async function trainTask(
  command: Command,
  task: TaskEntry,
  { words, flags, interrupts, ranks }: { words: string[]; flags: TrainFlags; interrupts: Interrupts; ranks: Ranks }
): Promise<number> {
  const { signal } = interrupts
  const given = givenOnCommandLine(command, task.settings)
  const { device, threads } = given as { device?: Device; threads?: number }
  checkDevice(device)
  if (threads === undefined) shareThreads(ranks)
  const leads = ranks.rank === 0
  const output = leads ? createOutput(flags.json === true) : silentOutput
  const progress = await createProgress(output, task.unit)
  const context = { output, progress, signal, stdin: () => readStdin(signal) }
  const place = { ...runFiles(words, flags), ranks }
  const inputs = [...place.data, ...(place.validFiles ?? [])]
  refuseStdin(inputs, ranks)
  if (leads) await assertOutputs([place.out, lastPath(place.out)], inputs)
  const run = await task.prepare(place, { ...given, device: device ?? 'auto' }, context)
  progress.clear()
  const lines = { again: resumeLine(), measureAgain: measureLine(run.run.files.model, words, flags) }
  return await fitAndReport(task, run, { output, progress, flags, interrupts, ranks, ...lines, device, threads })
}

interface Session {
  output: Output
  progress: ProgressDisplay
  flags: TrainFlags
  interrupts: Interrupts
  ranks: Ranks
  device: Device | undefined
  threads: number | undefined
  /** The command line that resumes the training. */
  again: string
  /** The command line that repeats the last measurement. */
  measureAgain: string
}

async function fitAndReport(task: TaskEntry, prepared: TaskRun, session: Session): Promise<number> {
  const { output, progress, flags, interrupts, ranks } = session
  const { run } = prepared
  const leads = ranks.rank === 0
  let log: RunLog | undefined
  try {
    const threads = session.threads || machineInfo().threads
    const described = { ...run.describe(threads), loss_unit: task.lossUnit, ...prepared.facts }
    if (flags.logDir !== undefined && leads) {
      const title = `${flags.out}: ${task.lossUnit}`
      log = await openRunLog(flags.logDir, { resumeStep: run.resumed?.step, title, unit: task.lossUnit })
      log.note({ event: 'start', ...described })
    }
    output.record({ event: 'start', ...described })
    for (const line of introduction(prepared, threads, session)) output.line(line)
    const show = (hints: readonly Hint[]) => {
      if (hints.length > 0) progress.clear()
      recordHints(hints, output, log)
      printHints(hints, output)
    }
    show(prepared.hints ?? [])
    const result = await run.fit({
      signal: interrupts.signal,
      ...(log && { log }),
      async onReport(report) {
        output.record(reportRecord(report))
        progress.report(report)
        if (prepared.watch && leads) show(await prepared.watch(report))
      },
      onMeasure: (count) => progress.show(`measuring on ${counted(count, task.counted)}`, 1)
    })
    progress.clear()
    const hints = (result.valid !== null && prepared.lastHints?.(result.valid)) || []
    recordHints(hints, output, log)
    const measured = result.valid === null ? null : prepared.measured(result.valid)
    const record = endRecord(task, prepared, result, measured)
    log?.note(record)
    output.record(record)
    conclude(task, prepared, { ...result, hints, measured }, session)
    const elsewhere = ranks.size > 1 && result.summary.stopped === 'abort' // the signal came to another process
    return interrupts.exitCode || (elsewhere ? exitCodes.terminated : exitCodes.ok)
  } finally {
    progress.clear()
    await log?.close()
    run.dispose()
  }
}

/**
 * Returns the reason for a device that auto chose, in parentheses. There is none if the machine lacks a GPU and no option asked for one, which
 * is the normal case; gatecell doctor names the missing parts.
 */
function deviceReason(device: Device | undefined, why: string): string {
  const absent = !backends().cuda.available
  const chosen = device === 'cpu' || device === 'cuda'
  if (why === '' || chosen || (absent && device === undefined)) return ''
  return ` (${absent ? `auto found no GPU: ${backends().cuda.reason}` : why})`
}

function introduction({ run, introduction, memoryNote = '' }: TaskRun, threads: number, session: Session): string[] {
  const { optimizer, learningRate, schedule } = run.config.training!
  const { data, network, step } = introduction
  const rate = `${optimizer} ${learningRate.toPrecision(3)} ${schedule}, ${counted(threads, 'thread')}`
  const { device, deviceWhy } = run.trainer.plan.explain()
  const { resumed } = run
  return [
    `data     ${data}`,
    `network  ${network}, ${quantity(run.model.parameterCount)} parameters`,
    ...(session.ranks.size > 1 ? [ranksLine(session.ranks, run.config.training!.shards!)] : []),
    `training ${step} a step, ${counted(run.stepsPerEpoch, 'step')} an epoch, ${rate}`,
    `device   ${device}${deviceReason(session.device, deviceWhy)}`,
    `memory   ${memoryLine(run.memory)}${memoryNote}`,
    ...(run.initial ? [`initial  ${initialLine(run.initial)}`] : []),
    ...(resumed ? [`resumed  at step ${grouped(resumed.step)} from ${resumed.path}`] : []),
    ...(resumed?.remakes
      ? [`restored ${run.files.model}, which was missing: the best weights are in ${resumed.path}`]
      : [])
  ]
}

function endRecord(
  { measures }: TaskEntry,
  { run: { files } }: TaskRun,
  { summary }: RunResult<unknown>,
  measured: TaskMeasurement | null
): EventRecord {
  const missing = Object.fromEntries(measures.map(({ name }) => [name, null]))
  const fields = measured === null ? missing : { ...measured.values, ...measured.facts }
  return {
    event: 'end',
    steps: summary.step,
    epoch: summary.epoch,
    seconds: summary.seconds,
    wall_seconds: summary.wallSeconds,
    tokens: summary.tokens,
    tokens_per_second: Math.round(summary.tokensPerSecond),
    waiting: Math.round(1000 * summary.waiting) / 1000,
    train_loss: summary.smoothedLoss,
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [`valid_${name}`, value])),
    best_step: summary.best?.step ?? null,
    peak_rss_bytes: peakMemory(),
    stopped: summary.stopped,
    model: files.model,
    last: files.last
  }
}

function conclude(
  task: TaskEntry,
  { run }: TaskRun,
  {
    summary,
    measured,
    measurementAborted,
    hints
  }: RunResult<unknown> & { hints: readonly Hint[]; measured: TaskMeasurement | null },
  { output, interrupts, again, measureAgain }: Session
): void {
  const { files } = run
  if (measurementAborted) {
    output.line('stopped in the last measurement: the training was complete')
    output.line(`saved    ${files.model} (to use), ${files.last} (to resume)`)
    output.line(`measure  ${measureAgain}`)
    return
  }
  if (interrupts.exitCode !== exitCodes.ok || summary.stopped === 'abort') {
    const begun = run.model.parameters.isReady
    output.line(
      begun
        ? `stopped after step ${grouped(summary.step)}; saved ${files.last}`
        : 'stopped before the first step; there is nothing to save'
    )
    output.line(`continue with: ${again}`)
    return
  }
  const rate = `${quantity(summary.tokensPerSecond)} ${task.unit}/s`
  output.line(
    `done     ${counted(summary.step, 'step')}, ${duration(summary.seconds)} of training, ${rate}, ${bytes(peakMemory())} of memory at most`
  )
  const weights = summary.best ? ` (the weights of step ${grouped(summary.best.step)})` : ''
  if (measured) for (const line of linesOf(task, measured)) output.line(`valid    ${line}${weights}`)
  printHints(hints, output)
  output.line(`saved    ${files.model} (to use), ${files.last} (to resume)`)
  output.line(`next     ${asTyped(`gatecell ${task.next.replace('MODEL', () => shellWord(files.model))}`)}`)
}

function resumeLine(): string {
  const words = process.argv.slice(2).filter((word) => word !== '--resume' && word !== '--force')
  return commandLine([...words, '--resume'])
}

function measureLine(model: string, data: readonly string[], { validFile }: TrainFlags): string {
  const words = validFile ? [model, ...validFile] : [model, ...data, '--part', 'valid']
  return commandLine(['evaluate', ...words])
}

function memoryLine({ process, parameters, step, validation, measurement, total }: RunMemory): string {
  const held = bytes(validation + measurement)
  return `${bytes(total)}: process and data ${bytes(process)}, parameters ${bytes(parameters)}, step ${bytes(step)}, validation ${held}`
}
