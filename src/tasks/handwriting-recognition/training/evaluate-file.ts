// Evaluation of a reader's file on ink with texts.

import { counted } from '../../../errors.js'
import { duration, nats, percent } from '../../../format.js'
import type { Values } from '../../../settings/index.js'
import { chooseInk } from '../../ink/choose.js'
import { inkReading } from '../../ink/reading.js'
import { engineOptions } from '../../runs/settings.js'
import type { TaskMeasurement, ModelInput, TaskContext } from '../../task.js'
import { labelInk } from '../data.js'
import { measureRecognition } from './evaluate.js'
import { loadReader } from '../use/load.js'
import type { readerEvaluationSettings } from '../use/use-settings.js'

/** Measures a reader on a part of the ink. */
export async function evaluateReaderFile(
  { model: file, words, options }: ModelInput<Values<typeof readerEvaluationSettings>>,
  context: TaskContext
): Promise<TaskMeasurement> {
  const { output, progress, signal } = context
  using reader = await loadReader(file, engineOptions(options))
  const { vocabulary, config } = reader
  const reading = inkReading(options, context)
  const samples = labelInk(await chooseInk(words, options, config, reading), vocabulary, config, reading.onBad)
  reading.tell(output, samples.length)
  const onProgress = (done: number) => progress.show(`reading ${counted(samples.length, 'sample')}`, done)
  const {
    cer,
    exact,
    nats: own,
    samples: count,
    seconds
  } = await measureRecognition(reader.model, config, samples, {
    signal,
    onProgress
  })
  const { part } = options
  return {
    values: { cer, exact, nats: own },
    facts: { samples: count, left_out: reading.leftOut(samples.length), part, seconds },
    lines: [
      `${percent(cer)} of the symbols wrong, ${percent(exact)} of the samples read without an error`,
      `${nats(own)} nats a sample, over ${counted(count, 'sample')} (${part}), in ${duration(seconds)}`
    ]
  }
}
