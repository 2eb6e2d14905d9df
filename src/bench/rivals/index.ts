// All rivals: found, or reported as missing with what to do.

import { join } from 'node:path'
import { packageInfo, type MachineInfo } from '../../native.js'
import { findOneDnn } from './onednn.js'
import { findOnnxRuntime } from './onnxruntime.js'
import { findTorch } from './torch.js'
import type { MissingRival, Rival } from './types.js'

/** Each rival where the system has it. */
export async function findRivals(machine: MachineInfo): Promise<{ rivals: Rival[]; missing: MissingRival[] }> {
  const { root } = packageInfo()
  const folder = join(root, 'bench', 'rivals')
  const avx512 = machine.features.includes('avx512f')
  const found = [
    await findOnnxRuntime(folder),
    await findTorch(folder, avx512),
    await findOneDnn(folder, join(root, 'build', 'rivals'), avx512)
  ]
  return {
    rivals: found.filter((rival) => 'open' in rival),
    missing: found.filter((rival) => 'missing' in rival)
  }
}
