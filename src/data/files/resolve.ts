// Files, folders, patterns, pipes and - (standard input) as an ordered list of sources, and the bytes of a source.
// Gzip is unpacked on the way, recognised by its magic number. Folders are walked in a fixed order
// without hidden files, without node_modules and without following links; everything that is left out is reported.

import * as fs from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { Readable, pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { expected, type GatecellError } from '../../errors.js'
import { readError } from '../../io/read-error.js'

/** A file, pipe or standard input that will be read. */
export interface SourceFile {
  readonly path: string
  /** The user named this very file: then it is an error where a file found in a folder would be left out. */
  readonly named: boolean
  /** Standard input or a pipe, which can be read only once. */
  readonly stream: boolean
}

/** Why a file in a folder is left out. */
export type SkipReason =
  'hidden' | 'dependencies' | 'link' | 'special' | 'duplicate' | 'binary' | 'damaged' | 'unreadable'

/** Takes the path of a file that is left out, and the reason. */
export type OnSkip = (path: string, reason: SkipReason) => void

/** Reads bytes at a position into `target` and returns their number, 0 at the end. */
export type ReadAt = (target: Uint8Array, position: number) => Promise<number>

const CHUNK_BYTES = 1 << 18

/** The folder of a project's dependencies, which are not the project's own text. It is read only if a name or pattern contains it. */
const DEPENDENCIES = 'node_modules'

/** Returns the ERR_ABORTED for reading that the caller aborted. */
export function aborted(): GatecellError {
  return expected('ERR_ABORTED', 'time to read all of the data', 'an abort by the caller', 'call again to read it')
}

/**
 * Lists the sources that `inputs` name: in the order given, folders and patterns each sorted by path. Files and folders whose name begins
 * with a dot, and folders named node_modules, are left out unless an input names them. A name that exists is never taken for a pattern. Each
 * file is listed once. Throws ERR_FILE_NOT_FOUND for a name or pattern without a file.
 */
export async function resolveFiles(inputs: readonly string[], onSkip: OnSkip = () => {}): Promise<SourceFile[]> {
  const listed = new Set<string>()
  const sources: SourceFile[] = []
  for (const input of inputs) {
    for (const source of await resolveInput(input, onSkip)) {
      const identity = source.stream ? source.path : await identify(source, onSkip)
      if (identity === undefined) continue
      if (listed.has(identity)) {
        onSkip(source.path, 'duplicate')
        continue
      }
      listed.add(identity)
      sources.push(source)
    }
  }
  return sources
}

async function identify(source: SourceFile, onSkip: OnSkip): Promise<string | undefined> {
  try {
    return await fs.promises.realpath(source.path)
  } catch (error) {
    if (source.named) throw readError(source.path, error)
    onSkip(source.path, 'unreadable')
    return undefined
  }
}

async function resolveInput(input: string, onSkip: OnSkip): Promise<SourceFile[]> {
  if (input === '-') return [{ path: '-', named: true, stream: true }]
  let found: fs.Stats
  try {
    found = await fs.promises.stat(input)
  } catch (error) {
    if (/[*?[\]{}()!]/.test(input)) return await resolvePattern(input)
    throw readError(input, error)
  }
  if (found.isFile()) return [{ path: input, named: true, stream: false }]
  if (found.isFIFO()) return [{ path: input, named: true, stream: true }]
  if (!found.isDirectory()) {
    throw expected(
      'ERR_FILE_NOT_FOUND',
      'a file or folder',
      `${input}, which is a device or socket`,
      'copy its content to a file'
    )
  }
  const paths: string[] = []
  await walk(input, paths, onSkip).catch((error: unknown) => {
    throw readError(input, error)
  })
  if (paths.length > 0) return sorted(paths)
  throw expected('ERR_FILE_NOT_FOUND', `files in ${input}`, 'none', 'name a folder with text files')
}

function sorted(paths: string[]): SourceFile[] {
  return paths.sort().map((path) => ({ path, named: false, stream: false }))
}

/** Returns whether a path or pattern leads through a folder of dependencies. */
function inDependencies(path: string): boolean {
  return path.split(/[\\/]/).includes(DEPENDENCIES)
}

async function resolvePattern(pattern: string): Promise<SourceFile[]> {
  const { glob } = await import('tinyglobby')
  const named = inDependencies(pattern)
  // The walk skips them to save time; under a hidden folder, which ** does not match, the filter below leaves them out.
  const ignore = named ? [] : [`**/${DEPENDENCIES}/**`]
  const options = { absolute: isAbsolute(pattern), expandDirectories: false, followSymbolicLinks: false, ignore }
  const paths = (await glob(pattern, options)).filter((path) => named || !inDependencies(path))
  if (paths.length > 0) return sorted(paths)
  throw expected(
    'ERR_FILE_NOT_FOUND',
    'a file, folder or pattern',
    `${pattern}, which matches nothing`,
    'check the name'
  )
}

async function walk(folder: string, paths: string[], onSkip: OnSkip): Promise<void> {
  for (const entry of await fs.promises.readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.name.startsWith('.')) onSkip(path, 'hidden')
    else if (entry.name === DEPENDENCIES && entry.isDirectory()) onSkip(path, 'dependencies')
    else if (entry.isFile()) paths.push(path)
    else if (entry.isSymbolicLink()) onSkip(path, 'link')
    else if (!entry.isDirectory()) onSkip(path, 'special')
    else await walk(path, paths, onSkip).catch(() => onSkip(path, 'unreadable'))
  }
}

/**
 * Yields the pieces of a source, unpacked if it begins with gzip's magic number. A piece is valid until the next one is
 * read. `name` is for errors. Throws ERR_FILE_FORMAT for damaged gzip data, ERR_ABORTED.
 */
export async function* unpack(readAt: ReadAt, name: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  yield* (await isGzip(readAt, name)) ? gunzip(pieces(readAt, true, signal), name) : pieces(readAt, false, signal)
}

/** Returns whether a source begins as gzip does. Throws ERR_FILE_FORMAT if it is named .gz and begins otherwise. */
export async function isGzip(readAt: ReadAt, name: string): Promise<boolean> {
  const magic = new Uint8Array(3)
  let filled = 0
  for (let got = 1; got > 0 && filled < 3; filled += got) got = await readAt(magic.subarray(filled), filled)
  if (magic[0] === 0x1f && magic[1] === 0x8b && magic[2] === 8) return true
  if (!name.endsWith('.gz') || filled === 0) return false
  throw expected('ERR_FILE_FORMAT', `gzip data in ${name}`, 'another format', 'check the file')
}

async function* pieces(readAt: ReadAt, keep: boolean, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(CHUNK_BYTES)
  for (let position = 0; ;) {
    if (signal?.aborted) throw aborted()
    if (keep) buffer = new Uint8Array(CHUNK_BYTES)
    const length = await readAt(buffer, position)
    if (length === 0) return
    position += length
    yield buffer.subarray(0, length)
  }
}

async function* gunzip(bytes: AsyncGenerator<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const unzip = createGunzip({ chunkSize: CHUNK_BYTES })
  pipeline(Readable.from(bytes, { objectMode: true, highWaterMark: 1 }), unzip, () => {})
  try {
    yield* unzip as AsyncIterable<Uint8Array>
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    if (!code.startsWith('Z_')) throw cause
    throw expected('ERR_FILE_FORMAT', `whole gzip data in ${name}`, code, 'the file is damaged or truncated', cause)
  }
}
