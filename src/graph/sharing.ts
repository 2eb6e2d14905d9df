// Weights that several models have in common: of one process, and by files of a folder, of several processes.

import { mkdirSync } from 'node:fs'
import { expected } from '../errors.js'
import { callNative } from '../native-call.js'
import { native } from '../native.js'
import { handleOf, type ParameterStore } from './parameters.js'

/**
 * Puts the packed weights of a model without gradients into memory that all such models of the process with the same weights have in common. With
 * a folder, which is made if it does not exist, they and the weights themselves are mapped from files there, so that processes share them. A
 * write to the weights ends the sharing of what is written. Throws ERR_UNSUPPORTED for a model with gradients, ERR_INVALID_ARGUMENT if other users
 * can write to the folder, and ERR_FILE_WRITE.
 */
export function shareWeights(parameters: ParameterStore, folder: string | null): void {
  if (parameters.training) {
    const remedy = 'make it with `training: false`'
    throw expected('ERR_UNSUPPORTED', 'a model without memory for training to share', 'one that can train', remedy)
  }
  parameters.settle()
  const store = handleOf(parameters)
  if (!store) return
  if (folder !== null) makeFolder(folder)
  callNative(() => native().storeShare(store, folder))
}

/** Returns the bytes of packed weights of a model that are in shared memory. */
export function sharedBytes(parameters: ParameterStore): number {
  const store = handleOf(parameters)
  return store ? native().storeSharedBytes(store) : 0
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw expected('ERR_FILE_WRITE', `a folder for shared weights at ${folder}`, found, 'name another one', cause)
  }
}
