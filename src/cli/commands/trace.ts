// gatecell trace: a network at work. For a reader the four rows of Graves, for a text model how long it remembers.

import type { Command } from 'commander'
import { largest } from '../../data/extremes.js'
import { readInk } from '../../data/ink/read.js'
import { readWholeText } from '../../data/files/whole-text.js'
import { counted, GatecellError } from '../../errors.js'
import type { Device } from '../../graph/opcodes.js'
import { assertOutputs, writeTextAtomically } from '../../io/atomic.js'
import { readCheckpointInfo } from '../../io/checkpoint.js'
import type { JsonObject } from '../../io/json.js'
import { loadReader, RECOGNITION_TASK } from '../../tasks/handwriting-recognition/index.js'
import { traceInk } from '../../tasks/handwriting-recognition/trace.js'
import { traceSvg } from '../../tasks/handwriting-recognition/trace-picture.js'
import { loadTextModel, TEXT_TASK } from '../../tasks/text/index.js'
import { traceText } from '../../tasks/text/trace.js'
import { refuseOtherTasks, type OptionTasks } from '../options/applicable.js'
import { checkDevice } from '../options/device.js'
import { addInkOptions, INK_FORMATS, inkReading, type InkFlags } from '../options/ink.js'
import { percent } from '../ui/format.js'
import { withInterrupts, type Interrupts } from '../ui/interrupt.js'
import { device, filePath, whole } from '../options/parse.js'
import { createOutput } from '../ui/output.js'

interface TraceFlags extends InkFlags {
  sample: number
  layer?: string
  svg?: string
  movingSvg?: string
  device?: Device
  json?: true
}

const EXAMPLES = `${INK_FORMATS}

Examples:
  gatecell trace reader.safetensors note.ndjson --svg trace.svg --moving-svg moving.svg
  gatecell trace reader.safetensors words.ndjson --sample 7 --layer l0_reverse --json
  gatecell trace shakespeare.safetensors text.txt

A reader is shown by four rows: the letters as they are recognised, the memory cells step by step, the pen, and the
gradient of each letter's output back to the points of the pen. A text model is shown by what it keeps: mean forget gates,
half-lives (a gate of 0.9 keeps 35 % after 10 steps, half after 6.6), and how far back the gradient of a prediction reaches.`

export function addTrace(program: Command): void {
  const command = program
    .command('trace')
    .description(
      'Shows a network at work: letters, memory cells, pen and gradient, or how long a text model remembers.'
    )
    .argument('<model>', 'a .safetensors file of a training', filePath('the model'))
    .argument('<data>', 'ink for a reader, a text for a text model', filePath('the data'))
    .option('--sample <n>', 'which sample of the ink, from 1', whole('--sample', 1), 1)
    .option('--layer <name>', 'whose cells the picture shows: l0, l0_reverse, l1 ... (default: the last)')
    .option('--svg <file>', 'the rows as a picture', filePath('--svg'))
    .option('--moving-svg <file>', 'the same, moving', filePath('--moving-svg'))
    .option('--device <name>', 'auto, cpu or cuda (default: auto, the faster one)', device)
  addInkOptions(command)
    .option('--json', 'everything as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, data: string, flags: TraceFlags) => {
      process.exitCode = await withInterrupts((interrupts) => trace(command, model, data, flags, interrupts))
    })
}

const optionTasks: OptionTasks = Object.fromEntries(
  ['sample', 'layer', 'svg', 'movingSvg', 'y', 'skipBad'].map((option) => [option, [RECOGNITION_TASK]])
)

async function trace(
  command: Command,
  path: string,
  data: string,
  flags: TraceFlags,
  interrupts: Interrupts
): Promise<number> {
  checkDevice(flags.device)
  const { task } = await readCheckpointInfo(path)
  if (task === TEXT_TASK) refuseOtherTasks(command, optionTasks, task, path)
  if (task === RECOGNITION_TASK) await traceReader(path, data, flags, interrupts)
  else if (task === TEXT_TASK) await traceTextModel(path, data, flags, interrupts)
  else {
    const expected = [RECOGNITION_TASK, TEXT_TASK].join(' or ')
    throw new GatecellError(
      'ERR_WRONG_TASK',
      `Expected a ${expected} model but ${path} holds a "${task}" model: name a model that can be traced`
    )
  }
  return interrupts.exitCode
}

async function traceReader(path: string, data: string, flags: TraceFlags, { signal }: Interrupts): Promise<void> {
  const output = createOutput(flags.json === true)
  await assertOutputs([flags.svg, flags.movingSvg], [path, data])
  using reader = await loadReader(path)
  const { read, tell } = inkReading(flags, signal)
  const samples = await readInk([data], read)
  tell(output, samples.length)
  const ink = samples[flags.sample - 1]
  if (!ink) {
    const message = `Expected a sample from 1 to ${samples.length} for --sample but received ${flags.sample}: name a sample of the file`
    throw new GatecellError('ERR_INVALID_OPTION', message)
  }
  const traced = traceInk(reader, ink, { device: flags.device ?? 'auto' })
  const { layer } = flags
  const names = traced.layers.map(({ name }) => name)
  if (layer !== undefined && !names.includes(layer)) {
    const message = `Expected one of ${names.join(', ')} for --layer but received "${layer}": name one of these`
    throw new GatecellError('ERR_INVALID_OPTION', message)
  }
  const shown = layer === undefined ? {} : { layer }
  if (flags.svg !== undefined) await writeTextAtomically(flags.svg, traceSvg(traced, shown))
  if (flags.movingSvg !== undefined)
    await writeTextAtomically(flags.movingSvg, traceSvg(traced, { ...shown, moving: true }))
  output.record(traced as unknown as JsonObject)
  output.line(`read     ${traced.text}${traced.truth === null ? '' : ` (written: ${traced.truth})`}`)
  for (const { symbol, step, probability, gradient } of traced.letters) {
    const strongest = gradient.indexOf(largest(gradient))
    output.line(
      `  ${symbol}  at point ${step + 1} of ${traced.points.length}, probability ${probability.toFixed(3)}, leans most on point ${strongest + 1}`
    )
  }
  for (const file of [flags.svg, flags.movingSvg]) if (file !== undefined) output.line(`saved    ${file}`)
}

async function traceTextModel(path: string, data: string, flags: TraceFlags, { signal }: Interrupts): Promise<void> {
  const output = createOutput(flags.json === true)
  using loaded = await loadTextModel(path)
  const text = await readWholeText(data, { signal, maxBytes: 2 ** 26 })
  const traced = traceText(loaded, text, { device: flags.device ?? 'auto' })
  output.record({ task: TEXT_TASK, ...(finite(traced) as JsonObject) })
  output.line(`over ${counted(traced.symbols, 'symbol')}, each window from a zero state`)
  for (const { name, meanForget, halfLife, keptAfter10, keptAfter100 } of traced.layers) {
    output.line(
      `${name}  forget gate ${meanForget.toFixed(3)} on average; half is left after ${steps(halfLife.median)} (median unit), ${steps(halfLife.p90)} (one in ten lasts longer), ${steps(halfLife.longest)} (the longest); ${percent(keptAfter10)} is left after 10 steps, ${percent(keptAfter100)} after 100`
    )
  }
  output.line(`gradient reaches ${traced.reachSteps} steps back (all but a hundredth of it)`)
}

function steps(count: number): string {
  return `${count < 100 ? count.toFixed(1) : count.toPrecision(3)} steps`
}

/** JSON has no infinity: a gate of exactly 1 never forgets. */
function finite(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, part: unknown) => (part === Infinity ? null : part)))
}
