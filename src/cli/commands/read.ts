// gatecell read: a reader and ink in, text out.

import { setImmediate } from 'node:timers/promises'
import type { Command } from 'commander'
import { readInk } from '../../data/ink/read.js'
import { countPoints } from '../../data/ink/strokes.js'
import { createPace } from '../../data/files/pace.js'
import { readWholeText } from '../../data/files/whole-text.js'
import { counted } from '../../errors.js'
import { loadReader, type LoadedReader, type Reading } from '../../tasks/handwriting-recognition/index.js'
import { lexicon, textScorer } from '../../tasks/handwriting-recognition/scorers.js'
import { combineScorers, type Scorer } from '../../generate/scorers.js'
import { loadTextModel, type LoadedText } from '../../tasks/text/index.js'
import { throwIfAborted } from '../../graph/abort.js'
import { refuseWithout } from '../options/applicable.js'
import { addEngineOptions, loadOptions, type EngineFlags } from '../options/engine.js'
import { addInkOptions, INK_FORMATS, inkReading, type InkFlags } from '../options/ink.js'
import { withInterrupts, type Interrupts } from '../ui/interrupt.js'
import { filePath, filePaths, number, whole } from '../options/parse.js'
import { createOutput, type Output } from '../ui/output.js'

interface ReadFlags extends InkFlags, EngineFlags {
  beam?: number
  best: number
  lexicon?: string
  lm?: string
  lmWeight: number
  insertion: number
  pen?: true
  json?: true
}

const EXAMPLES = `${INK_FORMATS}

Examples:
  gatecell read reader.safetensors note.ndjson
  gatecell read reader.safetensors note.inkml --beam 32 --lexicon words.txt --json
  gatecell read reader.safetensors note.ndjson --lm english.safetensors --best 3`

export function addRead(program: Command): void {
  const command = program
    .command('read')
    .description('Reads ink with a trained reader.')
    .argument('<model>', 'a .safetensors file of train handwriting-recognition', filePath('the model'))
    .argument('<ink...>', 'files, folders, patterns, or - for standard input', filePaths('the ink'))
    .option(
      '--beam <n>',
      'prefixes of a beam search (default: the best path; 16 with --lexicon or --lm)',
      whole('--beam', 1, 2 ** 16)
    )
    .option('--best <n>', 'readings of each sample', whole('--best', 1, 1000), 1)
    .option('--lexicon <file>', 'read only words of this list, one or more a line', filePath('--lexicon'))
    .option('--lm <model>', 'a text model that rates readings', filePath('--lm'))
    .option('--lm-weight <w>', 'times its nats', number('--lm-weight', 0, 100, 'least'), 0.5)
    .option('--insertion <nats>', 'with --lm: bonus of each symbol', number('--insertion', -100, 100), 1)
    .option('--pen', 'read point by point as the pen moves; for models of --forward')
  addInkOptions(addEngineOptions(command, '1'))
    .option('--json', 'one JSON object a sample')
    .addHelpText('after', EXAMPLES)
    .action(async (model: string, ink: string[], flags: ReadFlags) => {
      process.exitCode = await withInterrupts(async (interrupts) => {
        refuseWithout(command, 'lm', ['lmWeight', 'insertion'])
        return await read(model, ink, flags, interrupts)
      })
    })
}

async function read(path: string, data: string[], flags: ReadFlags, interrupts: Interrupts): Promise<number> {
  const { signal } = interrupts
  const how = loadOptions(flags)
  const output = createOutput(flags.json === true)
  using reader = await loadReader(path, how)
  const { read: reading, tell } = inkReading(flags, signal)
  const samples = await readInk(data, reading)
  tell(output, samples.length)
  const text = flags.lm === undefined ? null : await loadTextModel(flags.lm, { device: flags.device ?? 'auto' })
  try {
    const scorer = await scorerOf(reader, text, flags, { output, signal })
    const options = { ...(flags.beam && { beam: flags.beam }), ...(scorer && { scorer }) }
    for (const ink of samples) {
      await setImmediate() // Ctrl-C is seen between two samples
      throwIfAborted(signal)
      const begin = performance.now()
      const readings = flags.pen
        ? await readPen(reader, ink, options, { best: flags.best, signal })
        : await reader.read(ink, { ...options, best: flags.best, signal })
      const seconds = (performance.now() - begin) / 1000
      output.record({
        source: ink.source,
        text: readings[0]?.text ?? null,
        truth: ink.text,
        nats: readings[0]?.nats ?? null,
        points: countPoints(ink.strokes),
        readings: readings.map(({ text, nats, score }) => ({ text, nats, score })),
        seconds
      })
      output.line(readings.length > 0 ? readings.map((reading) => reading.text).join('\t') : '(no reading)')
    }
  } finally {
    text?.dispose()
  }
  return interrupts.exitCode
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
  flags: ReadFlags,
  { output, signal }: { output: Output; signal: AbortSignal }
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
