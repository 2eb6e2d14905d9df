// Small trainings of every task and uses of their models, with the hashes of all that they make.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inkSamples, ndjson } from '../ink-samples.js'
import { gatecellLines, root, story } from './command.js'

interface Case {
  readonly name: string
  readonly train: string
  readonly use: string
  /** The value of each record of `use` that is hashed. */
  readonly field: 'text' | 'strokes'
}

export const cases: readonly Case[] = [
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

/** The file with the hashes that all machines have. */
export const goldenBits = join(root, 'test/golden/bits.json')

/** The data of the cases by their names. */
export const dataOfCases = (): Record<string, string> => ({
  'story.txt': story(20000),
  'ink.ndjson': ndjson(inkSamples(60))
})

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

/** How cases run: the folder of their data, the instruction set, the threads, and the program that runs Node.js, this one by default. */
export interface BitsRun {
  readonly cwd: string
  readonly isa: string
  readonly threads: number
  readonly program?: readonly string[]
  readonly env?: Record<string, string>
}

/** Returns the hashes of each case, all of which run in one process. */
export async function bitsOfCases(run: BitsRun): Promise<Record<string, Record<string, string>>> {
  const { cwd, isa, threads, program, env = {} } = run
  const modelOf = (name: string) => `${name}-${isa}.safetensors`
  const lines = cases.flatMap(({ name, train, use }) => [
    [...train.split(' '), '--out', modelOf(name), '--threads', String(threads)],
    use.replace('MODEL', modelOf(name)).split(' ')
  ])
  const ended = await gatecellLines(lines, { cwd, env: { ...env, GATECELL_ISA: isa }, ...(program && { program }) })
  for (const { code, stderr } of ended) if (code !== 0) throw new Error(stderr)
  const hashes = cases.map(({ name, use, field }, i) => {
    const { records } = ended[2 * i + 1]!
    const values = records.filter((record) => field in record).map((record) => record[field])
    if (values.length === 0) throw new Error(`Expected ${field} in the output of ${use}`)
    return [name, { tensors: tensorsHash(join(cwd, modelOf(name))), output: sha256(JSON.stringify(values)) }]
  })
  return Object.fromEntries(hashes) as Record<string, Record<string, string>>
}
