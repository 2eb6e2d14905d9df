// The commands of the application: a tiny training to a checked figure, and the uses of its model.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { decodeMidi } from '../../../src/data/music/midi/decode.js'
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
  'broken.json': '{"train": [[[60, 128]]], "valid": [], "test": []}',
  'noise.mid': 'MThd but not music',
  album: { 'noise.mid': 'MThd but not music' }
})
const at = (name: string) => join(folder, name)
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

t.test('other forms', async (t) => {
  const voices = `train music ${at('voices.json')} --form voices --out ${at('v.safetensors')} ${small} --steps 4`
  t.equal((await run(voices)).code, 0)
  const { records } = await run(`compose ${at('v.safetensors')} --steps 5 --json`)
  t.match(records, [{ event: 'compose', steps: 5 }])
  const keys = `train music ${at('scales.json')} --form keys --out ${at('k.safetensors')} ${small} --steps 4`
  t.equal((await run(keys)).code, 0)
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
