// The files of a run on the command line: links, invalid names, and refusals before the work begins.

import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { digest, gatecell, story, tiny, type Ended } from './command.js'
import { inProcess } from './in-process.js'

const cwd = t.testdir({ 'story.txt': story(3000) })
const at = (...names: string[]) => join(cwd, ...names)
const run = (...words: string[]): Promise<Ended> => gatecell(words, { cwd })
const train = (...words: string[]) => run('train', 'text', 'story.txt', ...tiny, '--steps', '5', ...words)

t.test(
  'links are followed, at the first training and by --force',
  { skip: process.platform === 'win32' },
  async (t) => {
    mkdirSync(at('disk'))
    symlinkSync('disk/model.safetensors', at('link.safetensors'))
    for (const more of [[], ['--force', '--seed', '1']]) {
      const { code, stderr } = await train('--out', 'link.safetensors', ...more)
      t.equal(code, 0, stderr)
      t.ok(lstatSync(at('link.safetensors')).isSymbolicLink())
      t.ok(lstatSync(at('disk', 'model.safetensors')).isFile())
    }
    await train('--out', 'plain.safetensors', '--seed', '1')
    t.equal(digest(at('link.safetensors')), digest(at('plain.safetensors')))
  }
)

t.test('"-" is refused by every option that names a file to write', async (t) => {
  writeFileSync(at('ink.ndjson'), '{"strokes": [[[0, 0], [1, 1]]], "text": "a"}\n')
  const lines = [
    ['train', 'text', 'story.txt', '--out', '-'],
    ['train', 'text', 'story.txt', ...tiny, '--out', 'log.safetensors', '--log-dir', '-'],
    ['write', 'plain.safetensors', 'a', '--svg', '-'],
    ['write', 'plain.safetensors', 'a', '--prime', 'ink.ndjson', '--save-style', '-'],
    ['bench', 'gemm', '--svg', '-'],
    ['tour', '--handwriting', '--out', '-']
  ]
  const before = readdirSync(cwd)
  for (const words of lines) {
    const { code, stderr } = await inProcess(words, undefined, cwd)
    t.equal(code, 1, words.join(' '))
    t.match(stderr, /^gatecell: Expected the name of a file to write to but received "-": name a file/)
  }
  t.same(readdirSync(cwd), before)
  t.notOk(existsSync(at('-')))
})

t.test('of two trainings with the same files the second is refused, and the first continues', async (t) => {
  const words = ['train', 'text', 'story.txt', ...tiny, '--out', 'shared.safetensors', '--steps', '1000000']
  let second: Promise<Ended> | undefined
  const first = await gatecell([...words, '--json'], {
    cwd,
    watch(child, stdout) {
      if (!stdout.includes('"report"')) return
      second ??= train('--out', 'shared.last.safetensors', '--force').finally(() => child.kill('SIGINT'))
    }
  })
  const { code, stderr } = await second!
  t.equal(code, 1)
  t.match(
    stderr,
    /Expected no other writer of shared\.last\.safetensors but received process \d+ on .* since .*\(ERR_BUSY\)/
  )
  t.equal(first.code, 130)
  t.match(first.records.at(-1), { event: 'end', stopped: 'abort' })
  t.same(
    readdirSync(cwd).filter((name) => name.includes('.lock')),
    []
  )
  t.equal((await train('--out', 'shared.safetensors', '--force')).code, 0)
})
