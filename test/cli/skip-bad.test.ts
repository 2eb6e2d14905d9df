// --skip-bad prints how many samples it left out, of how many and why, since the figures next to it do not count them.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inkSamples, ndjson } from '../ink-samples.js'
import { inProcess } from './in-process.js'

const good = inkSamples(6)
const [first] = good
const bad = [
  { ...first!, text: 'lxv' },
  { ...first!, text: 'x' },
  { strokes: first!.strokes },
  { strokes: [[[0, 0]]], text: 'l' }
]
const cwd = t.testdir({ 'good.ndjson': ndjson(inkSamples(40)), mixed: {} })
mkdirSync(join(cwd, 'mixed', 'more'))
writeFileSync(
  join(cwd, 'mixed', 'a.ndjson'),
  ndjson(good) + bad.map((sample) => `${JSON.stringify(sample)}\n`).join('')
)
writeFileSync(join(cwd, 'mixed', 'more', 'b.ndjson'), 'no ink\n')
const run = (...words: string[]) => inProcess(words, undefined, cwd)
const small = '--hidden 8 --layers 1 --batch 8 --steps 5 --threads 1'.split(' ')
const reasons = { ERR_UNKNOWN_SYMBOL: 2, ERR_INVALID_INK: 2 }

t.test('evaluate, train, read', async (t) => {
  const trained = await run('train', 'handwriting-recognition', 'good.ndjson', '--out', 'r.safetensors', ...small)
  t.equal(trained.code, 0, trained.stderr)

  const measured = await run('evaluate', 'r.safetensors', 'mixed', '--skip-bad', '--json')
  t.equal(measured.code, 0, measured.stderr)
  t.match(measured.records.at(-1), { samples: 6, left_out: { samples: 4, share: 0.4, reasons, files: 1 } })
  const said = await run('evaluate', 'r.safetensors', 'mixed', '--skip-bad')
  t.match(said.stdout, /left out 4 of 10 samples \(40\.00 %\) and 1 file\n/)
  t.match(said.stdout, / {2}2: text has symbols outside the vocabulary \(ERR_UNKNOWN_SYMBOL\)\n/)
  const none = await run('evaluate', 'r.safetensors', 'good.ndjson', '--skip-bad', '--json')
  t.match(none.records.at(-1), { samples: 40, left_out: { samples: 0, share: 0, reasons: {}, files: 0 } })

  // A training learns the symbols of its own texts.
  const again = await run(
    'train',
    'handwriting-recognition',
    'mixed',
    '--out',
    's.safetensors',
    ...small,
    '--skip-bad',
    '--json'
  )
  t.equal(again.code, 0, again.stderr)
  const event = { event: 'left_out', samples: 2, share: 2 / 10, reasons: { ERR_INVALID_INK: 2 }, files: 1 }
  t.match(
    again.records.find(({ event }) => event === 'left_out'),
    event
  )

  const read = await run('read', 'r.safetensors', 'mixed', '--skip-bad', '--json')
  t.match(read.records[0], { event: 'left_out', samples: 1, reasons: { ERR_INVALID_INK: 1 }, files: 1 })
  t.equal(read.records.length, 1 + 9)
})
