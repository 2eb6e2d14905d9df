// gatecell evaluate for a writer: ink in, nats per point out.

import { GatecellError } from '../errors.js'
import { vocabularyFromConfig } from '../data/vocabulary.js'
import { loadWriter, measureGeneration, writtenInk } from '../tasks/handwriting/generation/index.js'
import { openInk } from '../tasks/handwriting/samples.js'
import { parseWhere } from '../tasks/handwriting/where.js'
import { checkDevice } from './backends.js'
import type { EvaluateFlags } from './evaluate.js'
import { duration, integer, nats } from './format.js'
import { inkReading } from './ink-options.js'
import type { Interrupts } from './interrupt.js'
import { createOutput } from './output.js'

export async function evaluateHandwriting(
  path: string,
  data: string[],
  flags: EvaluateFlags,
  { signal, exitCode }: Interrupts
): Promise<number> {
  const output = createOutput(flags.json === true)
  if (flags.part === 'test')
    throw new GatecellError('ERR_INVALID_OPTION', 'Expected all, train or valid for --part of ink but received "test"')
  checkDevice(flags.device)
  using writer = await loadWriter(path, { device: flags.device ?? 'auto' })
  const { config } = writer
  const { read, onBad, tell } = inkReading(flags, signal)
  const split = flags.part === 'all' ? { valid: 0, where: null } : config.split
  const { valid = split.valid } = flags
  const sets = await openInk({ data, read }, { ...split, valid })
  const part = flags.part === 'valid' ? sets.valid : sets.train
  const chosen = flags.where === undefined ? part : part.filter(parseWhere(flags.where))
  const samples = writtenInk(chosen, config.vocabulary && vocabularyFromConfig(config.vocabulary), config, onBad)
  tell(output)
  const measure = await measureGeneration(writer.model, config, samples, { signal })
  output.record({ task: writer.info.task, ...measure, part: flags.part })
  output.line(
    `${nats(measure.nats)} nats a point over ${integer(measure.points)} points of ${integer(measure.samples)} samples (${flags.part}), in ${duration(measure.seconds)}`
  )
  return exitCode
}
