// A writer from its file: writes a text, or draws, point by point; in the style of strokes that it was shown.

import { boolean, integer, list, number, open, optional, record, string } from '../../check/index.js'
import { options as optionsOf, seed as seedOf, signal as signalOf } from '../../check/index.js'
import { prepareStrokes } from '../../data/ink/features.js'
import { createInk, inkLimits, readInkSample, type Ink, type InkPoint } from '../../data/ink/strokes.js'
import { vocabularyFromConfig, type Vocabulary } from '../../data/text/vocabulary.js'
import { GatecellError } from '../../errors.js'
import { mixtureSampler } from '../../generate/samplers.js'
import type { SessionBlock } from '../../generate/session-plan.js'
import type { Session } from '../../generate/session-types.js'
import { createSession } from '../../generate/session.js'
import { paddedLength } from '../../data/batching/buckets.js'
import type { View } from '../../graph/shape.js'
import { createRandom, type Random } from '../../random.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../runs/load.js'
import type { GenerationConfig } from './config.js'
import { inkOffsets, symbolsOf } from './data.js'
import { generationTask } from './model.js'

/** What the network remembers of strokes that it was shown; plain JSON. */
export interface WritingStyle {
  /** The text of these strokes; the window is after it. */
  readonly text: string
  readonly states: Readonly<Record<string, readonly number[]>>
  /** The last point: what comes next begins there. */
  readonly last: readonly [number, number, number]
  /** Of the model that remembers. */
  readonly checksum: string
}

export interface WriteInkOptions {
  /** What to write; for a model that writes from a text. */
  text?: string
  /** Sharpens what is drawn (Graves 2013, section 5.4): 0 as learned, 1 and more: neat. Default 0.5. */
  bias?: number
  seed?: number
  style?: WritingStyle
  /**
   * Points at most, from 1 to 131072, as many as ink may have. Default: four times the points that such a text took in training;
   * without a text 1000.
   */
  points?: number
  signal?: AbortSignal | undefined
  /** true: an abort after two points or more resolves with what was written so far, instead of ERR_ABORTED. Default: false. */
  partial?: boolean
}

export interface WrittenResult {
  /**
   * In units of the training data, y up. t, where the model learned the pen's own points or equal times, grows at the speed of
   * the hand: in points of the training data, or its times.
   */
  readonly ink: Ink
  /** false: it was cut off before it had come to its end. */
  readonly finished: boolean
}

export interface LoadedWriter extends LoadedModel<GenerationConfig> {
  readonly vocabulary: Vocabulary | null
  /**
   * Writes on the engine's thread, in blocks of a few milliseconds, with the weights as they are at the beginning. Throws before anything is drawn:
   * ERR_UNKNOWN_SYMBOL names symbols that the model cannot write, ERR_INVALID_ARGUMENT a text that takes more points than ink may
   * have. Throws ERR_ABORTED soon after `signal` aborts.
   */
  write(options?: WriteInkOptions): Promise<WrittenResult>
  /** Reads strokes, and their text if the model writes from a text, into a style. Throws ERR_INVALID_INK, ERR_ABORTED. */
  style(ink: Ink, options?: { signal?: AbortSignal | undefined }): Promise<WritingStyle>
}

/** Loads a writer, whose layers compute in float32. ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_WRONG_TASK. */
export async function loadWriter(
  path: string,
  options: Pick<LoadOptions, 'device' | 'threads'> = {}
): Promise<LoadedWriter> {
  return writerOf(await loadModel(generationTask, path, options, () => 1))
}

const readStyleOptions = optionsOf<{ signal?: AbortSignal | undefined }>({ signal: optional(signalOf) })
const readWriteOptions = optionsOf<WriteInkOptions>({
  text: optional(string),
  bias: optional(number(0, 100)),
  seed: optional(seedOf),
  // A style may come from a file. Numbers that are not finite would spread to all states.
  style: optional(
    open<WritingStyle>({ text: string, states: record(list(number())), last: list(number(), 3, 3), checksum: string })
  ),
  points: optional(integer(1, inkLimits.points)),
  signal: optional(signalOf),
  partial: optional(boolean)
})

