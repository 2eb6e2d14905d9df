// Ink from UNIPEN 1.0 files (Guyon, Schomaker, Plamondon, Liberman, Janet, "UNIPEN project of on-line data exchange and
// recognizer benchmarks", ICPR 1994): keywords at the beginning of a line, components of points between .PEN_DOWN and
// .PEN_UP, and segments that name their components ("6-7" or "0,2") and their label. A file without segments is one sample.

import { GatecellError } from '../../errors.js'
import { createInk, inkLimits, type InkDraft, type InkPoint } from './strokes.js'

interface Segment {
  line: number
  kind: string
  components: string
  label: string | null
  comment: string
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i
const LABEL = /"((?:[^"\\]|\\.)*)"/
const MAX_SEGMENTS = 2 ** 20
const MAX_COMPONENTS = 2 ** 22

function wrong(name: string, line: number, expected: string, found: string): GatecellError {
  const shown = JSON.stringify(found.slice(0, 40))
  return new GatecellError('ERR_FILE_FORMAT', `Expected ${expected} at line ${line} of ${name} but found ${shown}.`)
}

/** The samples of a UNIPEN text. ERR_FILE_FORMAT, ERR_INVALID_INK. */
export function* parseUnipen(text: string, name: string, yDown = false): Generator<InkDraft> {
  const components: InkPoint[][] = []
  const segments: Segment[] = []
  let columns = ['X', 'Y']
  let open: InkPoint[] | null = null
  let points = 0
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1
    const words = raw.trim().split(/\s+/)
    const keyword = words[0]!
    if (keyword === '') continue
    if (keyword.startsWith('.')) {
      if (keyword === '.COORD') columns = columnsOf(words.slice(1), name, line)
      else if (keyword === '.PEN_DOWN') components.push((open = []))
      else if (keyword === '.SEGMENT') segments.push(segmentOf(raw, words, name, line))
      else if (keyword === '.COMMENT' && segments.length > 0) segments.at(-1)!.comment = words.slice(1).join(' ')
      if (keyword !== '.PEN_DOWN' && keyword !== '.COMMENT') open = null
      if (segments.length > MAX_SEGMENTS || components.length > MAX_COMPONENTS)
        throw wrong(name, line, `at most ${MAX_SEGMENTS} segments and ${MAX_COMPONENTS} components`, 'more')
      continue
    }
    // Lines of the texts behind .COMMENT and the like, and points while the pen is up, are not ours.
    if (!open) continue
    open.push(pointOf(words, columns, name, line))
    if (++points > 2 ** 26) throw wrong(name, line, `at most ${2 ** 26} points`, 'more')
  }
  if (open && open.length === 0) throw wrong(name, text.split('\n').length, 'points after .PEN_DOWN', 'the end')
  if (components.length === 0) throw wrong(name, 1, 'ink between .PEN_DOWN and .PEN_UP', 'none')
  if (segments.length === 0) return yield () => createInk(components.filter(hasPoints), { source: name, yDown })
  for (const segment of segments) {
    const source = `line ${segment.line} of ${name}`
    const strokes = select(segment, components, name).filter(hasPoints)
    const fields = { kind: segment.kind, ...(segment.comment !== '' && { comment: segment.comment }) }
    yield () => createInk(strokes, { text: segment.label, fields, source, yDown })
  }
}

function hasPoints(points: readonly InkPoint[]): boolean {
  return points.length > 0
}

function columnsOf(words: string[], name: string, line: number): string[] {
  const columns = words.map((word) => word.toUpperCase())
  if (columns.includes('X') && columns.includes('Y') && columns.length <= 16) return columns
  throw wrong(name, line, '.COORD with X and Y among at most 16 columns', words.join(' '))
}

function pointOf(words: string[], columns: string[], name: string, line: number): InkPoint {
  const fits = words.length === columns.length && words.every((word) => NUMBER.test(word))
  if (!fits) throw wrong(name, line, `${columns.length} numbers (${columns.join(' ')})`, words.join(' '))
  const at = (column: string) => Number(words[columns.indexOf(column)])
  return columns.includes('T') ? [at('X'), at('Y'), at('T')] : [at('X'), at('Y')]
}

/** .SEGMENT kind components quality "label": the last two may be missing. */
function segmentOf(raw: string, words: string[], name: string, line: number): Segment {
  const [, kind, components] = words
  if (kind === undefined || components === undefined)
    throw wrong(name, line, '.SEGMENT with a kind and its components', raw.trim())
  const label = LABEL.exec(raw)?.[1]?.replace(/\\(.)/g, '$1') ?? null
  return { line, kind, components, label, comment: '' }
}

/** The components that a segment names: numbers and ranges, with commas between. */
function select(segment: Segment, components: readonly InkPoint[][], name: string): InkPoint[][] {
  const strokes: InkPoint[][] = []
  for (const part of segment.components.split(',')) {
    const [, from, to = from] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? []
    const [first, last] = [Number(from), Number(to)]
    if (!(first <= last && last < components.length)) {
      const expected = `components from 0 to ${components.length - 1}, as 6-7 or 0,2,`
      throw wrong(name, segment.line, expected, segment.components)
    }
    if (strokes.length + last - first >= inkLimits.strokes)
      throw wrong(name, segment.line, `at most ${inkLimits.strokes} components`, segment.components)
    for (let i = first; i <= last; i++) strokes.push(components[i]!)
  }
  return strokes
}
