// What can compute here, and why or why not. Asking loads no CUDA library and never fails.

import { existsSync, readFileSync } from 'node:fs'
import { GatecellError } from '../errors.js'

export interface Backend {
  available: boolean
  reason: string
}

const DRIVER = '/proc/driver/nvidia/version'

/** The CUDA backend: not part of this version; the reason also tells whether a driver would be there. */
export function cudaBackend(): Backend {
  const driver = existsSync(DRIVER) ? readFileSync(DRIVER, 'utf8').split('\n')[0]!.trim() : 'no NVIDIA driver found'
  return { available: false, reason: `this version of gatecell has no CUDA backend (${driver})` }
}

/** Refuses a device that is not there. ERR_UNSUPPORTED. */
export function checkDevice(device: 'auto' | 'cpu' | 'cuda' | undefined): void {
  if (device !== 'cuda') return
  const { reason } = cudaBackend()
  throw new GatecellError(
    'ERR_UNSUPPORTED',
    `Expected a device that is there but received cuda, and ${reason}: use --device cpu`
  )
}
