// gatecell evaluate for a reader: ink with texts in, error rates out.

import { counted } from '../../../errors.js'
import { labelInk, loadReader, measureRecognition } from '../../../tasks/handwriting-recognition/index.js'
import { loadOptions } from '../../options/engine.js'
import type { EvaluateFlags } from './flags.js'
import { checkPart, chooseInk } from './ink.js'
import { duration, nats, percent } from '../../ui/format.js'
import { inkReading } from '../../options/ink.js'
import type { Interrupts } from '../../ui/interrupt.js'
import { createOutput } from '../../ui/output.js'
import { createProgress } from '../../ui/progress.js'

export async function evaluateRecognition(
  path: string,
  data: string[],
  flags: EvaluateFlags,
  { signal, exitCode }: Interrupts
): Promise<number> {
  const output = createOutput(flags.json === true)
  const progress = await createProgress(output)
  checkPart(flags)
  using reader = await loadReader(path, loadOptions(flags))
  const { vocabulary, config } = reader
  const reading = inkReading(flags, signal)
  const samples = labelInk(await chooseInk(data, flags, config, reading), vocabulary, config, reading.onBad)
  reading.tell(output, samples.length)
  const onProgress = (done: number) => progress.show(`reading ${counted(samples.length, 'sample')}`, done)
  try {
    const measure = await measureRecognition(reader.model, config, samples, { signal, onProgress })
    progress.clear()
    output.record({
      task: reader.info.task,
      samples: measure.samples,
      cer: measure.cer,
      exact: measure.exact,
      nats: measure.nats,
      left_out: reading.leftOut(samples.length),
      part: flags.part,
      seconds: measure.seconds
    })
    output.line(
      `${percent(measure.cer)} of the symbols wrong, ${percent(measure.exact)} of the samples read without an error`
    )
    output.line(
      `${nats(measure.nats)} nats a sample, over ${counted(measure.samples, 'sample')} (${flags.part}), in ${duration(measure.seconds)}`
    )
    return exitCode
  } finally {
    progress.clear()
  }
}
