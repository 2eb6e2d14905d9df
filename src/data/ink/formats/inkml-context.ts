// The channels of InkML traces (recommendation, sections 3.1, 4.1 and 6): from the context that the trace or a group around it names,
// else from the current context of the document, else the default format, X and Y.

import { inkFormatError, excerpt } from './parser.js'
import type { Channels } from './inkml-trace.js'
import type { XmlElement } from './xml.js'

const MAX_CHANNELS = 32
/** Maximum length of a chain of references; a circle of references exceeds it. */
const MAX_STEPS = 64

/** The channels of a trace without a context. */
export const DEFAULT_CHANNELS: Channels = { names: ['X', 'Y'], optional: 0, scaleX: 1, scaleY: 1 }

/** Millimetres of the units of length that the recommendation defines. */
const MILLIMETRES: Readonly<Record<string, number>> = {
  m: 1000,
  cm: 10,
  mm: 1,
  in: 25.4,
  pt: 25.4 / 72,
  pc: 25.4 / 6
}

/** A document whose references can be resolved. */
export interface InkmlDocument {
  readonly name: string
  /** Returns the element of a reference such as #t1. Throws ERR_FILE_FORMAT if there is none in this file. */
  find(reference: string, from: XmlElement): XmlElement
  /** Returns the channels of a trace or group by its own references; null if it has none. Throws ERR_FILE_FORMAT for invalid ones. */
  channelsOf(element: XmlElement): Channels | null
  /** Returns the channels that a <context> or <traceFormat> at the top of the document makes current; null for none. */
  current(element: XmlElement): Channels | null
}

/**
 * Indexes the elements of a document that have an id, and resolves references between them. `orientedY` false: the orientation
 * of the channel Y is ignored.
 */
export function inkmlDocument(root: XmlElement, name: string, { orientedY }: { orientedY: boolean }): InkmlDocument {
  const ids = elementsById(root)
  const formats = new Map<XmlElement, Channels>()
  const where = ({ line }: XmlElement) => `line ${line} of ${name}`

  /** Files in use also refer to an id without #. */
  function find(reference: string, from: XmlElement): XmlElement {
    const hash = reference.indexOf('#')
    const found = hash > 0 ? undefined : ids.get(reference.slice(hash + 1).trim())
    if (found) return found
    const what = hash > 0 ? 'a reference within this file' : 'the id of an element'
    throw inkFormatError(where(from), what, excerpt(reference), hash > 0 ? 'put both into one file' : '')
  }

  function formatOf(element: XmlElement): Channels {
    const known = formats.get(element)
    if (known) return known
    const made = channelsOfFormat(element, where(element), orientedY)
    formats.set(element, made)
    return made
  }

  /** Follows the references and parts of an element until a trace format is found. */
  function resolve(element: XmlElement, steps: number): Channels | null {
    if (steps > MAX_STEPS) throw inkFormatError(where(element), 'references that end', 'a circle')
    if (element.name === 'traceFormat') return formatOf(element)
    const isContext = element.name === 'context'
    if (isContext || element.name === 'inkSource') {
      const own = element.children.find((child) => child.name === 'traceFormat')
      if (own) return formatOf(own)
    }
    const { traceFormatRef, inkSourceRef, contextRef } = element.attributes
    const next = [
      ...referenced(traceFormatRef, element),
      ...(isContext ? element.children.filter((child) => child.name === 'inkSource') : []),
      ...referenced(inkSourceRef, element),
      ...referenced(contextRef, element)
    ]
    for (const one of next) {
      const channels = resolve(one, steps + 1)
      if (channels) return channels
    }
    return contextRef !== undefined && next.length === 0 ? DEFAULT_CHANNELS : null
  }

  /** Returns the element of a reference as a list, which is empty for the default context (#DefaultContext and its like). */
  function referenced(reference: string | undefined, from: XmlElement): XmlElement[] {
    return reference === undefined || /^#?Default/.test(reference) ? [] : [find(reference, from)]
  }

  const named = ['traceFormatRef', 'inkSourceRef', 'contextRef']
  return {
    name,
    find,
    channelsOf: (element) => (named.some((key) => element.attributes[key] !== undefined) ? resolve(element, 0) : null),
    current: (element) => resolve(element, 0)
  }
}

/** Returns the elements that have an id; of several with the same id the first. */
function elementsById(root: XmlElement): Map<string, XmlElement> {
  const ids = new Map<string, XmlElement>()
  const walk = (element: XmlElement) => {
    const { id } = element.attributes
    if (id !== undefined && !ids.has(id)) ids.set(id, element)
    element.children.forEach(walk)
  }
  walk(root)
  return ids
}

function channelsOfFormat(format: XmlElement, where: string, orientedY: boolean): Channels {
  const channels: XmlElement[] = []
  let optional = 0
  for (const child of format.children) {
    if (child.name === 'channel') channels.push(child)
    if (child.name === 'intermittentChannels') {
      const more = child.children.filter((one) => one.name === 'channel')
      for (const one of more) channels.push(one)
      optional += more.length
    }
  }
  const names = channels.map(({ attributes }) => attributes['name'] ?? '')
  if (!names.includes('X') || !names.includes('Y') || names.length > MAX_CHANNELS)
    throw inkFormatError(where, 'a traceFormat with the channels X and Y', excerpt(names.join(' ')))
  const signOf = (name: string) => (channels[names.indexOf(name)]!.attributes['orientation'] === '-ve' ? -1 : 1)
  const unitOf = (name: string) => MILLIMETRES[channels[names.indexOf(name)]!.attributes['units'] ?? '']
  const [wide, high] = [unitOf('X'), unitOf('Y')]
  const scaleY = wide !== undefined && high !== undefined ? high / wide : 1
  return { names, optional, scaleX: signOf('X'), scaleY: (orientedY ? signOf('Y') : 1) * scaleY }
}
