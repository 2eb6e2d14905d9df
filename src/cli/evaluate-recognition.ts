// gatecell evaluate for a reader: ink with texts in, error rates out.

import { GatecellError } from '../errors.js'
import { labelInk, loadReader, measureRecognition } from '../tasks/handwriting/recognition/index.js'
import { openInk } from '../tasks/handwriting/samples.js'
import { parseWhere } from '../tasks/handwriting/where.js'
import type { EvaluateFlags } from './evaluate.js'
import { duration, integer, nats, percent } from './format.js'
import { inkReading } from './ink-options.js'
import type { Interrupts } from './interrupt.js'
import { createOutput } from './output.js'
import { createProgress } from './progress.js'

export async function evaluateRecognition(
  path: string,
  data: string[],
  flags: EvaluateFlags,
  { signal, exitCode }: Interrupts
): Promise<number> {
  const output = createOutput(flags.json === true)
  const progress = await createProgress(output)
  if (flags.part === 'test')
    throw new GatecellError('ERR_INVALID_OPTION', 'Expected all, train or valid for --part of ink but received "test"')
  using reader = await loadReader(path, {
    precision: flags.weights,
    threads: flags.threads,
    device: flags.device ?? 'auto'
  })
  const { read, onBad, tell } = inkReading(flags, signal)
  const split = flags.part === 'all' ? { valid: 0, where: null } : reader.config.split
  const { valid = split.valid } = flags
  const sets = await openInk({ data, read }, { ...split, valid })
  const chosen = flags.part === 'valid' ? sets.valid : sets.train
  const samples = labelInk(
    flags.where === undefined ? chosen : chosen.filter(parseWhere(flags.where)),
    reader.vocabulary,
    reader.config,
    onBad
  )
  tell(output)
  const onProgress = (done: number) => progress.show(`reading ${integer(samples.length)} samples`, done)
  try {
    const measure = await measureRecognition(reader.model, reader.config, samples, { signal, onProgress })
    progress.clear()
    output.record({
      task: reader.info.task,
      samples: measure.samples,
      cer: measure.cer,
      exact: measure.exact,
      nats: measure.nats,
      part: flags.part,
      seconds: measure.seconds
    })
    output.line(
      `${percent(measure.cer)} of the symbols wrong, ${percent(measure.exact)} of the samples read without an error`
    )
    output.line(
      `${nats(measure.nats)} nats a sample, over ${integer(measure.samples)} samples (${flags.part}), in ${duration(measure.seconds)}`
    )
    return exitCode
  } finally {
    progress.clear()
  }
}
