// gatecell write: a writer and a text in, ink out: as stroke JSON, and as a picture.

import type { Command } from 'commander'
import { readInk } from '../../data/ink/read.js'
import { inkPoints, type Ink } from '../../data/ink/strokes.js'
import { readWholeText } from '../../data/files/whole-text.js'
import { counted, GatecellError } from '../../errors.js'
import { assertOutputs, writeTextAtomically } from '../../io/atomic.js'
import { parseJsonObject, type JsonObject } from '../../io/json.js'
import { loadWriter, type LoadedWriter, type WritingStyle } from '../../tasks/handwriting-synthesis/index.js'
import { inkSvg } from '../../plot/ink.js'
import { checkDevice } from '../options/device.js'
import { addInkOptions, inkReading, type InkFlags } from '../options/ink.js'
import { withInterrupts, type Interrupts } from '../ui/interrupt.js'
import { device, filePath, number, whole } from '../options/parse.js'
import { createOutput } from '../ui/output.js'

interface WriteFlags extends InkFlags {
  bias: number
  seed: number
  points?: number
  style?: string
  prime?: string
  saveStyle?: string
  svg?: string
  movingSvg?: string
  out?: string
  device?: 'auto' | 'cpu' | 'cuda'
  json?: true
}

const EXAMPLES = `
Examples:
  gatecell write writer.safetensors 'hello' --bias 0.7 --svg out.svg
  gatecell write writer.safetensors 'hello' --prime mine.ndjson --save-style mine.json --moving-svg out.svg
  gatecell write writer.safetensors 'good day' --style mine.json --json

--prime shows the model a sample of a hand (its first one, with its text): what follows is written in that style. It can be
kept with --save-style and used again with --style. Symbols that the model cannot write are refused by name.`

export function addWrite(program: Command): void {
  const command = program
    .command('write')
    .description('Writes by hand with a trained writer.')
    .argument('<model>', 'a .safetensors file of train handwriting', filePath('the model'))
    .argument('[text]', 'what to write; nothing for a model that draws')
    .option('--bias <b>', '0: as learned, higher: neater', number('--bias', 0, 100), 0.5)
    .option('--seed <n>', 'seed of the draws', whole('--seed', 0), 0)
    .option(
      '--points <n>',
      'points of the pen at most (default: by the text; 1000 without one)',
      whole('--points', 1, 2 ** 16)
    )
    .option('--style <file>', 'a style that --save-style wrote', filePath('--style'))
    .option('--prime <ink>', 'strokes whose style is taken', filePath('--prime'))
    .option('--save-style <file>', 'keep the style of --prime', filePath('--save-style'))
    .option('--svg <file>', 'the ink as a picture', filePath('--svg'))
    .option('--moving-svg <file>', 'the same, moving at the speed of the hand', filePath('--moving-svg'))
    .option('--out <file>', 'the ink as stroke JSON', filePath('--out'))
    .option('--device <name>', 'auto, cpu or cuda (default: auto, the faster one)', device)
  addInkOptions(command)
    .option('--json', 'one JSON object with the strokes')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, text: string | undefined, flags: WriteFlags) => {
      process.exitCode = await withInterrupts((interrupts) => write(model, text, flags, interrupts))
    })
}

async function write(
  path: string,
  text: string | undefined,
  flags: WriteFlags,
  interrupts: Interrupts
): Promise<number> {
  checkDevice(flags.device)
  const { signal } = interrupts
  const output = createOutput(flags.json === true)
  await assertOutputs(filesOf(flags), [path, flags.prime, flags.style])
  using writer = await loadWriter(path, { device: flags.device ?? 'auto' })
  const style = await styleOf(writer, flags, signal)
  const begin = performance.now()
  const { bias, seed, points } = flags
  const { ink, finished } = await writer.write({
    partial: true,
    bias,
    seed,
    signal,
    ...(text !== undefined && { text }),
    ...(points !== undefined && { points }),
    ...(style && { style })
  })
  const seconds = (performance.now() - begin) / 1000
  const record = recordOf(ink, { bias, seed, finished })
  const title = text ?? 'a drawing'
  if (flags.out !== undefined) await writeTextAtomically(flags.out, `${JSON.stringify(record)}\n`)
  if (flags.svg !== undefined) await writeTextAtomically(flags.svg, inkSvg(ink.strokes, { title }))
  if (flags.movingSvg !== undefined)
    await writeTextAtomically(flags.movingSvg, inkSvg(ink.strokes, { title, moving: true }))
  output.record({ ...record, seconds })
  const count = ink.strokes.reduce((sum, { x }) => sum + x.length, 0)
  output.line(
    `wrote    ${counted(ink.strokes.length, 'stroke')} of ${counted(count, 'point')} in ${seconds.toFixed(2)} s${endOf(finished, signal)}`
  )
  for (const file of filesOf(flags)) output.line(`saved    ${file}`)
  return interrupts.exitCode
}

/** The files that were asked for. */
function filesOf({ out, svg, movingSvg, saveStyle }: WriteFlags): string[] {
  return [out, svg, movingSvg, saveStyle].filter((file) => file !== undefined)
}

function endOf(finished: boolean, signal: AbortSignal): string {
  if (signal.aborted) return '; stopped before its end'
  return finished ? '' : '; cut off: more with --points'
}

function recordOf(ink: Ink, others: JsonObject): JsonObject {
  const round = (value: number) => Math.round(value * 100) / 100
  const strokes = inkPoints(ink.strokes).map((stroke) => stroke.map((point) => point.map(round)))
  return { strokes, ...(ink.text !== null && { text: ink.text }), ...others }
}

async function styleOf(writer: LoadedWriter, flags: WriteFlags, signal: AbortSignal): Promise<WritingStyle | null> {
  if (flags.style !== undefined && flags.prime !== undefined)
    throw new GatecellError('ERR_INVALID_OPTION', 'Expected --style or --prime but received both: leave one out')
  if (flags.saveStyle !== undefined && flags.prime === undefined)
    throw new GatecellError(
      'ERR_INVALID_OPTION',
      'Expected --prime with --save-style but received none: name ink, because a style comes from strokes'
    )
  if (flags.style !== undefined) return await readStyle(flags.style, signal)
  if (flags.prime === undefined) return null
  const [ink] = await readInk([flags.prime], inkReading(flags, signal).read)
  const style = await writer.style(ink!, { signal })
  if (flags.saveStyle !== undefined) await writeTextAtomically(flags.saveStyle, `${JSON.stringify(style)}\n`)
  return style
}

/** States of the largest networks, as decimal numbers. */
const MOST_STYLE_BYTES = 2 ** 28

async function readStyle(path: string, signal: AbortSignal): Promise<WritingStyle> {
  const text = await readWholeText(path, { signal, maxBytes: MOST_STYLE_BYTES })
  const { text: written, states, last, checksum } = parseJsonObject(text, path)
  const numbers = (value: unknown): value is number[] =>
    Array.isArray(value) && value.every((one) => typeof one === 'number')
  const legal =
    typeof written === 'string' &&
    typeof checksum === 'string' &&
    numbers(last) &&
    last.length === 3 &&
    typeof states === 'object' &&
    states !== null &&
    Object.values(states).every(numbers)
  if (legal) return { text: written, states, last, checksum } as unknown as WritingStyle
  throw new GatecellError(
    'ERR_FILE_FORMAT',
    `Expected a style that --save-style wrote in ${path} but found another value: save the style again`
  )
}
