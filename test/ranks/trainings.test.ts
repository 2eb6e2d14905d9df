// Trainings by several processes: the same files for any number of them, with both MPI libraries and any number of threads; resuming with
// another number; interrupts; processes that die or hang; refusals.

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { digest, gatecell, story } from '../cli/command.js'
import { rounds } from '../amounts.js'
import { inkSamples, ndjson } from '../ink-samples.js'
import { launchCommand, launchers, skip } from './launch.js'

const cwd = t.testdir({ 'story.txt': story(8000), 'ink.ndjson': ndjson(inkSamples(24)) })
const small = '--hidden 12 --layers 2 --batch 11 --length 16 --dropout 0.2 --threads 1'.split(' ')
const text = (out: string, ...more: string[]) => [
  'train',
  'text',
  'story.txt',
  '--out',
  `${out}.safetensors`,
  ...small,
  ...more
]
const both = (out: string) => ['', '.last'].map((part) => digest(join(cwd, `${out}${part}.safetensors`)))
const [any] = launchers

t.test('the files of a text model are the same bytes', { skip }, async (t) => {
  const steps = ['--steps', '12', '--valid-every', '5']
  t.equal((await gatecell(text('one', ...steps, '--shards', '8'), { cwd })).code, 0)
  t.equal((await gatecell(text('whole', ...steps), { cwd })).code, 0)
  t.not(both('one')[0], both('whole')[0], 'shards give other roundings than a whole batch')
  for (const [i, launcher] of launchers.entries()) {
    for (const [ranks, threads] of [
      [2, 1 + i],
      [4, 2 - i]
    ] as const) {
      // prettier-ignore
      const out = `many-${i}-${ranks}`
      const ended = await launchCommand(launcher, ranks, text(out, ...steps, '--threads', `${threads}`), { cwd })
      t.equal(ended.code, 0, ended.stderr)
      t.same(both(out), both('one'), `${launcher.name}, ${ranks} processes, ${threads} threads`)
      t.equal(ended.stdout.match(/saved {4}/g)?.length, 1, 'one process prints')
    }
  }
})

t.test('so are those of other tasks', { skip }, async (t) => {
  const tasks = {
    numbers: ['--hidden', '8', '--batch', '16', '--steps', '4'],
    'handwriting-recognition': ['ink.ndjson', '--hidden', '8', '--batch', '6', '--steps', '4'],
    'handwriting-synthesis': ['ink.ndjson', '--hidden', '8', '--batch', '6', '--steps', '4']
  }
  for (const [task, words] of Object.entries(tasks)) {
    const command = (out: string) => ['train', task, '--out', `${task}-${out}.safetensors`, ...words, '--shards', '4']
    const one = await gatecell(command('one'), { cwd })
    t.equal(one.code, 0, one.stderr)
    const two = await launchCommand(any!, 2, command('two'), { cwd })
    t.equal(two.code, 0, two.stderr)
    t.same(both(`${task}-two`), both(`${task}-one`), task)
  }
})

t.test('a run that was interrupted is resumed by another number of processes', { skip }, async (t) => {
  const words = (out: string, steps: string) =>
    text(out, '--steps', steps, '--schedule', 'constant', '--warmup', '0', '--shards', '8')
  let sent = false
  const long = text('cut', '--steps', '100000', '--schedule', 'constant', '--warmup', '0', '--shards', '8')
  const ended = await launchCommand(any!, 2, [...long, '--json'], {
    cwd,
    watch(launcher, stdout) {
      if (!sent && stdout.includes('"report"')) sent = launcher.kill('SIGTERM')
    }
  })
  t.not(ended.code, 0)
  const stopped = await gatecell(['inspect', 'cut.last.safetensors', '--json'], { cwd })
  const { step } = stopped.records[0]!.progress as { step: number }
  t.ok(step > 0, `stopped after step ${step}`)
  const total = `${step + 7}`
  const resumed = await launchCommand(any!, 4, [...words('cut', total), '--resume'], { cwd })
  t.equal(resumed.code, 0, resumed.stderr)
  t.equal((await gatecell(words('again', total), { cwd })).code, 0)
  // The models are those of the best validations, of which an interrupted run may have had others; the weights of the runs are equal.
  const weights = async (out: string) => (await gatecell(['inspect', `${out}.last.safetensors`, '--json'], { cwd })).records[0]!.progress // prettier-ignore
  t.same(await weights('cut'), await weights('again'))
})

t.test('a process that is killed ends the others, and the run resumes to the same bytes', { skip }, async (t) => {
  const words = text('killed', '--steps', '60', '--checkpoint-every', '3', '--shards', '8', '--json')
  t.equal(
    (await gatecell(text('whole-run', '--steps', '60', '--checkpoint-every', '3', '--shards', '8'), { cwd })).code,
    0
  )
  for (let kill = 0; kill < rounds(2, 2, 100); kill++) {
    const launcher = launchers[kill % launchers.length]!
    for (const file of ['killed.safetensors', 'killed.last.safetensors']) rmSync(join(cwd, file), { force: true })
    let pid = 0
    const began = performance.now()
    const ended = await launchCommand(launcher, 2, words, {
      cwd,
      watch(child, stdout) {
        if (pid !== 0 || !stdout.includes('"start"')) return
        pid = childOf(child.pid!, kill % 2)
        setTimeout(() => process.kill(pid, 'SIGKILL'), kill * 7)
      }
    })
    t.not(ended.code, 0, `${launcher.name}: the launcher fails`)
    t.ok(performance.now() - began < 60_000)
    const resumed = await launchCommand(launcher, 2, [...words, '--resume'], { cwd })
    t.equal(resumed.code, 0, resumed.stderr)
    t.same(both('killed'), both('whole-run'))
  }
})

/** Returns the number of a process of Node below a launcher. */
function childOf(launcher: number, index: number): number {
  const below = (pid: number): number[] => {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
    return children.flatMap((child) => [child, ...below(child)])
  }
  const nodes = below(launcher).filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'node')
  return nodes[index]!
}

t.test('errors are one sentence by one process, and nothing is written', { skip }, async (t) => {
  const refused = async (ranks: number, words: string[], message: RegExp) => {
    const ended = await launchCommand(any!, ranks, words, { cwd })
    t.not(ended.code, 0)
    t.equal(ended.stderr.match(/^gatecell: /gm)?.length, 1, ended.stderr)
    t.match(ended.stderr, message)
    t.notOk(existsSync(join(cwd, 'refused.safetensors')))
    t.notOk(existsSync(join(cwd, 'refused.last.safetensors')))
  }
  await refused(
    3,
    text('refused'),
    /Expected a number of processes that divides the 8 shards of a batch but received 3/
  )
  await refused(2, text('refused', '--device', 'cuda'), /ERR_/)
  const missing = ['train', 'text', 'missing.txt', '--out', 'refused.safetensors', ...small]
  await refused(2, missing, /missing\.txt/)
})
