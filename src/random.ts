// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011), the generator that the native core uses for masks and samples. A value is a function of (seed, name, position):
// there is no hidden state, and nothing depends on clock, threads or the order of other calls.

import { integer, list, numbers, seed as seedOf, string, uint32Array } from './check/index.js'

const MULTIPLIER_0 = 0xd2511f53
const MULTIPLIER_1 = 0xcd9e8d57
const WEYL_0 = 0x9e3779b9
const WEYL_1 = 0xbb67ae85

/** High 32 bits of the unsigned product of two 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff
  const a1 = a >>> 16
  const b0 = b & 0xffff
  const b1 = b >>> 16
  const middle = a1 * b0 + ((a0 * b0) >>> 16)
  const low = a0 * b1 + (middle & 0xffff)
  return (a1 * b1 + (middle >>> 16) + (low >>> 16)) >>> 0
}

const word = integer(0, 2 ** 32 - 1)

/**
 * Runs ten rounds of Philox4x32: writes four 32-bit words for `counter` (4 words) under `key` (2 words) into `out` (4 words) and
 * returns `out`. Words are integers in [0, 2^32). Throws ERR_INVALID_ARGUMENT for other values.
 */
export function philox4x32(counter: ArrayLike<number>, key: ArrayLike<number>, out: Uint32Array): Uint32Array {
  const words = (value: unknown, name: string, count: number) =>
    list(word, count, count)(Array.from(numbers(value, name)), name)
  return rounds(words(counter, 'the counter', 4), words(key, 'the key', 2), uint32Array(4)(out, 'out'))
}

function rounds(counter: ArrayLike<number>, key: ArrayLike<number>, out: Uint32Array): Uint32Array {
  let [c0, c1, c2, c3] = [counter[0]! >>> 0, counter[1]! >>> 0, counter[2]! >>> 0, counter[3]! >>> 0]
  let [k0, k1] = [key[0]! >>> 0, key[1]! >>> 0]
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0)
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0
    const high1 = multiplyHigh(MULTIPLIER_1, c2)
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + WEYL_0) >>> 0
    k1 = (k1 + WEYL_1) >>> 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
  return out
}

/** A sequence of random numbers that depends only on its seed and name. */
export interface Random {
  /** Uniform integer in [0, 2^32). */
  uint32(): number
  /** Uniform double in [0, 1), 53 bits. */
  uniform(): number
  /** Standard normal double. */
  normal(): number
  /** Uniform integer in [0, n), 1 <= n <= 2^32. */
  below(n: number): number
}

/** FNV-1a over the UTF-16 code units of `text`, from `basis`. */
function hash(text: string, basis: number): number {
  let h = basis
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  }
  return h >>> 0
}

/**
 * Returns the seed of the piece at `index` of several that have consecutive seeds. 0 follows the largest seed, 2^53 - 1.
 */
export function seedAt(seed: number, index: number): number {
  const left = Number.MAX_SAFE_INTEGER - seed
  return index <= left ? seed + index : index - left - 1
}

/**
 * Returns the random sequence called `name` under `seed` (an integer in [0, 2^53)). Sequences with different names are
 * independent; the same seed and name give the same numbers. Throws ERR_INVALID_ARGUMENT for other values.
 */
export function createRandom(seed: number, name = ''): Random {
  seedOf(seed, 'seed')
  string(name, 'the name of the sequence')
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)]
  const counter = [0, 0, hash(name, 0x811c9dc5), hash(name, 0x9747b28c)]
  const block = new Uint32Array(4)
  let used = 4
  let spare: number | null = null

  function uint32(): number {
    if (used === 4) {
      rounds(counter, key, block)
      counter[0] = (counter[0]! + 1) >>> 0
      if (counter[0] === 0) counter[1] = (counter[1]! + 1) >>> 0
      used = 0
    }
    return block[used++]!
  }

  function uniform(): number {
    const high = uint32() >>> 5
    const low = uint32() >>> 6
    return (high * 67108864 + low) / 9007199254740992
  }

  // Marsaglia's polar method: needs only sqrt and log, which every V8 computes alike.
  function normal(): number {
    if (spare !== null) {
      const value = spare
      spare = null
      return value
    }
    for (;;) {
      const u = 2 * uniform() - 1
      const v = 2 * uniform() - 1
      const s = u * u + v * v
      if (s > 0 && s < 1) {
        const factor = Math.sqrt((-2 * Math.log(s)) / s)
        spare = v * factor
        return u * factor
      }
    }
  }

  const below = (n: number): number => {
    if (!(Number.isInteger(n) && n >= 1 && n <= 2 ** 32)) integer(1, 2 ** 32)(n, 'n')
    return Math.floor(uniform() * n)
  }

  return { uint32, uniform, normal, below }
}

/** Shuffles `items` in place (Fisher and Yates 1938) and returns them. */
export function shuffle<T>(items: T[], random: Pick<Random, 'below'>): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
  return items
}
