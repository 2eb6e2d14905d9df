// A text model from its file, ready to write and to be measured.

import { integer, object, optional, options as optionsOf, signal as signalOf, string } from '../../check/index.js'
import { checkVocabulary, vocabularyFromConfig, type Vocabulary } from '../../data/text/vocabulary.js'
import { checkModel, type Model } from '../../model.js'
import type { Stream } from '../../generate/stream-types.js'
import { settingFields, type SamplerSettings } from '../../generate/settings.js'
import { loadModel, type LoadedModel, type LoadOptions } from '../runs/load.js'
import type { TextConfig } from './config.js'
import { textTask } from './model.js'

export interface LoadedText extends LoadedModel<TextConfig> {
  readonly vocabulary: Vocabulary
  /** Writes on from a prompt. */
  write(options?: WriteOptions): Writer
}

export interface WriteOptions extends Partial<SamplerSettings> {
  /** Goes into the state before the first symbol is drawn; default: a line feed where the vocabulary has one, else its first symbol. */
  prompt?: string
}

/** Text being written. Its state is a value: see `stream`. */
export interface Writer {
  readonly stream: Stream
  /** Symbols drawn so far. */
  readonly count: number
  /** The next `length` symbols as pieces of text, the event loop turning between them. ERR_ABORTED. */
  pieces(options: { length: number; signal?: AbortSignal | undefined }): AsyncGenerator<string, void, undefined>
  /** The next `length` symbols at once. */
  text(length: number): string
}

export type LoadTextOptions = LoadOptions

/**
 * One stream has a barrier in every step: a second thread pays where a step has much to read, and on a busy machine
 * costs many times what it gives. 0: the engine's threads.
 */
function threadsForOneStream(hidden: number): number {
  return hidden < 768 ? 1 : 0
}

/** Loads a text model. ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_WRONG_TASK. */
export async function loadTextModel(path: string, options: LoadTextOptions = {}): Promise<LoadedText> {
  const loaded = await loadModel(textTask, path, options, ({ network }) => threadsForOneStream(network.hidden))
  const { model, config } = loaded
  const vocabulary = vocabularyFromConfig(config.vocabulary)
  return { ...loaded, vocabulary, write: (writeOptions = {}) => writeText(model, vocabulary, writeOptions) }
}

/** Writes with a model that is in memory: a loaded one, or one between two steps of its training. */
const readWriteOptions = optionsOf<WriteOptions>({ ...settingFields, prompt: optional(string) })
const readPieces = object<{ length: number; signal?: AbortSignal | undefined }>({
  length: integer(0),
  signal: optional(signalOf)
})

export function writeText(model: Model, vocabulary: Vocabulary, options: WriteOptions = {}): Writer {
  checkModel(model, 'model')
  checkVocabulary(vocabulary, 'vocabulary')
  const { prompt = '', ...settings } = readWriteOptions(options, 'the options of writeText')
  const ids = prompt === '' ? [firstId(vocabulary)] : vocabulary.encode(prompt)
  const stream = model.stream(settings)
  const decoder = vocabulary.decoder()
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

function firstId(vocabulary: Vocabulary): number {
  const start = Array.from({ length: vocabulary.size }, (_, id) => id).find((id) => vocabulary.decode([id]) === '\n')
  return start ?? 0
}
