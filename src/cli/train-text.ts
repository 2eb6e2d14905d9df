// gatecell train text: options in, a training of tasks/text, its progress out.

import type { Command } from 'commander'
import { GatecellError } from '../errors.js'
import { prepareTextRun, describeTextRun, type TextRun, type TextResult } from '../tasks/text/index.js'
import { openRunLog, reportRecord, type RunLog } from '../tasks/run-log.js'
import { machineInfo } from '../graph/machine.js'
import { checkDevice } from './backends.js'
import { bytes, duration, integer, nats, quantity } from './format.js'
import { readStdin, withInterrupts, type Interrupts } from './interrupt.js'
import { choice, device, number, precision, seconds, whole } from './options.js'
import { createOutput, exitCodes, type Output } from './output.js'
import { createProgress, peakMemory, type Progress } from './progress.js'

interface TrainTextFlags {
  out: string
  hidden?: number
  layers?: number
  embedding?: number
  dropout?: number
  locked?: true
  vocabulary?: 'chars' | 'bytes'
  minCount?: number
  batch?: number
  length?: number
  epochs?: number
  steps?: number
  timeLimit?: number
  lr?: number
  schedule?: 'constant' | 'cosine' | 'plateau'
  warmup?: number
  optimizer?: 'sgd' | 'rmsprop' | 'adam' | 'adamw'
  clip?: number
  valid?: number
  test?: number
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
  cacheDir?: string
  logDir?: string
  json?: true
}

const EXAMPLES = `
Examples:
  gatecell train text shakespeare.txt --out shakespeare.safetensors
  gatecell train text src docs '**/*.md' --out code.safetensors --hidden 512 --time-limit 15m --log-dir logs
  cat *.txt | gatecell train text - --out m.safetensors --vocabulary bytes --steps 2000 --json

Two files are written: the model to use (the weights that validated best), here m.safetensors, and where the training
stands, m.last.safetensors, from which the same command with --resume goes on, bit for bit, also after a kill.`

export function addTrainText(train: Command): void {
  train
    .command('text')
    .summary('learn to write like a text, symbol by symbol')
    .description('Trains an LSTM network to predict the next symbol of a text.')
    .argument('<text...>', 'files, folders, patterns, or - for standard input; gzip is unpacked')
    .requiredOption('--out <file>', 'the model, a .safetensors file')
    .option('--hidden <n>', 'units of each LSTM layer (default: 256)', whole('--hidden', 1, 2 ** 20))
    .option('--layers <n>', 'LSTM layers (default: 2)', whole('--layers', 1, 1000))
    .option(
      '--embedding <n>',
      'width of the vectors of the symbols (default: as --hidden)',
      whole('--embedding', 1, 2 ** 20)
    )
    .option(
      '--dropout <p>',
      'share dropped between the layers and after the last (default: 0)',
      number('--dropout', 0, 0.99)
    )
    .option('--locked', 'drop the same units at all steps of a sequence')
    .option(
      '--vocabulary <kind>',
      'chars (Unicode code points) or bytes (default: chars)',
      choice('--vocabulary', ['chars', 'bytes'])
    )
    .option('--min-count <n>', 'characters rarer than this share one <unk> (default: 1)', whole('--min-count', 1))
    .option('--batch <n>', 'sequences side by side (default: 24)', whole('--batch', 1, 2 ** 20))
    .option(
      '--length <n>',
      'steps of back-propagation; the state is carried on (default: 64)',
      whole('--length', 1, 2 ** 20)
    )
    .option('--epochs <n>', 'end after so many passes over the text (default: 10)', whole('--epochs', 1))
    .option('--steps <n>', 'end after so many steps', whole('--steps', 1))
    .option('--time-limit <time>', 'end after so much training: 180s, 15m, 2h', seconds('--time-limit'))
    .option('--lr <rate>', 'peak learning rate (default: by optimizer and --hidden)', number('--lr', 0, 1e3, 'least'))
    .option(
      '--schedule <name>',
      'constant, cosine or plateau (default: cosine)',
      choice('--schedule', ['constant', 'cosine', 'plateau'])
    )
    .option(
      '--warmup <n>',
      'rise of the rate: steps, or below 1 a share of the run (default: 0.02)',
      number('--warmup', 0, 1e12)
    )
    .option(
      '--optimizer <name>',
      'sgd, rmsprop, adam or adamw (default: adam)',
      choice('--optimizer', ['sgd', 'rmsprop', 'adam', 'adamw'])
    )
    .option('--clip <norm>', 'largest norm of the gradient, 0: any (default: 1)', number('--clip', 0, 1e9))
    .option(
      '--valid <share>',
      'share of the text, at its end, that validates (default: 0.1)',
      number('--valid', 0, 1, 'most')
    )
    .option('--test <share>', 'share behind that which stays unseen (default: 0)', number('--test', 0, 1, 'most'))
    .option('--valid-file <file...>', 'validate on other files instead')
    .option(
      '--valid-every <n>',
      'steps between validations (default: an epoch, at most 1000)',
      whole('--valid-every', 1)
    )
    .option('--patience <n>', 'end after so many validations without a gain', whole('--patience', 1))
    .option('--seed <n>', 'seed of weights, data order and dropout (default: 0)', whole('--seed', 0))
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
    .option('--cache-dir <folder>', "for the symbols of texts above 64 MB (default: the system's temporary folder)")
    .option('--log-dir <folder>', 'metrics.jsonl, TensorBoard events and the loss curve as SVG')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', EXAMPLES)
    .action(async (text: string[], flags: TrainTextFlags, command: Command) => {
      process.exitCode = await withInterrupts((interrupts) => trainText(text, flags, interrupts, resumeLine(command)))
    })
}

