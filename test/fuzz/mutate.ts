// Changes of the bytes of files for the fuzzer: single bits, numbers of lengths, parts that are cut, moved, repeated or taken from another file, and
// words of the format.

import type { Random } from '../../src/random.js'

/** Most bytes of a changed file, unless its material has another number. */
const MOST = 2 ** 16
/** Numbers at which readers go wrong: the ends of types, and the sizes next to them. */
const NUMBERS = [0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff] // prettier-ignore
const DIGITS = ['0', '1', '-1', '9', '255', '65536', '2147483648', '4294967295', '9007199254740993', '1e308', '1e999', '0.1', ''] // prettier-ignore

/** Files and words that a change may take parts from. */
export interface Material {
  readonly files: readonly Uint8Array[]
  readonly words: readonly Uint8Array[]
  /** Most bytes of a changed file. Default 64 KiB. */
  readonly most?: number
}

/** Returns one of some values. */
export function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)]!
}

type Change = (bytes: Uint8Array, random: Random, material: Material) => Uint8Array

/** Returns a place: half of them are in the first 256 bytes, where headers are. */
function placeIn({ length }: Uint8Array, random: Random): number {
  return random.below(Math.max(1, random.below(2) === 0 ? Math.min(length, 256) : length))
}

/** Returns the beginning and end of a part of at most 64 bytes, seldom of any length. */
function partOf(bytes: Uint8Array, random: Random): [begin: number, end: number] {
  if (bytes.length === 0) return [0, 0]
  const begin = placeIn(bytes, random)
  const most = random.below(8) === 0 ? bytes.length : 64
  return [begin, begin + 1 + random.below(Math.min(most, bytes.length - begin))]
}

/** Returns bytes in which others are in the place of a part. */
function replaced(bytes: Uint8Array, begin: number, end: number, by: Uint8Array): Uint8Array {
  const result = new Uint8Array(begin + by.length + bytes.length - end)
  result.set(bytes.subarray(0, begin))
  result.set(by, begin)
  result.set(bytes.subarray(end), begin + by.length)
  return result
}

function inserted(bytes: Uint8Array, at: number, added: Uint8Array): Uint8Array {
  return replaced(bytes, at, at, added)
}

function edited(bytes: Uint8Array, edit: (copy: Uint8Array) => void): Uint8Array {
  const copy = Uint8Array.from(bytes)
  edit(copy)
  return copy
}

/** Writes a number of 1, 2, 4 or 8 bytes, in both orders, or adds one to the number that is there. */
const withNumber: Change = (bytes, random) =>
  edited(bytes, (copy) => {
    const view = new DataView(copy.buffer)
    const width = oneOf(random, [1, 2, 4, 8])
    const at = placeIn(bytes, random)
    if (at + width > copy.length) return
    const little = random.below(2) === 0
    const value = random.below(3) === 0 ? random.below(Math.max(1, copy.length)) : oneOf(random, NUMBERS)
    if (width === 1) view.setUint8(at, random.below(2) === 0 ? view.getUint8(at) + 1 - 2 * random.below(2) : value)
    else if (width === 2) view.setUint16(at, value, little)
    else if (width === 4) view.setUint32(at, value, little)
    else view.setBigUint64(at, random.below(4) === 0 ? BigInt(value) << 32n : BigInt(value), little)
  })

/** Replaces a number in decimal digits. */
const withDigits: Change = (bytes, random) => {
  const isDigit = (at: number) => bytes[at]! >= 0x30 && bytes[at]! <= 0x39
  let begin = placeIn(bytes, random)
  while (begin < bytes.length && !isDigit(begin)) begin++
  let end = begin
  while (end < bytes.length && isDigit(end)) end++
  return replaced(bytes, begin, end, Buffer.from(oneOf(random, DIGITS)))
}

/** The kinds of changes. */
const changes: readonly Change[] = [
  (bytes, random) => edited(bytes, (copy) => (copy[placeIn(copy, random)]! ^= 1 << random.below(8))),
  (bytes, random) => edited(bytes, (copy) => (copy[placeIn(copy, random)] = random.below(256))),
  withNumber,
  withNumber,
  withDigits,
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => replaced(bytes, ...partOf(bytes, random), new Uint8Array(0)),
  (bytes, random) => {
    const [begin, end] = partOf(bytes, random)
    return inserted(bytes, random.below(2) === 0 ? end : placeIn(bytes, random), bytes.subarray(begin, end))
  },
  (bytes, random, { files }) => {
    const other = oneOf(random, files)
    return replaced(bytes, ...partOf(bytes, random), other.subarray(...partOf(other, random)))
  },
  (bytes, random, { words }) => {
    if (words.length === 0) return bytes
    const at = placeIn(bytes, random)
    return random.below(2) === 0
      ? inserted(bytes, at, oneOf(random, words))
      : replaced(bytes, ...partOf(bytes, random), oneOf(random, words))
  },
  (bytes, random, { words }) => {
    const word = words.length > 0 ? oneOf(random, words) : bytes.subarray(...partOf(bytes, random))
    const count = oneOf(random, [2, 8, 65, 1025])
    if (word.length * count > MOST / 4) return bytes
    const many = new Uint8Array(word.length * count)
    for (let i = 0; i < count; i++) many.set(word, i * word.length)
    return inserted(bytes, placeIn(bytes, random), many)
  }
]

/** Returns bytes with 1 to 4 changes, which differ from the given ones or are equal to them. */
export function mutated(bytes: Uint8Array, random: Random, material: Material): Uint8Array {
  let result = bytes
  for (let left = 1 + random.below(4); left > 0; left--) {
    const next = result.length === 0 ? inserted(result, 0, Uint8Array.of(random.below(256))) : oneOf(random, changes)(result, random, material) // prettier-ignore
    if (next.length <= (material.most ?? MOST)) result = next
  }
  return result
}
