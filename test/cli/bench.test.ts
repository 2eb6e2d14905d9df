// gatecell bench on the command line: pen, streams, serve, event-loop and translate.

import t from 'tap'
import { inProcess } from './in-process.js'

const json = async (...words: string[]): Promise<Record<string, unknown>[]> => {
  const { code, stderr, records } = await inProcess([...words, '--json'])
  if (code !== 0) throw new Error(stderr)
  return records
}

t.test('a word is read as it is written', async (t) => {
  const rows = (await json('bench', 'pen', '--time', '0.2s')).filter(({ workload }) => workload === 'pen')
  t.strictSame(
    rows.map(({ shape }) => shape),
    [0, 16].map((beam) => ({ H: 96, layers: 2, beam, points: 315 }))
  )
  for (const row of rows) t.ok((row.samples as number) >= 315 && (row.word_us as number) > 0)
})

t.test('the event loop turns while many streams generate', async (t) => {
  const rows = (await json('bench', 'streams', '--time', '0.1s')).filter(({ workload }) => workload === 'streams')
  const shapes = [{ H: 128, layers: 1 }, { H: 512, layers: 2 }] // prettier-ignore
  t.strictSame(
    rows.map(({ shape }) => shape),
    shapes.flatMap((shape) => [1, 10, 50, 200].map((streams) => ({ ...shape, streams })))
  )
  for (const row of rows) t.ok((row.symbols_per_second as number) > 0)
})

t.test('an engine serves many streams', async (t) => {
  const rows = (await json('bench', 'serve', '--time', '0.1s')).filter(({ workload }) => workload === 'serve')
  const cases = [{ streams: 64 }, { streams: 1024 }, { prompt: 1 }, { prompt: 16 }, { streams: 32, prompt: 10_000 }]
  t.strictSame(
    rows.map(({ shape }) => shape),
    [
      ...cases.map((one) => ({ H: 128, layers: 2, ...one })),
      ...[...cases, { sessions: 10_000 }].map((one) => ({ H: 512, layers: 2, ...one }))
    ]
  )
  for (const row of rows) t.ok(Object.values(row).every((value) => typeof value !== 'number' || Number.isFinite(value)))
})

t.test('the event loop turns while a model trains', async (t) => {
  const rows = await json('bench', 'event-loop', '--time', '1s')
  const row = rows.find((record) => record.workload === 'event-loop')!
  t.match(row, { shape: { B: 64, T: 64, H: 256, layers: 2 }, precision: 'f32', p99_us: Number })
  // A loop that waited for each step would turn about once a step. Both are slower on a busy machine.
  const steps = Math.max(1, (row.tokens_per_second as number) / (64 * 64))
  t.ok((row.samples as number) > 2 * steps, `${row.samples as number} turns in ${steps} steps`)
})

t.test('sentences are translated, greedy and with a beam', async (t) => {
  const rows = (await json('bench', 'translate', '--time', '0.1s')).filter(({ workload }) => workload === 'translate')
  const cases = [[1, 1], [32, 1], [32, 5]] // prettier-ignore
  t.strictSame(
    rows.map(({ shape }) => shape),
    cases.map(([sentences, beam]) => ({ H: 512, layers: 2, sentences, beam, symbols: 10 }))
  )
  for (const row of rows) t.ok((row.median_us as number) > 0 && (row.times_greedy as number) > 0)
})
