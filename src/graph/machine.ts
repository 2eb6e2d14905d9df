// The machine under the engine: what was found, what is used, how many threads.

import { native, type MachineInfo } from '../native.js'
import { callNative } from './native-call.js'

export type { MachineInfo }

/** CPU, instruction sets found and used, limits and threads. Throws ERR_LOAD_ADDON without the native addon. */
export function machineInfo(): MachineInfo {
  return callNative(() => native().machineInfo())
}

/** Threads of plans made from now on, 1 to 1024; 0: as many as affinity and the cgroup's quota allow. Results do not depend on it. */
export function setThreads(threads: number): void {
  callNative(() => native().setThreads(threads))
}
