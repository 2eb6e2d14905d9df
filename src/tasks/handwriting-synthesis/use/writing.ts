// Writing by a writer's network: from a text to points of the pen, up to the end of the writing, and from points to ink.

import { boolean, integer, number, optional, string } from '../../../check/index.js'
import { options as optionsOf, seed as seedOf, signal as signalOf } from '../../../check/index.js'
import { createInk, inkLimits, type Ink, type InkPoint } from '../../../data/ink/strokes.js'
import { expected, GatecellError } from '../../../errors.js'
import type { SessionBlock } from '../../../generate/session-plan.js'
import type { View } from '../../../graph/shape.js'
import { createRandom, type Random } from '../../../random.js'
import type { SynthesisConfig } from '../config.js'
import { createPen, symbolsFor, type WriterNetwork } from './pen.js'
import { checkStyle, restoreStyle, type WritingStyle } from './style.js'

/** Options of `LoadedWriter.write`. */
export interface WriteInkOptions {
  /** The text to write, of at most 4,096 UTF-16 units. A model of texts needs one; a model that draws without a text refuses it. */
  text?: string
  /**
   * Bias towards the likely (Graves 2013, section 5.4), from 0 to 100; default 0.5. 0 draws as learned; writing is neat from about 1 on.
   */
  bias?: number
  /** Seed of the draws, an integer in [0, 2^53); default 0. The same seed, text and weights give the same ink. */
  seed?: number
  /** Style to write in; default: none, the pen begins with a zero state. */
  style?: WritingStyle
  /**
   * Most points, from 1 to 131,072; default: four times the points that such a text takes in the training data, or without a text 1,000.
   */
  points?: number
  /** Signal that aborts the writing between two blocks of some milliseconds. */
  signal?: AbortSignal | undefined
  /**
   * Whether an abort returns the ink so far, if there are at least two points, instead of throwing ERR_ABORTED; default false.
   */
  partial?: boolean
}

/** Ink that a writer has written. */
export interface WrittenResult {
  /**
   * The ink, in the units of the training data with y up. Its points have times unless the model resamples at equal lengths: the number of
   * the point, or with resampling in time a multiple of the step.
   */
  readonly ink: Ink
  /**
   * Whether the writing has come to its end; false if it was cut off by an abort, or by a limit before the last symbol. A text that was not
   * ended when the limit came is taken back to its likeliest end.
   */
  readonly finished: boolean
}

const readWriteOptions = optionsOf<WriteInkOptions>({
  text: optional(string),
  bias: optional(number(0, 100)),
  seed: optional(seedOf),
  style: optional(checkStyle),
  points: optional(integer(1, inkLimits.points)),
  signal: optional(signalOf),
  partial: optional(boolean)
})

/** Writes a text or draws; see `LoadedWriter.write`. */
export async function writeInk(network: WriterNetwork, writeOptions?: WriteInkOptions): Promise<WrittenResult> {
  const options = readWriteOptions(writeOptions, 'the options of write')
  const { text, bias = 0.5, seed = 0, style, signal, partial = false } = options
  const { model, config, vocabulary } = network
  // The text is checked by itself first, so that an error names symbols of the text and not of the style.
  symbolsFor(text, vocabulary)
  // The text continues that of the style.
  const symbols = symbolsFor(vocabulary ? (style?.text ?? '') + text! : undefined, vocabulary)
  const limit = limitFor(options, symbols.length, network)
  const pen = createPen(model, symbols, { bias, seed })
  if (style) restoreStyle(pen, style, network)
  const writing = createWriting(createRandom(seed, 'end of the writing'), bias, symbols.length)
  try {
    for await (const block of pen.run(limit, { signal, sameWeights: true })) if (!writing.take(block)) break
  } catch (error) {
    const cut = error instanceof GatecellError && error.code === 'ERR_ABORTED'
    if (!cut || !partial || writing.points.length < 2) throw error
  }
  if (!signal?.aborted) writing.endAtLikeliest()
  const strokes = strokesOf(writing.points, style !== undefined, config)
  const ink = createInk(strokes, { text: text ?? null, source: 'the ink of a writer' })
  return { ink, finished: writing.finished }
}

