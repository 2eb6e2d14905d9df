// What --device may ask for, and why or why not.

import { GatecellError } from '../../errors.js'
import { backends } from '../../machine.js'
import type { Device } from '../../graph/opcodes.js'

/** Refuses a device that is not there, before anything else is done. ERR_UNSUPPORTED. */
export function checkDevice(device: Device | undefined): void {
  if (device !== 'cuda') return
  const { available, reason } = backends().cuda
  if (available) return
  throw new GatecellError(
    'ERR_UNSUPPORTED',
    `Expected a device that is there but received cuda, and ${reason}: use --device cpu`
  )
}

/** Checks the device among the values of settings, if they have one. Throws ERR_UNSUPPORTED. */
export function checkDeviceOf(values: object): void {
  checkDevice((values as { device?: Device }).device)
}
