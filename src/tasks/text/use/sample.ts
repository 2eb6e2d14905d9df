// Sampling from a text model: a prompt in, text out.

import type { Values } from '../../../settings/index.js'
import type { RecordOf, VerbCode } from '../../verb.js'
import { loadTextModel, type LoadedText, type Writer } from './load.js'
import { readingOf } from './prompt.js'
import type { sampleRecords } from './use-records.js'
import type { sampleSettings } from './use-settings.js'

type SampleInput = Values<typeof sampleSettings>
type SampleRecord = RecordOf<typeof sampleRecords>

/** The code of `sample`. An abort ends the text where it is. */
export const sampleCode: VerbCode<LoadedText, SampleInput, SampleRecord> = {
  load: loadTextModel,
  async *run(loaded, input, { pieces, signal }) {
    const { prompt, length, temperature, topK, topP, seed } = input
    const writer = loaded.write({ prompt, temperature, topK, topP, seed })
    const parts: string[] = []
    const begin = performance.now()
    if (pieces) yield { event: 'piece', part: 'prompt', text: prompt }
    try {
      for await (const text of writer.pieces({ length, signal })) {
        if (pieces) yield { event: 'piece', part: 'text', text }
        else parts.push(text)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
    const seconds = (performance.now() - begin) / 1000
    yield {
      event: 'sample',
      ...summaryOf(loaded, input, writer, { seconds, ...(!pieces && { text: parts.join('') }) })
    }
  },
  show: (record) => ({ text: record.event === 'piece' ? record.text : '\n' }),
  texts: ({ model, vocabulary }) => ({
    model,
    vocabulary,
    promptIds: (prompt) => readingOf(vocabulary, prompt)
  })
}

function summaryOf(
  { info }: LoadedText,
  { prompt, seed, temperature, topK, topP }: SampleInput,
  { count }: Writer,
  { text, seconds }: { text?: string; seconds: number }
) {
  return {
    task: info.task,
    prompt,
    ...(text !== undefined && { text }),
    length: count,
    seed,
    temperature,
    top_k: topK,
    top_p: topP,
    seconds,
    tokens_per_second: Math.round(count / Math.max(seconds, 1e-9))
  }
}
