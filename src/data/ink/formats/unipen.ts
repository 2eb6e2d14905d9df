// Ink in UNIPEN 1.0 (Guyon, Schomaker, Plamondon, Liberman, Janet, "UNIPEN project of on-line data exchange and recognizer
// benchmarks", ICPR 1994): keywords at the beginning of a line with arguments up to the next keyword. Components are the streams
// of points after .PEN_DOWN and after .PEN_UP, numbered from 0 in each set; .SEGMENT names the components of a label.

import { inkFromColumns, inkLimits, invalidInk, type InkDraft, type StrokeColumns } from '../strokes.js'
import { excerpt, inkFormatError, parseNumber, type InkParser, type InkParserOptions } from './parser.js'
import { componentPoints } from './unipen-points.js'
import { chooseSegments, samplesOf, segmentOf, type Segment } from './unipen-segments.js'
import { isKeyword, wordLines, type Word, type WordLine } from './unipen-words.js'

/** Maximum number of segments in a set. */
const MAX_SEGMENTS = 2 ** 20
const MAX_LEVELS = 64

interface OpenSegment {
  line: number
  words: Word[]
  comment: string
}

/** Everything between two .START_SET. */
function newSet(name: string) {
  return { name, points: componentPoints(), segments: [] as OpenSegment[] }
}

/** Returns a parser of one UNIPEN file. `yDown` is false by default, as in the format. */
export function unipenParser(options: InkParserOptions): InkParser {
  const parser = new UnipenParser(options)
  return { write: (text) => parser.write(text), end: () => parser.end() }
}

const joined = (words: readonly Word[]): string => words.map(({ text }) => text).join(' ')

class UnipenParser {
  readonly #name: string
  readonly #yDown: boolean
  /** The level that the caller chose, and those of the file's .HIERARCHY. */
  readonly #level: string | undefined
  #hierarchy: string[] = []
  readonly #lines
  #columns = ['X', 'Y']
  #writer = ''
  #keyword = ''
  /** Points may follow. */
  #streaming = false
  /** A .DT has its argument on the next line. */
  #awaitsTime = false
  #set = newSet('')
  /** Any set had a component; any set had a segment of the chosen level. */
  #anyComponent = false
  #anyChosen = false
  /** Levels of all segments. */
  readonly #seen = new Set<string>()
  /** Samples of the sets without segments. */
  readonly #bare: InkDraft[] = []

  constructor({ name, yDown = false, level }: InkParserOptions) {
    this.#name = name
    this.#yDown = yDown
    this.#level = level
    this.#lines = wordLines(name)
  }

