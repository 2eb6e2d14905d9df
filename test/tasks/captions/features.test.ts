// Captioners of ready features: training, evaluation and captions from NPY and safetensors files, and files that do not fit.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeSafetensors } from '../../../src/index.js'
import { loadCaptioner } from '../../../src/tasks/captions/index.js'
import { inProcess } from '../../cli/in-process.js'
import { npyHeader, npyOf, npyOfFloats } from '../../data/features/npy-files.js'
import { shapePictures, SIDES } from './pictures.js'

const pictures = shapePictures(200)
/** Rows, columns and numbers of the features: the pixels of patches of 4 x 4. */
const [ROWS, COLUMNS, NUMBERS] = [2, 3, 48]
const SIZE = ROWS * COLUMNS * NUMBERS

/** Returns the pixels of a picture, patch by patch, from 0 to 1. */
function patchesOf(rgb: Uint8Array): Float32Array {
  return Float32Array.from({ length: SIZE }, (_, i) => {
    const [place, own] = [Math.floor(i / NUMBERS), i % NUMBERS]
    const y = 4 * Math.floor(place / COLUMNS) + Math.floor(own / 12)
    const x = 4 * (place % COLUMNS) + (Math.floor(own / 3) % 4)
    return rgb[3 * (y * SIDES.width + x) + (own % 3)]! / 255
  })
}

const features = pictures.map(({ picture }) => patchesOf(picture.rgb))
const shape = [ROWS, COLUMNS, NUMBERS]
const all = Float32Array.from(features.flatMap((own) => [...own]))
const folder = t.testdir({ npy: {} })
const at = (name: string) => join(folder, name)
const run = async (line: string) => await inProcess(line.split(' '))
const ends = ['train', 'train', 'train', 'valid']
const records = (ending: string) =>
  pictures.map(({ caption }, i) => JSON.stringify({ file: `${i}${ending}`, caption, split: ends[i % 4] })).join('\n')
const small =
  '--hidden 32 --embedding 16 --dropout 0 --input-dropout 0 --image-dropout 0 --lr 0.01 --batch 16 --threads 1 --device cpu'

t.before(async () => {
  for (const [i, own] of features.entries()) writeFileSync(at(`npy/${i}.npy`), npyOfFloats(own, shape))
  writeFileSync(at('own.ndjson'), records('.npy'))
  writeFileSync(at('all.ndjson'), records('.png'))
  writeFileSync(at('all.npy'), npyOfFloats(all, [pictures.length, ...shape]))
  writeFileSync(at('names.txt'), pictures.map((_, i) => `${i}.png`).join('\n'))
  await writeSafetensors(at('all.safetensors'), features.map((data, i) => ({ name: `${i}.png`, shape, data }))) // prettier-ignore
})

t.test('a training on features, a file for each image', async (t) => {
  const line = `train captions ${at('own.ndjson')} --images ${at('npy')} --out ${at('m.safetensors')} ${small}`
  const { records, stderr, stdout } = await run(`${line} --steps 200 --valid-every 100 --json`)
  t.equal(stderr, '')
  t.match(records[0], { features: { rows: 2, columns: 3, width: 48 }, captions: { train: 150, valid: 50 } }, stdout)
  const end = records.at(-1) as Record<string, number>
  t.ok(end['valid_exact']! > 0.3, `exact ${end['valid_exact']}`)
  const measure = await run(`evaluate ${at('m.safetensors')} ${at('own.ndjson')} --images ${at('npy')} --part valid --device cpu --json`) // prettier-ignore
  t.equal(measure.records[0]!['exact'], end['valid_exact'], measure.stderr)
})

t.test('all features in one file give the same model', async (t) => {
  const line = (out: string) => `train captions ${at('all.ndjson')} --out ${at(out)} ${small} --steps 4 --features`
  const made = await run(`${line('one.safetensors')} ${at('all.npy')} --feature-names ${at('names.txt')}`)
  t.equal(made.code, 0, made.stderr)
  t.match(made.stdout, /ready features of 48 numbers, 3 x 2 places/)
  t.equal((await run(`${line('two.safetensors')} ${at('all.safetensors')}`)).code, 0)
  const own = `train captions ${at('own.ndjson')} --images ${at('npy')} --out ${at('three.safetensors')} ${small} --steps 4`
  t.equal((await run(own)).code, 0)
  for (const other of ['two', 'three'])
    t.same(readFileSync(at(`${other}.safetensors`)), readFileSync(at('one.safetensors')), other)
  const resumed = await run(`${own.replace('--steps 4', '--steps 6')} --resume --json`)
  t.match(resumed.records[0], { resumed_from: 4 }, resumed.stderr)
})

