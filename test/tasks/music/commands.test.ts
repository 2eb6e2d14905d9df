// The commands of the task: a tiny training to a checked figure, and the uses of its model.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { decodeMidi } from '../../../src/data/music/midi/decode.js'
import { encodeMidi } from '../../../src/data/music/midi/encode.js'
import { createPiece } from '../../../src/data/music/notes.js'
import { pieceOfRoll } from '../../../src/data/music/rolls.js'
import { inProcess } from '../../cli/in-process.js'

/** Chords of a scale that goes up and down, in the keys of a piano. */
function piece(length: number, low: number): number[][] {
  const scale = [0, 2, 4, 5, 7, 9, 11, 12]
  return Array.from({ length }, (_, t) => {
    const at = Math.abs(7 - (t % 14))
    return [low + scale[at]!, low + 12 + scale[(at + 2) % 8]!, low + 24 + scale[at]!]
  })
}

const pieces = (count: number) => Array.from({ length: count }, (_, i) => piece(30 + 3 * i, 40 + (i % 5)))
const folder = t.testdir({
  'scales.json': JSON.stringify({ train: pieces(8), valid: pieces(3), test: pieces(2) }),
  'voices.json': JSON.stringify({
    train: pieces(4).map((steps) => steps.map((step) => [...step.toReversed(), -1])),
    valid: pieces(1).map((steps) => steps.map((step) => [...step.toReversed(), 33])),
    test: []
  }),
  'silent.json': JSON.stringify({ train: pieces(2), valid: [[[], []]], test: [] }),
  'broken.json': '{"train": [[[60, 128]]], "valid": [], "test": []}',
  'noise.mid': 'MThd but not music',
  album: { 'noise.mid': 'MThd but not music' }
})
const at = (name: string) => join(folder, name)
mkdirSync(at('piano'))
for (const [i, name] of ['a.mid', 'b.mid', 'c.mid', 'd.mid', 'e.mid'].entries())
  writeFileSync(at(`piano/${name}`), encodeMidi(pieceOfRoll(piece(24 + i, 40 + i), { name, grid: '16th' })))
const drums = [{ pitch: 40, begin: 0, end: 9, velocity: 80, channel: 9, program: 0 }]
writeFileSync(at('drums.mid'), encodeMidi(createPiece({ name: 'drums', notes: drums })))
writeFileSync(at('empty.mid'), encodeMidi(createPiece({ name: 'empty', notes: [] })))
const wide = Array.from({ length: 4 }, () => [40, 47, 52, 56, 59, 64])
writeFileSync(at('wide.mid'), encodeMidi(pieceOfRoll(wide, { name: 'wide', grid: 'quarter' })))
const run = async (line: string) => await inProcess(line.split(' '))
const small = '--hidden 12 --layers 1 --chord 12 --relations 2 --window 16 --batch 4 --threads 1 --device cpu'

t.test('a tiny training', async (t) => {
  const train = `train music ${at('scales.json')} --out ${at('m.safetensors')} ${small} --dropout 0.1 --lr 0.02 --json`
  const { records } = await run(`${train} --steps 60 --valid-every 60`)
  const [start, end] = [records[0], records.at(-1)!] as [object, Record<string, number>]
  t.match(start, { task: 'music', network: { form: 'notes', hidden: 12, members: 1 }, steps_per_epoch: 6 })
  t.equal(end['train_loss']!.toFixed(4), '1.6502')
  t.ok(end['valid_nats_per_step']! < 8, 'less than half of the nats of untrained weights')
  const { records: measured } = await run(`evaluate ${at('m.safetensors')} ${at('scales.json')} --part valid --json`)
  t.match(measured, [{ event: 'evaluate', pieces: 3, steps: 99, notes: 297 }])
  t.equal(measured[0]!['nats_per_step'], end['valid_nats_per_step'])
  t.ok(Math.abs(Number(measured[0]!['nats_per_note']) * 3 - end['valid_nats_per_step']!) < 1e-9)
  const { stdout } = await run(`evaluate ${at('m.safetensors')} ${at('scales.json')}`)
  t.match(stdout, /^\d+\.\d+ nats per step, \d+\.\d+ nats per note: 63 steps and 189 notes of 2 pieces, in /)
})

