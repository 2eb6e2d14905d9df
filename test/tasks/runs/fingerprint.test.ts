// A resumed run recognises its data: one changed symbol, coordinate or time anywhere makes them different.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createInk, type InkPoint } from '../../../src/data/ink/strokes.js'
import { fingerprintOfInk } from '../../../src/tasks/ink/samples.js'
import { prepareTextRun } from '../../../src/tasks/text/index.js'
import { story } from '../../cli/command.js'

t.test('text', async (t) => {
  const text = story(100_000)
  const held = story(3000)
  const cwd = t.testdir({ train: text, valid: held })
  const at = (name: string) => join(cwd, name)
  const prepare = (mode: 'new' | 'resume', corpus = {}) =>
    prepareTextRun({
      data: [at('train')],
      validFiles: [at('valid')],
      out: at('m.safetensors'),
      mode,
      network: { hidden: 4, layers: 1 },
      training: { batch: 64, length: 128, steps: 1 },
      threads: 1,
      corpus
    })
  const run = await prepare('new')
  await run.fit()
  run.dispose()
  // The same length and symbols, with one symbol changed.
  const changed = (of: string, place: number) =>
    of.slice(0, place) + (of[place] === 'e' ? 'o' : 'e') + of.slice(place + 1)
  const others: [string, string, string][] = [
    ['train', text, changed(text, 0)],
    ['train', text, changed(text, 70_000)],
    ['train', text, changed(text, text.length - 1)],
    ['valid', held, changed(held, 0)],
    ['valid', held, changed(held, held.length - 1)]
  ]
  for (const [name, plain, other] of others) {
    writeFileSync(at(name), other)
    await t.rejects(
      prepare('resume'),
      { code: 'ERR_INVALID_OPTION', message: /the text that the run began with/ },
      name
    )
    writeFileSync(at(name), plain)
  }
  for (const corpus of [{}, { memoryBytes: 1000, cacheDir: cwd }]) {
    const again = await prepare('resume', corpus)
    t.equal(again.resumed!.step, 1, 'the same text, in memory or in a file')
    again.dispose()
  }
  await t.rejects(prepare('resume', { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})

t.test('ink', async (t) => {
  const ink = (strokes: InkPoint[][], text: string | null = 'ab') => createInk(strokes, { text })
  const plain: InkPoint[][] = [
    [
      [0, 0, 0],
      [1, 1, 10],
      [2, 0, 20]
    ],
    [
      [3, 0, 30],
      [4, 1, 40]
    ]
  ]
  const [first, second] = plain as [InkPoint[], InkPoint[]]
  const mark = (...samples: ReturnType<typeof ink>[]) => fingerprintOfInk({ train: samples, valid: [] }).fingerprint
  t.equal(mark(ink(plain)), mark(ink(plain)))
  const others: Record<string, number> = {
    text: mark(ink(plain, 'ac')),
    'no text': mark(ink(plain, null)),
    time: mark(ink([[...first.slice(0, 2), [2, 0, 21]], second])),
    'no time': mark(ink(plain.map((stroke) => stroke.map(([x, y]): InkPoint => [x!, y!])))),
    coordinate: mark(
      ink([
        first,
        [
          [3, 0, 30],
          [4, 2, 40]
        ]
      ])
    ),
    'a point in the other stroke': mark(ink([first.slice(0, 2), [first[2]!, ...second]])),
    'another sample': mark(ink(plain), ink(plain))
  }
  const marks = [mark(ink(plain)), ...Object.values(others)]
  t.equal(new Set(marks).size, marks.length, Object.keys(others).join(', '))
})