t.test('captions of features', async (t) => {
  const model = at('m.safetensors')
  const one = await run(`caption ${model} ${at('npy/3.npy')} --device cpu`)
  t.equal(one.stdout.split('\n').length, 2, one.stderr)
  const { records } = await run(`caption ${model} ${at('all.npy')} --device cpu --json`)
  t.equal(records.length, pictures.length)
  t.match(records[3], { image: `${at('all.npy')}[3]`, text: one.stdout.trim() })
  const tensors = await run(`caption ${model} ${at('all.safetensors')} --device cpu`)
  t.ok(tensors.stdout.includes(`${at('all.safetensors')}: 3.png: ${one.stdout}`))
  const out = at('where.svg')
  const drawn = await run(`caption ${model} ${at('npy/3.npy')} --attention-out ${out} --device cpu`)
  t.equal(drawn.code, 0, drawn.stderr)
  t.notMatch(readFileSync(out, 'utf8'), '<use ', 'a grid')
  const many = await run(`caption ${model} ${at('all.npy')} --attention-out ${out} --device cpu`)
  t.match(many.stderr, /one image for a picture of the attention but received \d+/)
  using captioner = await loadCaptioner(model)
  const given = [{ shape, values: features[3]! }, readFileSync(at('npy/3.npy'))]
  const found = await captioner.caption(given)
  t.same(found[0], found[1])
  t.equal(`${found[0]![0]!.text}\n`, one.stdout)
  t.equal((await captioner.attention(given[0]!)).rows, ROWS)
  const wrong: [object, string][] = [
    [{ shape: [6, 48], values: features[3]! }, 'ERR_INVALID_SHAPE'],
    [{ shape, values: features[3]!.subarray(1) }, 'ERR_INVALID_SHAPE'],
    [{ shape, values: features[3]!.map(() => NaN) }, 'ERR_INVALID_ARGUMENT'],
    [{ shape, values: [...features[3]!] }, 'ERR_INVALID_ARGUMENT'],
    [pictures[3]!.picture, 'ERR_INVALID_ARGUMENT'],
    [npyOfFloats(features[3]!, [6, 48]), 'ERR_FILE_FORMAT'],
    [Buffer.from('no features'), 'ERR_FILE_FORMAT']
  ]
  for (const [image, code] of wrong) await t.rejects(captioner.caption([image as never]), { code })
})

t.test('features that do not fit get one sentence', async (t) => {
  mkdirSync(at('odd'))
  for (let i = 0; i < 8; i++) writeFileSync(at(`odd/${i}.npy`), readFileSync(at(`npy/${i}.npy`)))
  writeFileSync(at('odd/1.npy'), npyOfFloats(features[1]!, [ROWS, COLUMNS * 2, NUMBERS / 2]))
  writeFileSync(at('odd/2.npy'), npyOf(npyHeader('<f4', shape), new Uint8Array(40)))
  writeFileSync(at('odd/3.npy'), npyOfFloats(features[1]!.map((_, i) => (i === 7 ? NaN : 0)), shape)) // prettier-ignore
  writeFileSync(at('odd/4.npy'), 'text')
  const lineOf = (i: number) => JSON.stringify({ file: `${i}.npy`, caption: pictures[i]!.caption, split: 'train' })
  const odd = (...which: number[]) => {
    writeFileSync(at('odd.ndjson'), which.map(lineOf).join('\n'))
    return `train captions ${at('odd.ndjson')} --images ${at('odd')} --out ${at('no.safetensors')} ${small} --steps 1`
  }
  const cases: [which: number[], more: string, code: number, message: RegExp][] = [
    [[0, 1], '', 1, /the shape \[2, 3, 48\], .* in .*1\.npy of line 2 of .*odd\.ndjson but received \[2, 6, 24\]/],
    [[0, 2], '', 1, /1152 bytes of elements, .* in .*2\.npy of line 2 of .* but received 40/],
    [[0, 3], '', 1, /finite numbers .* in .*3\.npy of line 2 of .* but received NaN as element 7/],
    [[4, 0], '', 1, /an NPY or safetensors file in .*4\.npy of line 1 of .* but received another format/],
    [[0, 9], '', 1, /the image 9\.npy of line 2 of/],
    [[0, 5], ' --width 8 --mirror', 2, /no settings of pixels next to ready features but received width, mirror/],
    [[0, 5], ` --features ${at('all.safetensors')}`, 1, /the features of 0\.npy of line 1 of .*all\.safetensors/],
    [[0, 5], ` --features ${at('all.npy')}`, 2, /a file with the names of the pictures/]
  ]
  for (const [which, more, code, message] of cases) {
    const found = await run(`${odd(...which)}${more}`)
    t.match(found.stderr, message)
    t.equal(found.code, code, found.stderr)
    t.equal(found.stderr.trim().split('\n').length, 1, found.stderr)
  }
  t.notOk(existsSync(at('no.safetensors')), 'nothing is written')
  const left = await run(`${odd(0, 1, 2, 3, 4, 5, 6, 7)} --skip-bad`)
  t.match(left.stdout, /^left out 4 of 8 samples/, left.stderr)
  const model = at('m.safetensors')
  const caption = await run(`caption ${model} ${at('odd/0.npy')} ${at('odd/1.npy')} ${at('odd/5.npy')} --device cpu`)
  t.match(caption.stdout, /^\S*0\.npy: .*\n$/, 'the captions before the bad one')
  t.match(caption.stderr, /in .*1\.npy but received \[2, 6, 24\]/)
  const measured = await run(`evaluate ${model} ${at('odd.ndjson')} --images ${at('odd')} --part all --device cpu`)
  t.match(measured.stderr, /1\.npy of line 2 of .*odd\.ndjson but received \[2, 6, 24\]/)
})
