// Opens hostile files and prints by how many bytes each raised the memory of the process, as a list of JSON:
//   node --expose-gc --max-semi-space-size=1 memory-child.js file...
// The young part of the heap, which Node.js makes larger while objects are made, is kept small: it belongs to no file.

import { readFileSync, writeFileSync } from 'node:fs'
import { openBytes } from '../../src/data/files/byte-reader.js'
import { GatecellError } from '../../src/errors.js'
import { readOnnx } from '../../src/interop/onnx/read.js'
import { openTensorFile } from '../../src/interop/tensors/tensor-file.js'

/** Reads a file. Returns whether it was refused. */
async function open(path: string): Promise<boolean> {
  try {
    if (path.endsWith('.onnx')) {
      const source = await openBytes(path)
      readOnnx(await source.read(0, source.size), path)
      await source.close()
    } else await (await openTensorFile(path)).close()
    return false
  } catch (error) {
    if (!(error instanceof GatecellError)) throw error
    return true
  }
}

function memoryOf(field: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))!
  return 1024 * Number(kilobytes)
}

const results: { path: string; grown: number; refused: boolean }[] = []
// The first file is opened twice, because the first use of a module takes memory, too.
for (const path of [process.argv[2]!, ...process.argv.slice(2)]) {
  global.gc!()
  global.gc!()
  // proc(5): the peak begins again.
  writeFileSync('/proc/self/clear_refs', '5')
  const before = memoryOf('VmRSS')
  const refused = await open(path)
  results.push({ path, grown: memoryOf('VmHWM') - before, refused })
}
console.log(JSON.stringify(results.slice(1)))
