// Commands that are stopped: by Ctrl-C at any time, and by a reader of their output that goes away.

import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { gatecell, story, tiny, type Ended } from './command.js'

const cwd = t.testdir({ 'story.txt': story(8000) })
const at = (name: string) => join(cwd, name)

t.test('Ctrl-C saves and prints how to continue', async (t) => {
  const words = [
    'train',
    'text',
    'story.txt',
    '--out',
    'cut.safetensors',
    ...tiny,
    '--steps',
    '1000000',
    '--time-limit',
    '600s'
  ]
  let sent = false
  const ended = await gatecell(words, {
    cwd,
    watch(child, stdout) {
      if (!sent && stdout.includes('loss')) sent = child.kill('SIGINT')
    }
  })
  t.equal(ended.code, 130, ended.stderr)
  t.equal(ended.stderr, '')
  t.match(ended.stdout, /continue with: npx gatecell train text story\.txt --out cut\.safetensors .*--resume/)
  const { records: [record] } = await gatecell(['inspect', 'cut.last.safetensors', '--json'], { cwd }) // prettier-ignore
  t.ok((record!.progress as { step: number }).step > 0)
  t.equal(
    (await gatecell(['sample', 'cut.safetensors', '--length', '5'], { cwd })).code,
    0,
    'what was learned can be used'
  )
})

t.test('Ctrl-C before anything was learned', async (t) => {
  // Standard input that stays open without a byte: the read end of a pipe that the shell holds.
  const words = ['train', 'text', '-', '--out', 'never.safetensors', ...tiny]
  let ended: Ended
  let wait = 500
  do {
    wait *= 2
    const started = (child: ChildProcess) => setTimeout(() => child.kill('SIGINT'), wait)
    ended = await gatecell(words, { cwd, open: true, started })
  } while (ended.signal === 'SIGINT') // it came before the command could catch it
  t.equal(ended.code, 130)
  t.equal(ended.stderr, 'gatecell: stopped\n')
  t.notOk(existsSync(at('never.last.safetensors')))
})

t.test('Ctrl-C while the first weights are computed', async (t) => {
  // 1,024 units: seconds after the last line of the introduction.
  const words = [
    'train',
    'text',
    'story.txt',
    '--out',
    'first.safetensors',
    ...tiny,
    '--hidden',
    '1024',
    '--steps',
    '1'
  ]
  let sent = false
  const ended = await gatecell(words, {
    cwd,
    watch(child, stdout) {
      if (!sent && stdout.includes('memory')) sent = child.kill('SIGINT')
    }
  })
  t.equal(ended.code, 130, ended.stderr)
  t.match(ended.stdout, /stopped before the first step; there is nothing to save\ncontinue with: .*--resume/)
  t.notOk(existsSync(at('first.last.safetensors')))
})

t.test('a reader that goes away ends a command quietly', async (t) => {
  await gatecell(['train', 'text', 'story.txt', '--out', 'm.safetensors', ...tiny], { cwd })
  const words = ['sample', 'm.safetensors', '--length', '1000000000']
  const ended = await gatecell(words, { cwd, watch: (child) => child.stdout!.destroy() })
  t.equal(ended.stderr, '')
  t.equal(ended.code, 0)
  const train = ['train', 'text', 'story.txt', '--out', 'gone.safetensors', ...tiny, '--steps', '1000000', '--json']
  const gone = await gatecell(train, { cwd, watch: (child) => child.stdout!.destroy() })
  t.equal(gone.stderr, '')
  t.equal(gone.code, 0)
  t.ok(existsSync(at('gone.last.safetensors')), 'what was learned is saved')
  if (existsSync('/dev/full')) {
    const full = await gatecell(['sample', 'm.safetensors'], { cwd, shell: 'exec > /dev/full' })
    t.equal(full.code, 1)
    t.match(
      full.stderr,
      /^gatecell: Expected to write to standard output but received ENOSPC: .* \(ERR_FILE_WRITE\)\n$/
    )
  }
})
