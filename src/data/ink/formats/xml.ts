// XML of ink as a tree of elements, parsed by saxes: strict, and without entities other than the five of XML. An internal subset
// of a document type is refused, since it could define more; nothing is ever fetched.

import { SaxesParser } from 'saxes'
import { inkFormatError, MAX_CHARACTERS } from './parser.js'

/** An element with everything in it. */
export interface XmlElement {
  /** Name without the prefix of its name space; the names of attributes have none either, except that xml:id is `id`. */
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
  /** Its text, without the text of its children. */
  readonly text: string
  /** Line on which it begins, from 1. */
  readonly line: number
}

interface OpenElement {
  name: string
  attributes: Record<string, string>
  children: OpenElement[]
  text: string
  line: number
}

const MAX_LEVELS = 64
const MAX_ELEMENTS = 2 ** 20

/** A parser of one document, which takes the text in pieces. */
export interface XmlTree {
  /** Throws ERR_FILE_FORMAT if the text so far is not well-formed or exceeds a limit. */
  write(text: string): void
  /** Returns the root. Throws ERR_FILE_FORMAT if the document is unfinished. */
  end(): XmlElement
}

const withoutPrefix = (name: string) => name.slice(name.indexOf(':') + 1)

/** Returns a parser of the document `name`. It leaves out elements for which `isKept` returns false, with everything in them. */
export function xmlTree(name: string, isKept: (element: string) => boolean = () => true): XmlTree {
  const parser = new SaxesParser({ xmlns: false, position: true })
  const stack: OpenElement[] = []
  let root: OpenElement | null = null
  let left = 0 // levels within an element that is left out
  let elements = 0
  const where = () => `line ${parser.line} of ${name}`
  const tooMany = (limit: string) => inkFormatError(where(), `at most ${limit}`, 'more', 'split the file')
  const addText = (text: string) => {
    const inside = stack.at(-1)
    if (!inside || left > 0) return
    inside.text += text
    if (inside.text.length > MAX_CHARACTERS) throw tooMany(`${MAX_CHARACTERS} characters in <${inside.name}>`)
  }

  parser.on('error', (error) => {
    const message = error.message.replace(/^(.*?:)?\d+:\d+: /, '').replace(/\.$/, '')
    throw inkFormatError(where(), 'well-formed XML', `an error (${message.slice(0, 80)})`)
  })
  parser.on('doctype', (doctype) => {
    const remedy = 'remove the document type, and write out what its entities mean'
    if (doctype.includes('[')) throw inkFormatError(where(), 'no definitions of entities', 'a document type', remedy)
  })
  parser.on('opentag', ({ name: qualified, attributes: given }) => {
    if (stack.length + left >= MAX_LEVELS) throw tooMany(`${MAX_LEVELS} levels of elements`)
    const element = withoutPrefix(qualified)
    if (left > 0 || !isKept(element)) {
      left++
      return
    }
    if (++elements > MAX_ELEMENTS) throw tooMany(`${MAX_ELEMENTS} elements`)
    const attributes: Record<string, string> = {}
    for (const key in given) attributes[key === 'xml:id' ? 'id' : withoutPrefix(key)] = given[key]!
    const opened = { name: element, attributes, children: [], text: '', line: parser.line }
    stack.at(-1)?.children.push(opened)
    root ??= opened
    stack.push(opened)
  })
  parser.on('closetag', () => {
    if (left > 0) left--
    else stack.pop()
  })
  parser.on('text', addText)
  parser.on('cdata', addText)

  return {
    write(text) {
      parser.write(text)
    },
    end() {
      parser.close()
      if (root) return root
      throw inkFormatError(name, 'an XML element', 'none')
    }
  }
}

/** Returns the root element of an XML text. Throws ERR_FILE_FORMAT if it is not well-formed. */
export function parseXml(text: string, name: string): XmlElement {
  const tree = xmlTree(name)
  tree.write(text)
  return tree.end()
}