t.test('a composed piece', async (t) => {
  const compose = `compose ${at('m.safetensors')} --grid quarter --bars 3 --seed 2 --out ${at('piece.mid')}`
  const { stdout, stderr, code } = await run(compose)
  t.equal(code, 0, stderr)
  t.match(stdout, /^composed 12 steps: \d+ notes, 7s of music\nsaved {4}.*piece\.mid\n$/)
  const { piece } = decodeMidi(readFileSync(at('piece.mid')), 'piece')
  t.ok(piece.notes.length > 5)
  const { records } = await run(`${compose} --json`)
  t.match(records.at(-1), { event: 'compose', steps: 12, prompt_steps: 0, notes: piece.notes.length })
  const again = await run(`${compose} --json`)
  t.same(again.records, records, 'a seed has one piece')
  const other = await run(`${compose.replace(/--seed 2.*/, '--seed 3')} --json`)
  t.notSame(other.records.at(-1), records.at(-1))

  const shown = await run(`compose ${at('m.safetensors')} --steps 4 --svg ${at('p.svg')} --wav ${at('p.wav')}`)
  t.equal(shown.code, 0, shown.stderr)
  t.match(readFileSync(at('p.svg'), 'utf8'), /^<svg [^]*<\/svg>\s*$/)
  t.equal(readFileSync(at('p.wav')).toString('latin1', 0, 4), 'RIFF')

  // The piece as a prompt: what follows is new, what was given stays.
  const longer = await run(`compose ${at('m.safetensors')} --grid quarter --steps 4 --prompt ${at('piece.mid')} --json`)
  const [continued] = longer.records
  t.match(continued, { steps: Number, prompt_steps: Number })
  const given = Number(continued!['prompt_steps'])
  t.equal(continued!['steps'], given + 4)
  const before = (notes: unknown) =>
    (notes as { begin: number; steps: number; pitch: number }[])
      .map(({ begin, steps, pitch }) => [pitch, begin, Math.min(steps, given - begin)])
      .filter(([, begin]) => begin! < given)
  t.same(before(continued!['piece']), before(records.at(-1)!['piece']))
})

t.test('figures of composed pieces', async (t) => {
  const { stdout, records } = await run(`evaluate ${at('m.safetensors')} ${at('scales.json')} --compose 3`)
  t.equal(records.length, 0)
  t.match(stdout, /\n\nfigures of 3 composed pieces +composed +data\nnotes in the best key +\d+\.\d+ % +100\.00 %\n/)
  const [record] = (await run(`evaluate ${at('m.safetensors')} ${at('scales.json')} --compose 3 --seed 4 --json`))
    .records
  const names = ['in_key', 'polyphony', 'density', 'repeated_bars', 'longest_copy']
  for (const who of ['composed', 'data']) t.same(Object.keys(record![who] as object), names)
  t.match(record!['data'], { polyphony: 3 })
  const [own, data] = [record!['composed'], record!['data']] as [Record<string, number>, Record<string, number>]
  const compared = ['in_key', 'polyphony', 'repeated_bars'].filter((name) => data[name]! > 0)
  t.equal(record!['composed_difference'], Math.max(...compared.map((name) => Math.abs(own[name]! / data[name]! - 1))))
  t.match(
    stdout,
    /\nlargest difference from the data: [\d.]+ %, (?:notes in the best key|notes that sound|repeated bars)\n$/
  )
})

t.test('pieces without notes have no figures of notes', async (t) => {
  const line = `evaluate ${at('m.safetensors')} ${at('silent.json')} --part valid --compose 1 --seed ${2 ** 53 - 1}`
  const { stdout, stderr } = await run(line)
  t.equal(stderr, '')
  t.match(stdout, /^\d+\.\d+ nats per step: 2 steps and 0 notes of 1 pieces, in /)
  t.match(stdout, /\nnotes in the best key +\d+\.\d+ % +-\n/)
  t.notMatch(stdout, /NaN|Infinity/)
  const [record] = (await run(`${line} --json`)).records
  t.same(record!['data'], { longest_copy: 0 })
  t.notOk('nats_per_note' in record!)
})

