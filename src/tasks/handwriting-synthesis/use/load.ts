// A writer from its file, which writes a text or draws, also in the style of given strokes.

import { made } from '../../../check/index.js'
import type { Ink } from '../../../data/ink/strokes.js'
import type { Vocabulary } from '../../../data/text/vocabulary.js'
import type { CheckpointFile } from '../../../io/checkpoint.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../../runs/load.js'
import type { SynthesisConfig } from '../config.js'
import { synthesisTask } from '../model.js'
import { readStyle, type WritingStyle } from './style.js'
import { writerVocabularies } from '../symbols.js'
import { writeInk, type WriteInkOptions, type WrittenResult } from './writing.js'

/** A writer that was loaded from a file. */
export interface LoadedWriter extends LoadedModel<SynthesisConfig> {
  /** The vocabulary of its texts: the end of a text as id 0, then the symbols that it can write. null: it draws without a text. */
  readonly vocabulary: Vocabulary | null
  /**
   * Writes a text, or draws, on the engine's thread in blocks of a few milliseconds, with the weights as they are at the beginning. Throws
   * ERR_UNKNOWN_SYMBOL with the symbols that the model cannot write, ERR_INVALID_ARGUMENT for invalid options, a missing or unwanted text, a
   * text that takes more points than ink may have, or a style of another model, and ERR_ABORTED soon after `signal` aborts.
   */
  write(options?: WriteInkOptions): Promise<WrittenResult>
  /**
   * Reads strokes, and their text if the model writes from texts, and returns their style. Throws ERR_INVALID_INK for strokes that are not
   * usable or lack the text, ERR_UNKNOWN_SYMBOL for symbols that the model does not have, ERR_ABORTED if `signal` aborts.
   */
  style(ink: Ink, options?: { signal?: AbortSignal | undefined }): Promise<WritingStyle>
}

/**
 * Loads a writer from the model file of a training. Its layers compute in float32, on one thread unless `threads` is given. Throws
 * ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged, and ERR_WRONG_TASK if it is a model of another task.
 *
 * @example
 * using writer = await loadWriter('writer.safetensors')
 * const { ink, finished } = await writer.write({ text: 'hello', bias: 0.7, seed: 3 })
 * console.log(ink.strokes.length, finished)
 */
export async function loadWriter(
  source: string | CheckpointFile,
  options: Pick<LoadOptions, 'device' | 'threads'> = {}
): Promise<LoadedWriter> {
  return writerOf(await loadModel(synthesisTask, source, options, () => 1))
}

function writerOf(loaded: LoadedModel<SynthesisConfig>): LoadedWriter {
  const network = { ...loaded, vocabulary: writerVocabularies.of(loaded.config) }
  const writer: LoadedWriter = {
    ...network,
    write: (options) => writeInk(network, options),
    style: (ink, options) => readStyle(network, ink, options)
  }
  writers.add(writer)
  return writer
}

const writers = new WeakSet<LoadedWriter>()

/** Checks that a value is a writer that `loadWriter` returned. */
export const checkWriter = made<LoadedWriter>('a writer that loadWriter returned', writers)
