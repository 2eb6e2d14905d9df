// The trace of a reader on a sample of ink, as a record, lines and pictures.

import { largest } from '../../../data/extremes.js'
import { expected } from '../../../errors.js'
import type { Values } from '../../../settings/index.js'
import { readInkContents } from '../../ink/contents.js'
import { inkReading } from '../../ink/reading.js'
import { leftOutLines } from '../../left-out.js'
import type { RecordOf, Shown, VerbCode } from '../../verb.js'
import { loadReader, type LoadedReader } from './load.js'
import { RECOGNITION_TASK } from '../model.js'
import { traceSvg } from './trace-picture.js'
import { traceInk, type InkTrace } from './trace.js'
import type { readerTraceRecords } from './use-records.js'
import type { readerTraceSettings } from './use-settings.js'

type TraceInput = Values<typeof readerTraceSettings>
type TraceRecord = RecordOf<typeof readerTraceRecords>

/** The code of `trace` for readers. */
export const readerTraceCode: VerbCode<LoadedReader, TraceInput, TraceRecord> = {
  load: (file) => loadReader(file),
  async *run(reader, input, context) {
    const reading = inkReading(input, context)
    const samples = await readInkContents([input.data], reading.read)
    const leftOut = reading.record(samples.length)
    if (leftOut) yield leftOut
    const ink = samples[input.sample - 1]
    if (!ink) {
      const sample = `a sample from 1 to ${samples.length}`
      throw expected('ERR_INVALID_OPTION', sample, String(input.sample), 'name a sample of the file')
    }
    const traced = await traceInk(reader, ink, { signal: context.signal })
    yield* pictures(traced, input)
    yield { event: 'trace', task: RECOGNITION_TASK, ...traced }
  },
  show(record): Shown {
    if (record.event === 'left_out') return { lines: leftOutLines(record) }
    return record.event === 'trace' ? { lines: linesOf(record) } : {}
  }
}

/** Yields the pictures that the input asks for. Throws ERR_INVALID_OPTION for a layer that the network does not have. */
function* pictures(traced: InkTrace, { layer, svg, movingSvg }: TraceInput) {
  const names = traced.layers.map(({ name }) => name)
  if (layer !== undefined && !names.includes(layer))
    throw expected('ERR_INVALID_OPTION', `one of the layers ${names.join(', ')}`, `"${layer}"`, 'name one of these')
  const shown = layer === undefined ? {} : { layer }
  const picture = (name: string, moving: boolean) => {
    return { event: 'file', name, type: 'image/svg+xml', content: traceSvg(traced, { ...shown, moving }) } as const
  }
  if (svg) yield picture('svg', false)
  if (movingSvg) yield picture('movingSvg', true)
}

function linesOf({ text, truth, letters, points }: InkTrace): string[] {
  const about = letters.map(({ symbol, step, probability, gradient }) => {
    const strongest = gradient.indexOf(largest(gradient))
    return `  ${symbol}  at point ${step + 1} of ${points.length}, probability ${probability.toFixed(3)}, leans most on point ${strongest + 1}`
  })
  return [`read     ${text}${truth === null ? '' : ` (written: ${truth})`}`, ...about]
}