function writerOf(loaded: LoadedModel<GenerationConfig>): LoadedWriter {
  const { model, config, info } = loaded
  const vocabulary = config.vocabulary && vocabularyFromConfig(config.vocabulary)
  const conditional = vocabulary !== null

  /** The pen before its first point, in front of a text. Texts of about one length share plans: symbols after the end are not seen. */
  function penFor(symbols: Int32Array, { bias = 0, seed = 0 } = {}): Session {
    const text = new Int32Array(paddedLength(symbols.length))
    text.set(symbols)
    return createSession(model, {
      outputs: [],
      records: conditional ? ['finish', 'phi'] : ['finish'],
      samplers: { points: mixtureSampler({ bias }) },
      seed,
      ...(conditional && { dims: { symbols: text.length }, inputs: { symbols: text, symbolCounts: [symbols.length] } })
    })
  }

  function symbolsFor(text: string | undefined): Int32Array {
    if (!vocabulary && text)
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        'Expected no text for a model that draws without one but received a text: leave it out.'
      )
    if (!vocabulary) return new Int32Array(0)
    if (!text) throw new GatecellError('ERR_INVALID_ARGUMENT', 'Expected a text to write but received none: pass one.')
    return symbolsOf(text, vocabulary)
  }

  async function style(sample: Ink, options?: { signal?: AbortSignal | undefined }): Promise<WritingStyle> {
    const ink = readInkSample(sample, 'ink')
    const { signal } = readStyleOptions(options, 'the options of style')
    if (vocabulary && !ink.text)
      throw new GatecellError(
        'ERR_INVALID_INK',
        `Expected the text of the strokes in ${ink.source} but they have none: add it to the ink.`
      )
    // The text is longer than the strokes: if its end came into the window, the network would finish instead of writing on.
    // The text to come is not known yet; the same text once more stands in for it.
    const symbols = symbolsFor(vocabulary ? ink.text! + ink.text! : undefined)
    const offsets = inkOffsets(prepareStrokes(ink, config.normalisation), config.deviation)
    const pen = penFor(symbols)
    await pen.feed({ points: offsets.subarray(0, offsets.length - 3) }, { signal })
    const states = Object.entries(pen.save().states).map(([name, values]) => [name, [...values]] as const)
    const last = [...offsets.subarray(offsets.length - 3)] as [number, number, number]
    return { text: vocabulary ? ink.text! : '', states: Object.fromEntries(states), last, checksum: info.checksum }
  }

  async function write(writeOptions?: WriteInkOptions): Promise<WrittenResult> {
    const options = readWriteOptions(writeOptions, 'the options of write')
    const { text, bias = 0.5, seed = 0, style: shown, signal, partial = false } = options
    symbolsFor(text) // refuses what it cannot write, by name
    // The window continues after the text of the style.
    const symbols = symbolsFor(vocabulary ? (shown?.text ?? '') + text! : undefined)
    const limit = limitFor(options.points, text, symbols.length)
    const pen = penFor(symbols, { bias, seed })
    if (shown) restore(pen, shown)
    const writing = createWriting(createRandom(seed, 'end of the writing'), bias, vocabulary && symbols.length)
    try {
      for await (const block of pen.run(limit, { signal, sameWeights: true })) if (!writing.take(block)) break
    } catch (error) {
      const cut = error instanceof GatecellError && error.code === 'ERR_ABORTED'
      if (!cut || !partial || writing.points.length < 2) throw error
    }
    return { ink: inkOf(writing.points, shown !== undefined, text ?? null), finished: writing.finished }
  }

  /** Most points of a text. Throws ERR_INVALID_ARGUMENT if it takes more than ink may have. */
  function limitFor(asked: number | undefined, text: string | undefined, symbols: number): number {
    const refuse = (expected: string, found: string, remedy = 'write it in parts') =>
      new GatecellError('ERR_INVALID_ARGUMENT', `Expected ${expected} but received ${found}: ${remedy}.`)
    if ((text?.length ?? 0) > inkLimits.text)
      throw refuse(`a text of at most ${inkLimits.text} characters`, `${text!.length}`)
    // The ink of a style's strokes has a point more, where it begins.
    const most = inkLimits.points - 1
    if (asked !== undefined) return Math.min(asked, most)
    if (!vocabulary) return 1000
    const taken = Math.ceil(config.pointsPerSymbol * symbols)
    if (taken > most) throw refuse(`a text that takes at most ${most} points`, `one that takes about ${taken}`)
    return Math.min(Math.ceil(4 * config.pointsPerSymbol * symbols), most)
  }

  function restore(pen: Session, shown: WritingStyle): void {
    const value = pen.save()
    const fits =
      shown.checksum === info.checksum &&
      Object.entries(value.states).every(([name, values]) => shown.states[name]?.length === values.length)
    if (!fits) {
      throw new GatecellError(
        'ERR_INVALID_ARGUMENT',
        'Expected a style that this model was shown but received one of another model: show it the strokes again.'
      )
    }
    const states = Object.entries(shown.states).map(([name, values]) => [name, Float32Array.from(values)] as const)
    const inputs = { ...value.inputs, points: Float32Array.from(shown.last) }
    pen.restore({ ...value, states: Object.fromEntries(states), inputs })
  }

  /** Offsets to strokes, in the units of the training data, from the origin. `jump`: the first one only leads there. */
  function inkOf(points: readonly (readonly [number, number, number])[], jump: boolean, text: string | null): Ink {
    const { unit: size, resample, step } = config.normalisation
    const unit = config.deviation * size
    const tick = resample === 'time' ? step : 1
    // Points at equal lengths know nothing of time.
    const point = (x: number, y: number, i: number) => (resample === 'length' ? [x, y] : [x, y, i * tick])
    const strokes: InkPoint[][] = [jump ? [] : [point(0, 0, 0)]]
    let [x, y] = [0, 0]
    points.forEach(([dx, dy, up], i) => {
      if (i > 0 || !jump) [x, y] = [x + dx * unit, y + dy * unit]
      strokes.at(-1)!.push(point(x, y, i + 1))
      if (up === 1 && i < points.length - 1) strokes.push([])
    })
    return createInk(strokes, { text, source: 'what was written' })
  }

  return { ...loaded, vocabulary, write, style }
}

type Point = readonly [dx: number, dy: number, end: number]

/** What was written so far; `take` adds the points of a block up to the end of the writing, and returns whether there may be more. */
function createWriting(ends: Random, bias: number, symbols: number | null) {
  let strokes = 1
  const writing = { points: [] as Point[], finished: false, take }

  /** Whether the pen's last point is the last one of all: what the network says, but not in the middle of a text. */
  function isEnd(finish: View, phi: View | undefined, up: number): boolean {
    const last = ends.uniform() < 1 / (1 + Math.exp((1 + bias) * (finish[0]! - finish[1]!)))
    const written = symbols === null || atLastSymbol(phi!.subarray(0, symbols))
    return last && written && up === 1 && writing.points.length > 1
  }

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
  return writing
}

/** Returns whether the window's weight is largest at the last symbol or after it, so that no text ends in its middle. */
function atLastSymbol(phi: View): boolean {
  const last = Math.max(phi[phi.length - 1]!, phi[phi.length - 2]!)
  return phi.every((value: number, i: number) => i >= phi.length - 2 || value <= last)
}
