// The same training gives the same bytes: for any number of threads, under every instruction set, and after being killed
// at any moment and resumed.

import type { ChildProcess } from 'node:child_process'
import { readdirSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { machineInfo } from '../../src/index.js'
import { createRandom } from '../../src/random.js'
import { digest, gatecell, story, type Ended } from './command.js'
import { long } from '../amounts.js'
import { inProcess } from './in-process.js'

const cwd = t.testdir({ 'story.txt': story(20000) })
const words = '--hidden 24 --layers 2 --batch 6 --length 20 --dropout 0.2 --valid-every 40'.split(' ')
const train = (out: string, ...more: string[]) => [
  'train',
  'text',
  'story.txt',
  '--out',
  `${out}.safetensors`,
  ...words,
  ...more
]
const digests = (out: string) =>
  [`${out}.safetensors`, `${out}.last.safetensors`].map((name) => digest(join(cwd, name)))

const run = async (words: string[]) => {
  const { code, stderr } = await inProcess(words, undefined, cwd)
  if (code !== 0) throw new Error(stderr)
}

t.test('threads and instruction sets', async (t) => {
  const steps = ['--steps', '50']
  await run(train('one', ...steps, '--threads', '1'))
  const expected = digests('one')
  for (const threads of ['2', '3', '4']) {
    await run(train(`threads${threads}`, ...steps, '--threads', threads))
    t.same(digests(`threads${threads}`), expected, `${threads} threads`)
  }
  const { features } = machineInfo()
  const sets = [
    'scalar',
    ...(features.includes('avx2') ? ['avx2'] : []),
    ...(features.includes('avx512f') ? ['avx512'] : []),
    ...(features.includes('neon') ? ['neon'] : [])
  ]
  for (const set of sets) {
    const { code, stderr } = await gatecell(train(set, ...steps, '--threads', '1'), { cwd, env: { GATECELL_ISA: set } })
    t.equal(code, 0, stderr)
    t.same(digests(set), expected, set)
  }
  await run(train('often', ...steps, '--threads', '1', '--checkpoint-every', '7', '--log-dir', 'log'))
  t.same(digests('often'), expected, 'however often it is saved and logged')
})

/**
 * Runs a training in a process of its own, and kills it `delay` ms after the folder has changed `changes` times in a file of its name:
 * most changes are steps of writing a checkpoint. Moments that are counted come as well on a busy machine as on a quiet one.
 */
async function killed(words: string[], changes: number, delay: number): Promise<Ended> {
  let [child, left]: [ChildProcess | undefined, number] = [undefined, changes]
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(cwd, (_, name) => {
    if (name?.includes('killed') && --left === 0) timer = setTimeout(() => child?.kill('SIGKILL'), delay)
  })
  try {
    return await gatecell(words, { cwd, started: (running) => (child = running) })
  } finally {
    clearTimeout(timer)
    watcher.close()
  }
}

t.test('kill -9 and resume', async (t) => {
  const steps = ['--steps', '200', '--checkpoint-every', '5']
  await run(train('whole', ...steps, '--threads', '1'))
  const random = createRandom(long ? 2 : 1, 'kills')
  const kills = long ? 20 : 3
  let count = 0
  // About one run in three ends before its kill. A hundred of them would mean that no kill comes.
  for (let runs = 0; count < kills && runs < 10 * kills; runs++) {
    const threads = String(1 + random.below(long ? 4 : 2))
    const words = train('killed', ...steps, '--resume', '--threads', threads)
    const ended = await killed(words, 1 + random.below(80), random.below(5))
    if (ended.signal === 'SIGKILL') count++
    else if (ended.code !== 0) return t.fail(`after ${count} kills: ${ended.stderr}`)
    // It came to its end before the kill: from the start again.
    else for (const name of ['killed.safetensors', 'killed.last.safetensors']) rmSync(join(cwd, name))
  }
  t.equal(count, kills, 'processes were killed')
  await run(train('killed', ...steps, '--resume', '--threads', '1'))
  t.same(digests('killed'), digests('whole'), `after ${kills} kills`)
  const left = readdirSync(cwd).filter((name) => name.includes('killed') && name.includes('tmp'))
  t.same(left, [], 'temporary files of the dead are gone')
})
