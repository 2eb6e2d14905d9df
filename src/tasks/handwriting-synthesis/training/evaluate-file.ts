// Evaluation of a writer's file on ink, compared with baselines without a memory, and of its legibility for a reader.

import { readInk, type ReadInkOptions } from '../../../data/ink/read.js'
import { counted, expected } from '../../../errors.js'
import { duration, grouped, nats, percent } from '../../../format.js'
import type { Values } from '../../../settings/index.js'
import { loadReader } from '../../handwriting-recognition/index.js'
import { chooseInk } from '../../ink/choose.js'
import { inkReading } from '../../ink/reading.js'
import { engineOptions } from '../../runs/settings.js'
import type { TaskMeasurement, ModelInput, TaskContext } from '../../task.js'
import { writtenInk, type WrittenInk } from '../data.js'
import { measureSynthesis } from './evaluate.js'
import { measureLegibility, type Legibility } from '../use/legibility.js'
import { loadWriter, type LoadedWriter } from '../use/load.js'
import type { writerEvaluationSettings } from '../use/use-settings.js'

/** Measures a writer on a part of the ink and, if a reader is given, how well the reader reads texts that the writer writes. */
export async function evaluateWriterFile(
  { model: file, words: data, options: flags }: ModelInput<Values<typeof writerEvaluationSettings>>,
  context: TaskContext
): Promise<TaskMeasurement> {
  const { output, signal } = context
  using writer = await loadWriter(file, engineOptions(flags))
  const { config } = writer
  if (flags.reader !== undefined && !writer.vocabulary)
    throw expected(
      'ERR_INVALID_OPTION',
      'a writer of texts with a reader',
      'a model that draws without a text',
      'leave the reader out'
    )
  const reading = inkReading(flags, context)
  const { read, onBad } = reading
  const chosen = await chooseInk(data, flags, config, reading)
  const samples = writtenInk(chosen, writer.vocabulary, config, onBad)
  reading.tell(output, samples.length)
  const measure = await measureSynthesis(writer.model, config, samples, { signal })
  const { gaussian, mixture, nats: own, points, samples: count, seconds } = measure
  const legibility = flags.reader === undefined ? null : await letRead(writer, samples, flags, read, context)
  const { part } = flags
  return {
    values: { nats: own, ...(legibility && { cer: legibility.cer, exact: legibility.exact }) },
    facts: {
      samples: count,
      points,
      gaussian_nats: gaussian,
      mixture_nats: mixture,
      below_mixture: mixture - own,
      ...(legibility && factsOf(legibility, flags)),
      left_out: reading.leftOut(samples.length),
      part,
      seconds
    },
    lines: [
      `${nats(own)} nats a point over ${counted(points, 'point')} of ${counted(count, 'sample')} (${part}), in ${duration(seconds)}`,
      `${nats(gaussian)} a single Gaussian, ${nats(mixture)} a mixture of ${config.network.gaussians}, both without a memory`,
      ...(legibility ? readingLines(legibility) : [])
    ]
  }
}

/** Lets the writer write texts of the samples, and the reader read them. */
async function letRead(
  writer: LoadedWriter,
  samples: readonly WrittenInk[],
  flags: Values<typeof writerEvaluationSettings>,
  read: ReadInkOptions,
  { progress, signal }: TaskContext
): Promise<Legibility> {
  using reader = await loadReader(flags.reader!, { threads: 1, device: flags.device ?? 'auto' })
  const seen = new Set((flags.unseen ? await readInk(flags.unseen, read) : []).map(({ text }) => text))
  const texts = samples.map(({ text }) => text).filter((text) => !seen.has(text))
  const { bias, seed } = flags
  try {
    return await measureLegibility(writer, reader, texts.slice(0, flags.count), {
      bias,
      seed,
      signal,
      onProgress: (done) => progress.show('writing and reading', done)
    })
  } finally {
    progress.clear()
  }
}

function factsOf({ cut, written }: Legibility, { bias, seed }: Values<typeof writerEvaluationSettings>) {
  return { written: written.length, cut, bias, seed }
}

function readingLines({ cer, exact, cut, written, seconds }: Legibility): string[] {
  const wrong = written.filter((one) => one.text !== one.read).slice(0, 5)
  return [
    `${percent(cer)} of the symbols of ${counted(written.length, 'text')} that it wrote were read wrong, ${percent(exact)} of the texts right, ${grouped(cut)} cut off, in ${duration(seconds)}`,
    ...wrong.map(({ text, read }) => `  ${JSON.stringify(text)} was read as ${JSON.stringify(read)}`)
  ]
}
