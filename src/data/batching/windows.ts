// Batches of one long sequence for truncated back-propagation (Williams and Peng 1990; Graves 2013, section 3): B
// streams as rows, cut in windows of T steps, the state carried from window to window and set to zero at the beginning
// of an epoch. The contents of a batch depend only on (seed, epoch, step), so that a resumed run continues with the very
// next batch. For many short sequences see buckets.ts.

import { boolean, int32Array, integer, object, open, optional, seed as seedOf } from '../../check/index.js'
import { expected } from '../../errors.js'
import { createRandom } from '../../random.js'
import { checkTokens, type Tokens } from '../text/tokens.js'

/** Position in the training data, as plain JSON, so that a checkpoint can store it. */
export interface BatchCursor {
  readonly epoch: number
  readonly step: number
}

/** Facts about a batch that was filled. */
export interface Filled {
  /** Whether carried states must be set to zero before this batch. */
  readonly fresh: boolean
  /** How many targets count; the others are IGNORED. */
  readonly targets: number
}

/** Target of padding and warm-up, which the loss leaves out. */
export const IGNORED = -1

/** The options of `createBatches`. */
export interface BatchOptions {
  /** B, number of streams: rows of a batch. From 1 to 2^31 - 1, as the product of `batch` and `length`. */
  readonly batch: number
  /** T, steps of a window. */
  readonly length: number
  /** Seed of the rotations, an integer in [0, 2^53). Default: 0. */
  readonly seed?: number
  /**
   * Whether each epoch but the first begins at another random place of the text, which is read as a circle, so that streams begin and
   * windows end at other places each time. Default: true.
   */
  readonly rotate?: boolean
}

/** The training batches of one sequence of tokens. */
export interface Batches {
  readonly batch: number
  readonly length: number
  readonly stepsPerEpoch: number
  /** Targets of an epoch: one less than there are tokens. */
  readonly targetsPerEpoch: number
  /**
   * Fills `inputs` and `targets`, each [T, B] time-major, for one step. Every token but the first is a target exactly
   * once an epoch; streams differ by at most one target in length, and the missing targets at the end of the last window are
   * padding (input 0, target IGNORED).
   */
  fill(cursor: BatchCursor, inputs: Int32Array, targets: Int32Array): Filled
  /** Returns the cursor after this one. */
  next(cursor: BatchCursor): BatchCursor
  /** Returns the cursor of a step that is counted over all epochs. */
  at(globalStep: number): BatchCursor
}

/** Maximum number of elements of a batch: the core addresses the elements of an input by int32. */
const MAX_ELEMENTS = 2 ** 31 - 1
const size = integer(1, MAX_ELEMENTS)
const readCursor = open<BatchCursor>({ epoch: integer(0), step: integer(0) })

/** Throws ERR_INVALID_ARGUMENT if a batch would have more than MAX_ELEMENTS. */
function checkProduct(batch: number, length: number): void {
  if (batch * length <= MAX_ELEMENTS) return
  throw expected(
    'ERR_INVALID_ARGUMENT',
    `at most ${MAX_ELEMENTS} symbols in a batch`,
    `${batch} streams of ${length}`,
    'lower batch or length'
  )
}

/** A run of pairs (input, target) in a stream: position of its first pair and the number of pairs. */
interface Run {
  readonly begin: number
  readonly count: number
}

/** Cuts `total` pairs into `parts` neighbouring runs whose sizes differ by at most one, the longer ones first. */
function cut(total: number, parts: number, part: number): Run {
  const size = Math.floor(total / parts)
  const longer = total % parts
  return { begin: part * size + Math.min(part, longer), count: size + (part < longer ? 1 : 0) }
}

const readBatchOptions = object<BatchOptions>({
  batch: size,
  length: size,
  seed: optional(seedOf),
  rotate: optional(boolean)
})

/**
 * Returns training batches. Throws ERR_INVALID_ARGUMENT for options out of range, ERR_CORPUS_EMPTY, with both numbers, for fewer than
 * B * T + 1 tokens.
 */
export function createBatches(text: Tokens, options: BatchOptions): Batches {
  const tokens = checkTokens(text, 'the tokens')
  const { batch, length, seed = 0, rotate = true } = readBatchOptions(options, 'the options of createBatches')
  checkProduct(batch, length)
  const total = tokens.length
  if (total < batch * length + 1) {
    throw expected(
      'ERR_CORPUS_EMPTY',
      `at least ${batch * length + 1} symbols to train on (${batch} streams of ${length}, and one to predict)`,
      `${total}`,
      'give more text, or lower batch or length'
    )
  }
  const pairs = total - 1
  const stepsPerEpoch = Math.ceil(Math.ceil(pairs / batch) / length)
  const readPairs = pairReader(tokens, pairs, length)
  return {
    batch,
    length,
    stepsPerEpoch,
    targetsPerEpoch: pairs,
    fill(cursor, inputs, targets) {
      const { epoch, step } = readCursor(cursor, 'the cursor')
      if (step >= stepsPerEpoch) {
        throw expected('ERR_OUT_OF_RANGE', `a step below ${stepsPerEpoch}`, `${step}`, 'use a cursor of these batches')
      }
      int32Array(length * batch)(inputs, 'inputs')
      int32Array(length * batch)(targets, 'targets')
      const turn = rotate && epoch > 0 ? createRandom(seed, `data/rotation/${epoch}`).below(pairs) : 0
      let counted = 0
      for (let stream = 0; stream < batch; stream++) {
        const run = cut(pairs, batch, stream)
        const count = Math.max(0, Math.min(length, run.count - step * length))
        readPairs((turn + run.begin + step * length) % pairs, count, (ids, offset, count) => {
          for (let t = 0; t < count; t++) {
            inputs[(offset + t) * batch + stream] = ids[t]!
            targets[(offset + t) * batch + stream] = ids[t + 1]!
          }
        })
        pad(inputs, targets, count, length, batch, stream)
        counted += count
      }
      return { fresh: step === 0, targets: counted }
    },
    next(cursor) {
      const { epoch, step } = readCursor(cursor, 'the cursor')
      return step + 1 < stepsPerEpoch ? { epoch, step: step + 1 } : { epoch: epoch + 1, step: 0 }
    },
    at(globalStep) {
      integer(0)(globalStep, 'globalStep')
      return { epoch: Math.floor(globalStep / stepsPerEpoch), step: globalStep % stepsPerEpoch }
    }
  }
}

