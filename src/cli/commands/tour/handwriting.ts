// gatecell tour --handwriting: a network learns to read letters, another one to write them, and the first reads the writing of the
// second. The ink is drawn by the program, so a fresh clone needs no data.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inkPoints, type Ink } from '../../../data/ink/strokes.js'
import { counted } from '../../../errors.js'
import type { Device } from '../../../graph/opcodes.js'
import { checkFileName, writeTextAtomically } from '../../../io/atomic.js'
import { loadWriter, prepareSynthesisRun } from '../../../tasks/handwriting-synthesis/index.js'
import { syntheticInk, syntheticLetters } from '../../../data/ink/synthetic.js'
import { measureLegibility } from '../../../tasks/handwriting-synthesis/use/legibility.js'
import { loadReader, prepareRecognitionRun } from '../../../tasks/handwriting-recognition/index.js'
import { inkSvg } from '../../../plot/ink.js'
import type { Run, RunResult } from '../../../tasks/runs/run-types.js'
import type { Summary } from '../../../train/reports.js'
import { duration, nats, percent, quantity } from '../../../format.js'
import { commandLine } from '../../ui/command-line.js'
import type { Interrupts } from '../../ui/interrupt.js'
import type { Output } from '../../ui/output.js'
import { createProgress } from '../../ui/progress.js'
import { inkLines } from '../../../plot/terminal-ink.js'

/** The options of the tour. */
export interface HandwritingTour {
  /** Folder of the ink, the models and the pictures. */
  out: string
  /** Training steps of the writer. A budget in steps, not in time: the result is the same on a slow or busy machine. */
  steps: number
  device: Device
}

const WORDS = 3000
const WORD = 'gatecell'
const ASKED = 40
const BIAS = 1
/** Training steps of the reader for each one of the writer: reading is the easier half. */
const READING = 2 / 3

/** The files that the tour writes. */
interface TourFiles {
  ink: string
  reader: string
  writer: string
  still: string
  moving: string
}

/** The surroundings of a part of the tour. */
interface Stage extends HandwritingTour {
  files: TourFiles
  output: Output
  interrupts: Interrupts
}

/** Runs the tour and returns whether the reader read the word that the writer wrote; true after an interrupt. */
export async function tourHandwriting(tour: HandwritingTour, output: Output, interrupts: Interrupts): Promise<boolean> {
  const { out } = tour
  checkFileName(out)
  mkdirSync(out, { recursive: true })
  const files = {
    ink: join(out, 'ink.ndjson'),
    reader: join(out, 'reader.safetensors'),
    writer: join(out, 'writer.safetensors'),
    still: join(out, `${WORD}.svg`),
    moving: join(out, `${WORD}-moving.svg`)
  }
  const stage = { ...tour, files, output, interrupts }
  await drawInk(stage)
  await learnToRead(stage)
  if (interrupts.signal.aborted) return true
  await learnToWrite(stage)
  if (interrupts.signal.aborted) return true
  const answer = await writeAndRead(stage)
  output.line(`The pictures are ${files.still} and ${files.moving}. Next:`)
  for (const words of [
    ['write', files.writer, 'long', '--bias', '0.7', '--svg', 'long.svg'],
    ['trace', files.reader, files.ink, '--svg', 'trace.svg'],
    ['train', 'handwriting-synthesis', 'YOUR-INK', '--out', 'my.safetensors']
  ])
    output.line(`  ${commandLine(words)}`)
  return answer === WORD
}

async function drawInk({ files, output }: Stage): Promise<void> {
  const ink = syntheticInk(WORDS)
  await writeTextAtomically(files.ink, ink.map(ndjson).join(''))
  output.line(
    `1. Ink: ${counted(WORDS, 'word')} of the letters ${syntheticLetters}, drawn by the program: ${files.ink}\n`
  )
  show(output, ink[0]!)
}

