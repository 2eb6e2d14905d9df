// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): random numbers
// as a function of a key and a counter, with no state to save. Here it places the streams of an epoch.

const KEY_STEP_0 = 0x9e3779b9
const KEY_STEP_1 = 0xbb67ae85
const FACTOR_0 = 0xd2511f53
const FACTOR_1 = 0xcd9e8d57

/** The upper 32 bits of the product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const [aHigh, aLow] = [a >>> 16, a & 0xffff]
  const [bHigh, bLow] = [b >>> 16, b & 0xffff]
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const other = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(other / 65536)) >>> 0
}

export type Block = readonly [number, number, number, number]

/** Four unsigned 32-bit integers for a counter of four and a key of two. */
export function philox4x32(counter: Block, key: readonly [number, number]): Block {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(FACTOR_0, c0)
    const high1 = multiplyHigh(FACTOR_1, c2)
    const low0 = Math.imul(FACTOR_0, c0) >>> 0
    const low1 = Math.imul(FACTOR_1, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + KEY_STEP_0) >>> 0
    k1 = (k1 + KEY_STEP_1) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** An integer from 0 to limit - 1 that depends on seed, stream and number alone; all are integers below 2^53. */
export function randomInteger(limit: number, seed: number, stream: number, number: number): number {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const
  const block = philox4x32([number >>> 0, Math.floor(number / 2 ** 32), stream, 0], key)
  const uniform = (block[0] * 2 ** 21 + (block[1] >>> 11)) / 2 ** 53
  return Math.floor(uniform * limit)
}
