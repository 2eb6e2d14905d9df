// Which channels a trace of InkML has (recommendation, sections 3.1, 4.1 and 6): from the context that the trace names, or a group
// around it, else the current context of the document, else the default format, X and Y.

import { formatError, quoted } from './parser.js'
import type { Channels } from './inkml-trace.js'
import type { XmlElement } from './xml.js'

const MOST_CHANNELS = 32
/** Longest chain of references: a circle of them ends here. */
const MOST_STEPS = 64

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

export interface InkmlDocument {
  readonly name: string
  /** Returns the element of a reference such as #t1. Throws ERR_FILE_FORMAT if there is none in this file. */
  find(reference: string, from: XmlElement): XmlElement
  /** Returns the channels of a trace or group by its own references; null if it has none. */
  channelsOf(element: XmlElement): Channels | null
  /** Returns the channels that a <context> or <traceFormat> at the top of the document makes current; null for none. */
  current(element: XmlElement): Channels | null
}

/**
 * Indexes the elements of a document that have an id, and resolves references between them. `orientedY` false: the orientation
 * of the channel Y is ignored.
 */
export function inkmlDocument(root: XmlElement, name: string, { orientedY }: { orientedY: boolean }): InkmlDocument {
  const ids = new Map<string, XmlElement>()
  const walk = (element: XmlElement) => {
    const { id } = element.attributes
    if (id !== undefined && !ids.has(id)) ids.set(id, element)
    element.children.forEach(walk)
  }
  walk(root)
  const formats = new Map<XmlElement, Channels>()
  const where = ({ line }: XmlElement) => `line ${line} of ${name}`

  /** Files in use also refer to an id without #. */
  function find(reference: string, from: XmlElement): XmlElement {
    const hash = reference.indexOf('#')
    const found = hash > 0 ? undefined : ids.get(reference.slice(hash + 1).trim())
    if (found) return found
    const expected = hash > 0 ? 'a reference within this file' : 'the id of an element'
    throw formatError(where(from), expected, quoted(reference), hash > 0 ? 'put both into one file' : '')
  }

  function formatOf(element: XmlElement): Channels {
    const known = formats.get(element)
    if (known) return known
    const made = channelsOfFormat(element, where(element), orientedY)
    formats.set(element, made)
    return made
  }

  /** Follows what an element refers to or holds, until a trace format is found. */
  function resolve(element: XmlElement, steps: number): Channels | null {
    if (steps > MOST_STEPS) throw formatError(where(element), 'references that end', 'a circle')
    if (element.name === 'traceFormat') return formatOf(element)
    const { traceFormatRef, inkSourceRef, contextRef } = element.attributes
    const next: XmlElement[] = []
    const refer = (reference: string | undefined) => {
      // #DefaultContext and its like are names of what holds without any.
      if (reference !== undefined && !/^#?Default/.test(reference)) next.push(find(reference, element))
      return reference !== undefined
    }
    if (element.name === 'context' || element.name === 'inkSource') {
      const own = element.children.find((child) => child.name === 'traceFormat')
      if (own) return formatOf(own)
    }
    refer(traceFormatRef)
    if (element.name === 'context')
      for (const child of element.children) if (child.name === 'inkSource') next.push(child)
    refer(inkSourceRef)
    const isDefault = refer(contextRef) && next.length === 0
    for (const one of next) {
      const channels = resolve(one, steps + 1)
      if (channels) return channels
    }
    return isDefault ? DEFAULT_CHANNELS : null
  }

  const named = ['traceFormatRef', 'inkSourceRef', 'contextRef']
  return {
    name,
    find,
    channelsOf: (element) => (named.some((key) => element.attributes[key] !== undefined) ? resolve(element, 0) : null),
    current: (element) => resolve(element, 0)
  }
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
  if (!names.includes('X') || !names.includes('Y') || names.length > MOST_CHANNELS)
    throw formatError(where, 'a traceFormat with the channels X and Y', quoted(names.join(' ')))
  const signOf = (name: string) => (channels[names.indexOf(name)]!.attributes['orientation'] === '-ve' ? -1 : 1)
  const unitOf = (name: string) => MILLIMETRES[channels[names.indexOf(name)]!.attributes['units'] ?? '']
  const [wide, high] = [unitOf('X'), unitOf('Y')]
  const scaleY = wide !== undefined && high !== undefined ? high / wide : 1
  return { names, optional, scaleX: signOf('X'), scaleY: (orientedY ? signOf('Y') : 1) * scaleY }
}
