// Whether what a writer writes can be read: it writes texts, a reader that was trained on real strokes reads them, and the
// character error rate between text and reading counts. The reader's own errors are in the figure.

import { setImmediate } from 'node:timers/promises'
import type { Ink } from '../../data/ink/strokes.js'
import { GatecellError } from '../../errors.js'
import { throwIfAborted } from '../../graph/abort.js'
import { editDistance } from '../../metrics/edit-distance.js'
import type { LoadedWriter } from './index.js'
import type { LoadedReader } from '../handwriting-recognition/index.js'

export interface ReadabilityOptions {
  /** Of the drawing, as for `write`; default: as there. */
  bias?: number
  /** Text i is drawn with `seed` + i; default 0. */
  seed?: number
  signal?: AbortSignal | undefined
  onProgress?: (done: number) => void
}

export interface Readability {
  /** Edits from the texts to the readings, per symbol of the texts. */
  cer: number
  /** Share of the texts that were read without an error. */
  exact: number
  /** Texts that were cut off before their end. */
  cut: number
  written: { text: string; read: string; ink: Ink; finished: boolean }[]
  seconds: number
}

/** Writes and reads `texts`; the event loop turns after each. Throws ERR_CORPUS_EMPTY without texts, and the errors of `write`. */
export async function measureReadability(
  writer: LoadedWriter,
  reader: LoadedReader,
  texts: readonly string[],
  options: ReadabilityOptions = {}
): Promise<Readability> {
  const { bias, seed = 0, signal, onProgress } = options
  if (texts.length === 0)
    throw new GatecellError('ERR_CORPUS_EMPTY', 'Expected at least one text to write but there is none: pass texts.')
  const begin = performance.now()
  let [edits, symbols, exact] = [0, 0, 0]
  const written: Readability['written'] = []
  for (const [i, text] of texts.entries()) {
    await setImmediate()
    throwIfAborted(signal)
    const { ink, finished } = await writer.write({ text, seed: seed + i, signal, ...(bias !== undefined && { bias }) })
    const read = (await reader.read(ink, { signal }))[0]!.text
    const [asked, found] = [codePoints(text), codePoints(read)]
    const errors = editDistance(found, asked)
    edits += errors
    symbols += asked.length
    if (errors === 0) exact++
    onProgress?.((i + 1) / texts.length)
    written.push({ text, read, ink, finished })
  }
  return {
    cer: edits / symbols,
    exact: exact / texts.length,
    cut: written.filter(({ finished }) => !finished).length,
    written,
    seconds: (performance.now() - begin) / 1000
  }
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!)
}