/** Takes `count` pairs: pair i is ids[i] with the target ids[i + 1], and the pairs before it are `offset`. */
type TakePairs = (ids: Int32Array, offset: number, count: number) => void

/** Returns a function that reads `count` pairs from a place of the circle of pairs, in two parts if they cross its seam. */
function pairReader(tokens: Tokens, pairs: number, maxCount: number) {
  const ids = new Int32Array(maxCount + 1)
  return (begin: number, count: number, take: TakePairs): void => {
    const first = Math.min(count, pairs - begin)
    tokens.read(begin, first + 1, ids)
    take(ids, 0, first)
    if (first === count) return
    tokens.read(0, count - first + 1, ids)
    take(ids, first, count - first)
  }
}

function pad(inputs: Int32Array, targets: Int32Array, from: number, to: number, batch: number, stream: number): void {
  for (let t = from; t < to; t++) {
    inputs[t * batch + stream] = 0
    targets[t * batch + stream] = IGNORED
  }
}

/** The options of `createEvaluation`. */
export interface EvaluationOptions {
  /** T, steps of a window. */
  readonly length: number
  /** B, number of segments. Default: 1. */
  readonly batch?: number
  /** Number of symbols that each segment but the first reads before its own, to warm up its state. Default: 0. */
  readonly warmup?: number
}

/** One pass over a sequence of tokens, for validation. */
export interface EvaluationWindows {
  readonly batch: number
  readonly length: number
  readonly steps: number
  /** Targets that count, over all steps: one less than there are tokens. */
  readonly targets: number
  /** Fills a batch as `Batches.fill` does. Steps are filled in order from 0, with the states carried. */
  fill(step: number, inputs: Int32Array, targets: Int32Array): Filled
}

const readEvaluationOptions = object<EvaluationOptions>({
  length: size,
  batch: optional(size),
  warmup: optional(integer(0))
})

/**
 * Returns windows over a whole text, in which each target counts once. With batch 1 the loss is exact: one stream, the state carried from
 * the first symbol to the last. With batch B the text is cut in B segments that run next to each other, many times faster; each
 * but the first begins with an empty state and reads `warmup` symbols before its segment without counting them, so the loss differs
 * from the exact one by the influence of symbols further back. Throws ERR_INVALID_ARGUMENT for options out of range,
 * ERR_CORPUS_EMPTY for fewer than 2 tokens.
 */
export function createEvaluation(text: Tokens, options: EvaluationOptions): EvaluationWindows {
  const tokens = checkTokens(text, 'the tokens')
  const { length, batch = 1, warmup = 0 } = readEvaluationOptions(options, 'the options of createEvaluation')
  checkProduct(batch, length)
  const total = tokens.length
  if (total < 2) {
    throw expected('ERR_CORPUS_EMPTY', 'at least 2 symbols to evaluate on', `${total}`, 'give more text')
  }
  const pairs = total - 1
  const segmentOf = (stream: number) => {
    const own = cut(pairs, batch, stream)
    return { begin: Math.max(0, own.begin - (stream === 0 ? 0 : warmup)), end: own.begin + own.count, own: own.begin }
  }
  // Segments come in two sizes, the longer ones first, and later ones have more symbols before them to warm up with: the
  // longest is the first one, the last of the longer ones, or the last one.
  const candidates = [0, Math.max(0, (pairs % batch) - 1), batch - 1].map(segmentOf)
  const steps = Math.ceil(Math.max(...candidates.map(({ begin, end }) => end - begin)) / length)
  const ids = new Int32Array(Math.min(length, pairs) + 1)
  return {
    batch,
    length,
    steps,
    targets: pairs,
    fill(step, inputs, targets) {
      integer(0)(step, 'step')
      if (step >= steps) {
        throw expected('ERR_OUT_OF_RANGE', `a step below ${steps}`, `${step}`, 'begin a new pass')
      }
      int32Array(length * batch)(inputs, 'inputs')
      int32Array(length * batch)(targets, 'targets')
      let counted = 0
      for (let stream = 0; stream < batch; stream++) {
        const { begin, end, own } = segmentOf(stream)
        const first = begin + step * length
        const count = Math.max(0, Math.min(length, end - first))
        if (count > 0) tokens.read(first, count + 1, ids)
        for (let t = 0; t < count; t++) {
          inputs[t * batch + stream] = ids[t]!
          const counts = first + t >= own
          targets[t * batch + stream] = counts ? ids[t + 1]! : IGNORED
          if (counts) counted++
        }
        pad(inputs, targets, count, length, batch, stream)
      }
      return { fresh: step === 0, targets: counted }
    }
  }
}
