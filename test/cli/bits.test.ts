// Small trainings of every task, and their outputs, have the bits of test/golden/bits.json: for 1 to 3 threads and under
// every instruction set. `GATECELL_WRITE_GOLDEN=1 npx tap test/cli/bits.test.ts` writes that file again, after a change that
// is meant to change results.

import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { machineInfo } from '../../src/index.js'
import { rounds } from '../amounts.js'
import { bitsOfCases, cases, dataOfCases, goldenBits } from './bit-cases.js'

const writing = process.env['GATECELL_WRITE_GOLDEN'] === '1'
const cwd = t.testdir(dataOfCases())

const order = process.arch === 'arm64' ? ['scalar', 'neon'] : ['scalar', 'avx2', 'avx512']
const found = order.slice(0, order.indexOf(machineInfo().isaFound) + 1)
// npm test leaves out those between the first and the last; test/train/instruction-sets.test.ts trains with all of them.
const sets = found.filter((_, i) => i === 0 || i === found.length - 1 || rounds(0, 1) > 0)
const expected = writing
  ? {}
  : (JSON.parse(readFileSync(goldenBits, 'utf8')) as Record<string, Record<string, string> | undefined>)

for (const isa of sets)
  t.test(isa, async (t) => {
    const threads = order.indexOf(isa) + 1
    const hashes = await bitsOfCases({ cwd, isa, threads })
    for (const { name } of cases) {
      if (writing) expected[name] ??= hashes[name]
      t.same(hashes[name], expected[name], `${name}, ${threads} threads`)
    }
  })

t.teardown(() => {
  if (writing) writeFileSync(goldenBits, `${JSON.stringify(expected, null, 2)}\n`)
})
