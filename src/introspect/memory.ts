// The memory of LSTM layers at work: figures for people from the forget gates that a plan has as outputs.

import { optional, options as optionsOf, signal as signalCheck } from '../check/index.js'

/** Options of a trace. */
export interface TraceOptions {
  /** Signal that aborts the trace; it then throws ERR_ABORTED. */
  signal?: AbortSignal | undefined
}

/** Checks the options of a trace. */
export const checkTraceOptions = optionsOf<TraceOptions>({ signal: optional(signalCheck) })

/** Returns the suffixes of the names of a stack's layers, from the input to the output: l0, l0_reverse, l1 and so on. */
export function layerSuffixes({
  layers,
  bidirectional = false
}: {
  layers: number
  bidirectional?: boolean
}): string[] {
  return Array.from({ length: layers }, (_, layer) => `l${layer}`).flatMap((suffix) =>
    bidirectional ? [suffix, `${suffix}_reverse`] : [suffix]
  )
}

/** Returns the mean of each of `hidden` units over all steps and rows of `values` [..., hidden]. */
export function unitMeans(values: Float32Array, hidden: number): number[] {
  const rows = values.length / hidden
  return Array.from({ length: hidden }, (_, unit) => {
    let sum = 0
    for (let row = 0; row < rows; row++) sum += values[row * hidden + unit]!
    return sum / rows
  })
}

/** Returns the number of steps after which half of a cell is forgotten, at a constant forget gate from 0 to 1: 6.6 steps at 0.9. */
export function halfLife(forget: number): number {
  return forget >= 1 ? Infinity : Math.LN2 / -Math.log(forget)
}
