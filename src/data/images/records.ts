// Records of images with captions in JSON and CSV: their fields, and their places in the file.

import { normalize } from 'node:path'
import { expected, show, type GatecellError } from '../../errors.js'
import { parseStrictJson, type StrictJson } from '../../io/json.js'
import { badLine, csvRecords } from '../files/csv.js'

/** A part of a data set that a file may assign an image to. */
export type ImagePart = 'train' | 'valid' | 'test'

/** A record of a file of captions: one or more captions of one or more images. */
export interface CaptionRecord {
  /** Names of image files, relative to the folder of the images. */
  readonly files: readonly string[]
  readonly captions: readonly string[]
  readonly part: ImagePart | null
  /** The place in the file, for errors: "line 7 of captions.ndjson". */
  readonly where: string
}

/** Makes a record, and returns null if it cannot be used and is left out. */
export type UsableRecord = (make: () => CaptionRecord) => CaptionRecord | null

/** Longest caption in characters. */
const MAX_CAPTION = 10_000
const FILE_FIELDS = ['file', 'image', 'file_name', 'images'] as const
const TEXT_FIELDS = ['caption', 'captions'] as const
const PART_NAMES: Readonly<Record<string, ImagePart>> = { train: 'train', valid: 'valid', val: 'valid', test: 'test' }

function bad(where: string, what: string, found: string, remedy: string): GatecellError {
  return expected('ERR_FILE_FORMAT', `${what} in ${where}`, found, remedy)
}

/**
 * Returns the records of a JSON text: a line for each record (NDJSON), one list of records, or the captions of COCO, an object with the lists
 * `images` and `annotations`; those without an image or a caption go to `usable` as errors ERR_FILE_FORMAT, with the place. Throws ERR_FILE_FORMAT
 * for other JSON.
 */
export function jsonCaptions(text: string, path: string, usable: UsableRecord): CaptionRecord[] {
  const document = wholeDocument(text, path)
  return makersOf(text, path, document).flatMap((make) => usable(make) ?? [])
}

type RecordMakers = readonly (() => CaptionRecord)[]

function makersOf(text: string, path: string, document: StrictJson | null): RecordMakers {
  if (document === null) return lineRecords(text, path)
  if (Array.isArray(document)) return document.map((value, at) => () => recordOf(value, `record ${at + 1} of ${path}`))
  if (document instanceof Map && document.has('annotations')) return cocoRecords(document, path)
  return [() => recordOf(document, `record 1 of ${path}`)]
}

/** Returns the value of a text that is one JSON document; null for a text with a document on each line. */
function wholeDocument(text: string, path: string): StrictJson | null {
  const first = text.trimStart()
  const end = first.indexOf('\n')
  if (first.startsWith('[') || end < 0 || first.slice(end).trim() === '') return parseStrictJson(text, path)
  // The first line of a document over several lines is not JSON by itself.
  if (!first.slice(0, end).trimEnd().endsWith('}')) return parseStrictJson(text, path)
  return null
}

function lineRecords(text: string, path: string): RecordMakers {
  return text.split('\n').flatMap((line, at) => {
    const where = `line ${at + 1} of ${path}`
    return line.trim() === '' ? [] : [() => recordOf(parseStrictJson(line, where), where)]
  })
}

function recordOf(value: StrictJson, where: string): CaptionRecord {
  const fields = objectOf(value, where)
  const files = textsOf(fields, FILE_FIELDS, where)
  const captions = textsOf(fields, TEXT_FIELDS, where)
  return { files: files.map((file) => fileName(file, where)), captions: captions.map((one) => captionOf(one, where)), part: partOf(fields.get('split'), where), where } // prettier-ignore
}

function objectOf(value: StrictJson, where: string): Map<string, StrictJson> {
  if (value instanceof Map) return value
  throw bad(where, 'an object with an image and a caption', show(value), 'correct it')
}

/** Returns the texts of the first of `names` that the record has: a text, or a list of them with at least one. */
function textsOf(fields: Map<string, StrictJson>, names: readonly string[], where: string): string[] {
  const name = names.find((one) => fields.has(one))
  const value = name === undefined ? undefined : fields.get(name)
  const texts = typeof value === 'string' ? [value] : value
  if (Array.isArray(texts) && texts.length > 0 && texts.every((one) => typeof one === 'string')) return texts
  const what = `a text or a list of texts as ${names.map((one) => `"${one}"`).join(' or ')}`
  throw bad(where, what, name === undefined ? 'none' : show(value), 'add it, or leave the record out')
}

