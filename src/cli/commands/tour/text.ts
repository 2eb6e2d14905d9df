// gatecell tour (npm start): gatecell in two minutes, for newcomers. A network learns the alphabet, another one learns the
// TypeScript declarations in node_modules, and writes some. With --handwriting: networks that read handwriting and write it.

import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Command } from 'commander'
import { counted, expected } from '../../../errors.js'
import { machineInfo } from '../../../machine.js'
import type { Device } from '../../../graph/opcodes.js'
import { packageInfo } from '../../../native.js'
import { learnAlphabet, prepareTextRun, writeText, type TextRun } from '../../../tasks/text/index.js'
import { refuseWithout } from '../../options/applicable.js'
import { bytes, duration, nats, quantity, shellWord } from '../../../format.js'
import { withInterrupts, type Interrupts } from '../../ui/interrupt.js'
import { checkDevice } from '../../options/device.js'
import { asTyped, commandLine } from '../../ui/command-line.js'
import { device, filePath, filePaths, modelPath, seconds, integerParser } from '../../options/parse.js'
import { createOutput, exitCodes, type Output } from '../../ui/output.js'
import { createProgress, peakMemory } from '../../ui/progress.js'
import { tourHandwriting } from './handwriting.js'
import { descriptions } from '../descriptions.js'

interface TourFlags {
  handwriting?: true
  out?: string
  timeLimit?: number
  steps?: number
  device?: Device
}

const FOLDER = 'gatecell-tour'
const WRITER_STEPS = 1200

/** Adds the command. */
export function addTour(program: Command): void {
  const command = program
    .command('tour')
    .description(descriptions.tour)
    .argument('[text...]', 'text to learn (default: TypeScript declarations in node_modules)', filePaths('the text'))
    .option('--handwriting', 'a network that reads handwriting, and one that writes it, instead of text')
    .option(
      '--out <path>',
      `the model, with --handwriting the folder of all files; replaced (default: in ${FOLDER})`,
      filePath('--out')
    )
    .option('--time-limit <time>', 'how long to learn text (default: 90s)', seconds('--time-limit'))
    .option(
      '--steps <n>',
      `with --handwriting: training steps of the writer (default: ${WRITER_STEPS}, enough to be read)`,
      integerParser('--steps', 1, 1e6)
    )
    .option('--device <name>', 'auto, cpu or cuda (default: auto, the faster one)', device)
    .addHelpText('after', asTyped('\nExamples:\n  gatecell tour\n  gatecell tour --handwriting'))
    .action(async (text: string[], flags: TourFlags) => {
      process.exitCode = await withInterrupts(async (interrupts) => {
        refuseWithout(command, 'handwriting', ['steps'])
        return await tour(text, flags, interrupts)
      })
    })
}

async function tour(text: string[], flags: TourFlags, interrupts: Interrupts): Promise<number> {
  checkDevice(flags.device)
  const output = createOutput(false)
  const { device = 'auto' } = flags
  const { version } = packageInfo()
  const { threads, isaUsed } = machineInfo()
  output.line(`gatecell ${version}: ${isaUsed} kernels, ${counted(threads, 'thread')}\n`)
  if (flags.handwriting) {
    checkHandwritingFlags(text, flags)
    const { out = join(FOLDER, 'handwriting'), steps = WRITER_STEPS } = flags
    if (await tourHandwriting({ out, steps, device }, output, interrupts)) return interrupts.exitCode
    process.stderr.write(
      'gatecell: the reader did not read the word that the writer wrote: train longer with --steps\n'
    )
    return exitCodes.failed
  }
  const { out = join(FOLDER, 'declarations.safetensors'), timeLimit = 90 } = flags
  modelPath('--out')(out)
  await reciteAlphabet(device, output, interrupts)
  const data = text.length > 0 ? text : [findDeclarations()]
  output.line(`2. Real text: ${data.map((path) => relative(process.cwd(), path) || path).join(', ')}\n`)
  mkdirSync(dirname(out), { recursive: true })
  const run = await prepareTextRun({
    data,
    out,
    mode: 'force',
    minCount: 20,
    split: { valid: 0.02 },
    device,
    training: { timeLimit }
  })
  try {
    await learn(run, timeLimit, output, interrupts)
    return interrupts.exitCode
  } finally {
    run.dispose()
  }
}

