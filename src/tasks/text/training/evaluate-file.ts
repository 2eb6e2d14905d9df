// Evaluation of a text model's file on a text, and the cost of low-precision weights.

import { openCorpus } from '../../../data/text/corpus.js'
import type { Tokens } from '../../../data/text/tokens.js'
import { counted, expected } from '../../../errors.js'
import { duration, nats } from '../../../format.js'
import type { CheckpointFile } from '../../../io/checkpoint.js'
import type { Values } from '../../../settings/index.js'
import type { LoadOptions } from '../../runs/load.js'
import { engineOptions, given } from '../../runs/settings.js'
import type { TaskMeasurement, ModelInput, TaskContext } from '../../task.js'
import { bitsInWords, bitsOfText, measureValues, textFacts, unknownInWords } from './bits.js'
import { evaluateText, type TextMeasureOptions } from './evaluate.js'
import { loadTextModel } from '../use/load.js'
import type { textEvaluationSettings } from '../use/use-settings.js'

/** Measures a model on a part of a text as one stream. With low-precision weights it also measures with those of float32, to print their cost. */
export async function evaluateTextFile(
  { model: file, words, options }: ModelInput<Values<typeof textEvaluationSettings>>,
  { progress, signal, stdin }: TaskContext
): Promise<TaskMeasurement> {
  const engine = engineOptions(options)
  using loaded = await loadTextModel(file, engine)
  const { vocabulary, config, model } = loaded
  const { part, valid = config.split.valid, test = config.split.test, cacheDir } = options
  // The whole text is not cut, so that no word at the end of a part is divided.
  const shares = part === 'all' ? { valid: 0, test: 0 } : { valid, test }
  const corpus = await openCorpus(words, { vocabulary, ...shares, signal, stdin: stdin(), ...given({ cacheDir }) })
  try {
    const { [part]: tokens, sizes } = corpus
    if (tokens.length === 0 && { all: 1, train: 1, valid, test }[part] === 0) throw emptyPart(part)
    const onProgress = (done: number) => progress.show(`measuring on ${counted(tokens.length, 'symbol')}`, done)
    const measure = await evaluateText(model, tokens, { signal, onProgress })
    const size = sizes[part]
    const all = { ...measure, ...bitsOfText(measure, size) }
    const weights = options.weights ?? 'f32'
    const full = weights === 'f32' ? null : await measureInFull(file, tokens, engine, { signal, onProgress })
    const cost = full && { weights, f32_nats: full.nats, cost_nats: measure.nats - full.nats }
    return {
      values: measureValues(all),
      facts: { tokens: measure.tokens, part, ...textFacts(size), seconds: measure.seconds, ...cost },
      lines: [
        bitsInWords(all),
        `over ${counted(measure.tokens, 'symbol')} (${part})${unknownInWords(size)}, one stream, in ${duration(measure.seconds)}`,
        ...(cost ? [`${weights} weights cost ${nats(cost.cost_nats)} nats: f32 gives ${nats(cost.f32_nats)}`] : [])
      ]
    }
  } finally {
    progress.clear()
    corpus.close()
  }
}

/**
 * Returns the error for a part whose share is 0. The training may have validated on other files: these, and not more of this text, are the
 * data to measure on.
 */
function emptyPart(part: string) {
  return expected(
    'ERR_CORPUS_EMPTY',
    `symbols in the part ${part} of the text`,
    'a share of 0 for it, as in a training that takes this part from other files',
    'measure on the whole of those files, or name the share of this part'
  )
}

async function measureInFull(file: CheckpointFile, tokens: Tokens, options: LoadOptions, how: TextMeasureOptions) {
  using loaded = await loadTextModel(file, { ...options, precision: 'f32' })
  return await evaluateText(loaded.model, tokens, how)
}
