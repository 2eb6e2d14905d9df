// Segments of UNIPEN: .SEGMENT <level> <delineation> <quality> <label>, and which of a set are its samples.

import { inkFromColumns, inkLimits, invalidInk, type InkDraft, type StrokeColumns } from '../strokes.js'
import { inkFormatError, excerpt } from './parser.js'
import type { ComponentPoints } from './unipen-points.js'
import type { Word } from './unipen-words.js'

/** A labelled part of a set. */
export interface Segment {
  readonly line: number
  readonly level: string
  readonly delineation: string
  readonly label: string | null
  readonly comment: string
}

/** The properties that all samples of a set share. */
export interface SampleContext {
  readonly name: string
  readonly yDown: boolean
  readonly fields: Readonly<Record<string, string>>
}

const QUALITIES = ['OK', 'GOOD', 'BAD', '?']

/** Returns the segment of the words after .SEGMENT. Quality and label may be missing; ? is an unknown label. */
export function segmentOf(words: readonly Word[], line: number, comment: string, name: string): Segment {
  const [level, delineation, quality, ...rest] = words
  if (!level || !delineation) {
    const found = excerpt(words.map(({ text }) => text).join(' '))
    throw inkFormatError(`line ${line} of ${name}`, 'a level and its components after .SEGMENT', found)
  }
  const isQuality = quality && !quality.quoted && QUALITIES.includes(quality.text.toUpperCase())
  const written = quality === undefined || isQuality || rest.length > 0 ? rest : [quality]
  const unknown = written.length === 0 || (written.length === 1 && written[0]!.text === '?' && !written[0]!.quoted)
  const label = unknown ? null : written.map(({ text }) => text).join(' ')
  return { line, level: level.text, delineation: delineation.text, label, comment }
}

/**
 * Returns the segments of a set that are samples: those of `level`, or by default of the first level of `hierarchy` that has
 * any, or of the only level. Throws ERR_FILE_FORMAT if a choice is needed.
 */
export function chooseSegments(
  segments: readonly Segment[],
  { hierarchy, level }: { hierarchy: readonly string[]; level: string | undefined },
  name: string
): readonly Segment[] {
  const same = (a: string, b: string) => a.toUpperCase() === b.toUpperCase()
  const levels = [...new Set(segments.map((segment) => segment.level.toUpperCase()))]
  const chosen = level ?? hierarchy.find((one) => levels.some((other) => same(one, other))) ?? levels[0]
  if (level === undefined && hierarchy.length === 0 && levels.length > 1) {
    const where = `line ${segments[0]!.line} of ${name}`
    throw inkFormatError(
      where,
      'a .HIERARCHY',
      `the levels ${levels.join(', ').slice(0, 80)}`,
      'choose one as the level'
    )
  }
  return chosen === undefined ? [] : segments.filter((segment) => same(segment.level, chosen))
}

/** How often a component, or a point, may be part of samples of one set, on average. */
const MOST_USES = 4

/** Yields the samples of a set. Throws ERR_FILE_FORMAT for delineations that do not fit its components. */
export function* samplesOf(
  segments: readonly Segment[],
  components: ComponentPoints,
  context: SampleContext
): Generator<InkDraft> {
  const { name, yDown, fields } = context
  let uses = MOST_USES * components.count + inkLimits.strokes
  let points = MOST_USES * components.points + inkLimits.points
  for (const { line, level, delineation, label, comment } of segments) {
    const source = `line ${line} of ${name}`
    const described = { ...fields, kind: level, ...(comment !== '' && { comment }) }
    if (delineation === '?' && segments.length > 1) {
      const expected = 'the components of a segment, which are known only if it is the only one,'
      yield () => {
        throw invalidInk(source, expected, `${segments.length} segments of ${level}`)
      }
      continue
    }
    const whole = `0-${components.count - 1}`
    const strokes = select(delineation === '?' ? whole : delineation, components, source)
    uses -= strokes.selected
    points -= strokes.down.reduce((sum, { x }) => sum + x.length, 0)
    if (uses < 0 || points < 0) {
      const expected = `segments of ${level} that share components at most ${MOST_USES} times`
      throw inkFormatError(source, expected, 'more', 'choose another level')
    }
    yield () => inkFromColumns(strokes.down, { text: label, fields: described, source, yDown })
  }
}

const PLACE = /^(\d{1,9})(?::(\d{1,9}))?$/

/** The strokes that a delineation names: 3, 3-5, 3:12-5:40 (points, both included), with commas between. */
function select(delineation: string, components: ComponentPoints, source: string) {
  const down: StrokeColumns[] = []
  let selected = 0
  const refuse = (expected: string) => inkFormatError(source, expected, excerpt(delineation))
  for (const part of delineation.split(',', inkLimits.strokes + 1)) {
    const [from, to, more] = part.split('-', 3).map((place) => PLACE.exec(place))
    const [begin, end] = [from, to === undefined ? from : to]
    if (!begin || !end || more !== undefined) throw refuse('components such as 6-7, 0,2 or 3:0-3:12')
    const [first, last] = [Number(begin[1]), Number(end[1])]
    if (first > last || last >= components.count)
      throw refuse(`components from 0 to ${components.count - 1}, as 6-7 or 0,2,`)
    selected += last - first + 1
    if (selected > inkLimits.strokes) throw refuse(`at most ${inkLimits.strokes} components`)
    for (let i = first; i <= last; i++) {
      const most = components.lengthOf(i) - 1
      const lowest = i === first && begin[2] !== undefined ? Number(begin[2]) : 0
      const highest = i === last && end[2] !== undefined ? Number(end[2]) : most
      if (lowest > highest || highest > most) throw refuse(`points from 0 to ${most} of component ${i}`)
      const stroke = components.stroke(i, lowest, highest)
      if (stroke) down.push(stroke)
    }
  }
  return { down, selected }
}
