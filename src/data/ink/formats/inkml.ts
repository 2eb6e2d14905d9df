// Ink in InkML (W3C Recommendation, 20 September 2011). A sample is the whole document if its root has a text; else each topmost
// group or view that has one; else the whole document, without a text. y points down unless a channel's orientation differs.

import { inkFromColumns, type InkDraft } from '../strokes.js'
import { inkmlDocument } from './inkml-context.js'
import { strokeReader } from './inkml-strokes.js'
import type { XmlElement } from './xml.js'

/** Elements that matter for strokes and texts. The others (annotationXML, brush, canvas ...) are left out of the tree. */
export const INKML_ELEMENTS: ReadonlySet<string> = new Set([
  'ink',
  'definitions',
  'context',
  'inkSource',
  'traceFormat',
  'channel',
  'intermittentChannels',
  'trace',
  'traceGroup',
  'traceView',
  'annotation'
])

/** Annotations that hold a text, the best first: MathWriting has no truth, but labels. */
const TEXTS = ['truth', 'normalizedlabel', 'label']
/** The truth of a group in CROHME whose parts have the truths of their symbols: a caption. */
const CAPTION = /^\s*segmentation\s*$/i
const MAX_FIELDS = 64

/** Yields the samples of a document. Throws ERR_FILE_FORMAT. */
export function* inkmlSamples(root: XmlElement, name: string, yDown: boolean | undefined): Generator<InkDraft> {
  // The option yDown of the caller overrides the orientation of channels.
  const document = inkmlDocument(root, name, { orientedY: yDown === undefined })
  const reader = strokeReader(root, document)
  const fields = fieldsOf(root)
  const draft = (element: XmlElement, source: string): InkDraft => {
    const own = element === root ? fields : { ...fields, ...fieldsOf(element) }
    const options = { text: textOf(element), fields: own, source, yDown: yDown ?? true }
    return () => inkFromColumns(reader.strokesOf(element), options)
  }
  const groups = textOf(root) === null ? labelledGroups(root) : []
  if (groups.length === 0) yield draft(root, name)
  for (const [index, group] of groups.entries())
    yield draft(group, `group ${index + 1} at line ${group.line} of ${name}`)
}

function annotation(element: XmlElement, type: string): string | null {
  const found = element.children.find(
    (child) => child.name === 'annotation' && child.attributes['type']?.toLowerCase() === type
  )
  return found ? found.text.trim() : null
}

function textOf(element: XmlElement): string | null {
  for (const type of TEXTS) {
    const text = annotation(element, type)
    if (text !== null) return text
  }
  return null
}

/** The topmost groups and views that have a text, in the order of the document. */
function labelledGroups(element: XmlElement): XmlElement[] {
  return element.children.flatMap((child) => {
    if (child.name !== 'traceGroup' && child.name !== 'traceView') return []
    const below = labelledGroups(child)
    const text = textOf(child)
    const isCaption = text !== null && CAPTION.test(text) && below.length > 0
    return text !== null && !isCaption ? [child] : below
  })
}

function fieldsOf(element: XmlElement): Record<string, string> {
  const fields: [string, string][] = []
  for (const { name, attributes, text } of element.children) {
    const { type } = attributes
    if (name !== 'annotation' || type === undefined || TEXTS.includes(type.toLowerCase())) continue
    if (fields.length < MAX_FIELDS) fields.push([type.slice(0, 64), text.trim().slice(0, 256)])
  }
  return Object.fromEntries(fields)
}