function partOf(value: StrictJson | undefined, where: string): ImagePart | null {
  if (value === undefined || value === null || value === '') return null
  const name = typeof value === 'string' ? value.toLowerCase() : ''
  if (Object.hasOwn(PART_NAMES, name)) return PART_NAMES[name]!
  throw bad(where, 'train, valid, val or test as "split"', show(value), 'correct it')
}

/** Returns the name of an image file in its shortest form, so that an image has one name. It must stay below the folder of the images. */
function fileName(name: string, where: string): string {
  const steps = name.split(/[\\/]/)
  const inside = name !== '' && !/^([\\/]|[a-z]:)/i.test(name) && !steps.includes('..') && !name.includes('\0')
  if (inside) return normalize(name)
  throw bad(where, 'the name of an image below the folder of the images', show(name), 'move the image there')
}

function captionOf(text: string, where: string): string {
  const caption = text.trim()
  if (caption !== '' && caption.length <= MAX_CAPTION) return caption
  const found = caption === '' ? 'an empty text' : `${caption.length} characters`
  throw bad(where, `a caption of 1 to ${MAX_CAPTION} characters`, found, 'correct it, or leave the record out')
}

/** Returns the records of COCO's caption files: images with ids, and annotations that name an image by its id. */
function cocoRecords(document: Map<string, StrictJson>, path: string): RecordMakers {
  const names = new Map<string, string>()
  for (const [at, value] of listOf(document, 'images', path).entries()) {
    const where = `image ${at + 1} of ${path}`
    const image = objectOf(value, where)
    names.set(idOf(image.get('id'), where), fileName(textsOf(image, ['file_name'], where)[0]!, where))
  }
  return listOf(document, 'annotations', path).map((value, at) => () => {
    const where = `annotation ${at + 1} of ${path}`
    const annotation = objectOf(value, where)
    const id = idOf(annotation.get('image_id'), where)
    const file = names.get(id)
    if (file === undefined) throw bad(where, 'the id of an image of the file', id, 'add the image, or leave it out')
    const captions = textsOf(annotation, ['caption'], where).map((one) => captionOf(one, where))
    return { files: [file], captions, part: null, where }
  })
}

function listOf(document: Map<string, StrictJson>, name: string, path: string): StrictJson[] {
  const value = document.get(name)
  if (Array.isArray(value)) return value
  throw bad(path, `a list "${name}"`, show(value), 'name a file of captions as COCO has them')
}

function idOf(value: StrictJson | undefined, where: string): string {
  if (typeof value === 'number' || typeof value === 'string') return String(value)
  throw bad(where, 'an id', show(value), 'add it')
}

/**
 * Yields the records of a CSV text with a header: a column file, image or file_name, a column caption, and perhaps a column split. Records
 * that cannot be used go to `usable` as errors. Throws ERR_FILE_FORMAT, with the line, for text that is not CSV with these columns.
 */
export async function* csvCaptions(
  pieces: AsyncGenerator<string>,
  path: string,
  usable: UsableRecord
): AsyncGenerator<CaptionRecord> {
  let columns: { file: number; caption: number; split: number } | undefined
  for await (const { cells, line } of csvRecords(pieces, path)) {
    if (columns) {
      const { file, caption, split } = columns
      const where = `line ${line} of ${path}`
      const record = usable(() => {
        const captions = [captionOf(cells[caption]!, where)]
        return { files: [fileName(cells[file]!, where)], captions, part: partOf(cells[split], where), where }
      })
      if (record) yield record
      continue
    }
    const names = cells.map((cell) => cell.toLowerCase())
    const file = names.findIndex((name) => FILE_FIELDS.slice(0, 3).includes(name as 'file'))
    columns = { file, caption: names.indexOf('caption'), split: names.indexOf('split') }
    if (columns.file >= 0 && columns.caption >= 0) continue
    const found = cells.slice(0, 8).join(', ')
    throw badLine(path, line, 'columns "file" and "caption"', found, 'name the columns in the first line')
  }
}
