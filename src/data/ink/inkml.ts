// Ink from InkML (W3C Recommendation, 20 September 2011): traces with the channels of their trace format (values, and first
// and second differences), grouped by traceGroup and traceView; annotations of type "truth" are the text. Sample: each top
// traceGroup that holds a truth of its own; else the whole file. InkML's y points down unless `yDown` says otherwise.

import { GatecellError } from '../../errors.js'
import { createInk, type InkDraft, type InkPoint } from './strokes.js'
import { parseXml, type XmlElement } from './xml.js'

const DEFAULT_CHANNELS = ['X', 'Y']
const TOKEN = /\s*(?:(,)|([!'"]?)\s*(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|#[0-9a-fA-F]{1,8}|[TF])|([!'"*?]))/y

function wrong(name: string, expected: string, found: string): GatecellError {
  return new GatecellError('ERR_FILE_FORMAT', `Expected ${expected} in ${name} but found ${found}.`)
}

/** The samples of an InkML text. ERR_FILE_FORMAT, ERR_INVALID_INK. */
export function* parseInkml(text: string, name: string, yDown = true): Generator<InkDraft> {
  const root = parseXml(text, name)
  if (root.name !== 'ink') throw wrong(name, 'an <ink> element', `<${root.name.slice(0, 40)}>`)
  const formats = new Map<string, string[]>()
  collectFormats(root, formats, name)
  const channels = formats.get('') ?? DEFAULT_CHANNELS
  const read = (trace: XmlElement): InkPoint[] | null => {
    if (trace.attributes.get('type') === 'penUp') return null
    const context = trace.attributes.get('contextRef')?.replace(/^#/, '')
    return parseTrace(trace.text, (context !== undefined && formats.get(context)) || channels, name)
  }
  const traces = new Map<string, InkPoint[] | null>()
  const order: (InkPoint[] | null)[] = []
  for (const trace of descendants(root, 'trace')) {
    const points = read(trace)
    order.push(points)
    const id = trace.attributes.get('xml:id') ?? trace.attributes.get('id')
    if (id !== undefined) traces.set(id, points)
  }
  const groups = root.children.filter((child) => child.name === 'traceGroup' && truthOf(child) !== null)
  if (groups.length === 0) {
    yield sample(order, truthOf(root), name, yDown)
    return
  }
  let number = 0
  for (const group of groups) {
    const source = groups.length > 1 ? `group ${++number} of ${name}` : name
    yield sample(strokesOf(group, read, traces), truthOf(group), source, yDown)
  }
}

function sample(
  strokes: readonly (InkPoint[] | null)[],
  text: string | null,
  source: string,
  yDown: boolean
): InkDraft {
  const written = strokes.filter((points) => points !== null && points.length > 0) as InkPoint[][]
  return () => createInk(written, { text, source, yDown })
}

function* descendants(element: XmlElement, name: string): Generator<XmlElement> {
  for (const child of element.children) {
    if (child.name === name) yield child
    else yield* descendants(child, name)
  }
}

/** Traces of a group, in place or by reference. */
function strokesOf(
  group: XmlElement,
  read: (trace: XmlElement) => InkPoint[] | null,
  traces: ReadonlyMap<string, InkPoint[] | null>
): (InkPoint[] | null)[] {
  return group.children.flatMap((child) => {
    if (child.name === 'trace') return [read(child)]
    if (child.name === 'traceGroup') return strokesOf(child, read, traces)
    if (child.name !== 'traceView') return []
    const reference = child.attributes.get('traceDataRef')?.replace(/^.*#/, '')
    return reference !== undefined && traces.has(reference) ? [traces.get(reference)!] : strokesOf(child, read, traces)
  })
}

function truthOf(element: XmlElement): string | null {
  const found = element.children.find(
    (child) => child.name === 'annotation' && child.attributes.get('type')?.toLowerCase() === 'truth'
  )
  return found ? found.text.trim() : null
}

/** Channel names by the id of their format or context; '' for the first format, which holds where none is named. */
function collectFormats(root: XmlElement, formats: Map<string, string[]>, name: string): void {
  const add = (id: string | undefined, format: XmlElement) => {
    const channels = [...descendants(format, 'channel')].map((channel) => channel.attributes.get('name') ?? '')
    if (!channels.includes('X') || !channels.includes('Y') || channels.length > 32)
      throw wrong(name, 'a traceFormat with the channels X and Y', channels.join(' ').slice(0, 60))
    if (!formats.has('')) formats.set('', channels)
    if (id !== undefined) formats.set(id, channels)
  }
  for (const context of descendants(root, 'context')) {
    for (const format of descendants(context, 'traceFormat')) add(context.attributes.get('xml:id'), format)
  }
  for (const format of descendants(root, 'traceFormat')) add(format.attributes.get('xml:id'), format)
}

/** Points of a trace: ! a value, ' a first difference, " a second one; a prefix holds on until the next. */
function parseTrace(text: string, channels: readonly string[], name: string): InkPoint[] {
  const count = channels.length
  const [x, y, t] = [channels.indexOf('X'), channels.indexOf('Y'), channels.indexOf('T')]
  const modes = new Array<string>(count).fill('!')
  const value = new Array<number>(count).fill(0)
  const speed = new Array<number>(count).fill(0)
  const points: InkPoint[] = []
  let channel = 0
  const finish = () => {
    if (channel <= Math.max(x, y)) throw wrong(name, `points of ${count} values (${channels.join(' ')})`, `${channel}`)
    points.push(t >= 0 && channel > t ? [value[x]!, value[y]!, value[t]!] : [value[x]!, value[y]!])
    channel = 0
  }
  TOKEN.lastIndex = 0
  const end = text.trimEnd().length
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex
    const found = TOKEN.exec(text)
    if (!found) throw wrong(name, 'numbers and commas in a trace', JSON.stringify(text.slice(at, at + 20)))
    const [, comma, prefix, digits, alone] = found
    if (comma !== undefined) {
      finish()
      continue
    }
    if (channel >= count) throw wrong(name, `points of ${count} values (${channels.join(' ')})`, 'more')
    if (alone !== undefined && alone !== '*') {
      if (alone === '?') throw wrong(name, 'a value in every place of a trace', '"?"')
      modes[channel] = alone
      continue
    }
    if (prefix) modes[channel] = prefix
    // * repeats the value, the difference or the difference of differences that was there before.
    advance(channel++, alone === '*' ? null : numberOf(digits!))
  }
  if (channel > 0) finish()
  return points

  function advance(at: number, given: number | null): void {
    const before = value[at]!
    if (modes[at] === '!') value[at] = given ?? before
    else if (modes[at] === "'") value[at] = before + (speed[at] = given ?? speed[at]!)
    else value[at] = before + (speed[at] = speed[at]! + (given ?? 0))
    if (modes[at] === '!') speed[at] = value[at]! - before
  }
}

function numberOf(digits: string): number {
  if (digits === 'T' || digits === 'F') return digits === 'T' ? 1 : 0
  return digits.startsWith('#') ? parseInt(digits.slice(1), 16) : Number(digits)
}
