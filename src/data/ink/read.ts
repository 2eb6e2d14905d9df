// Ink from files: stroke JSON, NDJSON, stroke-3, UNIPEN and InkML, known by how they begin, gzip unpacked. A file is read
// whole (a writer's life of ink is megabytes); sizes are bounded before anything is kept.

import { GatecellError } from '../../errors.js'
import { aborted, notReadable, resolveFiles, unpack, type OnSkip, type ReadAt } from '../files.js'
import { openPath } from '../source.js'
import { parseInkml } from './inkml.js'
import { parseStrokeJson } from './stroke-json.js'
import type { Ink, InkDraft } from './strokes.js'
import { parseUnipen } from './unipen.js'

const MAX_BYTES = 2 ** 28
const MAX_SAMPLES = 2 ** 22

export interface ReadInkOptions {
  /** Where y points in the files; default: what the format says (down in InkML and stroke-3, else up). */
  y?: 'up' | 'down'
  /** Takes what is left out instead of thrown: samples that are no usable ink, files of a folder that hold none. */
  onBad?: (error: GatecellError) => void
  onSkip?: OnSkip
  signal?: AbortSignal
  /** What `-` reads; default: process.stdin. */
  stdin?: AsyncIterable<Uint8Array>
}

/**
 * The samples of files, folders, patterns and `-`, in order. ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_INVALID_INK,
 * ERR_CORPUS_BINARY for bytes that are no UTF-8, ERR_CORPUS_EMPTY for no sample at all, ERR_ABORTED.
 */
export async function readInk(inputs: readonly string[], options: ReadInkOptions = {}): Promise<Ink[]> {
  const { onBad, onSkip, y, signal, stdin = process.stdin } = options
  const samples: Ink[] = []
  const attempt = <T>(work: () => T, tolerated: boolean): T | null => {
    try {
      return work()
    } catch (error) {
      if (!onBad || !tolerated || !(error instanceof GatecellError)) throw error
      onBad(error)
      return null
    }
  }
  for (const { path, named, stream } of await resolveFiles(inputs, onSkip)) {
    const text = await readText(path, stream, stdin, signal)
    const drafts = attempt(() => [...parseInk(text, path, y)], !named)
    for (const draft of drafts ?? []) {
      const ink = attempt(draft, true)
      if (ink) samples.push(ink)
      if (samples.length > MAX_SAMPLES) throw tooMuch(path, `${MAX_SAMPLES} samples`)
    }
  }
  if (samples.length > 0) return samples
  throw new GatecellError('ERR_CORPUS_EMPTY', `Expected ink in ${inputs.join(', ').slice(0, 200)} but found none.`)
}

/** The samples of one text of any of the formats. ERR_FILE_FORMAT. */
export function parseInk(text: string, name: string, y?: 'up' | 'down'): Generator<InkDraft> {
  const yDown = y === undefined ? undefined : y === 'down'
  const first = text.replace(/^\ufeff/, '').trimStart()[0]
  if (first === '<') return parseInkml(text, name, yDown)
  if (first === '.') return parseUnipen(text, name, yDown)
  if (first === '{' || first === '[') return parseStrokeJson(text, name, yDown)
  const found = first === undefined ? 'nothing' : JSON.stringify(text.slice(0, 20))
  throw new GatecellError(
    'ERR_FILE_FORMAT',
    `Expected stroke JSON, UNIPEN or InkML in ${name} but found ${found}: see "gatecell read --help" for the formats.`
  )
}

function tooMuch(path: string, limit: string): GatecellError {
  return new GatecellError('ERR_FILE_FORMAT', `Expected at most ${limit} in ${path} but found more: split the file.`)
}

/** A whole file, pipe or standard input as text, unpacked. */
async function readText(
  path: string,
  stream: boolean,
  stdin: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined
): Promise<string> {
  const opened = path === '-' && stream ? null : await openPath(path)
  // A pipe has no positions: it is read on.
  const fromPipe: ReadAt = (target) => opened!.readAt(target, null as unknown as number)
  const source = !opened ? fromStream(stdin, path, signal) : stream ? fromPipe : opened.readAt
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let size = 0
  try {
    for await (const bytes of unpack(source, path, signal)) {
      size += bytes.length
      if (size > MAX_BYTES) throw tooMuch(path, `${MAX_BYTES} bytes`)
      text += decoder.decode(bytes, { stream: true })
    }
    return text + decoder.decode()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new GatecellError('ERR_CORPUS_BINARY', `Expected UTF-8 text in ${path} but found other bytes.`)
  } finally {
    await opened?.close()
  }
}

function fromStream(stream: AsyncIterable<Uint8Array>, path: string, signal: AbortSignal | undefined): ReadAt {
  const iterator = stream[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)
  return async (target) => {
    while (rest.length === 0) {
      if (signal?.aborted) throw aborted()
      const { done, value } = await iterator.next().catch((error: unknown) => {
        throw error instanceof GatecellError ? error : notReadable(path, error)
      })
      if (done) return 0
      rest = value
    }
    const length = Math.min(rest.length, target.length)
    target.set(rest.subarray(0, length))
    rest = rest.subarray(length)
    return length
  }
}
