// Prints the instruction set, and whether two calls a step give the bits of one for every optimizer with 1 to 3 threads.
import { machineInfo } from '../../src/index.js'
import { optimizerNames } from '../../src/graph/opcodes.js'
import { trainedBits } from './two-calls.js'

const hashes = new Map<string, Set<string>>()
for (const optimizer of optimizerNames) {
  const all = new Set<string>()
  for (const threads of [1, 2, 3])
    for (const way of ['one call', 'two calls'] as const) all.add(await trainedBits(optimizer, threads, way))
  hashes.set(optimizer, all)
}
const equal =
  [...hashes.values()].every(({ size }) => size === 1) &&
  new Set([...hashes.values()].flatMap((all) => [...all])).size === 5
console.log(machineInfo().isaUsed, equal ? 'equal' : 'different')
