// Parsers with a planted fault at the twentieth file, for the test of the fuzzer.

import { GatecellError } from '../../src/errors.js'
import type { Parser } from './parsers.js'

const kept: Uint8Array[] = []

const faults: Readonly<Record<string, () => void | Promise<void>>> = {
  throws() {
    throw new TypeError('a planted fault')
  },
  takes() {
    kept.push(new Uint8Array(2 ** 28).fill(1))
  },
  hangs() {
    for (;;) if (kept.length < 0) break
  },
  // A thread without a timer would end.
  waits: async () => await new Promise(() => setInterval(() => {}, 1000)),
  passes() {}
}

/** Returns a parser that refuses every second file. */
export function loadParser(name: string): Parser {
  let files = 0
  const read = async () => {
    const file = files++
    if (file === 20) await faults[name]!()
    if (file % 2 === 1) throw new GatecellError('ERR_FILE_FORMAT', 'another file')
  }
  return { name, material: { files: [new Uint8Array(1)], words: [] }, change: () => new Uint8Array(1), read }
}