  *write(text: string): Generator<InkDraft> {
    for (const line of this.#lines.write(text)) yield* this.#read(line)
  }

  *end(): Generator<InkDraft> {
    for (const line of this.#lines.end()) yield* this.#read(line)
    yield* this.#finishSet()
    if (!this.#anyComponent) throw inkFormatError(this.#name, 'ink after .PEN_DOWN', 'none')
    if (this.#seen.size > 0 && !this.#anyChosen) {
      const levels = [...this.#seen].join(', ').slice(0, 200)
      throw inkFormatError(this.#name, `segments of the level ${this.#level}`, levels, 'choose one of these')
    }
    const refused: InkDraft = () => {
      throw invalidInk(this.#name, 'segments in every set', 'a set without one')
    }
    for (const draft of this.#bare) yield this.#seen.size === 0 ? draft : refused
  }

  #where(line: number): string {
    return `line ${line} of ${this.#name}`
  }

  *#read({ line, words }: WordLine): Generator<InkDraft> {
    const [first, ...rest] = words as [Word, ...Word[]]
    if (first.quoted || !isKeyword(first.text)) return this.#readArguments(words, line)
    this.#keyword = first.text.toUpperCase()
    if (this.#readPen(rest, line)) return
    if (this.#keyword === '.START_SET') {
      yield* this.#finishSet()
      this.#set = newSet(joined(rest).slice(0, 256))
    }
    if (!this.#readSegment(rest, line)) {
      this.#readHeader(rest, line)
      this.#streaming = false
    }
  }

  /** Reads a keyword after which points of a stream follow. Returns false for any other keyword. */
  #readPen(rest: readonly Word[], line: number): boolean {
    const isDown = this.#keyword === '.PEN_DOWN'
    if (isDown || this.#keyword === '.PEN_UP') {
      this.#set.points.begin(isDown)
      this.#streaming = true
      this.#readPoints(rest, line)
      return true
    }
    if (this.#keyword !== '.DT') return false
    // Its argument is a time; more points of the stream follow it.
    this.#awaitsTime = rest.length === 0
    if (this.#streaming) this.#readPoints(rest.slice(1), line)
    return true
  }

  /** Reads a keyword of segments, which does not end a stream. Returns false for any other keyword. */
  #readSegment(rest: Word[], line: number): boolean {
    const { segments } = this.#set
    if (this.#keyword === '.COMMENT') {
      if (segments.length > 0) segments.at(-1)!.comment = joined(rest).slice(0, 256)
      return true
    }
    if (this.#keyword !== '.SEGMENT') return false
    segments.push({ line, words: rest, comment: '' })
    if (segments.length <= MAX_SEGMENTS) return true
    throw inkFormatError(this.#where(line), `at most ${MAX_SEGMENTS} segments a set`, 'more', 'split the file')
  }

  /** Reads a keyword that describes the points, the levels or the writer, and ignores all others. */
  #readHeader(rest: readonly Word[], line: number): void {
    const texts = rest.map(({ text }) => text)
    if (this.#keyword === '.COORD') this.#columns = columnsOf(texts, this.#where(line))
    else if (this.#keyword === '.HIERARCHY') this.#hierarchy = texts
    else if (this.#keyword === '.WRITER_ID') this.#writer = texts.join(' ').slice(0, 256)
    else if (this.#keyword === '.INCLUDE') {
      const remedy = 'put the text of that file in place of this line, or remove the line if its points are not needed'
      throw inkFormatError(this.#where(line), 'everything in one file', excerpt(`.INCLUDE ${texts.join(' ')}`), remedy)
    }
  }

  /** Reads a line without a keyword: points while a stream is open, else more arguments of the last keyword. */
  #readArguments(words: readonly Word[], line: number): void {
    const isNumber = !words[0]!.quoted && !Number.isNaN(parseNumber(words[0]!.text))
    if (this.#keyword === '.SEGMENT' && !(this.#streaming && isNumber)) {
      const segment = this.#set.segments.at(-1)!
      if (segment.words.length + words.length <= 256) segment.words.push(...words)
    } else if (this.#streaming && (isNumber || this.#keyword !== '.COMMENT')) {
      this.#readPoints(this.#awaitsTime ? words.slice(1) : words, line)
      this.#awaitsTime = false
    } else if (this.#keyword === '.HIERARCHY' && this.#hierarchy.length < MAX_LEVELS) {
      this.#hierarchy.push(...words.slice(0, MAX_LEVELS).map(({ text }) => text))
    }
  }

  #readPoints(words: readonly Word[], line: number): void {
    const { points } = this.#set
    const width = this.#columns.length
    const [x, y, t] = ['X', 'Y', 'T'].map((column) => this.#columns.indexOf(column)) as [number, number, number]
    const values = words.map(({ text }) => parseNumber(text))
    if (values.length % width !== 0 || values.some(Number.isNaN)) {
      const what = `points of ${width} numbers (${this.#columns.join(' ')})`
      throw inkFormatError(this.#where(line), what, excerpt(joined(words.slice(0, 16))))
    }
    for (let i = 0; i < values.length; i += width)
      points.add(values[i + x]!, values[i + y]!, t < 0 ? null : values[i + t]!)
    this.#anyComponent ||= values.length > 0
  }

  *#finishSet(): Generator<InkDraft> {
    const [name, yDown, writer] = [this.#name, this.#yDown, this.#writer]
    const { points, segments: open, name: title } = this.#set
    const fields = { ...(writer !== '' && { writer }), ...(title !== '' && { set: title }) }
    if (open.length === 0) {
      if (points.count > 0) this.#bare.push(() => wholeSet(points, { name, fields, yDown }))
      return
    }
    const segments = open.map(({ line, words, comment }): Segment => segmentOf(words, line, comment, name))
    for (const segment of segments) if (this.#seen.size < MAX_LEVELS) this.#seen.add(segment.level.toUpperCase())
    if (points.count === 0)
      throw inkFormatError(this.#where(segments[0]!.line), 'points for this segment', 'none in its set')
    const chosen = chooseSegments(segments, { hierarchy: this.#hierarchy, level: this.#level }, name)
    this.#anyChosen ||= chosen.length > 0
    yield* samplesOf(chosen, points, { name, fields, yDown })
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
  throw inkFormatError(source, '.COORD with X and Y among at most 16 columns', excerpt(words.join(' ')))
}
