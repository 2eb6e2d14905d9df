// A text model from its file, ready to write and to be measured.

import {
  integer,
  made,
  object,
  optional,
  options as optionsOf,
  signal as signalOf,
  string
} from '../../../check/index.js'
import { checkVocabulary, vocabularyFromConfig, type Vocabulary } from '../../../data/text/vocabulary.js'
import { checkModel, type Model } from '../../../model.js'
import type { Stream } from '../../../generate/stream-types.js'
import { settingFields, type SamplerSettings } from '../../../generate/settings.js'
import type { CheckpointFile } from '../../../io/checkpoint.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../../runs/load.js'
import type { TextConfig } from '../config.js'
import { textTask } from '../model.js'
import { readingOf } from './prompt.js'

/** A text model that was loaded from a file. */
export interface LoadedText extends LoadedModel<TextConfig> {
  readonly vocabulary: Vocabulary
  /** Begins to write after a prompt; see `writeText`. */
  write(options?: WriteOptions): Writer
}

/** Options of `writeText`. */
export interface WriteOptions extends Partial<SamplerSettings> {
  /**
   * Text that the model reads before the first symbol is drawn; default: a line feed if the vocabulary has one, otherwise a full stop, otherwise
   * its first symbol. With a vocabulary of words, the first word that is drawn follows the prompt after a space.
   */
  prompt?: string
}

/** A text that is being written. */
export interface Writer {
  /** The stream that draws the symbols; its `snapshot` and `clone` copy the state of the writing. */
  readonly stream: Stream
  /** Number of symbols drawn so far. */
  readonly count: number
  /**
   * Yields the next `length` symbols as pieces of text; the event loop turns between the pieces. Throws ERR_ABORTED if the signal aborts.
   */
  pieces(options: { length: number; signal?: AbortSignal | undefined }): AsyncGenerator<string, void, undefined>
  /** Returns the next `length` symbols as text, drawn on the caller's thread before it returns. */
  text(length: number): string
}

/** Options of `loadTextModel`. The default of `threads` depends on the size of the network. */
export type LoadTextOptions = LoadOptions

/**
 * Returns the number of threads for one stream; 0 is that of the engine. Each step of a stream has a barrier, so a second thread is faster only
 * for large networks, whose steps read many weights, and on a busy machine it is many times slower.
 */
function threadsForOneStream(hidden: number): number {
  return hidden < 768 ? 1 : 0
}

/**
 * Loads a text model from the model file of a training. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged,
 * and ERR_WRONG_TASK if it is a model of another task.
 *
 * @example
 * using loaded = await loadTextModel('shakespeare.safetensors')
 * console.log(loaded.write({ prompt: 'ROMEO:', temperature: 0.8, seed: 1 }).text(200))
 */
export async function loadTextModel(
  source: string | CheckpointFile,
  options: LoadTextOptions = {}
): Promise<LoadedText> {
  const loaded = await loadModel(textTask, source, options, ({ network }) => threadsForOneStream(network.hidden))
  const { model, config } = loaded
  const vocabulary = vocabularyFromConfig(config.vocabulary)
  const text: LoadedText = {
    ...loaded,
    vocabulary,
    write: (writeOptions = {}) => writeText(model, vocabulary, writeOptions)
  }
  texts.add(text)
  return text
}

const texts = new WeakSet<LoadedText>()

/** Checks that a value is a text model that `loadTextModel` returned. */
export const checkLoadedText = made<LoadedText>('a model that loadTextModel returned', texts)

const readWriteOptions = optionsOf<WriteOptions>({ ...settingFields, prompt: optional(string) })
const readPieces = object<{ length: number; signal?: AbortSignal | undefined }>({
  length: integer(0),
  signal: optional(signalOf)
})

/**
 * Begins to write with a model in memory: a loaded one, or one that is being trained. `vocabulary` is that of the model. The settings are those
 * of a stream, with the same defaults. Throws ERR_UNKNOWN_SYMBOL if the prompt has symbols that the vocabulary does not have, with a
 * vocabulary of words also if they would be `<unk>` or if there is only white space, ERR_INVALID_ARGUMENT for invalid options,
 * ERR_UNSUPPORTED if the model does not define a stream of tokens.
 *
 * @example
 * const writer = writeText(run.model, run.vocabulary, { prompt: 'ROMEO:', temperature: 0.8 })
 * for await (const piece of writer.pieces({ length: 200 })) process.stdout.write(piece)
 */
export function writeText(model: Model, modelVocabulary: Vocabulary, options: WriteOptions = {}): Writer {
  checkModel(model, 'model')
  const vocabulary = checkVocabulary(modelVocabulary, 'vocabulary')
  const { prompt = '', ...settings } = readWriteOptions(options, 'the options of writeText')
  const ids = readingOf(vocabulary, prompt)
  const stream = model.stream(settings)
  const decoder = vocabulary.decoder()
  // A word that follows another one is decoded with the space between them.
  if (prompt !== '' && vocabulary.kind === 'word') for (const id of ids) decoder.write(id)
  let unread: ArrayLike<number> | null = ids
  let count = 0
  const decode = (tokens: Int32Array) => {
    count += tokens.length
    let text = ''
    for (const id of tokens) text += decoder.write(id)
    return text
  }
  return {
    stream,
    get count() {
      return count
    },
    async *pieces(options) {
      const { length, signal } = readPieces(options, 'the options of pieces')
      const aborts = signal ? { signal } : {}
      if (unread) await stream.prime(unread, aborts)
      unread = null
      for await (const tokens of stream.generate({ length, ...aborts })) {
        const text = decode(tokens)
        if (text !== '') yield text
      }
      const rest = decoder.end()
      if (rest !== '') yield rest
    },
    text(length) {
      integer(0)(length, 'length')
      if (unread) stream.feed(unread)
      unread = null
      return decode(stream.sample(length)) + decoder.end()
    }
  }
}
