// The notes of MIDI files that no step has are counted.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { encodeMidi } from '../../../src/data/music/midi/encode.js'
import { createPiece } from '../../../src/data/music/notes.js'
import { readMusic } from '../../../src/tasks/music/data.js'
import { inProcess } from '../../cli/in-process.js'

const note = (pitch: number, begin: number, end: number, channel = 0) => ({ pitch, begin, end, channel, velocity: 80, program: 0 }) // prettier-ignore
const notes = [note(60, 0, 480), note(64, 480, 960), note(67, 160, 200), note(40, 0, 120, 9), note(42, 120, 240, 9)]
const folder = t.testdir({})
for (const name of ['a.mid', 'b.mid', 'c.mid'])
  writeFileSync(join(folder, name), encodeMidi(createPiece({ name, ticksPerQuarter: 480, notes })))

t.test('notes between two steps, and percussion', async (t) => {
  const { parts, leftOut } = await readMusic([join(folder, 'a.mid')], { form: 'notes', grid: '16th' })
  t.same(leftOut, { short: 1, percussion: 2 })
  t.same(Object.values(parts).flat().length, 1)
})

t.test('a training says how many are left out', async (t) => {
  const words = `train music ${folder} --out ${join(folder, 'm.safetensors')} --hidden 8 --chord 8 --steps 1 --threads 1 --device cpu`
  const { stdout, stderr } = await inProcess(words.split(' '))
  t.match(stdout + stderr, 'left out: 3 notes too short for the grid, 6 notes of percussion')
})
