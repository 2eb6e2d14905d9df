// gatecell evaluate for a writer: ink in, nats per point out, beside what has no memory; with a reader, how well it reads what
// the writer makes of the texts.

import { readInk, type ReadInkOptions } from '../../../data/ink/read.js'
import { counted, GatecellError } from '../../../errors.js'
import {
  loadWriter,
  measureGeneration,
  writtenInk,
  type LoadedWriter,
  type WrittenInk
} from '../../../tasks/handwriting-synthesis/index.js'
import { measureReadability, type Readability } from '../../../tasks/handwriting-synthesis/legibility.js'
import { loadReader } from '../../../tasks/handwriting-recognition/index.js'
import { loadOptions } from '../../options/engine.js'
import type { EvaluateFlags } from './flags.js'
import { checkPart, chooseInk } from './ink.js'
import { duration, integer, nats, percent } from '../../ui/format.js'
import { inkReading } from '../../options/ink.js'
import type { Interrupts } from '../../ui/interrupt.js'
import { createOutput, type Output } from '../../ui/output.js'
import { createProgress } from '../../ui/progress.js'

export async function evaluateHandwriting(
  path: string,
  data: string[],
  flags: EvaluateFlags,
  { signal, exitCode }: Interrupts
): Promise<number> {
  const output = createOutput(flags.json === true)
  checkPart(flags)
  using writer = await loadWriter(path, loadOptions(flags))
  const { config } = writer
  if (flags.reader !== undefined && !writer.vocabulary)
    throw new GatecellError(
      'ERR_INVALID_OPTION',
      'Expected a writer of texts with --reader but received a model that draws without a text: leave --reader out'
    )
  const reading = inkReading(flags, signal)
  const { read, onBad } = reading
  const chosen = await chooseInk(data, flags, config, reading)
  const samples = writtenInk(chosen, writer.vocabulary, config, onBad)
  reading.tell(output, samples.length)
  const measure = await measureGeneration(writer.model, config, samples, { signal })
  const { gaussian, mixture } = measure
  const readability =
    flags.reader === undefined ? null : await letRead(writer, samples, flags, { output, read, signal })
  output.record({
    task: writer.info.task,
    samples: measure.samples,
    points: measure.points,
    nats: measure.nats,
    gaussian_nats: gaussian,
    mixture_nats: mixture,
    below_mixture: mixture - measure.nats,
    ...(readability && fieldsOf(readability, flags)),
    left_out: reading.leftOut(samples.length),
    part: flags.part,
    seconds: measure.seconds
  })
  output.line(
    `${nats(measure.nats)} nats a point over ${counted(measure.points, 'point')} of ${counted(measure.samples, 'sample')} (${flags.part}), in ${duration(measure.seconds)}`
  )
  output.line(
    `${nats(gaussian)} a single Gaussian, ${nats(mixture)} a mixture of ${config.network.gaussians}, both without a memory`
  )
  if (readability) tellReading(readability, output)
  return exitCode
}

/** Lets the writer write texts of the samples, and the reader read them. */
async function letRead(
  writer: LoadedWriter,
  samples: readonly WrittenInk[],
  flags: EvaluateFlags,
  { output, read, signal }: { output: Output; read: ReadInkOptions; signal: AbortSignal }
): Promise<Readability> {
  using reader = await loadReader(flags.reader!, { threads: 1, device: flags.device ?? 'auto' })
  const seen = new Set((flags.unseen ? await readInk(flags.unseen, read) : []).map(({ text }) => text))
  const texts = samples.map(({ text }) => text).filter((text) => !seen.has(text))
  const progress = await createProgress(output)
  const { bias, seed } = flags
  try {
    return await measureReadability(writer, reader, texts.slice(0, flags.count), {
      bias,
      seed,
      signal,
      onProgress: (done) => progress.show('writing and reading', done)
    })
  } finally {
    progress.clear()
  }
}

function fieldsOf({ cer, exact, cut, written }: Readability, { bias, seed }: EvaluateFlags) {
  return { written: written.length, cer, exact, cut, bias, seed }
}

function tellReading({ cer, exact, cut, written, seconds }: Readability, output: Output): void {
  output.line(
    `${percent(cer)} of the symbols of ${counted(written.length, 'text')} that it wrote were read wrong, ${percent(exact)} of the texts right, ${integer(cut)} cut off, in ${duration(seconds)}`
  )
  for (const { text, read } of written.filter((one) => one.text !== one.read).slice(0, 5))
    output.line(`  ${JSON.stringify(text)} was read as ${JSON.stringify(read)}`)
}