function resumeLine(command: Command): string {
  const words = process.argv.slice(2).filter((word) => word !== '--resume' && word !== '--force')
  const quoted = words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
  return `${command.parent!.parent!.name()} ${quoted.join(' ')} --resume`
}

async function trainText(
  text: string[],
  flags: TrainTextFlags,
  interrupts: Interrupts,
  again: string
): Promise<number> {
  checkDevice(flags.device)
  if (flags.resume && flags.force) {
    throw new GatecellError('ERR_INVALID_OPTION', 'Expected --resume or --force but received both: leave one out')
  }
  const output = createOutput(flags.json === true)
  const progress = await createProgress(output)
  const { signal } = interrupts
  const run = await prepare(text, flags, output, progress, signal)
  let log: RunLog | undefined
  try {
    const threads = flags.threads ?? machineInfo().threads
    const described = describeTextRun(run, threads)
    if (flags.logDir !== undefined) {
      log = await openRunLog(flags.logDir, { resumeStep: run.resumed?.step, title: `${flags.out}: nats per symbol` })
      log.note({ event: 'start', ...described })
    }
    output.record({ event: 'start', ...described })
    introduce(run, threads, output)
    const result = await run.fit({
      signal,
      ...(log && { log }),
      onReport(report) {
        output.record(reportRecord(report))
        progress.report(report)
      },
      onMeasure: (symbols) => progress.show(`measuring on ${integer(symbols)} symbols`, 1)
    })
    progress.clear()
    const record = endRecord(result, run)
    log?.note(record)
    output.record(record)
    conclude(result, run, interrupts, again, output)
    return interrupts.exitCode
  } finally {
    progress.clear()
    await log?.close()
    run.dispose()
  }
}

async function prepare(
  text: string[],
  flags: TrainTextFlags,
  output: Output,
  progress: Progress,
  signal: AbortSignal
): Promise<TextRun> {
  const { vocabulary, lr: learningRate, resume, force } = flags
  const skipped: string[] = []
  const { hidden, layers, embedding, dropout, locked, batch, length, optimizer, schedule, warmup, clip, seed } = flags
  const { precision, validEvery, patience, steps, epochs, timeLimit, valid, test } = flags
  const run = await prepareTextRun({
    data: text,
    out: flags.out,
    mode: force ? 'force' : resume ? 'resume' : 'new',
    ...(vocabulary && { vocabulary: vocabulary === 'chars' ? 'character' : 'byte' }),
    ...(flags.minCount !== undefined && { minCount: flags.minCount }),
    network: defined({ hidden, layers, embedding, dropout, locked }),
    training: defined({
      batch,
      length,
      optimizer,
      learningRate,
      schedule,
      warmup,
      clip,
      seed,
      precision,
      validEvery,
      patience,
      steps,
      epochs,
      timeLimit
    }),
    split: defined({ valid, test }),
    ...(flags.validFile && { validFiles: flags.validFile }),
    ...(flags.checkpointEvery !== undefined && { checkpointEvery: flags.checkpointEvery }),
    threads: flags.threads ?? 0,
    device: flags.device ?? 'auto',
    corpus: {
      signal,
      stdin: readStdin(signal),
      ...(flags.cacheDir !== undefined && { cacheDir: flags.cacheDir }),
      onSkip: (path, reason) => skipped.push(`${path} (${reason})`),
      onProgress({ phase, bytes: read, totalBytes }) {
        progress.show(
          `reading ${bytes(totalBytes)}`,
          (read / Math.max(1, totalBytes) + (phase === 'encode' ? 1 : 0)) / 2
        )
      }
    }
  })
  progress.clear()
  if (skipped.length > 0)
    output.line(
      `left out ${skipped.length} files: ${skipped.slice(0, 5).join(', ')}${skipped.length > 5 ? ', ...' : ''}`
    )
  return run
}

