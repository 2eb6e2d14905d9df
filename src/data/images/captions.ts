// Images with captions: a file of records, and the folder of the images that it names.

import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { filled, optional, options as optionsOf, signal as signalOf } from '../../check/index.js'
import { expected } from '../../errors.js'
import { createPace } from '../files/pace.js'
import { textPieces } from '../files/text-pieces.js'
import { csvCaptions, jsonCaptions, type CaptionRecord, type ImagePart } from './records.js'

/** Most bytes of text for each packed byte: captions pack to a quarter, repeated captions better. */
const MAX_RATIO = 256

/** Most characters of a JSON file, which is one string: half of the longest one of Node.js. CSV has no limit. */
const MAX_CHARACTERS = 2 ** 28

/** An image file with all captions that its file of captions has for it. */
export interface CaptionedImage {
  /** The path of the image. */
  readonly path: string
  /** At least one, in the order of the file. */
  readonly captions: readonly string[]
  /** The part of the data to which the file assigns the image; null if it assigns none. */
  readonly part: ImagePart | null
  /** The place of its first caption, for errors. */
  readonly where: string
}

/** The options of `readCaptions`. */
export interface ReadCaptionsOptions {
  /** The folder of the images. Default: the folder of the captions' file. */
  images?: string
  signal?: AbortSignal
}

const readOptions = optionsOf<ReadCaptionsOptions>({ images: optional(filled), signal: optional(signalOf) })

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
 * const images = await readCaptions('emoji/captions.ndjson', { images: 'emoji/png72' })
 * console.log(images[0]?.captions)
 */
export async function readCaptions(file: string, options: ReadCaptionsOptions = {}): Promise<CaptionedImage[]> {
  const path = filled(file, 'the file of captions')
  const { images = dirname(path), signal } = readOptions(options, 'the options of readCaptions')
  const found = new Map<string, { captions: string[]; part: ImagePart | null; where: string }>()
  for (const { files, captions, part, where } of await recordsOf(path, signal)) {
    for (const name of files) {
      const known = found.get(name)
      if (!known) found.set(name, { captions: [...captions], part, where })
      else if (known.part === part) known.captions.push(...captions)
      else {
        const what = `the part ${known.part ?? 'without a name'} for ${name} again in ${where}`
        throw expected('ERR_FILE_FORMAT', what, part ?? 'none', 'put all captions of an image into one part')
      }
    }
  }
  if (found.size === 0) throw expected('ERR_CORPUS_EMPTY', `images with captions in ${path}`, 'none', 'check the file')
  await checkFiles(found, images, signal)
  return [...found].map(([name, { captions, part, where }]) => ({ path: join(images, name), captions, part, where }))
}

async function recordsOf(path: string, signal: AbortSignal | undefined): Promise<CaptionRecord[]> {
  const pieces = textPieces({ path, isStdin: false, stdin: process.stdin, signal, onBytes: () => {}, maxRatio: MAX_RATIO }) // prettier-ignore
  const records: CaptionRecord[] = []
  if (/\.[ct]sv(\.gz)?$/i.test(path)) {
    for await (const record of csvCaptions(pieces, path)) records.push(record)
    return records
  }
  let text = ''
  for await (const piece of pieces) {
    if (text.length + piece.length > MAX_CHARACTERS)
      throw expected('ERR_FILE_FORMAT', `at most ${MAX_CHARACTERS} characters of JSON in ${path}`, 'more', 'use CSV')
    text += piece
  }
  return text.trim() === '' ? records : jsonCaptions(text, path)
}

/** Throws ERR_FILE_NOT_FOUND, with the place of its caption, unless every image is a file of the folder. */
async function checkFiles(
  found: ReadonlyMap<string, { where: string }>,
  images: string,
  signal: AbortSignal | undefined
): Promise<void> {
  const pace = createPace(signal)
  for (const [name, { where }] of found) {
    const isFile = await stat(join(images, name)).then(
      (one) => one.isFile(),
      () => false
    )
    if (!isFile) {
      const remedy = 'name the folder of the images, or leave the record out'
      throw expected('ERR_FILE_NOT_FOUND', `the image ${name} of ${where} in ${images}`, 'no such file', remedy)
    }
    if (pace.due()) await pace.turn()
  }
}
