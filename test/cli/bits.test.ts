// Small trainings of every task, and their outputs, have the bits of test/golden/bits.json: for 1 to 3 threads and under
// every instruction set. `GATECELL_WRITE_GOLDEN=1 npx tap test/cli/bits.test.ts` writes that file again, after a change that
// is meant to change results.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { machineInfo } from '../../src/index.js'
import { inkSamples, ndjson } from '../ink-samples.js'
import { rounds } from '../amounts.js'
import { gatecellLines, root, story } from './command.js'

interface Case {
  readonly name: string
  readonly train: string
  readonly use: string
  /** The value of each record of `use` that is hashed. */
  readonly field: 'text' | 'strokes'
}

const cases: readonly Case[] = [
  {
    name: 'text',
    train: 'train text story.txt --hidden 24 --layers 2 --batch 6 --length 20 --dropout 0.2 --steps 40',
    use: 'sample MODEL --prompt the --length 200 --seed 3 --json',
    field: 'text'
  },
  {
    name: 'text-adamw',
    train: 'train text story.txt --hidden 20 --batch 4 --length 16 --steps 40 --optimizer adamw --zoneout 0.1',
    use: 'sample MODEL --length 200 --temperature 0.7 --top-k 5 --json',
    field: 'text'
  },
  {
    name: 'text-words',
    train: 'train text story.txt --vocabulary word --hidden 16 --batch 4 --length 16 --steps 40',
    use: 'sample MODEL --prompt the --length 100 --seed 3 --json',
    field: 'text'
  },
  {
    name: 'text-byte-pairs',
    train: 'train text story.txt --vocabulary bpe --vocabulary-size 300 --hidden 16 --batch 4 --length 16 --steps 40',
    use: 'sample MODEL --prompt the --length 100 --seed 3 --json',
    field: 'text'
  },
  {
    name: 'recognition',
    train: 'train handwriting-recognition ink.ndjson --hidden 12 --batch 8 --steps 40 --augment 0.3',
    use: 'read MODEL ink.ndjson --json',
    field: 'text'
  },
  {
    name: 'recognition-forward',
    train: 'train handwriting-recognition ink.ndjson --forward --hidden 12 --batch 8 --steps 40',
    use: 'read MODEL ink.ndjson --json --beam 4',
    field: 'text'
  },
  {
    name: 'synthesis',
    train:
      'train handwriting-synthesis ink.ndjson --hidden 16 --layers 2 --gaussians 4 --window 3 --batch 8 --steps 40',
    use: 'write MODEL lvz --json --seed 2',
    field: 'strokes'
  },
  {
    name: 'synthesis-without-text',
    train: 'train handwriting-synthesis ink.ndjson --no-text --hidden 16 --gaussians 4 --batch 8 --steps 40',
    use: 'write MODEL --json --seed 2 --points 60',
    field: 'strokes'
  }
]

const golden = join(root, 'test/golden/bits.json')
const writing = process.env['GATECELL_WRITE_GOLDEN'] === '1'
const cwd = t.testdir({ 'story.txt': story(20000), 'ink.ndjson': ndjson(inkSamples(60)) })
const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex')

/** Returns a hash over the bytes of all tensors of a safetensors file, which does not depend on the names and the order of the tensors. */
function tensorsHash(path: string): string {
  const bytes = readFileSync(path)
  const data = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, data)) as Record<string, { data_offsets: [number, number] }>
  const hashes = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([, { data_offsets: at }]) => sha256(bytes.subarray(data + at[0], data + at[1])))
  return sha256(hashes.sort().join('\n'))
}

/** Returns the hashes of each case, all of which run in one process with the instruction set `isa`. */
async function run(isa: string, threads: number): Promise<Record<string, Record<string, string>>> {
  const modelOf = (name: string) => `${name}-${isa}.safetensors`
  const lines = cases.flatMap(({ name, train, use }) => [
    [...train.split(' '), '--out', modelOf(name), '--threads', String(threads)],
    use.replace('MODEL', modelOf(name)).split(' ')
  ])
  const ended = await gatecellLines(lines, { cwd, env: { GATECELL_ISA: isa } })
  for (const { code, stderr } of ended) if (code !== 0) throw new Error(stderr)
  const hashes = cases.map(({ name, use, field }, i) => {
    const { records } = ended[2 * i + 1]!
    const values = records.filter((record) => field in record).map((record) => record[field])
    if (values.length === 0) throw new Error(`Expected ${field} in the output of ${use}`)
    return [name, { tensors: tensorsHash(join(cwd, modelOf(name))), output: sha256(JSON.stringify(values)) }]
  })
  return Object.fromEntries(hashes) as Record<string, Record<string, string>>
}

const order = ['scalar', 'avx2', 'avx512']
const found = order.slice(0, order.indexOf(machineInfo().isaFound) + 1)
// npm test leaves out those between the first and the last; test/train/instruction-sets.test.ts trains with all of them.
const sets = found.filter((_, i) => i === 0 || i === found.length - 1 || rounds(0, 1) > 0)
const expected = writing
  ? {}
  : (JSON.parse(readFileSync(golden, 'utf8')) as Record<string, Record<string, string> | undefined>)

for (const isa of sets)
  t.test(isa, async (t) => {
    const threads = order.indexOf(isa) + 1
    const hashes = await run(isa, threads)
    for (const { name } of cases) {
      if (writing) expected[name] ??= hashes[name]
      t.same(hashes[name], expected[name], `${name}, ${threads} threads`)
    }
  })

t.teardown(() => {
  if (writing) writeFileSync(golden, `${JSON.stringify(expected, null, 2)}\n`)
})
