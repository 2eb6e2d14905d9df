// The trace of a reader's file on a sample of ink, as lines, a record and pictures.

import { largest } from '../../data/extremes.js'
import { readInk } from '../../data/ink/read.js'
import { expected } from '../../errors.js'
import { assertOutputs, writeTextAtomically } from '../../io/atomic.js'
import type { JsonObject } from '../../io/json.js'
import type { Values } from '../../settings/index.js'
import { inkReading } from '../ink/reading.js'
import type { ModelInput, TaskContext } from '../task.js'
import { loadReader } from './load.js'
import { RECOGNITION_TASK } from './model.js'
import { traceSvg } from './trace-picture.js'
import { traceInk } from './trace.js'
import type { readerTraceSettings } from './use-settings.js'

/** Prints the trace of one sample, and writes its pictures. */
export async function traceInkFile(
  { model: file, words: [data], options: flags }: ModelInput<Values<typeof readerTraceSettings>>,
  context: TaskContext
): Promise<void> {
  const { output } = context
  await assertOutputs([flags.svg, flags.movingSvg], [file.path, data])
  using reader = await loadReader(file)
  const { read, tell } = inkReading(flags, context)
  const samples = await readInk([data!], read)
  tell(output, samples.length)
  const ink = samples[flags.sample - 1]
  if (!ink) {
    throw expected(
      'ERR_INVALID_OPTION',
      `a sample from 1 to ${samples.length}`,
      String(flags.sample),
      'name a sample of the file'
    )
  }
  const traced = traceInk(reader, ink, { device: flags.device ?? 'auto' })
  const { layer } = flags
  const names = traced.layers.map(({ name }) => name)
  if (layer !== undefined && !names.includes(layer)) {
    throw expected('ERR_INVALID_OPTION', `one of the layers ${names.join(', ')}`, `"${layer}"`, 'name one of these')
  }
  const shown = layer === undefined ? {} : { layer }
  if (flags.svg !== undefined) await writeTextAtomically(flags.svg, traceSvg(traced, shown))
  if (flags.movingSvg !== undefined)
    await writeTextAtomically(flags.movingSvg, traceSvg(traced, { ...shown, moving: true }))
  output.record({ event: 'trace', task: RECOGNITION_TASK, ...(traced as unknown as JsonObject) })
  output.line(`read     ${traced.text}${traced.truth === null ? '' : ` (written: ${traced.truth})`}`)
  for (const { symbol, step, probability, gradient } of traced.letters) {
    const strongest = gradient.indexOf(largest(gradient))
    output.line(
      `  ${symbol}  at point ${step + 1} of ${traced.points.length}, probability ${probability.toFixed(3)}, leans most on point ${strongest + 1}`
    )
  }
  for (const file of [flags.svg, flags.movingSvg]) if (file !== undefined) output.line(`saved    ${file}`)
}
