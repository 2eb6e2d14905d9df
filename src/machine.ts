// The machine under the engine: what was found, what is used, how many threads.

import { native, type CudaRates, type MachineInfo } from './native.js'
import { callNative } from './graph/native-call.js'
import { precisions, type Precision } from './graph/plan.js'

export type { MachineInfo }

/** CPU, instruction sets found and used, limits and threads. Throws ERR_LOAD_ADDON without the native addon. */
export function machineInfo(): MachineInfo {
  return callNative(() => native().machineInfo())
}

export interface Backend {
  available: boolean
  /** What it is, or why it is not there. */
  reason: string
}

/** What can compute here. Looks for the CUDA library, which loads its driver; a missing GPU is an answer, not an error. */
export function backends(): { cpu: Backend; cuda: Backend & { path: string; emulated: boolean } } {
  return callNative(() => {
    const { available, emulated, reason, path } = native().cudaInfo()
    const { cpuModel, isaUsed } = native().machineInfo()
    return { cpu: { available: true, reason: `${cpuModel}, ${isaUsed}` }, cuda: { available, emulated, reason, path } }
  })
}

/** What the GPU does in a second at a precision, measured by the engine's own kernels: what 'auto' decides by. ERR_UNSUPPORTED without one. */
export function cudaRates(precision: Exclude<Precision, 'int8'>): CudaRates {
  return callNative(() => native().cudaMeasure(precisions[precision]))
}

/** Threads of plans made from now on, 1 to 1024; 0: as many as affinity and the cgroup's quota allow. Results do not depend on it. */
export function setThreads(threads: number): void {
  callNative(() => native().setThreads(threads))
}
