// A training of a text model as a run with its descriptions.

import { counted } from '../../../errors.js'
import { bytes, grouped, nats, wholePercent } from '../../../format.js'
import type { Given } from '../../../settings/index.js'
import type { Hint } from '../../hint.js'
import type { RunPlace, TaskContext, TaskRun } from '../../task.js'
import { LARGE_OUTPUT_SHARE, outputLayerShare, smallerVocabulary } from './output-layer.js'
import { prepareTextRun, type TextRun, type TextRunMeasure } from './run.js'
import type { textRunSettings } from '../settings.js'

/** Returns a training of a text model that is ready to start. */
export async function prepareTextTask(
  place: RunPlace,
  given: Given<typeof textRunSettings>,
  { output, progress, signal, stdin }: TaskContext
): Promise<TaskRun<TextRunMeasure>> {
  const skipped: string[] = []
  const run = await prepareTextRun({
    ...given,
    ...place,
    corpus: {
      signal,
      stdin: stdin(),
      ...given.corpus,
      onSkip: (path, reason) => skipped.push(`${path} (${reason})`),
      onProgress({ phase, bytes: read, totalBytes }) {
        const half = read / Math.max(1, totalBytes)
        progress.show(`reading ${bytes(totalBytes)}`, (half + (phase === 'encode' ? 1 : 0)) / 2)
      }
    }
  })
  progress.clear()
  const more = skipped.length > 5 ? ', ...' : ''
  if (skipped.length > 0)
    output.line(`left out ${counted(skipped.length, 'file')}: ${skipped.slice(0, 5).join(', ')}${more}`)
  return {
    run,
    introduction: introduce(run),
    facts: { output_layer_share: outputLayerShare(run.model.parameters.specs) },
    hints: vocabularyHint(run),
    memoryNote: run.corpus.cached ? '; the text lies in a temporary file' : '',
    measured({ nats: own, bits, tokens, whole: all }) {
      const part = all ? 'the whole' : `the first ${counted(tokens, 'symbol')} of the`
      const line = `${nats(own)} nats a symbol over ${part} validation text, as one stream`
      return { values: { nats: own, bits }, facts: { tokens, whole: all }, lines: [line] }
    }
  }
}

function introduce({ config, corpus: { train, valid, test }, vocabulary, model }: TextRun): TaskRun['introduction'] {
  const { layers, hidden } = config.network
  const { batch, length } = config.training!
  const parts = [`${counted(train.length, 'symbol')} to train on`, `${grouped(valid.length)} to validate`]
  if (test.length > 0) parts.push(`${grouped(test.length)} unseen`)
  return {
    data: `text     ${parts.join(', ')}; ${vocabulary.size} different (${vocabulary.kind}s)`,
    network: `${layers} x ${hidden} LSTM, output layer ${wholePercent(outputLayerShare(model.parameters.specs))} of the multiplications`,
    step: `${batch} x ${counted(length, 'symbol')}`
  }
}

/** Size of the vocabulary of bytes. No hint is given for vocabularies up to this size, because a smaller one saves little. */
const BYTES = 256

/** Returns a hint if the output layer is large because the text has many different characters. */
function vocabularyHint({ model, vocabulary, corpus, resumed }: TextRun): Hint[] {
  const { specs } = model.parameters
  const share = outputLayerShare(specs)
  if (resumed !== null || share <= LARGE_OUTPUT_SHARE || vocabulary.size <= BYTES) return []
  const smaller = smallerVocabulary(specs, corpus.counts)
  const fewer = smaller
    ? `--min-count ${smaller.minCount} keeps ${counted(smaller.size, 'symbol')} and lets the rarer characters share one, `
    : ''
  const message = `the output layer takes ${wholePercent(share)} of the multiplications, because the text has ${grouped(vocabulary.size)} different characters: ${fewer}--vocabulary byte has ${BYTES} symbols`
  return [{ hint: 'large-output-layer', message }]
}
