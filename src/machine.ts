// The machine under the engine: processor, back ends and number of threads.

import { native, type CudaRates, type MachineInfo } from './native.js'
import { callNative } from './native-call.js'
import { precisions, type Precision } from './graph/opcodes.js'

export type { MachineInfo }

/** Returns the processor, its instruction sets, limits and threads. Throws ERR_LOAD_ADDON if the native addon does not load. */
export function machineInfo(): MachineInfo {
  return callNative(() => native().machineInfo())
}

/** A device that can run plans. */
export interface Backend {
  available: boolean
  /** Its name, or why it is not available. */
  reason: string
}

/** Returns the devices of this machine. Opens the CUDA library, which loads its driver. A missing GPU is not an error. */
export function backends(): { cpu: Backend; cuda: Backend & { path: string; emulated: boolean } } {
  return callNative(() => {
    const { available, emulated, reason, path } = native().cudaInfo()
    const { cpuModel, isaUsed } = native().machineInfo()
    return { cpu: { available: true, reason: `${cpuModel}, ${isaUsed}` }, cuda: { available, emulated, reason, path } }
  })
}

/** Measures the speed of the GPU at a precision with the engine's own kernels; 'auto' chooses by it. Throws ERR_UNSUPPORTED if there is no GPU. */
export function cudaRates(precision: Exclude<Precision, 'int8'>): CudaRates {
  return callNative(() => native().cudaMeasure(precisions[precision]))
}

/**
 * Sets the threads of plans that are made from now on, from 1 to 1024. 0 takes as many as affinity and the quota of the control group
 * allow. Results do not depend on it. Throws ERR_INVALID_ARGUMENT for other values.
 */
export function setThreads(threads: number): void {
  callNative(() => native().setThreads(threads))
}
