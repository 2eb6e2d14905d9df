// Model files whose numbers, names, shapes and offsets were changed and whose checksums are right: every loader of every task
// refuses them with a typed error, or works, in bounded memory. The loaders run in a process with a small heap; its time is
// bounded, since a configuration that is believed can cost minutes.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { rounds } from '../../amounts.js'

const child = join(import.meta.dirname ?? '', 'model-fuzz-child.mjs')

interface Ended {
  tallies: Record<string, Record<string, number>>
  untyped: { task: string; loader: string; change: string; error: string }[]
  slowest: { ms: number }
  mebibytes: number
}

async function fuzz(folder: string, seed: number, count: number): Promise<Ended> {
  const env = { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' }
  const words = ['--max-old-space-size=256', child, folder, String(seed), String(count)]
  // 16 GiB of addresses: a Node process that does nothing reserves about 2, and a configuration that is believed asks for more.
  const running = spawn('/bin/sh', ['-c', 'ulimit -v 16777216; exec "$@"', 'sh', process.execPath, ...words], { env })
  const late = setTimeout(() => running.kill('SIGKILL'), (300 + count) * 1000)
  let output = ''
  running.stdout.on('data', (text) => (output += String(text)))
  running.stderr.on('data', (text) => (output += String(text)))
  const [code, signal] = await new Promise<[unknown, unknown]>((done) => running.on('close', (...end) => done(end)))
  clearTimeout(late)
  if (code !== 0) throw new Error(`ended with ${String(code)} ${String(signal)} ${output.slice(0, 2000)}`)
  return JSON.parse(output) as Ended
}

t.test('changed model files with right checksums', async (t) => {
  const { tallies, untyped, slowest, mebibytes } = await fuzz(t.testdir({}), 1, rounds(4, 6, 2000))
  t.same(untyped, [], 'no error without a code')
  // The loaders of five tasks, in memory that the size of the files bounds and not what they say.
  t.ok(mebibytes < 250, `${mebibytes} MiB`)
  for (const loader of ['readCheckpoint', 'use', 'resume']) {
    t.ok(tallies[loader]!['ERR_FILE_FORMAT']! > 0 && tallies[loader]!['ok']! > 0, JSON.stringify(tallies[loader]))
  }
  t.comment(JSON.stringify({ tallies, slowest, mebibytes }))
})
