// The strokes of a part of an InkML document: traces in place, and those that views show (recommendation, sections 3.2 to 3.4).

import { inkLimits, type StrokeColumns } from '../strokes.js'
import { DEFAULT_CHANNELS, type InkmlDocument } from './inkml-context.js'
import { parseTrace, type Channels, type TraceColumns } from './inkml-trace.js'
import { formatError, quoted } from './parser.js'
import type { XmlElement } from './xml.js'

/** The channels of every trace of the document, by its place in it. */
export function traceChannels(root: XmlElement, document: InkmlDocument): Map<XmlElement, Channels> {
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

type Range = readonly [from: number, to: number | null]

/** A trace, or points of it, that belongs to a sample; from and to count from 1. */
interface Shown {
  readonly trace: XmlElement
  readonly range: Range
  readonly inPlace: boolean
}

/** Elements that samples may visit beyond those of the file: views of views could else show a trace exponentially often. */
const MORE_VISITS = 4 * inkLimits.strokes
/** How often samples may visit an element, or show a point, on average. */
const MOST_USES = 8
const MOST_DEPTH = 64

export interface StrokeReader {
  /** Returns the strokes of a group, of a view, or of the whole document without its definitions. */
  strokesOf(element: XmlElement): StrokeColumns[]
}

export function strokeReader(root: XmlElement, document: InkmlDocument): StrokeReader {
  const channels = traceChannels(root, document)
  const order = [...channels.keys()]
  const placeOf = new Map(order.map((trace, index) => [trace, index]))
  const where = ({ line }: XmlElement) => `line ${line} of ${document.name}`
  const read = new Map<XmlElement, TraceColumns>()
  let kept = 0
  let visits = MORE_VISITS + MOST_USES * countElements(root)
  let points = inkLimits.points + order.reduce((sum, trace) => sum + MOST_USES * trace.text.length, 0)

  /** Traces that several views show are parsed once, as long as they are few. */
  function pointsOf(trace: XmlElement): TraceColumns {
    const before = read.get(trace)
    if (before) return before
    const parsed = parseTrace(trace.text, channels.get(trace)!, where(trace), inkLimits.points)
    if (kept + parsed.x.length > inkLimits.points) {
      read.clear()
      kept = 0
    }
    kept += parsed.x.length
    read.set(trace, parsed)
    return parsed
  }

  function shownIn(element: XmlElement): Shown[] {
    const shown: Shown[] = []
    const visit = (
      node: XmlElement,
      from: readonly number[],
      to: readonly number[],
      depth: number,
      inPlace: boolean
    ) => {
      if (--visits < 0 || depth > MOST_DEPTH)
        throw formatError(where(element), 'views that show each part a few times', 'more, or a view of itself')
      if (node.name === 'trace') {
        shown.push({ trace: node, range: [from[0] ?? 1, to[0] ?? null], inPlace })
        return
      }
      const reference = node.name === 'traceView' ? node.attributes['traceDataRef'] : undefined
      const own = node.name === 'traceView' ? rangeOf(node, where(node)) : { from: [], to: [] }
      const begin = compose(own.from, from, own.from[0] ?? 1, where(node))
      const end = compose(own.to, to, own.from[0] ?? 1, where(node))
      if (reference !== undefined) {
        const target = document.find(reference, node)
        if (!['trace', 'traceGroup', 'traceView'].includes(target.name))
          throw formatError(where(node), 'a view of a trace, group or view', `one of <${target.name}>`)
        visit(target, begin, end, depth + 1, false)
        return
      }
      const children = node.children.filter(({ name }) => ['trace', 'traceGroup', 'traceView'].includes(name))
      if ((begin[0] ?? 0) > children.length || (end[0] ?? 0) > children.length)
        throw formatError(where(node), `from and to within ${children.length} parts`, [...begin, ...end].join(' '))
      children.forEach((child, i) => {
        const number = i + 1
        if (number < (begin[0] ?? 1) || number > (end[0] ?? children.length)) return
        const [first, last] = [number === begin[0] ? begin.slice(1) : [], number === end[0] ? end.slice(1) : []]
        visit(child, first, last, depth + 1, inPlace)
      })
    }
    visit(element, [], [], 0, true)
    return shown
  }

  function strokesOf(element: XmlElement): StrokeColumns[] {
    const shown = shownIn(element)
    const drawn = new Set(shown.filter(({ inPlace }) => inPlace).map(({ trace }) => trace))
    const seen = new Set<string>()
    const strokes: TraceColumns[] = []
    const strokeOf = new Map<XmlElement, TraceColumns | null>()
    for (const { trace, range, inPlace } of shown) {
      const [from, to] = range
      // A view of ink that is part of the sample already shows it a second time, and does not write it a second time.
      const key = `${placeOf.get(trace)} ${from} ${to}`
      if ((!inPlace && drawn.has(trace)) || seen.has(key)) continue
      seen.add(key)
      const part = cut(pointsOf(trace), range, where(trace))
      points -= part.x.length
      if (points < 0) throw formatError(where(element), 'views that show each part a few times', 'more')
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

  /** The trace that a trace continues: the one that it names, else the one before it in the document. */
  function priorOf(trace: XmlElement): XmlElement | null {
    const { continuation, priorRef } = trace.attributes
    if (continuation !== 'middle' && continuation !== 'end') return null
    return priorRef === undefined ? (order[placeOf.get(trace)! - 1] ?? null) : document.find(priorRef, trace)
  }

  return { strokesOf }
}

function countElements(element: XmlElement): number {
  return element.children.reduce((sum, child) => sum + countElements(child), 1)
}

/** Returns the range of a view of a view: `outer` counts from the first part that the inner one shows. */
function compose(inner: number[], outer: readonly number[], first: number, where: string): readonly number[] {
  if (outer.length === 0) return inner
  if (first === 1 && inner.length === 0) return outer
  if (outer.length === 1) return [first - 1 + outer[0]!]
  throw formatError(where, 'one number as from and to of a view that is viewed', quoted(outer.join(':')))
}

function rangeOf(view: XmlElement, where: string): { from: number[]; to: number[] } {
  const path = (key: 'from' | 'to'): number[] => {
    const value = view.attributes[key]?.trim()
    if (value === undefined || value === '') return []
    const numbers = value.split(':', MOST_DEPTH).map(Number)
    if (numbers.every((number) => Number.isSafeInteger(number) && number >= 1)) return numbers
    throw formatError(where, `numbers from 1 on as "${key}", with colons between`, quoted(value))
  }
  return { from: path('from'), to: path('to') }
}

function cut(columns: TraceColumns, [from, to]: Range, where: string): TraceColumns {
  const { length } = columns.x
  const last = to ?? length
  if (from > last || last > length) {
    if (length > 0 || from > 1)
      throw formatError(where, `from and to within its ${length} points`, `${from} to ${last}`)
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
