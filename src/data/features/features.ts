// Ready features of pictures, of any other network: numbers for each place of a picture.

import { expected } from '../../errors.js'
import { openBytes } from '../files/byte-reader.js'
import { fileLines, lineText } from '../files/lines.js'
import { bytePieces } from '../files/byte-pieces.js'
import { openArrays, type ArrayFile, type NumberArray } from './arrays.js'

/** The places of a picture and the numbers of each. */
export interface FeatureShape {
  /** Rows of places, from the top; features without rows have 1. */
  readonly rows: number
  readonly columns: number
  /** Numbers of a place. */
  readonly width: number
}

/** The features of a picture. */
export interface Features {
  /** [places, numbers], or [rows, columns, numbers]. */
  readonly shape: readonly number[]
  /** Finite numbers, as many as the shape has. */
  readonly values: Float32Array
}

/** Most rows and columns of places. */
export const MOST_PLACES = 1024
/** Most numbers of a place. */
export const MOST_WIDTH = 2 ** 16
/** Most numbers of a picture. */
const MOST_NUMBERS = 2 ** 24
/** Most pictures of an array. */
const MOST_PICTURES = 2 ** 22

/** Returns a shape in words. */
export function shownShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`
}

/** Returns the places of features of a shape. Throws ERR_FILE_FORMAT, with the place `where`, for a shape that is not that of features. */
export function featureShape(shape: readonly number[], where: string): FeatureShape {
  const [rows, columns, width] = (shape.length === 2 ? [1, ...shape] : shape) as [number, number, number]
  const sides = shape.length === 2 || shape.length === 3
  const fits = sides && Math.min(...shape) >= 1 && Math.max(rows, columns) <= MOST_PLACES && width <= MOST_WIDTH
  if (fits && rows * columns * width <= MOST_NUMBERS) return { rows, columns, width }
  const what = `features of the shape [places, numbers] or [rows, columns, numbers] with 1 to ${MOST_PLACES} rows and columns and at most ${MOST_NUMBERS} numbers in ${where}`
  throw expected('ERR_FILE_FORMAT', what, shownShape(shape), 'save the output of a layer for one picture')
}

/** Returns a shape of features in words. */
export function shownFeatures({ rows, columns, width }: FeatureShape): string {
  return shownShape(rows === 1 ? [columns, width] : [rows, columns, width])
}

/** Throws ERR_FILE_FORMAT, with the place `where`, unless features have the wanted shape. */
export function checkFeatures(shape: readonly number[], wanted: FeatureShape, where: string): void {
  const found = featureShape(shape, where)
  if (found.rows === wanted.rows && found.columns === wanted.columns && found.width === wanted.width) return
  const what = `features of the shape ${shownFeatures(wanted)}, as those before or those of the training, in ${where}`
  throw expected('ERR_FILE_FORMAT', what, shownShape(shape), 'take the same layer of the same network for all pictures')
}

/** The features of one picture in a file, not read yet. */
export interface StoredFeatures {
  readonly where: string
  readonly shape: readonly number[]
  read(): Promise<Float32Array>
}

const product = (shape: readonly number[]) => shape.reduce((all, side) => all * side, 1)

/** Returns the features that an array has for one picture. */
function whole(array: NumberArray): StoredFeatures {
  return { ...array, read: async () => await array.read(0, product(array.shape)) }
}

/** Returns the features of each picture of an array with the pictures as its first dimension. Throws ERR_FILE_FORMAT for another shape. */
function eachOf(array: NumberArray): StoredFeatures[] {
  const [count = 0, ...shape] = array.shape
  featureShape(shape, `each picture of ${array.where}`)
  if (count > MOST_PICTURES) {
    const what = `at most ${MOST_PICTURES} pictures in ${array.where}`
    throw expected('ERR_FILE_FORMAT', what, `${count}`, 'divide the array')
  }
  const size = product(shape)
  return Array.from({ length: count }, (_, i) => {
    return { where: `picture ${i} of ${array.where}`, shape, read: async () => await array.read(i * size, size) }
  })
}

/** Returns the features of the only picture of a file. Throws ERR_FILE_FORMAT for a file with several tensors or none. */
export function onlyFeatures({ path, arrays }: ArrayFile): StoredFeatures {
  const [array] = arrays.values()
  if (array && arrays.size === 1) return whole(array)
  const found = `${arrays.size}`
  throw expected('ERR_FILE_FORMAT', `one tensor, with the features of one picture, in ${path}`, found, 'name it as a file with the features of all pictures') // prettier-ignore
}

/**
 * Returns the features of all pictures of a file, with their names: all tensors of a safetensors file, and an array that has the wanted shape as one
 * picture, or one more dimension for several.
 */
export function allFeatures(
  { path, format, arrays }: ArrayFile,
  wanted: FeatureShape
): (readonly [name: string, features: StoredFeatures])[] {
  const rank = wanted.rows === 1 ? 2 : 3
  return [...arrays].flatMap(([name, array]) => {
    const own = format === 'npy' ? path : `${path}: ${name}`
    if (array.shape.length <= rank) return [[own, whole(array)] as const]
    return eachOf(array).map((one, i) => [`${own}[${i}]`, one] as const)
  })
}

/** Features of many pictures by the names of these. */
export interface FeatureSet {
  /** Returns the features of a picture; undefined if there are none. */
  find(name: string): StoredFeatures | undefined
  close(): Promise<void>
}

/** Returns a name without the ending of a file. */
const withoutEnding = (name: string) => name.replace(/\.[^./\\]*$/, '')

/** Reads the names of pictures, one on each line. Throws ERR_FILE_FORMAT for an empty line or a name that comes twice. */
async function readNames(path: string, signal: AbortSignal | undefined): Promise<string[]> {
  const names = new Set<string>()
  let line = 0
  for await (const lines of fileLines(bytePieces({ path, isStdin: false, stdin: process.stdin, signal }), path))
    for (const one of lines) {
      const where = `line ${++line} of ${path}`
      const name = lineText(one, where).trim()
      const found = name === '' ? 'an empty line' : names.has(name) ? `${JSON.stringify(name)} again` : null
      if (found !== null) throw expected('ERR_FILE_FORMAT', `the name of another picture in ${where}`, found, 'correct it') // prettier-ignore
      names.add(name)
    }
  return [...names]
}

/** Adds the pictures of an NPY array, which have the names of a file of names. */
async function addNamed(
  found: Map<string, StoredFeatures>,
  array: NumberArray,
  namesPath: string | undefined,
  signal: AbortSignal | undefined
): Promise<void> {
  if (namesPath === undefined) {
    const what = `a file with the names of the pictures of ${array.where}, one on each line,`
    throw expected('ERR_INVALID_OPTION', what, 'none', 'name one (featureNames)')
  }
  const [names, pictures] = [await readNames(namesPath, signal), eachOf(array)]
  if (names.length !== pictures.length)
    throw expected('ERR_FILE_FORMAT', `${pictures.length} names in ${namesPath}, as pictures in ${array.where},`, `${names.length}`, 'name each picture on a line') // prettier-ignore
  for (const [i, name] of names.entries()) found.set(name, pictures[i]!)
}

/**
 * Opens files with the features of many pictures: safetensors files with a tensor for each picture, which has its name, with or without the ending;
 * and at most one NPY file with all pictures, whose names are the lines of the file `names`. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, and
 * ERR_INVALID_OPTION for an NPY file without names and names without an NPY file.
 */
export async function openFeatureSet(
  paths: readonly string[],
  { names, signal }: { names?: string | undefined; signal?: AbortSignal | undefined } = {}
): Promise<FeatureSet> {
  const files: ArrayFile[] = []
  const close = async () => void (await Promise.all(files.map((file) => file.close())))
  const found = new Map<string, StoredFeatures>()
  let named = 0
  try {
    for (const path of paths) {
      const file = await openArrays(await openBytes(path, signal))
      files.push(file)
      if (file.format === 'npy' && named++ === 0) await addNamed(found, file.arrays.get('')!, names, signal)
      else for (const [name, one] of file.arrays) found.set(name, whole(one))
    }
    if (named > 1 || (named === 0 && names !== undefined))
      throw expected('ERR_INVALID_OPTION', 'one NPY file with a file of names', `${named}`, 'join the arrays, or save tensors with names') // prettier-ignore
  } catch (error) {
    await close()
    throw error
  }
  return { find: (name) => found.get(name) ?? found.get(withoutEnding(name)), close }
}

/** Returns the features of a picture that a set must have. Throws ERR_FILE_NOT_FOUND, with the place of its caption, if there are none. */
export function featuresIn(
  set: FeatureSet,
  { name, where }: { name: string; where: string },
  paths: readonly string[]
) {
  const found = set.find(name)
  if (found) return found
  const what = `the features of ${name} of ${where} in ${paths.join(', ').slice(0, 200)}`
  throw expected('ERR_FILE_NOT_FOUND', what, 'none', 'add them, or leave the record out')
}