t.test('four voices', async (t) => {
  const model = at('v.safetensors')
  const train = `train music ${at('voices.json')} --form voices --out ${model} ${small} --dropout 0.1 --lr 0.02 --json`
  const { records } = await run(`${train} --steps 40 --valid-every 40`)
  t.equal((records.at(-1)!['train_loss'] as number).toFixed(4), '2.6078')
  const { records: measured, stdout } = await run(
    `evaluate ${model} ${at('voices.json')} --part valid --compose 2 --json`
  )
  t.match(measured, [{ baseline_nats_per_note: Number, composed: { faults: Number } }])
  t.match(stdout, 'baseline_nats_per_step')
  const composed = await run(`compose ${model} --steps 12 --grid quarter --out ${at('four.mid')} --json`)
  t.match(composed.records.at(-1), { event: 'compose', steps: 12 })
  const { piece } = decodeMidi(readFileSync(at('four.mid')), 'four')

  // The soprano of a piece with three other voices.
  const harmonised = await run(`compose ${model} --harmonise ${at('four.mid')} --grid quarter --particles 3 --json`)
  const soprano = (notes: readonly { pitch: number; begin: number; end: number }[], unit: number) => {
    const at = (step: number) => notes.filter(({ begin, end }) => begin <= step * unit && end > step * unit)
    return Array.from({ length: 12 }, (_, step) => Math.max(-1, ...at(step).map(({ pitch }) => pitch)))
  }
  const own = harmonised.records.at(-1)!['piece'] as { pitch: number; begin: number; steps: number }[]
  const given = soprano(piece.notes, piece.ticksPerQuarter)
  const found = soprano(own.map(({ pitch, begin, steps }) => ({ pitch, begin, end: begin + steps })), 1) // prettier-ignore
  // A voice of this small model may cross the soprano.
  t.ok(found.every((pitch, step) => pitch >= given[step]!))
  const once = await run(`compose ${model} --harmonise ${at('four.mid')} --grid quarter --particles 3 --json`)
  t.same(once.records, harmonised.records)

  const last = await run(`compose ${model} --harmonise ${at('four.mid')} --particles 3 --seed ${2 ** 53 - 1} --json`)
  t.match(last.records, [{ event: 'compose' }], 'the particles have the seeds after the largest one, too')

  // Its voices as a prompt.
  const longer = await run(`compose ${model} --prompt ${at('four.mid')} --grid quarter --steps 2 --only-new --json`)
  t.match(longer.records.at(-1), { steps: 2, prompt_steps: 0 })
})

t.test('performances', async (t) => {
  const model = at('e.safetensors')
  const shapes = `${small.replace('--window 16', '--window 32')} --stretch 0.02`
  const train = `train music ${at('piano')} --form events --out ${model} ${shapes} --dropout 0.1 --lr 0.02 --json`
  const { records } = await run(`${train} --steps 60 --valid-every 60`)
  t.match(records[0], { network: { form: 'events', stretch: 0.02 } })
  const end = records.at(-1)!
  t.equal((end['train_loss'] as number).toFixed(4), '2.2180')
  const { records: measured } = await run(`evaluate ${model} ${at('piano')} --part valid --compose 2 --json`)
  t.equal(measured[0]!['nats_per_step'], end['valid_nats_per_step'])
  t.match(measured, [{ baseline_nats_per_step: Number, composed: { density: Number, in_key: Number } }])
  const lines = await run(`evaluate ${model} ${at('piano')} --part valid`)
  t.match(
    lines.stdout,
    /^\d\.\d{4} nats per event, \d+\.\d{4} nats per note: .* events .*\n.*by a trigram of the training part\n/
  )

  const compose = `compose ${model} --seconds 4 --seed 3`
  const composed = await run(`${compose} --out ${at('e.mid')} --svg ${at('e.svg')} --wav ${at('e.wav')}`)
  t.match(composed.stdout, /^composed \d+ steps: \d+ notes, [45]s of music/)
  const { piece, repairs } = decodeMidi(readFileSync(at('e.mid')), 'e')
  t.equal(repairs.hanging, 0, 'every note has a release')
  t.ok(piece.notes.length > 4)
  const other = await run(`${compose} --tempo 77 --json`)
  for (const { begin, steps } of other.records.at(-1)!['piece'] as { begin: number; steps: number }[])
    t.ok(Number.isInteger(begin) && Number.isInteger(steps) && steps > 0, `${begin}, ${steps}`)
  // A polyphonic prompt stays as it is, and can be left out.
  const longer = (await run(`${compose} --prompt ${at('piano/a.mid')} --json`)).records.at(-1)!
  const fresh = (await run(`${compose} --prompt ${at('piano/a.mid')} --only-new --json`)).records.at(-1)!
  type Sounds = { pitch: number; begin: number }[]
  const given = Number(longer['prompt_steps'])
  t.ok(given > 100)
  const after = (longer['piece'] as Sounds).filter(({ begin }) => begin >= given)
  t.same((fresh['piece'] as Sounds).map(({ pitch }) => pitch), after.map(({ pitch }) => pitch)) // prettier-ignore
  t.ok(Number(fresh['steps']) >= 400 && Number(fresh['steps']) < 500 && fresh['prompt_steps'] === 0)
})

