// Ink of the IAM On-Line Handwriting Database (Liwicki and Bunke, ICDAR 2005): a <WhiteboardCaptureSession> with the strokes of a
// line or a page of a whiteboard. The text is in an ascii file: next to the XML file under the same name, or in the tree of the
// database, where ascii/.../a01-000u.txt has the lines of lineStrokes/.../a01-000u-01.xml and so on.

import { basename, dirname, join, sep } from 'node:path'
import { inkFromColumns, inkLimits, invalidInk, type Ink, type StrokeColumns } from '../strokes.js'
import { inkFormatError, parseNumber } from './parser.js'
import type { XmlElement } from './xml.js'

/** Root element of a file of the database. */
export const IAM_ROOT = 'WhiteboardCaptureSession'
/** Elements that are kept; all others are left out of the tree. */
export const IAM_ELEMENTS: ReadonlySet<string> = new Set([
  IAM_ROOT,
  'WhiteboardDescription',
  'SensorLocation',
  'StrokeSet',
  'Stroke',
  'Point'
])

/** Milliseconds, to the microsecond: times in the files are seconds with two decimals. */
const milliseconds = (seconds: number) => Math.round(seconds * 1e6) / 1e3

/** Returns the strokes of a session. Times are in ms from the first point. y points down from a sensor in an upper corner. */
export function iamInk(
  root: XmlElement,
  { name, text, yDown }: { name: string; text: string | null; yDown: boolean | undefined }
): Ink {
  const sets = root.children.filter((child) => child.name === 'StrokeSet')
  const strokes = sets.flatMap((set) => set.children.filter((child) => child.name === 'Stroke'))
  if (strokes.length > inkLimits.strokes)
    throw invalidInk(name, `at most ${inkLimits.strokes} strokes`, String(strokes.length))
  const numbersOf = (key: string, points: readonly XmlElement[]) =>
    Float64Array.from(points, ({ attributes, line }) => {
      const number = parseNumber(attributes[key] ?? '')
      if (!Number.isNaN(number)) return number
      throw inkFormatError(`line ${line} of ${name}`, `a number as "${key}" of a Point`, 'another value')
    })
  const columns: StrokeColumns[] = []
  let first: number | null = null
  for (const stroke of strokes) {
    const points = stroke.children.filter((child) => child.name === 'Point')
    if (points.length === 0) continue
    const times = numbersOf('time', points)
    first ??= times[0]!
    const begin = first
    columns.push({ x: numbersOf('x', points), y: numbersOf('y', points), t: times.map((t) => milliseconds(t - begin)) })
  }
  const corner = root.children
    .find((child) => child.name === 'WhiteboardDescription')
    ?.children.find((child) => child.name === 'SensorLocation')?.attributes['corner']
  const down = yDown ?? !corner?.startsWith('bottom')
  return inkFromColumns(columns, { text, source: name, yDown: down })
}

/** Returns the files that may hold the text of an XML file, the best first. */
export function iamCompanions(path: string): string[] {
  const base = basename(path).replace(/(\.xml)?(\.gz)?$/i, '')
  const form = base.replace(/-\d{1,3}$/, '')
  const folder = dirname(path)
  const ascii = folder.split(sep).map((part) => (part === 'lineStrokes' ? 'ascii' : part)).join(sep) // prettier-ignore
  const files = [join(folder, `${base}.txt`)]
  if (form !== base) files.push(join(folder, `${form}.txt`))
  if (ascii !== folder) files.push(join(ascii, `${form}.txt`))
  return files
}

/**
 * Returns the text of an ascii file: the part after "CSR:" (the corrected text, after that of an OCR program), or all of it if there is no
 * such part. In the file of a whole form it is the line whose number ends the name of the XML file. null if there is none.
 */
export function iamText(content: string, companion: string, path: string): string | null {
  const body = /^CSR:[^\S\n]*$/m.test(content) ? content.slice(content.search(/^CSR:[^\S\n]*$/m) + 4) : content
  const lines = body
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const base = basename(path).replace(/(\.xml)?(\.gz)?$/i, '')
  const number = basename(companion, '.txt') === base ? null : Number(/-(\d{1,3})$/.exec(base)?.[1])
  if (number === null) return lines.length > 0 ? lines.join('\n') : null
  return lines[number - 1] ?? null
}
