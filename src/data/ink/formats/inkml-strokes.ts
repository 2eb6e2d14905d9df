// The strokes of a part of an InkML document: the traces that it shows, cut to their ranges and joined where one continues another.

import { inkLimits, type StrokeColumns } from '../strokes.js'
import { DEFAULT_CHANNELS, type InkmlDocument } from './inkml-context.js'
import { parseTrace, type Channels, type TraceColumns } from './inkml-trace.js'
import { MAX_USES, traceFinder, type ShownTrace, type TraceRange } from './inkml-views.js'
import { inkFormatError } from './parser.js'
import type { XmlElement } from './xml.js'

/** Returns the channels of every trace, in the order of the document: those of the trace, of a group around it, or of the current context. */
function traceChannels(root: XmlElement, document: InkmlDocument): Map<XmlElement, Channels> {
  const channels = new Map<XmlElement, Channels>()
  let current = DEFAULT_CHANNELS
  const walk = (element: XmlElement, around: Channels | null) => {
    const own = (['trace', 'traceGroup'].includes(element.name) && document.channelsOf(element)) || around
    if (element.name === 'trace') channels.set(element, own ?? current)
    else if (element.name !== 'context') for (const child of element.children) walk(child, own)
  }
  for (const child of root.children) {
    if (child.name === 'context' || child.name === 'traceFormat') current = document.current(child) ?? current
    else walk(child, null)
  }
  return channels
}

/** A reader of the strokes of one document. */
export interface StrokeReader {
  /**
   * Returns the strokes of a group, of a view, or of the whole document without its definitions. Throws ERR_FILE_FORMAT for traces and
   * views that are invalid, and if views show the points of the document too often.
   */
  strokesOf(element: XmlElement): StrokeColumns[]
}

/** Returns the reader of a document. The points of all its calls together are bounded in proportion to the text of the document. */
export function strokeReader(root: XmlElement, document: InkmlDocument): StrokeReader {
  const channels = traceChannels(root, document)
  const order = [...channels.keys()]
  const placeOf = new Map(order.map((trace, index) => [trace, index]))
  const where = ({ line }: XmlElement) => `line ${line} of ${document.name}`
  const finder = traceFinder(root, document)
  const pointsOf = cachedTraces((trace) => {
    // A view may name any element of the document.
    const own = channels.get(trace)
    if (own === undefined)
      throw inkFormatError(where(trace), 'a trace in the document, a group or definitions', 'one in another element')
    return parseTrace(trace.text, own, where(trace), inkLimits.points)
  })
  let points = inkLimits.points + order.reduce((sum, trace) => sum + MAX_USES * trace.text.length, 0)

  /** Returns the trace that a trace continues (the one that it names, else the one before it in the document), null for none. */
  function priorOf(trace: XmlElement): XmlElement | null {
    const { continuation, priorRef } = trace.attributes
    if (continuation !== 'middle' && continuation !== 'end') return null
    return priorRef === undefined ? (order[placeOf.get(trace)! - 1] ?? null) : document.find(priorRef, trace)
  }

  return {
    strokesOf(element) {
      const strokes: TraceColumns[] = []
      /** The stroke that a trace became part of; null for a trace above the paper. */
      const strokeOf = new Map<XmlElement, TraceColumns | null>()
      for (const { trace, range } of onlyOnce(finder.shownIn(element))) {
        const part = cut(pointsOf(trace), range, where(trace))
        points -= part.x.length
        if (points < 0) throw inkFormatError(where(element), 'views that show each part a few times', 'more')
        const prior = priorOf(trace)
        const before = prior === null ? undefined : strokeOf.get(prior)
        const isUp = trace.attributes['type'] === 'penUp' || before === null
        if (isUp) strokeOf.set(trace, null)
        if (isUp || part.x.length === 0) continue
        if (before) append(before, part)
        else strokes.push(part)
        strokeOf.set(trace, before ?? part)
      }
      return strokes
    }
  }
}

/** Returns the traces without those that are shown a second time: a view of ink that the sample has already does not write it again. */
function onlyOnce(shown: readonly ShownTrace[]): ShownTrace[] {
  const drawn = new Set(shown.filter(({ inPlace }) => inPlace).map(({ trace }) => trace))
  const seen = new Map<XmlElement, Set<string>>()
  return shown.filter(({ trace, range, inPlace }) => {
    const ranges = seen.get(trace) ?? new Set()
    const key = range.join(' ')
    if ((!inPlace && drawn.has(trace)) || ranges.has(key)) return false
    seen.set(trace, ranges.add(key))
    return true
  })
}

/** Returns `parse` with a cache of at most `inkLimits.points` points, for traces that several views show. */
function cachedTraces(parse: (trace: XmlElement) => TraceColumns): (trace: XmlElement) => TraceColumns {
  const cache = new Map<XmlElement, TraceColumns>()
  let cachedPoints = 0
  return (trace) => {
    const before = cache.get(trace)
    if (before) return before
    const parsed = parse(trace)
    if (cachedPoints + parsed.x.length > inkLimits.points) {
      cache.clear()
      cachedPoints = 0
    }
    cachedPoints += parsed.x.length
    cache.set(trace, parsed)
    return parsed
  }
}

function cut(columns: TraceColumns, [from, to]: TraceRange, where: string): TraceColumns {
  const { length } = columns.x
  const last = to ?? length
  if (from > last || last > length) {
    if (length > 0 || from > 1)
      throw inkFormatError(where, `from and to within its ${length} points`, `${from} to ${last}`)
  }
  const part = (values: number[]) => values.slice(from - 1, last)
  return { x: part(columns.x), y: part(columns.y), t: columns.t && part(columns.t) }
}

function append(stroke: TraceColumns, more: TraceColumns): void {
  for (let i = 0; i < more.x.length; i++) {
    stroke.x.push(more.x[i]!)
    stroke.y.push(more.y[i]!)
    if (more.t) stroke.t?.push(more.t[i]!)
  }
  if (!more.t) stroke.t = null
}
