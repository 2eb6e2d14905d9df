// All rivals: those on this machine, and for the missing ones the reason and the remedy.

import { join } from 'node:path'
import { expected } from '../../errors.js'
import type { Device } from '../../graph/opcodes.js'
import { packageInfo, type MachineInfo } from '../../native.js'
import { findOneDnn } from './onednn.js'
import { findOnnxRuntime } from './onnxruntime.js'
import { findTorch } from './torch.js'
import type { MissingRival, Rival } from './types.js'

/**
 * Finds the rivals that the system has. On a GPU that is PyTorch, which has cuDNN; the device auto has no rivals. Throws
 * ERR_INVALID_OPTION for it.
 */
export async function findRivals(
  machine: MachineInfo,
  device: Device
): Promise<{ rivals: Rival[]; missing: MissingRival[] }> {
  if (device === 'auto')
    throw expected('ERR_INVALID_OPTION', '--device cpu or cuda with --rivals', 'auto', 'name the device to compare on')
  const { root } = packageInfo()
  const folder = join(root, 'bench', 'rivals')
  const avx512 = machine.features.includes('avx512f')
  const found =
    device === 'cuda'
      ? [await findTorch(folder, avx512, 'cuda')]
      : [
          await findOnnxRuntime(folder),
          await findTorch(folder, avx512),
          await findOneDnn(folder, join(root, 'build', 'rivals'), avx512)
        ]
  return {
    rivals: found.filter((rival) => 'open' in rival),
    missing: found.filter((rival) => 'missing' in rival)
  }
}
