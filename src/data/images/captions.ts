// Images with captions: a file of records, and the folder of the images that it names.

import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { callback, filled, list, optional, options as optionsOf, signal as signalOf } from '../../check/index.js'
import { expected, GatecellError } from '../../errors.js'
import { createPace } from '../files/pace.js'
import { textPieces } from '../files/text-pieces.js'
import { csvCaptions, jsonCaptions, type CaptionRecord, type ImagePart, type UsableRecord } from './records.js'

/** Most bytes of text for each packed byte: captions pack to a quarter, repeated captions better. */
const MAX_RATIO = 256

/** Most characters of a JSON file, which is one string: half of the longest one of Node.js. CSV has no limit. */
const MAX_CHARACTERS = 2 ** 28

/** An image with its name and all captions that its file of captions has for it. */
export interface NamedImage {
  /** The name of the image in its records. */
  readonly name: string
  /** At least one, in the order of the file. */
  readonly captions: readonly string[]
  /** The part of the data to which the file assigns the image; null if it assigns none. */
  readonly part: ImagePart | null
  /** The place of its first caption, for errors. */
  readonly where: string
}

/** An image file with its captions. */
export interface CaptionedImage extends NamedImage {
  /** The path of the image. */
  readonly path: string
}

/** The file of an image, and the place of its caption. */
export type PathedImage = Pick<CaptionedImage, 'path' | 'where'>

/** The options of `readCaptions`. */
export interface ReadCaptionsOptions {
  /** The folders of the images; an image is in the first one that has it. Default: the folder of the captions' file. */
  images?: readonly string[]
  /** Called with the errors of records and images that cannot be used, which are then left out. Default: the first error is thrown. */
  onBad?: (error: GatecellError) => void
  signal?: AbortSignal
}

/** Checks the options of `readCaptions`. */
export const checkReadCaptionsOptions = optionsOf<ReadCaptionsOptions>({
  images: optional(list(filled, 1)),
  onBad: optional(callback()),
  signal: optional(signalOf)
})

/** An image in the order of the file, by its name in the records. */
interface Named {
  readonly captions: string[]
  readonly part: ImagePart | null
  readonly where: string
}

/**
 * Reads a file of captions, also packed with gzip, and returns its images in the order of their first captions. The file is NDJSON or a JSON
 * list of records such as `{"file": "cat.png", "caption": "a cat", "split": "train"}` (also `image`, `file_name` or a list `images`, and a list
 * `captions`), a caption file of COCO, or CSV with a header. Captions of the same image are joined. The images are not decoded, but each one must
 * exist.
 *
 * Throws ERR_FILE_FORMAT, with file and line, for records without an image or a caption, names outside the folder and broken JSON or CSV,
 * ERR_FILE_NOT_FOUND for a missing file or image, ERR_CORPUS_EMPTY for a file without records, ERR_CORPUS_BINARY, ERR_ABORTED.
 *
 * @example
 * const images = await readCaptions('emoji/captions.ndjson', { images: ['emoji/png72'] })
 * console.log(images[0]?.captions)
 */
export async function readCaptions(file: string, options: ReadCaptionsOptions = {}): Promise<CaptionedImage[]> {
  const path = filled(file, 'the file of captions')
  const { images = [dirname(path)], ...reading } = checkReadCaptionsOptions(options, 'the options of readCaptions')
  return await existing(await readNamedImages(path, reading), images, reading)
}

/** Reads a file of captions as `readCaptions` does, and returns its images by their names, whether there are files of these names or not. */
export async function readNamedImages(
  path: string,
  { onBad, signal }: Pick<ReadCaptionsOptions, 'onBad' | 'signal'>
): Promise<NamedImage[]> {
  const usable = leavingOutBad(onBad)
  const found = new Map<string, Named>()
  for (const record of await recordsOf(path, usable, signal)) usable(() => (addRecord(found, record), record))
  if (found.size === 0) throw expected('ERR_CORPUS_EMPTY', `images with captions in ${path}`, 'none', 'check the file')
  return [...found].map(([name, one]) => ({ name, ...one }))
}

/** Returns a function that makes values, and returns null for those whose error goes to `onBad`. */
function leavingOutBad(onBad: ReadCaptionsOptions['onBad']) {
  return <T>(make: () => T): T | null => {
    try {
      return make()
    } catch (error) {
      if (!onBad || !(error instanceof GatecellError)) throw error
      onBad(error)
      return null
    }
  }
}

/** Adds the captions of a record to its images. Throws ERR_FILE_FORMAT if it assigns an image to another part than a record before. */
function addRecord(found: Map<string, Named>, { files, captions, part, where }: CaptionRecord): void {
  for (const name of files) {
    const known = found.get(name)
    if (!known || known.part === part) continue
    const what = `the part ${known.part ?? 'without a name'} for ${name} again in ${where}`
    throw expected('ERR_FILE_FORMAT', what, part ?? 'none', 'put all captions of an image into one part')
  }
  for (const name of files) {
    const known = found.get(name)
    if (known) known.captions.push(...captions)
    else found.set(name, { captions: [...captions], part, where })
  }
}

async function recordsOf(
  path: string,
  usable: UsableRecord,
  signal: AbortSignal | undefined
): Promise<CaptionRecord[]> {
  const pieces = textPieces({ path, isStdin: false, stdin: process.stdin, signal, onBytes: () => {}, maxRatio: MAX_RATIO }) // prettier-ignore
  const records: CaptionRecord[] = []
  if (/\.[ct]sv(\.gz)?$/i.test(path)) {
    for await (const record of csvCaptions(pieces, path, usable)) records.push(record)
    return records
  }
  let text = ''
  for await (const piece of pieces) {
    if (text.length + piece.length > MAX_CHARACTERS)
      throw expected('ERR_FILE_FORMAT', `at most ${MAX_CHARACTERS} characters of JSON in ${path}`, 'more', 'use CSV')
    text += piece
  }
  return text.trim() === '' ? records : jsonCaptions(text, path, usable)
}

/** Returns the images that are files of a folder. Throws ERR_FILE_NOT_FOUND, with the place of its caption, for another one. */
async function existing(
  found: readonly NamedImage[],
  folders: readonly string[],
  { onBad, signal }: ReadCaptionsOptions
): Promise<CaptionedImage[]> {
  const pace = createPace(signal)
  const images: CaptionedImage[] = []
  for (const one of found) {
    const { name } = one
    const path = await fileIn(folders, name)
    if (path !== null) images.push({ path, ...one })
    else {
      const what = `the image ${name} of ${one.where} in ${folders.join(', ')}`
      const remedy = 'name the folder of the images, or leave the record out'
      const error = expected('ERR_FILE_NOT_FOUND', what, 'no such file', remedy)
      if (!onBad) throw error
      onBad(error)
    }
    if (pace.due()) await pace.turn()
  }
  return images
}

/** Returns the path of a file in the first folder that has it; null if none has. */
async function fileIn(folders: readonly string[], name: string): Promise<string | null> {
  for (const folder of folders) {
    const path = join(folder, name)
    const found = await stat(path).catch(() => null)
    if (found?.isFile()) return path
  }
  return null
}
