// Reading of ink by a reader's file: ink in, text out.

import { setImmediate } from 'node:timers/promises'
import { createPace } from '../../../data/files/pace.js'
import { countPoints } from '../../../data/ink/strokes.js'
import { counted } from '../../../errors.js'
import { combineScorers, type Scorer } from '../../../generate/scorers.js'
import { throwIfAborted } from '../../../graph/abort.js'
import type { Content, Values } from '../../../settings/index.js'
import { contentName, readContent } from '../../contents.js'
import { readInkContents } from '../../ink/contents.js'
import { inkReading } from '../../ink/reading.js'
import { leftOutLines } from '../../left-out.js'
import { loadTextModel, type LoadedText } from '../../text/index.js'
import type { RecordOf, VerbCode, VerbContext } from '../../verb.js'
import { loadReader, type LoadedReader } from './load.js'
import { lexicon, textScorer } from './scorers.js'
import type { Reading } from './search.js'
import type { readingRecords } from './use-records.js'
import type { readingSettings } from './use-settings.js'

type ReadingInput = Values<typeof readingSettings>
type ReadingRecord = RecordOf<typeof readingRecords>

/** The code of `read`: it reads each sample of the ink, and yields its best readings. */
export const readingCode: VerbCode<LoadedReader, ReadingInput, ReadingRecord> = {
  load: loadReader,
  async *run(reader, input, context) {
    const reading = inkReading(input, context)
    const samples = await readInkContents(input.ink, reading.read)
    const leftOut = reading.record(samples.length)
    if (leftOut) yield leftOut
    const text = input.lm === undefined ? null : await openTextModel(input.lm, context)
    try {
      const { scorer, omitted } = await scorerOf(reader, text, input, context)
      if (omitted.length > 0) yield { event: 'omitted_words', words: omitted.length, examples: omitted.slice(0, 100) }
      for (const ink of samples) {
        await setImmediate() // so that Ctrl-C ends the command between two samples
        throwIfAborted(context.signal)
        yield await recordOf(reader, ink, input, { scorer, signal: context.signal })
      }
    } finally {
      text?.dispose()
    }
  },
  show(record, { lexicon: words }) {
    switch (record.event) {
      case 'left_out':
        return { lines: leftOutLines(record) }
      case 'omitted_words':
        return { lines: [omittedLine(record, words!)] }
      case 'read': {
        const texts = record.readings.map(({ text }) => text)
        return { lines: [texts.length > 0 ? texts.join('\t') : '(no reading)'] }
      }
    }
  }
}

/** Loads the text model of a name. */
async function openTextModel(name: string, { engine, openModel }: VerbContext): Promise<LoadedText> {
  const file = await openModel(name)
  try {
    return await loadTextModel(file, { device: engine.device ?? 'auto' })
  } finally {
    await file.close()
  }
}

async function recordOf(
  reader: LoadedReader,
  ink: Awaited<ReturnType<typeof readInkContents>>[number],
  { beam, best, pen }: ReadingInput,
  { scorer, signal }: { scorer: Scorer | null; signal: AbortSignal }
): Promise<RecordOf<Pick<typeof readingRecords, 'read'>>> {
  const options = { ...(beam && { beam }), ...(scorer && { scorer }) }
  const begin = performance.now()
  const readings = pen
    ? await readPen(reader, ink, options, { best, signal })
    : await reader.read(ink, { ...options, best, signal })
  const seconds = (performance.now() - begin) / 1000
  return {
    event: 'read',
    source: ink.source,
    text: readings[0]?.text ?? null,
    truth: ink.text,
    nats: readings[0] ? lossOf(readings[0]) : null,
    points: countPoints(ink.strokes),
    readings: readings.map((reading) => ({ text: reading.text, nats: lossOf(reading), score: reading.score })),
    seconds
  }
}

/** Returns the negative log probability of a reading, so that `nats` has the sign of a loss in the records of all commands. */
function lossOf({ nats }: Reading): number {
  return 0 - nats
}

async function readPen(
  reader: LoadedReader,
  ink: { strokes: readonly { x: Float64Array; y: Float64Array; t: Float64Array | null }[] },
  options: { beam?: number; scorer?: Scorer },
  { best, signal }: { best: number; signal: AbortSignal }
): Promise<Reading[]> {
  const pen = reader.pen(options)
  const pace = createPace(signal)
  for (const { x, y, t } of ink.strokes) {
    for (let i = 0; i < x.length; i++) {
      pen.down(x[i]!, y[i]!, t?.[i])
      if (pace.due()) await pace.turn()
    }
    pen.up()
  }
  return pen.best(best)
}

/** Returns the scorer of lexicon and text model, null without both, and the words of the lexicon that the model does not read. */
async function scorerOf(
  { vocabulary }: LoadedReader,
  text: LoadedText | null,
  { lexicon: words, lmWeight, insertion }: ReadingInput,
  { signal }: VerbContext
): Promise<{ scorer: Scorer | null; omitted: readonly string[] }> {
  const found = words === undefined ? null : lexicon(await wordsOf(words, signal), vocabulary)
  const parts = [
    ...(found ? [{ scorer: found.scorer }] : []),
    ...(text ? [{ scorer: textScorer(text, vocabulary, { weight: lmWeight, insertion }) }] : [])
  ]
  const scorer = parts.length > 1 ? combineScorers(parts) : (parts[0]?.scorer ?? null)
  return { scorer, omitted: found?.omitted ?? [] }
}

function omittedLine({ words, examples }: { words: number; examples: readonly string[] }, lexicon: Content): string {
  const shown = examples.slice(0, 5).map((word) => JSON.stringify(word))
  const more = words > shown.length ? ', ...' : ''
  return `omitted ${counted(words, 'word')} of ${contentName(lexicon)} with symbols that the model does not read: ${shown.join(', ')}${more}`
}

async function wordsOf(content: Content, signal: AbortSignal): Promise<string[]> {
  const text = await readContent(content, { signal, maxBytes: 2 ** 26 })
  return text.split(/\r?\n/)
}
