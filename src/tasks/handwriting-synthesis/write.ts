// Writing by a writer's file: a text in, ink out, as stroke JSON and as pictures.

import { readWholeText } from '../../data/files/whole-text.js'
import { readInk } from '../../data/ink/read.js'
import { inkPoints, type Ink } from '../../data/ink/strokes.js'
import { counted, expected } from '../../errors.js'
import { assertOutputs, writeTextAtomically } from '../../io/atomic.js'
import { parseJsonObject, type JsonObject } from '../../io/json.js'
import { inkSvg } from '../../plot/ink.js'
import type { Values } from '../../settings/index.js'
import { inkReading } from '../ink/reading.js'
import type { ModelInput, TaskContext } from '../task.js'
import { loadWriter, type LoadedWriter } from './load.js'
import type { WritingStyle } from './style.js'
import type { writeSettings } from './use-settings.js'

type WriteOptions = Values<typeof writeSettings>

/** Writes the text, or draws, and prints and saves the ink. */
export async function write(
  { model: file, words: [text], options: flags }: ModelInput<WriteOptions>,
  context: TaskContext
): Promise<void> {
  const { output, signal } = context
  await assertOutputs(filesOf(flags), [file.path, flags.prime, flags.style])
  using writer = await loadWriter(file, { device: flags.device ?? 'auto' })
  const style = await styleOf(writer, flags, context)
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
  output.record({ event: 'write', ...record, seconds })
  const count = ink.strokes.reduce((sum, { x }) => sum + x.length, 0)
  output.line(
    `wrote    ${counted(ink.strokes.length, 'stroke')} of ${counted(count, 'point')} in ${seconds.toFixed(2)} s${endOf(finished, signal)}`
  )
  for (const file of filesOf(flags)) output.line(`saved    ${file}`)
}

/** Returns the names of the files to write. */
function filesOf({ out, svg, movingSvg, saveStyle }: WriteOptions): string[] {
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

async function styleOf(writer: LoadedWriter, flags: WriteOptions, context: TaskContext): Promise<WritingStyle | null> {
  const { signal } = context
  if (flags.style !== undefined && flags.prime !== undefined)
    throw expected('ERR_INVALID_OPTION', 'a saved style (style) or strokes (prime)', 'both', 'leave one out')
  if (flags.saveStyle !== undefined && flags.prime === undefined)
    throw expected(
      'ERR_INVALID_OPTION',
      'strokes whose style is saved (prime)',
      'none',
      'name ink, because a style comes from strokes'
    )
  if (flags.style !== undefined) return await readStyle(flags.style, signal)
  if (flags.prime === undefined) return null
  const [ink] = await readInk([flags.prime], inkReading(flags, context).read)
  const style = await writer.style(ink!, { signal })
  if (flags.saveStyle !== undefined) await writeTextAtomically(flags.saveStyle, `${JSON.stringify(style)}\n`)
  return style
}

/** Largest file of a style in bytes: the states of the largest networks as decimal numbers. */
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
  throw expected('ERR_FILE_FORMAT', `a saved style in ${path}`, 'another value', 'save the style again')
}
