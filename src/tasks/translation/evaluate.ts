// Evaluation of a translator's file on pairs of sentences.

import { readPairs } from '../../data/pairs/read.js'
import { counted, expected } from '../../errors.js'
import { duration, grouped, percent } from '../../format.js'
import type { Values } from '../../settings/index.js'
import { leavingOut } from '../left-out.js'
import type { ModelInput, TaskContext, TaskMeasurement } from '../task.js'
import { eachPair, pairReading, symbolPair, validates } from './data.js'
import { loadTranslator } from './load.js'
import { measureTranslator, type TranslationMeasure } from './measure.js'
import type { translationEvaluationSettings } from './use-settings.js'

/** Returns the values, facts and lines of a measure. */
export function describeMeasure(measure: TranslationMeasure): TaskMeasurement {
  const { bleu, chrf, bleuByPair, exact, sources, pairs, unfinished, seconds } = measure
  const { precisions, brevityPenalty, length, referenceLength } = bleu
  // References of <skipped>, which the tokeniser 13a removes, have no words; sacreBLEU prints 0.
  const ratio = referenceLength > 0 ? length / referenceLength : 0
  const shown = precisions.map((precision) => precision.toFixed(1)).join('/')
  return {
    values: { bleu: bleu.score, chrf: chrf.score, bleu_by_pair: bleuByPair.score, exact },
    facts: {
      sources,
      pairs,
      precisions: [...precisions],
      brevity_penalty: brevityPenalty,
      length_ratio: ratio,
      unfinished,
      signature: bleu.signature,
      chrf_signature: chrf.signature,
      seconds
    },
    lines: [
      `BLEU ${bleu.score.toFixed(2)} (${shown}, brevity penalty ${brevityPenalty.toFixed(3)}, length ${ratio.toFixed(3)} of the references), chrF2 ${chrf.score.toFixed(2)}`,
      `pair by pair BLEU ${bleuByPair.score.toFixed(2)}; ${percent(exact)} equal to a reference; ${counted(sources, 'source')} with ${counted(pairs, 'reference')}, ${grouped(unfinished)} cut off, in ${duration(seconds)}`
    ]
  }
}

/**
 * Measures a translator on pairs: each different source is translated once and compared with all of its references. Throws the errors of
 * `loadTranslator` and `readPairs`, ERR_CORPUS_EMPTY if the settings leave no pair, and ERR_ABORTED.
 */
export async function evaluateTranslation(
  { model: file, words, options }: ModelInput<Values<typeof translationEvaluationSettings>>,
  { output, progress, signal, stdin }: TaskContext
): Promise<TaskMeasurement> {
  const { part, beam, lengthPenalty, coveragePenalty, prune, tokenizer, minWords, most, device = 'auto' } = options
  using translator = await loadTranslator(file, { device })
  const { plain, valid } = translator.config.sentences
  const left = leavingOut(options.skipBad)
  const reading = { ...pairReading(options), signal, stdin: stdin(), ...(left.onBad && { onBad: left.onBad }) }
  const encodable = await eachPair(await readPairs(words, reading), (pair) => symbolPair(pair, plain), reading)
  const pairs = encodable
    .filter(({ source }) => part === 'all' || validates(source, valid) === (part === 'valid'))
    .map(({ pair }) => pair)
    .filter(({ source }) => source.trim().split(/\s+/).length >= minWords)
  left.tell(output, pairs.length)
  if (pairs.length === 0)
    throw expected(
      'ERR_CORPUS_EMPTY',
      `pairs to measure on in ${words.join(', ').slice(0, 200)}`,
      'none',
      'choose others'
    )
  const measure = await measureTranslator(translator, pairs, {
    beam,
    lengthPenalty,
    coveragePenalty,
    prune,
    tokenizer,
    signal,
    ...(most !== undefined && { most }),
    onProgress: (done) => progress.show('translating', done)
  })
  progress.clear()
  const { values, facts, lines = [] } = describeMeasure(measure)
  return {
    values,
    facts: { ...facts, beam, left_out: left.leftOut(pairs.length) },
    lines: [...lines, `${measure.bleu.signature} for BLEU, ${measure.chrf.signature} for chrF2`]
  }
}
