// Just enough XML for ink files, strictly: elements, attributes, text, comments, CDATA, processing instructions, the five
// entities and character references. A document type is refused: entities of a stranger's making are how XML attacks.

import { GatecellError } from '../../errors.js'

export interface XmlElement {
  /** Without the prefix of its name space. */
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Its own text, without that of its children. */
  readonly text: string
}

interface OpenElement {
  name: string
  qualified: string
  attributes: Map<string, string>
  children: XmlElement[]
  text: string
}

const MAX_DEPTH = 64
const MAX_ELEMENTS = 2 ** 20
const NAME = /[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?/y
const ATTRIBUTE = /\s+([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y
const TAG_END = /\s*(\/?)>/y
const ENTITY = /&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));|&/g
const MEANINGS: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** The root element of an XML text. ERR_FILE_FORMAT. */
export function parseXml(text: string, name: string): XmlElement {
  let at = text.startsWith('\ufeff') ? 1 : 0
  let elements = 0
  let root: XmlElement | null = null
  const stack: OpenElement[] = []

  function fail(expected: string): never {
    const found = at < text.length ? JSON.stringify(text.slice(at, at + 20)) : 'the end'
    const message = `Expected ${expected} at character ${at} of the XML in ${name} but found ${found}.`
    throw new GatecellError('ERR_FILE_FORMAT', message)
  }

  function match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at += found[0].length
    return found
  }

  /** What stands between here and `end`, which is passed. */
  function until(end: string, what: string): string {
    const found = text.indexOf(end, at)
    if (found < 0) fail(`the end of ${what}`)
    const inside = text.slice(at, found)
    at = found + end.length
    return inside
  }

  function unescape(raw: string): string {
    if (!raw.includes('&')) return raw
    return raw.replace(ENTITY, (_, entity?: string, decimal?: string, hex?: string) => {
      if (entity !== undefined) return MEANINGS[entity]!
      const code = decimal !== undefined ? parseInt(decimal, 10) : hex !== undefined ? parseInt(hex, 16) : NaN
      const legal = code === 9 || code === 10 || code === 13 || (code >= 32 && code <= 0x10ffff)
      if (!legal || (code >= 0xd800 && code <= 0xdfff))
        fail('one of the five entities or a character reference before here')
      return String.fromCodePoint(code)
    })
  }

  function addText(raw: string): void {
    const inside = stack.at(-1)
    if (inside) inside.text += raw
    else if (raw.trim() !== '') fail('no text outside of the root element before here')
  }

  function close(element: OpenElement): void {
    const { qualified: _, ...done } = element
    const parent = stack.at(-1)
    if (parent) parent.children.push(done)
    else root = done
  }

  function openElement(): void {
    if (root) fail('one root element')
    const qualified = match(NAME)?.[0] ?? fail('the name of an element')
    const attributes = new Map<string, string>()
    for (let found = match(ATTRIBUTE); found; found = match(ATTRIBUTE)) {
      const key = found[1]!
      if (attributes.has(key)) fail(`one attribute "${key}" before here`)
      if (attributes.size >= 256) fail('at most 256 attributes before here')
      attributes.set(key, unescape(found[2] ?? found[3] ?? ''))
    }
    const end = match(TAG_END) ?? fail('the end of a tag')
    if (++elements > MAX_ELEMENTS) fail(`at most ${MAX_ELEMENTS} elements`)
    const name = qualified.slice(qualified.indexOf(':') + 1)
    const element = { name, qualified, attributes, children: [], text: '' }
    if (end[1] === '/') return close(element)
    if (stack.length >= MAX_DEPTH) fail(`at most ${MAX_DEPTH} levels`)
    stack.push(element)
  }

  while (at < text.length) {
    const next = text.indexOf('<', at)
    const end = next < 0 ? text.length : next
    addText(unescape(text.slice(at, end)))
    at = end
    if (next < 0) break
    if (text.startsWith('<!--', at)) {
      at += 4
      until('-->', 'a comment')
    } else if (text.startsWith('<![CDATA[', at)) {
      at += 9
      addText(until(']]>', 'CDATA'))
    } else if (text.startsWith('<?', at)) {
      until('?>', 'a processing instruction')
    } else if (text.startsWith('<!', at)) {
      fail('no document type')
    } else if (text.startsWith('</', at)) {
      at += 2
      const qualified = match(NAME)?.[0]
      const element = stack.pop()
      if (!element || qualified !== element.qualified || !match(/\s*>/y))
        fail(`the end of ${element?.qualified ?? 'nothing'}`)
      close(element)
    } else {
      at++
      openElement()
    }
  }
  if (stack.length > 0 || !root) fail(stack.length > 0 ? `the end of ${stack.at(-1)!.qualified}` : 'an element')
  return root
}
