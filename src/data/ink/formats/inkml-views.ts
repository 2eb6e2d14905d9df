// The traces that an element of InkML shows: those within it, and those that its views refer to (recommendation, sections 3.3 and 3.4).

import { inkLimits } from '../strokes.js'
import type { InkmlDocument } from './inkml-context.js'
import { excerpt, inkFormatError } from './parser.js'
import type { XmlElement } from './xml.js'

/** Points `from` up to and including `to` of a trace, counted from 1; `to` null: to its end. */
export type TraceRange = readonly [from: number, to: number | null]

/** A trace, or points of it, that belongs to a sample. */
export interface ShownTrace {
  readonly trace: XmlElement
  readonly range: TraceRange
  /** Whether the trace is within the element of the sample, and not shown by a view. */
  readonly inPlace: boolean
}

/** Visits of elements beyond those of the file: views of views could otherwise show a trace exponentially often. */
const SPARE_VISITS = 4 * inkLimits.strokes
/** How often samples may visit an element, or show a point, on average. */
export const MAX_USES = 8
const MAX_DEPTH = 64

/** Parts that a group or a view can show. */
const isPart = ({ name }: XmlElement) => name === 'trace' || name === 'traceGroup' || name === 'traceView'

/** The finder of the traces of a document. */
export interface TraceFinder {
  /** Returns the traces of an element in the order of its parts. Throws ERR_FILE_FORMAT for a view that does not fit, and for too many. */
  shownIn(element: XmlElement): ShownTrace[]
}

/** A part that is visited: `from` and `to` are paths of numbers that select among its parts, from outside to inside. */
interface Visit {
  readonly node: XmlElement
  readonly from: readonly number[]
  readonly to: readonly number[]
  readonly depth: number
  readonly inPlace: boolean
}

/** Returns the finder of a document. The visits of all its calls together are bounded in proportion to the elements of the document. */
export function traceFinder(root: XmlElement, document: InkmlDocument): TraceFinder {
  let visits = SPARE_VISITS + MAX_USES * countElements(root)
  const where = ({ line }: XmlElement) => `line ${line} of ${document.name}`

  /** Returns the visit of the element that a view refers to. */
  function referenced(
    { node, depth }: Visit,
    reference: string,
    from: readonly number[],
    to: readonly number[]
  ): Visit {
    const target = document.find(reference, node)
    if (!isPart(target))
      throw inkFormatError(where(node), 'a view of a trace, group or view', `one of <${target.name}>`)
    return { node: target, from, to, depth: depth + 1, inPlace: false }
  }

  /** Returns the visits of the parts of a group or view that `from` and `to` select. */
  function partsOf({ node, depth, inPlace }: Visit, from: readonly number[], to: readonly number[]): Visit[] {
    const children = node.children.filter(isPart)
    if ((from[0] ?? 0) > children.length || (to[0] ?? 0) > children.length)
      throw inkFormatError(where(node), `from and to within ${children.length} parts`, [...from, ...to].join(' '))
    const [first, last] = [from[0] ?? 1, to[0] ?? children.length]
    return children.slice(first - 1, last).map((child, i) => ({
      node: child,
      from: first + i === from[0] ? from.slice(1) : [],
      to: first + i === to[0] ? to.slice(1) : [],
      depth: depth + 1,
      inPlace
    }))
  }

  return {
    shownIn(element) {
      const shown: ShownTrace[] = []
      const visit = (part: Visit): void => {
        const { node, from, to, depth, inPlace } = part
        if (--visits < 0 || depth > MAX_DEPTH)
          throw inkFormatError(where(element), 'views that show each part a few times', 'more, or a view of itself')
        if (node.name === 'trace') {
          shown.push({ trace: node, range: [from[0] ?? 1, to[0] ?? null], inPlace })
          return
        }
        const isView = node.name === 'traceView'
        const own = isView ? rangeOf(node, where(node)) : { from: [], to: [] }
        const begin = compose(own.from, from, own.from[0] ?? 1, where(node))
        const end = compose(own.to, to, own.from[0] ?? 1, where(node))
        const reference = isView ? node.attributes['traceDataRef'] : undefined
        if (reference !== undefined) visit(referenced(part, reference, begin, end))
        else for (const child of partsOf(part, begin, end)) visit(child)
      }
      visit({ node: element, from: [], to: [], depth: 0, inPlace: true })
      return shown
    }
  }
}

function countElements(element: XmlElement): number {
  return element.children.reduce((sum, child) => sum + countElements(child), 1)
}

/** Returns the range of a view of a view: `outer` counts from the first part that the inner one shows. */
function compose(inner: number[], outer: readonly number[], first: number, where: string): readonly number[] {
  if (outer.length === 0) return inner
  if (first === 1 && inner.length === 0) return outer
  if (outer.length === 1) return [first - 1 + outer[0]!]
  throw inkFormatError(where, 'one number as from and to of a view that is viewed', excerpt(outer.join(':')))
}

function rangeOf(view: XmlElement, where: string): { from: number[]; to: number[] } {
  const path = (key: 'from' | 'to'): number[] => {
    const value = view.attributes[key]?.trim()
    if (value === undefined || value === '') return []
    const numbers = value.split(':', MAX_DEPTH).map(Number)
    if (numbers.every((number) => Number.isSafeInteger(number) && number >= 1)) return numbers
    throw inkFormatError(where, `numbers from 1 on as "${key}", with colons between`, excerpt(value))
  }
  return { from: path('from'), to: path('to') }
}
