// Folders of MIDI files, and all files of the data folder.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { decodeMidi } from '../../../../src/data/music/midi/decode.js'
import { readMidi } from '../../../../src/data/music/midi/files.js'
import { long } from '../../../amounts.js'
import { dataFile, filesOfTar, noData } from '../archives.js'
import { midi, track } from './bytes.js'

t.test('a folder', async (t) => {
  const folder = t.testdir({ 'notes.txt': 'text', '.hidden.mid': '' })
  const file = midi(track([0, 0x90, 60, 9], [100, 0x90, 60, 9], [9, 0x90, 60, 0]))
  writeFileSync(join(folder, 'b.MID'), file)
  writeFileSync(join(folder, 'a.midi.gz'), gzipSync(file))
  const readings = await readMidi([folder])
  t.same(
    readings.map(({ piece }) => piece.name),
    ['a.midi.gz', 'b.MID'].map((name) => join(folder, name))
  )
  t.same(
    readings.map(({ repairs }) => repairs.hanging),
    [1, 1],
    'of two presses of a key one is never released'
  )
  await t.rejects(readMidi([join(folder, 'notes.txt')]), { code: 'ERR_FILE_FORMAT' })
  await t.rejects(readMidi([join(folder, 'none.mid')]), { code: 'ERR_FILE_NOT_FOUND' })
  const silent = join(folder, 'silent.mid')
  writeFileSync(silent, midi(track()))
  await t.rejects(readMidi([silent]), { code: 'ERR_CORPUS_EMPTY' })
  await t.rejects(readMidi([folder], { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  writeFileSync(join(folder, 'broken.mid'), 'MThd')
  await t.rejects(readMidi([folder]), { code: 'ERR_FILE_FORMAT', message: /broken\.mid/ })
})

const archives = ['nottingham-midi/nottingham-midi.tar.gz', 'piano-midi-de/piano-midi-de-dev.tar.gz']
for (const archive of archives) {
  const path = dataFile('music', archive)
  t.test(`every file of ${archive}`, { skip: path === undefined && noData }, async (t) => {
    let [files, notes] = [0, 0]
    const repairs: Record<string, number> = {}
    for (const { name, bytes } of filesOfTar(path!)) {
      if (!/\.midi?$/.test(name)) continue
      // All of them in `npm run test:all`; every twentieth else.
      if (files++ % 20 !== 0 && !long) continue
      const reading = decodeMidi(bytes, name)
      notes += reading.piece.notes.length
      for (const [kind, count] of Object.entries(reading.repairs)) repairs[kind] = (repairs[kind] ?? 0) + count
    }
    t.ok(files > 100 && notes > 1000)
    t.comment(`${files} files, ${notes} notes, repairs ${JSON.stringify(repairs)}`)
  })
}
