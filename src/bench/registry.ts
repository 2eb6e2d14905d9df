// The workloads of `gatecell bench`, by name. A workload is added as a file and a line of the table.

import { expected } from '../errors.js'
import type { Device } from '../graph/opcodes.js'
import { eventLoop } from './workloads/event-loop.js'
import { gates, gemm } from './workloads/kernels.js'
import { layer, sequence } from './workloads/layer.js'
import { ctc, mixture } from './workloads/losses.js'
import { pen } from './workloads/pen.js'
import { serve } from './workloads/serve.js'
import { serveHttp } from './workloads/serve-http.js'
import type { Workload } from './workload.js'
import { streams } from './workloads/streams.js'
import { sampling, step } from './workloads/step.js'
import { trainChar } from './workloads/train-char.js'
import { trainTranslation } from './workloads/train-translation.js'
import { translate } from './workloads/translate.js'
import { variants } from './workloads/variants.js'

/** All workloads, in the order in which they run. */
export const workloads: readonly Workload[] = [
  trainChar,
  trainTranslation,
  layer,
  ...variants,
  sequence,
  step,
  sampling,
  gemm,
  gates,
  ctc,
  mixture,
  pen,
  translate,
  eventLoop,
  streams,
  serve,
  serveHttp
]

/**
 * Returns the named workloads, or all that the device has. Throws ERR_INVALID_OPTION for an unknown name, and for a workload that
 * cannot run on the device.
 */
export function findWorkloads(names: readonly string[], device: Device = 'cpu'): readonly Workload[] {
  const there = workloads.filter(({ onGpu }) => device === 'cpu' || onGpu)
  if (names.length === 0) return there
  return names.map((name) => {
    const found = there.find((workload) => workload.name === name)
    if (found) return found
    const known = there.map((workload) => workload.name).join(', ')
    throw expected('ERR_INVALID_OPTION', `a workload of ${known}`, `"${name}"`, 'name one of these')
  })
}
