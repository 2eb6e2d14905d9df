// The sum of gradients over the shards of a batch, which runs of the mode 'shard' make, and a checksum of weights.

import { native } from '../native.js'
import { callNative } from '../native-call.js'
import { handleOf, type ParameterStore } from './parameters.js'

/** Adds zeros in place of the run of a shard without rows. `place`: that of the shard among those of this process. */
export function skipShard(parameters: ParameterStore, place: number): void {
  callNative(() => native().storeSkipShard(handleOf(parameters)!, place))
}

/** Returns a checksum of the bits of all weights. Synchronous: takes about 0.5 ms for a million weights. */
export function weightsChecksum(parameters: ParameterStore): bigint {
  return callNative(() => native().storeHash(handleOf(parameters)!))
}