/** Returns the settings that both trainings have in common. */
function settingsOf({ files, device }: Stage) {
  return { data: [files.ink], mode: 'force', split: { valid: 0.05 }, device } as const
}

async function learnToRead(stage: Stage): Promise<void> {
  const { files, output, interrupts, steps } = stage
  output.line('2. A network learns to read: a bidirectional LSTM, connectionist temporal classification.')
  const run = await prepareRecognitionRun({
    ...settingsOf(stage),
    out: files.reader,
    network: { hidden: 48, layers: 1 },
    training: { learningRate: 8e-3, steps: Math.ceil(READING * steps) }
  })
  const { summary, valid } = await learn(run, output, interrupts)
  if (interrupts.signal.aborted) return
  output.line(`   ${summaryLine(summary)}; ${percent(valid!.cer)} of the letters of new words wrong.\n`)
}

async function learnToWrite(stage: Stage): Promise<void> {
  const { files, output, interrupts, steps } = stage
  output.line('3. A network learns to write: LSTM layers, a soft window over the text, a mixture density for the pen.')
  const run = await prepareSynthesisRun({
    ...settingsOf(stage),
    out: files.writer,
    network: { hidden: 96, layers: 2, gaussians: 8, window: 5 },
    training: { learningRate: 6e-3, steps }
  })
  const { summary, valid } = await learn(run, output, interrupts)
  if (interrupts.signal.aborted) return
  const { nats: own, mixture } = valid!
  const compared = `${nats(own)} nats a point on new words, a mixture without a memory has ${nats(mixture)}`
  output.line(`   ${summaryLine(summary)}; ${compared}.\n`)
}

/** Has the writer write a word and the reader read it; measures both on more words. Returns the text that was read. */
async function writeAndRead({ files, device, output, interrupts: { signal } }: Stage): Promise<string> {
  output.line(`4. It writes "${WORD}" (bias ${BIAS}, seed 0), and the first network reads:\n`)
  using reader = await loadReader(files.reader, { device })
  using writer = await loadWriter(files.writer, { device })
  const word = await writer.write({ text: WORD, bias: BIAS, signal })
  show(output, word.ink)
  await writeTextAtomically(files.still, inkSvg(word.ink.strokes, { title: WORD }))
  await writeTextAtomically(files.moving, inkSvg(word.ink.strokes, { title: WORD, moving: true, pointsPerSecond: 40 }))
  const { text: answer } = (await reader.read(word.ink))[0]!
  output.line(`   read: "${answer}"\n`)
  const texts = syntheticInk(ASKED, { seed: 1 }).map(({ text }) => text!)
  const { cer, exact } = await measureLegibility(writer, reader, texts, { bias: BIAS, seed: 1, signal })
  output.line(
    `   Of ${ASKED} more words it reads ${percent(exact)} without an error, and ${percent(cer)} of the letters wrong.\n`
  )
  return answer
}

async function learn<M>(run: Run<M>, output: Output, { signal }: Interrupts): Promise<RunResult<M>> {
  const progress = await createProgress(output, 'points')
  try {
    const result = await run.fit({ signal, onReport: (report) => progress.report(report) })
    progress.clear()
    if (signal.aborted) output.line(`   Stopped after ${duration(result.summary.seconds)}.`)
    return result
  } finally {
    progress.clear()
    run.dispose()
  }
}

function summaryLine({ seconds, step, tokensPerSecond }: Summary): string {
  return `${duration(seconds)}, ${counted(step, 'step')}, ${quantity(tokensPerSecond)} points/s`
}

function ndjson({ text, strokes }: Ink): string {
  const rounded = inkPoints(strokes).map((stroke) => stroke.map((point) => point.map(Math.round)))
  return `${JSON.stringify({ text, strokes: rounded })}\n`
}

function show(output: Output, { strokes }: Ink): void {
  for (const line of inkLines(strokes, { rows: 6 })) output.line(`   ${line}`)
  output.line('')
}
