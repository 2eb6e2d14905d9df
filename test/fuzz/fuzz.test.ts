// The fuzzer: some files of every parser without a finding, whole files that are read, and that each kind of fault is found.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { rounds } from '../amounts.js'
import { createRandom } from '../../src/random.js'
import { fuzz } from './fuzz.js'
import { loadParser, parserNames } from './parsers.js'
import { fileOf, tryFile } from './worker.js'

t.test('changed files give a value or an error of gatecell', async (t) => {
  for (const name of parserNames) {
    const parser = loadParser(name)
    const faults: string[] = []
    // The fuzzer has threads that are watched; here the limit of the test is enough.
    for (let run = 0; run < rounds(60, 300); run++) {
      const { fault } = await tryFile(parser, fileOf(parser, 2, run))
      if (fault !== null) faults.push(`run ${run}: ${fault}`)
    }
    t.same(faults, [], name)
  }
})

t.test('the files of the corpus are read, but those that are kept because they are refused', async (t) => {
  const refused: string[] = []
  for (const name of parserNames) {
    const { material, read } = loadParser(name)
    for (const [i, file] of material.files.entries())
      await (async () => read(file))().catch((error: Error) => refused.push(`${name} ${i}: ${error.message.slice(0, 60)}`)) // prettier-ignore
  }
  t.match(refused, [
    /^npz 2: .* plain numbers/,
    /^pytorch 3: .* state_dict/,
    /^pytorch 4: .* state_dict/,
    /^pickle 1: /
  ])
  t.equal(refused.length, 4)
})

t.test('a run is made again from its number', async (t) => {
  const parser = loadParser('npz')
  t.same(fileOf(parser, 1, 5), fileOf(loadParser('npz'), 1, 5))
  t.notSame(fileOf(parser, 1, 5), fileOf(parser, 2, 5))
  t.notSame(parser.change(createRandom(0, 'a')), readFileSync(new URL('../golden/interop/arrays.npz', import.meta.url)))
})

t.test('faults are found, with the run that repeats them', async (t) => {
  const module = new URL('./faulty.ts', import.meta.url).href
  const options = { seed: 1, module, runs: 50 }
  t.match(await fuzz('throws', options), { run: 20, runs: 21, fault: /TypeError: a planted fault/ })
  t.match(await fuzz('takes', options), { run: 20, fault: /bytes more memory/ })
  t.match(await fuzz('hangs', { ...options, mostCpu: 1000 }), { run: 20, fault: /not read in/ })
  t.match(await fuzz('waits', { ...options, mostWait: 1000 }), { fault: /not read in/ })
  t.match(await fuzz('passes', options), { runs: 50, read: 25, fault: undefined })
})