function defined<T extends object>(from: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}

function introduce(run: TextRun, threads: number, output: Output): void {
  const { config, corpus, memory, model, vocabulary, resumed, batches } = run
  const { network, training } = config
  const parts = [`${integer(corpus.train.length)} symbols to train on`, `${integer(corpus.valid.length)} to validate`]
  if (corpus.test.length > 0) parts.push(`${integer(corpus.test.length)} unseen`)
  output.line(`text     ${parts.join(', ')}; ${vocabulary.size} different (${vocabulary.kind}s)`)
  output.line(`network  ${network.layers} x ${network.hidden} LSTM, ${quantity(model.parameterCount)} parameters`)
  const { batch, length, optimizer, learningRate, schedule } = training!
  const rate = `${optimizer} ${learningRate.toPrecision(3)} ${schedule}`
  output.line(
    `training ${batch} x ${length} symbols a step, ${integer(batches.stepsPerEpoch)} steps an epoch, ${rate}, ${threads} threads`
  )
  const { device, deviceWhy } = run.trainer.plan.explain()
  output.line(`device   ${device}${deviceWhy === '' ? '' : `: ${deviceWhy}`}`)
  output.line(
    `memory   ${bytes(memory.total)}: process and data ${bytes(memory.process)}, parameters ${bytes(memory.parameters)}, step ${bytes(memory.step)}, validation ${bytes(memory.validation + memory.measurement)}` +
      (corpus.cached ? '; the text lies in a temporary file' : '')
  )
  if (resumed) output.line(`resumed  at step ${integer(resumed.step)} from ${resumed.path}`)
}

function endRecord({ summary, valid, whole: all }: TextResult, run: TextRun) {
  return {
    event: 'end',
    steps: summary.step,
    epoch: summary.epoch,
    seconds: summary.seconds,
    wall_seconds: summary.wallSeconds,
    tokens: summary.tokens,
    tokens_per_second: Math.round(summary.tokensPerSecond),
    train_nats: summary.smoothedLoss,
    valid_nats: valid?.nats ?? null,
    valid_tokens: valid?.tokens ?? null,
    valid_whole: valid ? all : null,
    best_step: summary.best?.step ?? null,
    peak_rss_bytes: peakMemory(),
    stopped: summary.stopped,
    model: run.files.model,
    last: run.files.last
  }
}

function conclude(
  { summary, valid, whole: all }: TextResult,
  run: TextRun,
  interrupts: Interrupts,
  again: string,
  output: Output
): void {
  const { files } = run
  const rate = `${quantity(summary.tokensPerSecond)} symbols/s`
  const took = `${integer(summary.step)} steps, ${duration(summary.seconds)} of training, ${rate}, ${bytes(peakMemory())} of memory at most`
  if (interrupts.exitCode !== exitCodes.ok) {
    output.line(`stopped after step ${integer(summary.step)}; saved ${files.last}`)
    output.line(`go on with: ${again}`)
    return
  }
  output.line(`done     ${took}`)
  if (valid) {
    const part = all ? 'the whole validation text' : `the first ${integer(valid.tokens)} symbols of the validation text`
    const best = summary.best ? ` (the weights of step ${integer(summary.best.step)})` : ''
    output.line(`valid    ${nats(valid.nats)} nats a symbol over ${part}, as one stream${best}`)
  }
  output.line(`saved    ${files.model} (to use), ${files.last} (to resume)`)
  output.line(`next     gatecell sample ${files.model} --length 500`)
}
