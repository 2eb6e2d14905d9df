// Piano rolls: strict parsing, and pieces that are rolls again on the same grid.

import fc from 'fast-check'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { createPiece } from '../../../src/data/music/notes.js'
import {
  parseRolls,
  parseVoiceRolls,
  pieceOfRoll,
  pieceOfVoices,
  readRolls,
  readVoiceRolls,
  rollOfPiece,
  type RollGrid
} from '../../../src/data/music/rolls.js'
import { rounds } from '../../amounts.js'
import { dataFile, noData } from './archives.js'

const file = (step: unknown) => JSON.stringify({ train: [[[64, 60], step]], valid: [], test: [] })

t.test('parsing', async (t) => {
  t.same(parseRolls(file([]), 'a').train, [[[60, 64], []]], 'rising, a rest')
  t.same(parseRolls(file([5, 0, 5]), 'a').train[0]![1], [0, 5], 'once')
  t.same(parseVoiceRolls(file([-1, 50]), 'a', 2).train, [
    [
      [64, 60],
      [-1, 50]
    ]
  ])
  const fails = (text: string, message: RegExp) =>
    t.throws(() => parseRolls(text, 'a.json'), { code: 'ERR_FILE_FORMAT', message })
  for (const step of [[-1], [128], [60.5], ['60'], [null], [[60]]])
    fails(file(step), /pitch from 0 to 127 as step 1 of sequence 0 of "train" in a.json/)
  fails(file(60), /list of pitches/)
  fails('{"train": [], "valid": []}', /list of sequences as "test" in a.json but received undefined/)
  fails('{"train": [[]], "valid": [], "test": []}', /at least one step as sequence 0/)
  fails('{"train": [5], "valid": [], "test": []}', /list of steps/)
  fails('{"train": 5, "valid": [], "test": []}', /list of sequences/)
  fails('{"train": [], "valid": [], "test": [], "all": []}', /train, valid or test .*"all"/)
  fails('[]', /an object with train/)
  fails('{"train": [', /JSON/)
  t.throws(() => parseVoiceRolls(file([1]), 'a', 2), { code: 'ERR_FILE_FORMAT', message: /2 pitches as step 1/ })
})

t.test('files', async (t) => {
  const path = join(t.testdir({}), 'rolls.json.gz')
  writeFileSync(path, gzipSync(file([7, 1])))
  t.same((await readRolls(path)).train[0]![1], [1, 7])
  t.same((await readVoiceRolls(path, 2)).train[0]![1], [7, 1])
})

const grids: RollGrid[] = ['quarter', '8th', '16th', '32nd']

t.test('roll, piece, roll', async (t) => {
  const step = fc.uniqueArray(fc.nat(127), { maxLength: 6 }).map((pitches) => pitches.sort((a, b) => a - b))
  const roll = fc.array(step, { maxLength: 40 })
  const check = () =>
    fc.assert(
      fc.property(roll, fc.constantFrom(...grids), (roll, grid) => {
        const back = rollOfPiece(pieceOfRoll(roll, { name: 'a', grid }), grid)
        const last = roll.findLastIndex((pitches) => pitches.length > 0)
        return JSON.stringify(back) === JSON.stringify({ roll: roll.slice(0, last + 1), lost: 0, percussion: 0 })
      }),
      { numRuns: rounds(100, 1000), seed: 14 }
    )
  t.doesNotThrow(check)
})

t.test('voices', async (t) => {
  const roll = [
    [72, 60],
    [72, -1],
    [74, 60]
  ]
  const { notes } = pieceOfVoices(roll, { name: 'a', grid: '16th', velocity: 70, program: 52 })
  const found = notes.map(({ pitch, begin, end, channel }) => [pitch, begin, end, channel])
  t.same(found, [
    [60, 0, 120, 1],
    [72, 0, 240, 0],
    [60, 240, 360, 1],
    [74, 240, 360, 0]
  ])
  t.match(notes[0], { velocity: 70, program: 52 })
  t.throws(() => pieceOfVoices([Array.from({ length: 10 }, () => 60)], { name: 'a', grid: '16th' }), {
    code: 'ERR_INVALID_ARGUMENT'
  })
})

t.test('notes near steps, between steps, percussion', async (t) => {
  const note = (pitch: number, begin: number, end: number, channel = 0) => {
    return { pitch, begin, end, velocity: 64, channel, program: 0 }
  }
  const roll = (...notes: ReturnType<typeof note>[]) =>
    rollOfPiece(createPiece({ name: 'a', notes, ticksPerQuarter: 100 }), 'quarter')
  t.same(roll(note(60, 10, 190), note(61, 110, 205)).roll, [[60], [60, 61]], 'a little early, a little late')
  t.same(roll(note(60, 0, 5)).roll, [[60]], 'short, but on a step')
  t.same(roll(note(60, 40, 90), note(61, 0, 100)), { roll: [[61]], lost: 1, percussion: 0 })
  t.same(roll(note(60, 0, 100), note(36, 0, 100, 9)), { roll: [[60]], lost: 0, percussion: 1 })
  t.same(roll(), { roll: [], lost: 0, percussion: 0 })
  t.throws(() => roll(note(60, 0, 1e9)), { code: 'ERR_OUT_OF_RANGE' })
})

const path = dataFile('music', 'pianorolls-bl2012', 'jsb_chorales.json.gz')
t.test('the published rolls', { skip: path === undefined && noData }, async (t) => {
  const count = ({ train, valid, test }: Awaited<ReturnType<typeof readRolls>>) => [train.length, valid.length, test.length] // prettier-ignore
  const steps = (sets: Awaited<ReturnType<typeof readRolls>>) =>
    [sets.train, sets.valid, sets.test].map((set) => set.reduce((sum, roll) => sum + roll.length, 0))
  t.same(count(await readRolls(path!)), [229, 76, 77])
  t.same(count(await readRolls(dataFile('music', 'pianorolls-bl2012', 'nottingham.json.gz')!)), [694, 173, 170])
  const sixteenths = dataFile('music', 'jsb-chorales', 'Jsb16thSeparated.json.gz')!
  t.same(steps(await readVoiceRolls(sixteenths)), [55_228, 18_408, 18_900])
  t.same(
    steps(await readRolls(dataFile('music', 'jsb-chorales', 'jsb-chorales-quarter.json.gz')!)),
    [13_807, 4602, 4725]
  )
})
