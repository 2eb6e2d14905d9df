// Ink in UNIPEN 1.0 (Guyon, Schomaker, Plamondon, Liberman, Janet, "UNIPEN project of on-line data exchange and recognizer
// benchmarks", ICPR 1994): keywords at the beginning of a line with arguments up to the next keyword. Components are the streams
// of points after .PEN_DOWN and after .PEN_UP, numbered from 0 in each set; .SEGMENT names the components of a label.

import { inkFromColumns, inkLimits, invalidInk, type InkDraft, type StrokeColumns } from '../strokes.js'
import { formatError, parseNumber, quoted, type InkParser, type InkParserOptions } from './parser.js'
import { componentPoints } from './unipen-points.js'
import { chooseSegments, samplesOf, segmentOf, type Segment } from './unipen-segments.js'
import { isKeyword, wordLines, type Word, type WordLine } from './unipen-words.js'

/** Largest number of segments in a set. */
const MOST_SEGMENTS = 2 ** 20

interface OpenSegment {
  line: number
  words: Word[]
  comment: string
}

/** Everything between two .START_SET. */
function newSet(name: string) {
  return { name, points: componentPoints(), segments: [] as OpenSegment[], line: 0 }
}

export function unipenParser({ name, yDown = false, level }: InkParserOptions): InkParser {
  const lines = wordLines(name)
  let hierarchy: string[] = []
  let columns = ['X', 'Y']
  let writer = ''
  let keyword = ''
  let streaming = false // points may follow
  let awaitsTime = false // after a .DT whose argument is on the next line
  let set = newSet('')
  let any = false // a component in any set
  let found = false // a segment of the chosen level in any set
  const seen = new Set<string>() // levels
  const bare: (() => InkDraft)[] = [] // sets without segments

  const where = (line: number) => `line ${line} of ${name}`

  function readPoints(words: readonly Word[], line: number): void {
    const width = columns.length
    const [x, y, t] = ['X', 'Y', 'T'].map((column) => columns.indexOf(column)) as [number, number, number]
    const values = words.map(({ text }) => parseNumber(text))
    if (values.length % width !== 0 || values.some(Number.isNaN)) {
      const shown = quoted(words.slice(0, 16).map(({ text }) => text).join(' ')) // prettier-ignore
      throw formatError(where(line), `points of ${width} numbers (${columns.join(' ')})`, shown)
    }
    for (let i = 0; i < values.length; i += width)
      set.points.add(values[i + x]!, values[i + y]!, t < 0 ? null : values[i + t]!)
    any ||= values.length > 0
  }

  function* read({ line, words }: WordLine): Generator<InkDraft> {
    const [first, ...rest] = words as [Word, ...Word[]]
    const texts = () => rest.map(({ text }) => text)
    if (first.quoted || !isKeyword(first.text)) return readArguments(words, line)
    keyword = first.text.toUpperCase()
    switch (keyword) {
      case '.PEN_DOWN':
      case '.PEN_UP':
        set.points.begin(keyword === '.PEN_DOWN')
        streaming = true
        return readPoints(rest, line)
      case '.DT':
        // Its argument is a time; more points of the stream follow it.
        awaitsTime = rest.length === 0
        return streaming ? readPoints(rest.slice(1), line) : undefined
      case '.COORD':
        columns = columnsOf(texts(), where(line))
        break
      case '.HIERARCHY':
        hierarchy = texts()
        break
      case '.WRITER_ID':
        writer = texts().join(' ').slice(0, 256)
        break
      case '.START_SET':
        yield* finishSet()
        set = newSet(texts().join(' ').slice(0, 256))
        break
      case '.SEGMENT':
        set.segments.push({ line, words: rest, comment: '' })
        if (set.segments.length > MOST_SEGMENTS)
          throw formatError(where(line), `at most ${MOST_SEGMENTS} segments a set`, 'more', 'split the file')
        return
      case '.COMMENT':
        if (set.segments.length > 0) set.segments.at(-1)!.comment = texts().join(' ').slice(0, 256)
        return
      case '.INCLUDE': {
        const remedy = 'put its content in place of this line'
        throw formatError(where(line), 'everything in one file', quoted(`.INCLUDE ${texts().join(' ')}`), remedy)
      }
    }
    streaming = false
  }

  /** A line without a keyword: points while a stream is open, else more arguments of the last keyword. */
  function readArguments(words: readonly Word[], line: number): void {
    const isNumber = !words[0]!.quoted && !Number.isNaN(parseNumber(words[0]!.text))
    if (keyword === '.SEGMENT' && !(streaming && isNumber)) {
      const segment = set.segments.at(-1)!
      if (segment.words.length + words.length <= 256) segment.words.push(...words)
    } else if (streaming && (isNumber || keyword !== '.COMMENT')) {
      readPoints(awaitsTime ? words.slice(1) : words, line)
      awaitsTime = false
    } else if (keyword === '.HIERARCHY' && hierarchy.length < 64) {
      hierarchy.push(...words.slice(0, 64).map(({ text }) => text))
    }
  }

  function* finishSet(): Generator<InkDraft> {
    const { points, segments: open, name: title } = set
    const fields = { ...(writer !== '' && { writer }), ...(title !== '' && { set: title }) }
    if (open.length === 0) {
      if (points.count > 0) bare.push(() => () => wholeSet(points, { name, fields, yDown }))
      return
    }
    const segments = open.map(({ line, words, comment }): Segment => segmentOf(words, line, comment, name))
    for (const segment of segments) if (seen.size < 64) seen.add(segment.level.toUpperCase())
    if (points.count === 0) throw formatError(where(segments[0]!.line), 'points for this segment', 'none in its set')
    const chosen = chooseSegments(segments, { hierarchy, level }, name)
    found ||= chosen.length > 0
    yield* samplesOf(chosen, points, { name, fields, yDown })
  }

  return {
    *write(text) {
      for (const line of lines.write(text)) yield* read(line)
    },
    *end() {
      for (const line of lines.end()) yield* read(line)
      yield* finishSet()
      if (!any) throw formatError(name, 'ink after .PEN_DOWN', 'none')
      if (seen.size > 0 && !found)
        throw formatError(
          name,
          `segments of the level ${level}`,
          [...seen].join(', ').slice(0, 200),
          'choose one of these'
        )
      for (const draft of bare) {
        if (seen.size === 0) yield draft()
        else
          yield () => {
            throw invalidInk(name, 'segments in every set', 'a set without one')
          }
      }
    }
  }
}

function wholeSet(
  points: ReturnType<typeof componentPoints>,
  { name, fields, yDown }: { name: string; fields: Record<string, string>; yDown: boolean }
) {
  const strokes: StrokeColumns[] = []
  for (let i = 0; i < points.count; i++) {
    const stroke = points.stroke(i, 0, points.lengthOf(i) - 1)
    if (stroke) strokes.push(stroke)
    // Before the rest is made: the strokes of a large file would fill the heap.
    if (strokes.length > inkLimits.strokes) throw invalidInk(name, `at most ${inkLimits.strokes} strokes`, 'more')
  }
  return inkFromColumns(strokes, { source: name, fields, yDown })
}

function columnsOf(words: readonly string[], source: string): string[] {
  const columns = words.map((word) => word.toUpperCase())
  if (columns.includes('X') && columns.includes('Y') && columns.length <= 16) return columns
  throw formatError(source, '.COORD with X and Y among at most 16 columns', quoted(words.join(' ')))
}