/** Throws ERR_INVALID_OPTION for words and options that --handwriting does not use. */
function checkHandwritingFlags(text: readonly string[], { timeLimit }: TourFlags): void {
  if (text.length > 0) {
    const remedy = 'leave them out, because the ink is drawn by the program'
    throw expected('ERR_INVALID_OPTION', 'no text with --handwriting', counted(text.length, 'file'), remedy)
  }
  if (timeLimit === undefined) return
  throw expected('ERR_INVALID_OPTION', '--steps with --handwriting', '--time-limit', 'name a number of steps')
}

async function reciteAlphabet(device: Device, output: Output, { signal }: Interrupts): Promise<void> {
  output.line('1. The alphabet: a network of 32 units reads it over and over.')
  const onReport = ({ step, loss }: { step: number; loss: number }) =>
    output.line(`   step ${String(step).padStart(3)}  loss ${nats(loss)}`)
  const { recited, seconds } = await learnAlphabet({ signal, onReport, device })
  output.line(`   after ${seconds.toFixed(1)} s it continues "a":  ${recited}\n`)
}

/**
 * Returns a pattern of the TypeScript declarations of Node, which every install of a clone contains. Throws ERR_FILE_NOT_FOUND if they are
 * missing.
 */
function findDeclarations(): string {
  const places = [packageInfo().root, process.cwd()].map((folder) => join(folder, 'node_modules', '@types', 'node'))
  const found = places.find((folder) => existsSync(folder))
  if (found !== undefined) return join(found, '**', '*.d.ts')
  const remedy = `name a file, as in ${commandLine(['tour', 'book.txt'])}`
  throw expected('ERR_FILE_NOT_FOUND', `text to learn in ${places[0]}`, 'an empty place', remedy)
}

async function learn(run: TextRun, timeLimit: number, output: Output, interrupts: Interrupts): Promise<void> {
  const { corpus, vocabulary, model, config, memory } = run
  const { network } = config
  output.line(
    `   ${counted(corpus.files.length, 'file')}, ${counted(corpus.train.length, 'symbol')} to learn from, ${vocabulary.size} different.`
  )
  const needed = bytes(memory.total)
  output.line(
    `   ${network.layers} LSTM layers of ${network.hidden}, ${quantity(model.parameterCount)} parameters, ${needed} of memory, ${duration(timeLimit)} to learn.\n`
  )
  const progress = await createProgress(output)
  const looks = [0.02, 0.2, 0.5]
  const result = await run.fit({
    signal: interrupts.signal,
    onReport(report) {
      if ((report.fraction ?? 0) >= (looks[0] ?? Infinity)) {
        looks.shift()
        progress.clear()
        output.line(
          `   It writes after ${duration(report.seconds)} (loss ${nats(report.loss)}):\n${indent(writeSample(run, 240))}\n`
        )
      }
      progress.report(report)
    }
  })
  progress.clear()
  const { summary, valid } = result
  const { model: saved } = run.files
  if (interrupts.signal.aborted) {
    output.line(`   Stopped after ${duration(summary.seconds)}; saved as ${saved}.`)
    return
  }
  output.line(`   It writes after ${duration(summary.seconds)}:\n${indent(writeSample(run, 900))}\n`)
  const held = valid ? `, ${nats(valid.nats)} nats a symbol on text that was held out` : ''
  output.line(
    `   ${counted(summary.step, 'step')}, ${quantity(summary.tokensPerSecond)} symbols/s, ${bytes(peakMemory())} of memory${held}.\n`
  )
  output.line(`The model is ${saved}. Next:`)
  const next = [
    "sample FILE --prompt 'export function ' --length 500",
    'inspect FILE',
    'train text YOUR-TEXT --out my.safetensors',
    'help'
  ]
  for (const line of next) output.line(asTyped(`  gatecell ${line.replace('FILE', () => shellWord(saved))}`))
}

function writeSample(run: TextRun, length: number): string {
  return writeText(run.model, run.vocabulary, { prompt: 'export ', temperature: 0.6, seed: 1 }).text(length)
}

function indent(text: string): string {
  return `export ${text}`.replace(/^/gm, '   | ')
}
