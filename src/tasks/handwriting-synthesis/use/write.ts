// Writing by a writer's file: a text in, ink out, as stroke JSON and as pictures.

import { inkPoints, type Ink } from '../../../data/ink/strokes.js'
import { counted, expected } from '../../../errors.js'
import { parseJsonObject } from '../../../io/json.js'
import { inkSvg } from '../../../plot/ink.js'
import type { Content, Values } from '../../../settings/index.js'
import { contentName, readContent } from '../../contents.js'
import { readInkContents } from '../../ink/contents.js'
import { inkReading } from '../../ink/reading.js'
import type { RecordOf, Shown, VerbCode, VerbContext } from '../../verb.js'
import { loadWriter, type LoadedWriter } from './load.js'
import type { WritingStyle } from './style.js'
import type { writeRecords, writtenFields } from './use-records.js'
import type { writeSettings } from './use-settings.js'

type WriteInput = Values<typeof writeSettings>
type WriteRecord = RecordOf<typeof writeRecords>
type FileRecord = Extract<WriteRecord, { event: 'file' }>

/** The code of `write`: it writes the text, or draws. An abort ends the ink where it is. */
export const writeCode: VerbCode<LoadedWriter, WriteInput, WriteRecord> = {
  load: loadWriter,
  async *run(writer, input, context) {
    checkStyles(input)
    const style = yield* styleOf(writer, input, context)
    const begin = performance.now()
    const { text, bias, seed, points } = input
    const { ink, finished } = await writer.write({
      partial: true,
      bias,
      seed,
      signal: context.signal,
      ...(text !== undefined && { text }),
      ...(points !== undefined && { points }),
      ...(style && { style })
    })
    const seconds = (performance.now() - begin) / 1000
    const written = writtenOf(ink, { bias, seed, finished })
    if (input.out) yield fileOf('out', `${JSON.stringify(written)}\n`)
    const title = text ?? 'a drawing'
    if (input.svg) yield fileOf('svg', inkSvg(ink.strokes, { title }))
    if (input.movingSvg) yield fileOf('movingSvg', inkSvg(ink.strokes, { title, moving: true }))
    yield { event: 'write', ...written, seconds }
  },
  show(record, _, { signal }): Shown {
    if (record.event !== 'write') return {}
    const { strokes, finished, seconds } = record
    const points = strokes.reduce((sum, { length }) => sum + length, 0)
    const end = signal.aborted ? '; stopped before its end' : finished ? '' : '; cut off: more with --points'
    return {
      lines: [
        `wrote    ${counted(strokes.length, 'stroke')} of ${counted(points, 'point')} in ${seconds.toFixed(2)} s${end}`
      ]
    }
  }
}

function fileOf(name: 'out' | 'svg' | 'movingSvg' | 'saveStyle', content: string): FileRecord {
  const picture = name === 'svg' || name === 'movingSvg'
  return { event: 'file', name, type: picture ? 'image/svg+xml' : 'application/json', content }
}

function writtenOf(ink: Ink, others: { bias: number; seed: number; finished: boolean }): Values<typeof writtenFields> {
  const round = (value: number) => Math.round(value * 100) / 100
  const strokes = inkPoints(ink.strokes).map((stroke) => stroke.map((point) => point.map(round)))
  return { strokes, ...(ink.text !== null && { text: ink.text }), ...others }
}

/** Throws ERR_INVALID_OPTION for styles from two sources, and for a style to save that comes from no strokes. */
function checkStyles({ style, prime, saveStyle }: WriteInput): void {
  if (style !== undefined && prime !== undefined)
    throw expected('ERR_INVALID_OPTION', 'a saved style (style) or strokes (prime)', 'both', 'leave one out')
  if (!saveStyle || prime !== undefined) return
  const what = 'strokes whose style is saved (prime)'
  throw expected('ERR_INVALID_OPTION', what, 'none', 'name ink, because a style comes from strokes')
}

/** Returns the style of the input, and yields it as a file if the input asks for that. */
async function* styleOf(
  writer: LoadedWriter,
  { style, prime, saveStyle, ...options }: WriteInput,
  context: VerbContext
): AsyncGenerator<WriteRecord, WritingStyle | null> {
  const { signal } = context
  if (style !== undefined) return await readStyle(style, signal)
  if (prime === undefined) return null
  const [ink] = await readInkContents([prime], inkReading(options, context).read)
  const found = await writer.style(ink!, { signal })
  if (saveStyle) yield fileOf('saveStyle', `${JSON.stringify(found)}\n`)
  return found
}

/** Largest file of a style in bytes: the states of the largest networks as decimal numbers. */
const MOST_STYLE_BYTES = 2 ** 28

async function readStyle(content: Content, signal: AbortSignal): Promise<WritingStyle> {
  const name = contentName(content)
  const json = await readContent(content, { signal, maxBytes: MOST_STYLE_BYTES })
  const { text, states, last, checksum } = parseJsonObject(json, name)
  const numbers = (value: unknown): value is number[] =>
    Array.isArray(value) && value.every((one) => typeof one === 'number')
  const legal =
    typeof text === 'string' &&
    typeof checksum === 'string' &&
    numbers(last) &&
    last.length === 3 &&
    typeof states === 'object' &&
    states !== null &&
    Object.values(states).every(numbers)
  if (legal) return { text, states, last, checksum } as unknown as WritingStyle
  throw expected('ERR_FILE_FORMAT', `a saved style in ${name}`, 'another value', 'save the style again')
}
