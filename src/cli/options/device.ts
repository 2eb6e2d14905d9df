// The check of --device against the devices of this machine.

import { expected } from '../../errors.js'
import { backends } from '../../machine.js'
import type { Device } from '../../graph/opcodes.js'

/** Throws ERR_UNSUPPORTED if the device is not available. Commands call it before they do anything else. */
export function checkDevice(device: Device | undefined): void {
  if (device !== 'cuda') return
  const { available, reason } = backends().cuda
  if (available) return
  throw expected('ERR_UNSUPPORTED', 'a device that is there', `cuda, and ${reason}`, 'use --device cpu')
}

/** Checks the device among the values of settings, if they have one. Throws ERR_UNSUPPORTED if it is not available. */
export function checkDeviceOf(values: object): void {
  checkDevice((values as { device?: Device }).device)
}
