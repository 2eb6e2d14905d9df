// The same training gives the same bytes: for any number of threads, under every instruction set, and after being killed
// at any moment and resumed.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../src/random.js'
import { digest, gatecell, long, story } from './command.js'

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

t.test('threads and instruction sets', async (t) => {
  const steps = ['--steps', '50']
  const doctor = await gatecell(['doctor', '--json'], { cwd })
  const { features } = doctor.records[0]!.isa as { features: string[] }
  const sets = [
    'scalar',
    ...(features.includes('avx2') ? ['avx2'] : []),
    ...(features.includes('avx512f') ? ['avx512'] : [])
  ]
  const first = await gatecell(train('one', ...steps, '--threads', '1'), { cwd })
  t.equal(first.code, 0, first.stderr)
  const expected = digests('one')
  for (const threads of ['2', '3', '4']) {
    await gatecell(train(`threads${threads}`, ...steps, '--threads', threads), { cwd })
    t.same(digests(`threads${threads}`), expected, `${threads} threads`)
  }
  for (const set of sets) {
    await gatecell(train(set, ...steps, '--threads', '1'), { cwd, env: { GATECELL_ISA: set } })
    t.same(digests(set), expected, set)
  }
  await gatecell(train('often', ...steps, '--threads', '1', '--checkpoint-every', '7', '--log-dir', 'log'), { cwd })
  t.same(digests('often'), expected, 'however often it is saved and logged')
})

t.test('kill -9 and resume', async (t) => {
  const steps = ['--steps', '200', '--checkpoint-every', '5']
  let begin = 0
  const watch = () => (begin ||= performance.now())
  const whole = await gatecell(train('whole', ...steps, '--threads', '1', '--json'), { cwd, watch })
  t.equal(whole.code, 0, whole.stderr)
  const lasted = performance.now() - begin
  const random = createRandom(Date.now(), 'kills')
  const kills = long ? 20 : 3
  for (let killed = 0; killed < kills;) {
    const threads = String(1 + random.below(long ? 4 : 2))
    const moment = random.uniform() * lasted
    let timer: NodeJS.Timeout | undefined
    const ended = await gatecell(train('killed', ...steps, '--resume', '--threads', threads, '--json'), {
      cwd,
      watch(child) {
        timer ??= setTimeout(() => child.kill('SIGKILL'), moment)
      }
    })
    clearTimeout(timer)
    if (ended.signal === 'SIGKILL') killed++
    else if (ended.code !== 0) return t.fail(`after ${killed} kills: ${ended.stderr}`)
    // It came to its end before the kill: from the start again.
    else for (const name of ['killed.safetensors', 'killed.last.safetensors']) rmSync(join(cwd, name))
  }
  const last = await gatecell(train('killed', ...steps, '--resume', '--threads', '1'), { cwd })
  t.equal(last.code, 0, last.stderr)
  t.same(digests('killed'), digests('whole'), `after ${kills} kills`)
  const left = readdirSync(cwd).filter((name) => name.includes('killed') && name.includes('tmp'))
  t.same(left, [], 'temporary files of the dead are gone')
})
