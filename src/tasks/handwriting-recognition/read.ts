// Reading of ink by a reader's file: ink in, text out.

import { setImmediate } from 'node:timers/promises'
import { createPace } from '../../data/files/pace.js'
import { readWholeText } from '../../data/files/whole-text.js'
import { readInk } from '../../data/ink/read.js'
import { countPoints } from '../../data/ink/strokes.js'
import { counted } from '../../errors.js'
import { combineScorers, type Scorer } from '../../generate/scorers.js'
import { throwIfAborted } from '../../graph/abort.js'
import type { Values } from '../../settings/index.js'
import { inkReading } from '../ink/reading.js'
import { engineOptions } from '../runs/settings.js'
import type { ModelInput, TaskContext, TaskOutput } from '../task.js'
import { loadTextModel, type LoadedText } from '../text/index.js'
import { loadReader, type LoadedReader } from './load.js'
import { lexicon, textScorer } from './scorers.js'
import type { Reading } from './search.js'
import type { readingSettings } from './use-settings.js'

type ReadingValues = Values<typeof readingSettings>

/** Reads each sample of the ink, and prints its best readings. */
export async function read(
  { model: file, words: data, options: flags }: ModelInput<ReadingValues>,
  context: TaskContext
): Promise<void> {
  const { output, signal } = context
  using reader = await loadReader(file, engineOptions(flags))
  const { read: reading, tell } = inkReading(flags, context)
  const samples = await readInk(data, reading)
  tell(output, samples.length)
  const text = flags.lm === undefined ? null : await loadTextModel(flags.lm, { device: flags.device ?? 'auto' })
  try {
    const scorer = await scorerOf(reader, text, flags, { output, signal })
    const options = { ...(flags.beam && { beam: flags.beam }), ...(scorer && { scorer }) }
    for (const ink of samples) {
      await setImmediate() // so that Ctrl-C ends the command between two samples
      throwIfAborted(signal)
      const begin = performance.now()
      const readings = flags.pen
        ? await readPen(reader, ink, options, { best: flags.best, signal })
        : await reader.read(ink, { ...options, best: flags.best, signal })
      const seconds = (performance.now() - begin) / 1000
      output.record({
        event: 'read',
        source: ink.source,
        text: readings[0]?.text ?? null,
        truth: ink.text,
        nats: readings[0] ? lossOf(readings[0]) : null,
        points: countPoints(ink.strokes),
        readings: readings.map((reading) => ({ text: reading.text, nats: lossOf(reading), score: reading.score })),
        seconds
      })
      output.line(readings.length > 0 ? readings.map((reading) => reading.text).join('\t') : '(no reading)')
    }
  } finally {
    text?.dispose()
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

async function scorerOf(
  reader: LoadedReader,
  text: LoadedText | null,
  flags: ReadingValues,
  { output, signal }: { output: TaskOutput; signal: AbortSignal }
): Promise<Scorer | null> {
  const parts: { scorer: Scorer }[] = []
  if (flags.lexicon !== undefined) {
    const { scorer, omitted } = lexicon(await readWords(flags.lexicon, signal), reader.vocabulary)
    parts.push({ scorer })
    if (omitted.length > 0) {
      output.record({ event: 'omitted_words', words: omitted.length, examples: omitted.slice(0, 100) })
      const examples = omitted.slice(0, 5).map((word) => JSON.stringify(word))
      const more = omitted.length > examples.length ? ', ...' : ''
      output.line(
        `omitted ${counted(omitted.length, 'word')} of ${flags.lexicon} with symbols that the model does not read: ${examples.join(', ')}${more}`
      )
    }
  }
  if (text) {
    const options = { weight: flags.lmWeight, insertion: flags.insertion }
    parts.push({ scorer: textScorer(text, reader.vocabulary, options) })
  }
  return parts.length > 1 ? combineScorers(parts) : (parts[0]?.scorer ?? null)
}

async function readWords(path: string, signal: AbortSignal): Promise<string[]> {
  const text = await readWholeText(path, { signal, maxBytes: 2 ** 26 })
  return text.split(/\r?\n/)
}
