// The legibility of a writer: a reader that was trained on real strokes reads texts that the writer has written. The measure is the character
// error rate from the texts to the readings, which includes the reader's own errors.

import { setImmediate } from 'node:timers/promises'
import { callback, list, number, optional, string } from '../../../check/index.js'
import { options as optionsOf, seed as seedOf, signal as signalOf } from '../../../check/index.js'
import type { Ink } from '../../../data/ink/strokes.js'
import { expected } from '../../../errors.js'
import { throwIfAborted } from '../../../graph/abort.js'
import { editDistance } from '../../../metrics/edit-distance.js'
import { seedAt } from '../../../random.js'
import { checkReader, type LoadedReader } from '../../handwriting-recognition/use/load.js'
import { checkWriter, type LoadedWriter } from './load.js'

/** Options of `measureLegibility`. */
export interface LegibilityOptions {
  /** Bias of the writing, from 0 to 100; default 0.5. */
  bias?: number
  /** Seed of the first text; text i is written with `seed` + i. Default 0. */
  seed?: number
  /** Signal that aborts the measurement. */
  signal?: AbortSignal | undefined
  /** Called after each text with the share that is done, from 0 to 1. */
  onProgress?: (done: number) => void
}

/** The legibility of a writer. */
export interface Legibility {
  /** Edits from the readings to the texts, per symbol of the texts. */
  cer: number
  /** Share of the texts that were read without an error, from 0 to 1. */
  exact: number
  /** Number of texts that were cut off before their end. */
  cut: number
  /** The texts with their readings and their ink. */
  written: { text: string; read: string; ink: Ink; finished: boolean }[]
  /** Duration of the measurement in seconds. */
  seconds: number
}

const readOptions = optionsOf<LegibilityOptions>({
  bias: optional(number(0, 100)),
  seed: optional(seedOf),
  signal: optional(signalOf),
  onProgress: optional(callback())
})

/**
 * Measures the legibility of a writer: the writer writes the texts, and the reader reads them. The event loop turns after each text. Throws
 * ERR_CORPUS_EMPTY without texts, ERR_ABORTED if `signal` aborts, the errors of `LoadedWriter.write` for a text, and ERR_INVALID_ARGUMENT for
 * a writer that `loadWriter` and a reader that `loadReader` did not return.
 *
 * @example
 * using writer = await loadWriter('writer.safetensors')
 * using reader = await loadReader('reader.safetensors')
 * const { cer, exact, written } = await measureLegibility(writer, reader, ['hello', 'hotel'], { bias: 1 })
 * console.log(cer, exact, written[0].read)
 */
export async function measureLegibility(
  writer: LoadedWriter,
  reader: LoadedReader,
  texts: readonly string[],
  options: LegibilityOptions = {}
): Promise<Legibility> {
  checkWriter(writer, 'the writer')
  checkReader(reader, 'the reader')
  const asked = list(string)(texts, 'the texts')
  const { bias, seed = 0, signal, onProgress } = readOptions(options, 'the options of measureLegibility')
  if (asked.length === 0) throw expected('ERR_CORPUS_EMPTY', 'at least one text to write', 'none', 'pass texts')
  const begin = performance.now()
  let [edits, symbols, exact] = [0, 0, 0]
  const written: Legibility['written'] = []
  for (const [i, text] of asked.entries()) {
    await setImmediate()
    throwIfAborted(signal)
    const { ink, finished } = await writer.write({
      text,
      seed: seedAt(seed, i),
      signal,
      ...(bias !== undefined && { bias })
    })
    const read = (await reader.read(ink, { signal }))[0]!.text
    const [wanted, found] = [codePoints(text), codePoints(read)]
    const errors = editDistance(found, wanted)
    edits += errors
    symbols += wanted.length
    if (errors === 0) exact++
    onProgress?.((i + 1) / asked.length)
    written.push({ text, read, ink, finished })
  }
  return {
    cer: edits / symbols,
    exact: exact / asked.length,
    cut: written.filter(({ finished }) => !finished).length,
    written,
    seconds: (performance.now() - begin) / 1000
  }
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!)
}