/** Returns the most points of a writing. Throws ERR_INVALID_ARGUMENT for a text that is too long or needs more points than ink may have. */
function limitFor(
  { points: asked, text = '' }: Pick<WriteInkOptions, 'points' | 'text'>,
  symbols: number,
  { config, vocabulary }: Pick<WriterNetwork, 'config' | 'vocabulary'>
): number {
  const refuse = (what: string, found: string) => expected('ERR_INVALID_ARGUMENT', what, found, 'write it in parts')
  if (text.length > inkLimits.text) throw refuse(`a text of at most ${inkLimits.text} characters`, `${text.length}`)
  // Without a style the ink has one point more: its beginning.
  const most = inkLimits.points - 1
  if (asked !== undefined) return Math.min(asked, most)
  if (!vocabulary) return 1000
  const taken = Math.ceil(config.pointsPerSymbol * symbols)
  if (taken > most) throw refuse(`a text that takes at most ${most} points`, `one that takes about ${taken}`)
  return Math.min(Math.ceil(4 * config.pointsPerSymbol * symbols), most)
}

type Point = readonly [dx: number, dy: number, end: number]

/**
 * Returns strokes in the units of the training data from offsets of the pen, beginning at the origin. After a style the first offset only
 * leads from the style's last point to the beginning, so its place is the origin and no point is added.
 */
function strokesOf(points: readonly Point[], afterStyle: boolean, { normalisation, deviation }: SynthesisConfig) {
  const { unit: size, resample, step } = normalisation
  const unit = deviation * size
  const tick = resample === 'time' ? step : 1
  // Points at equal lengths of the path have no times.
  const point = (x: number, y: number, i: number) => (resample === 'length' ? [x, y] : [x, y, i * tick])
  const strokes: InkPoint[][] = [afterStyle ? [] : [point(0, 0, 0)]]
  let [x, y] = [0, 0]
  points.forEach(([dx, dy, up], i) => {
    if (i > 0 || !afterStyle) [x, y] = [x + dx * unit, y + dy * unit]
    strokes.at(-1)!.push(point(x, y, i + 1))
    if (up === 1 && i < points.length - 1) strokes.push([])
  })
  return strokes
}

/**
 * Collects the points of blocks up to the end of the writing. `symbols` is the number of symbols under the window, 0 without a text.
 *
 * The end is drawn at each lift of the pen from the last symbol on. A pen that misses its end is in a state that no training sample has, and
 * may draw without lifting again: `endAtLikeliest` takes it back to the lift whose probability of being the end was largest.
 */
export function createWriting(ends: Random, bias: number, symbols: number) {
  let strokes = 1
  let likeliest = { count: 0, probability: 0 }
  const writing = { points: [] as Point[], finished: false, take, endAtLikeliest }

  /** Draws whether the last point is the end of the writing, which it cannot be in the middle of a text or of a stroke. */
  function isEnd(finish: View, phi: View | undefined, up: number): boolean {
    const probability = 1 / (1 + Math.exp((1 + bias) * (finish[0]! - finish[1]!)))
    const last = ends.uniform() < probability
    const written = symbols === 0 || atLastSymbol(phi!.subarray(0, symbols))
    const possible = written && up === 1 && writing.points.length > 1
    if (possible && probability > likeliest.probability) likeliest = { count: writing.points.length, probability }
    return possible && last
  }

  /** Adds the points of a block up to the end of the writing. Returns whether more points may follow. */
  function take({ count, values, outputs }: SessionBlock): boolean {
    const row = (view: View | undefined, i: number) =>
      view?.subarray((view.length / count) * i, (view.length / count) * (i + 1))
    for (let i = 0; i < count && !writing.finished && strokes < inkLimits.strokes; i++) {
      const [dx, dy, up] = row(values['points'], i)!
      writing.points.push([dx!, dy!, up!])
      strokes += up!
      writing.finished = isEnd(row(outputs['finish'], i)!, row(outputs['phi'], i), up!)
    }
    return !writing.finished && strokes < inkLimits.strokes
  }

  /** Cuts a text that has not come to its end back to the likeliest one, if its last symbol was reached. */
  function endAtLikeliest(): void {
    if (writing.finished || symbols === 0 || likeliest.count === 0) return
    writing.points.length = likeliest.count
    writing.finished = true
  }
  return writing
}

/** Returns whether the window's weight is largest at the last symbol or at the end after it. */
function atLastSymbol(phi: View): boolean {
  const last = Math.max(phi[phi.length - 1]!, phi[phi.length - 2]!)
  return phi.every((value: number, i: number) => i >= phi.length - 2 || value <= last)
}