t.test('other forms', async (t) => {
  const keys = `train music ${at('scales.json')} --form keys --out ${at('k.safetensors')} ${small} --lr 0.02 --steps 60 --json`
  const { records } = await run(keys)
  t.equal((records.at(-1)!['train_loss'] as number).toFixed(4), '30.9205')
  t.match((await run(`compose ${at('k.safetensors')} --steps 5 --json`)).records, [{ event: 'compose', steps: 5 }])
  const two = `train music ${at('scales.json')} --members 2 --out ${at('two.safetensors')} ${small} --steps 4`
  t.equal((await run(two)).code, 0)
})

t.test('bad input gets one sentence', async (t) => {
  writeFileSync(at('empty.json'), '{"train": [], "valid": [], "test": []}')
  const out = `--out ${at('bad.safetensors')} ${small}`
  const cases: readonly (readonly [line: string, code: number, message: RegExp])[] = [
    [`train music ${at('broken.json')} ${out}`, 1, /a pitch from 0 to 127/],
    [`train music ${at('empty.json')} ${out}`, 1, /at least one piece in the part "train"/],
    [`train music ${at('noise.mid')} ${out}`, 1, /noise\.mid/],
    [`train music ${at('album')} ${out}`, 1, /album.noise\.mid/],
    [`train music ${at('noise.mid')} --form voices ${out}`, 2, /four pitches in each step/],
    [`train music ${at('scales.json')} --form voices ${out}`, 1, /4 pitches/],
    [`train music ${at('none.json')} ${out}`, 1, /none\.json/],
    [`train music ${at('scales.json')} --form chords ${out}`, 2, /--form/],
    [`compose ${at('m.safetensors')} --prompt ${at('noise.mid')} --steps 2`, 1, /noise\.mid/],
    [`compose ${at('m.safetensors')} --steps 0`, 2, /--steps/],
    [`compose ${at('m.safetensors')} --steps 4 --bars 2`, 2, /no "bars" next to "steps"/],
    [`compose ${at('m.safetensors')} --prompt ${at('empty.mid')} --steps 2`, 1, /at least one note with a pitch/],
    [`compose ${at('m.safetensors')} --prompt ${at('drums.mid')} --steps 2`, 1, /at least one note with a pitch/],
    [`compose ${at('m.safetensors')} --harmonise ${at('wide.mid')}`, 2, /form voices/],
    [`compose ${at('v.safetensors')} --prompt ${at('wide.mid')} --steps 2`, 1, /at most 4 notes in step 0/],
    [`compose ${at('v.safetensors')} --harmonise ${at('noise.mid')}`, 1, /noise\.mid/],
    [`compose ${at('v.safetensors')} --harmonise ${at('wide.mid')} --steps 3`, 2, /no "steps" next to "harmonise"/],
    [`compose ${at('e.safetensors')} --bars 2`, 2, /no "bars" for a model of events/],
    [`compose ${at('e.safetensors')} --prompt ${at('empty.mid')}`, 1, /at least one note/],
    [`compose ${at('e.safetensors')} --seconds 0`, 2, /--seconds/],
    [`train music ${at('scales.json')} --form events ${out}`, 2, /MIDI files for the form events/],
    [`train music ${at('piano')} --form events --members 2 ${out}`, 2, /one network for the form events/],
    [`train music ${at('drums.mid')} --form events ${out}`, 1, /at least one piece/],
    [`train music ${at('empty.mid')} --form events ${out}`, 1, /notes in /],
    [`train music ${at('piano')} --form events ${out.replace('--batch 4', '--batch 640')}`, 1, /at least \d+ symbols/],
    [`evaluate ${at('v.safetensors')} ${at('voices.json')}`, 1, /at least one piece in the part "test"/]
  ]
  for (const [line, code, message] of cases) {
    const found = await run(line)
    t.equal(found.code, code, `${line} ${found.stderr}`)
    t.match(found.stderr, message)
    t.equal(found.stderr.trim().split('\n').length, 1, found.stderr)
  }
  t.notOk(existsSync(at('bad.safetensors')))
})
