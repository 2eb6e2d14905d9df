// The commands of the task: a tiny training to a checked figure, and the uses of its model.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadCaptioner } from '../../../src/tasks/captions/index.js'
import { inProcess } from '../../cli/in-process.js'
import { pngOf, shapePictures } from './pictures.js'

const folder = t.testdir({ png: {} })
const at = (name: string) => join(folder, name)
const pictures = shapePictures(300)
const records = pictures.map(({ caption }, i) => ({ file: `${i}.png`, caption, split: ['train', 'train', 'valid', 'test'][i % 4] })) // prettier-ignore
const lines = (all: readonly object[]) => all.map((one) => JSON.stringify(one)).join('\n')
const run = async (line: string) => await inProcess(line.split(' '))
const images = `--images ${at('png')}`
const small =
  '--width 12 --height 8 --channels 8,16 --hidden 32 --embedding 16 --dropout 0 --input-dropout 0 --image-dropout 0 --lr 0.01 --batch 16 --threads 1 --device cpu'

t.before(async () => {
  for (const [i, { picture }] of pictures.entries()) writeFileSync(at(`png/${i}.png`), await pngOf(picture))
  writeFileSync(at('captions.ndjson'), lines(records))
  const bad = [...records.slice(0, 20), { file: 'none.png', caption: 'a red one: bar' }, { file: '3.png' }, { file: 'cut.png', caption: 'a red one: bar' }] // prettier-ignore
  writeFileSync(at('bad.ndjson'), lines(bad))
  writeFileSync(at('png/cut.png'), readFileSync(at('png/0.png')).subarray(0, 60))
})

t.test('a tiny training', async (t) => {
  const out = `--out ${at('m.safetensors')} ${images} ${small} --json`
  const { records, stderr } = await run(
    `train captions ${at('captions.ndjson')} ${out} --shift 1 --steps 240 --valid-every 120`
  )
  t.equal(stderr, '')
  const [start, end] = [records[0], records.at(-1)!] as [object, Record<string, number>]
  t.match(start, { task: 'captions', network: { encoder: 'conv', hidden: 32 }, captions: { train: 150, valid: 75 } })
  t.equal(end['train_loss']!.toFixed(4), '0.5775')
  t.ok(end['valid_exact']! > 0.9, `exact ${end['valid_exact']}`)
  const measure = `evaluate ${at('m.safetensors')} ${at('captions.ndjson')} ${images} --device cpu`
  const { records: valid } = await run(`${measure} --part valid --json`)
  for (const name of ['bleu_4', 'exact', 'cider_d', 'nats_per_word']) t.equal(valid[0]![name], end[`valid_${name}`])
  const { records: tested } = await run(`${measure} --beam 3 --json`)
  t.match(tested, [{ event: 'evaluate', part: 'test', images: 75, captions: 75, left_out: { samples: 0 } }])
  t.match(tested[0]!['signature'], /^nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:/)
  const { stdout } = await run(`${measure} --part all --tokenizer char`)
  t.match(stdout, /^BLEU-1 to 4 [\d., ]+; CIDEr-D [\d.]+; .* % equal .*\n.* nats per word.*\n300 images .*\n.*tok:char/)
})

t.test('a resumed training is the whole one', async (t) => {
  const line = (out: string) =>
    `train captions ${at('captions.ndjson')} ${images} --out ${at(out)} ${small} --schedule constant --warmup 2 --dropout 0.2 --mirror`
  await run(`${line('whole.safetensors')} --steps 14`)
  await run(`${line('parts.safetensors')} --steps 6`)
  const { records } = await run(`${line('parts.safetensors')} --steps 14 --resume --json`)
  t.match(records[0], { resumed_from: 6 })
  t.same(readFileSync(at('parts.safetensors')), readFileSync(at('whole.safetensors')))
  const other = await run(`${line('parts.safetensors')} --steps 20 --resume --width 16`)
  t.match(other.stderr, /width 12, with which the run began/)
  const fewer = await run(`${line('parts.safetensors')} --steps 20 --resume --per-image 1 --valid-file ${at('captions.ndjson')}`) // prettier-ignore
  t.match(fewer.stderr, /the captions that the run began with/)
})

t.test('captions', async (t) => {
  const names = [0, 1, 5].map((i) => at(`png/${i}.png`))
  const { stdout } = await run(`caption ${at('m.safetensors')} ${names[0]} --device cpu`)
  t.equal(stdout, `${pictures[0]!.caption}\n`)
  const several = await run(`caption ${at('m.safetensors')} ${names.join(' ')} --device cpu`)
  t.equal(several.stdout, [0, 1, 5].map((i) => `${at(`png/${i}.png`)}: ${pictures[i]!.caption}\n`).join(''))
  const { records } = await run(`caption ${at('m.safetensors')} ${names[1]} --beam 4 --best 3 --json --device cpu`)
  t.match(records, [{ event: 'caption', image: names[1], text: pictures[1]!.caption, nats: Number }])
  const best = records[0]!['captions'] as { nats: number; score: number }[]
  t.equal(best.length, 3)
  t.ok(best.every(({ score }, i) => i === 0 || score <= best[i - 1]!.score), 'best first') // prettier-ignore
  const broken = await run(`caption ${at('m.safetensors')} ${names[0]} ${at('png/cut.png')} ${names[1]} --device cpu`)
  t.equal(broken.stdout, `${names[0]}: ${pictures[0]!.caption}\n`, 'those before the bad one')
  t.match(broken.stderr, /a whole PNG image in .*cut\.png but received a damaged one/)
})

t.test('where the captioner looked, as a picture', async (t) => {
  const [model, out] = [at('m.safetensors'), at('where.svg')]
  const line = `caption ${model} ${at('png/1.png')} --device cpu --attention-out ${out}`
  const { stdout, stderr } = await run(line)
  t.equal(stderr, '')
  t.equal(stdout, `${pictures[1]!.caption}\nsaved    ${out}\n`)
  const svg = readFileSync(out, 'utf8')
  t.ok(svg.includes(`<title>${pictures[1]!.caption}</title>`))
  const size = pictures[1]!.caption.split(/ |(?=:)/).length
  t.equal(svg.match(/<mask /g)!.length, size + 1, 'a panel for each word and the end')
  const png = Buffer.from(/base64,([^"]*)"/.exec(svg)![1]!, 'base64')
  t.same([png.readUInt32BE(16) / 12, png.readUInt32BE(20) / 8], [21, 21], 'the image with more pixels')
  const two = await run(`${line} ${at('png/2.png')}`)
  t.equal(two.code, 2)
  t.match(two.stderr, /one image for a picture of the attention but received 2/)
})

t.test('drawn captions', async (t) => {
  const [model, names] = [at('m.safetensors'), [3, 4, 5].map((i) => at(`png/${i}.png`))]
  const draw = async (more: string) => (await run(`caption ${model} ${more} --sample --device cpu --json`)).records
  const all = await draw(`${names.join(' ')} --best 3 --temperature 2 --seed 7`)
  t.match(all, [{ captions: [{}, {}, {}] }, {}, {}])
  t.same(await draw(`${names.join(' ')} --best 3 --temperature 2 --seed 7`), all, 'the seed determines them')
  const [first] = await draw(`${names[0]!} --best 3 --temperature 2 --seed 7`)
  t.same(first, all[0], 'in any company')
  t.notSame(await draw(`${names.join(' ')} --best 3 --temperature 2 --seed 8`), all)
  t.match(await draw(`${names[1]!} --temperature 0`), [{ text: pictures[4]!.caption }])
  const { code, stderr } = await run(`caption ${model} ${names[0]!} --top-k 2`)
  t.equal(code, 2)
  t.match(stderr, /sample next to topK/)
})

t.test('the score of a caption is that of the search', async (t) => {
  using captioner = await loadCaptioner(at('m.safetensors'))
  const some = pictures.slice(0, 6).map(({ picture }) => picture)
  const found = (await captioner.caption(some, { beam: 3, best: 3 })).map((own) => own[2]!)
  const nats = await captioner.score(some, found.map(({ text }) => text)) // prettier-ignore
  // The search divides by the probability of all words but two that are never written; label smoothing gave these two about 2 % at each step.
  for (const [i, own] of nats.entries()) {
    const more = own - found[i]!.nats
    t.ok(more > 0 && more < 0.15, `${more} more`)
  }
})

t.test('other networks, words and files', async (t) => {
  const half = records.map(({ file, caption }) => `${file},${caption}`).join('\n')
  writeFileSync(at('captions.csv'), `file,caption\n${half}`)
  const networks = [
    '--attention additive --layer-norm --no-norm --halving stride',
    '--summary 0 --attention dot --channels 4,16 --embedding 16 --hidden 16 --layers 3 --sweeps 1 --sweep-units 8',
    '--encoder renet --patch 3 --sweep-units 6 --lower-case --min-count 40',
    '--encoder renet --sweeps 0 --patch 5 --fit margin --mirror'
  ]
  for (const [i, more] of networks.entries()) {
    const model = at(`other${i}.safetensors`)
    const made = await run(`train captions ${at('captions.csv')} ${images} --out ${model} ${small} ${more} --steps 3`)
    t.equal(made.code, 0, `${more} ${made.stderr}`)
    const { code, stdout, stderr } = await run(`caption ${model} ${at('png/7.png')} --device cpu --beam 2`)
    t.equal(code, 0, `${more} ${stderr}`)
    t.equal(stdout.split('\n').length, 2)
    t.notMatch(stdout, /\ufffd/, 'no unknown word')
    const measured = await run(`evaluate ${model} ${at('captions.csv')} ${images} --part valid --device cpu --json`)
    t.match(measured.records, [{ event: 'evaluate', images: Number }], measured.stderr)
  }
})

t.test('bad input gets one sentence', async (t) => {
  const out = `--out ${at('no.safetensors')} ${images} ${small} --steps 1`
  writeFileSync(at('text.ndjson'), lines([{ file: '0.png', caption: 'one two three four' }, records[1]!]))
  writeFileSync(at('void.ndjson'), '')
  writeFileSync(at('gif.ndjson'), lines([{ file: 'a.gif', caption: 'x' }, records[1]!]))
  writeFileSync(at('png/a.gif'), 'GIF89a')
  const cases: readonly (readonly [line: string, code: number, message: RegExp])[] = [
    [`train captions ${at('bad.ndjson')} ${out}`, 1, /"caption" or "captions" in line 22 of .*bad\.ndjson/],
    [`train captions ${at('void.ndjson')} ${out}`, 1, /images with captions in .*void\.ndjson/],
    [
      `train captions ${at('gif.ndjson')} ${out}`,
      1,
      /in .*a\.gif of line 1 of .*gif\.ndjson but received another format/
    ],
    [`train captions ${at('text.ndjson')} ${out} --longest 3`, 1, /at most 3 words in line 1 of .*received 4 words/],
    [
      `train captions ${at('captions.ndjson')} --out ${at('no.safetensors')} ${small}`,
      1,
      /the image 0\.png of line 1 of/
    ],
    [`train captions ${at('captions.ndjson')} ${out} --channels 4;5`, 2, /--channels/],
    [`train captions ${at('captions.ndjson')} ${out} --min-count 999`, 1, /options that leave a word/],
    [`train captions ${at('captions.ndjson')} ${out} --width 0`, 2, /--width/],
    [`caption ${at('m.safetensors')} ${at('none.png')}`, 1, /none\.png/],
    [
      `caption ${at('m.safetensors')} ${at('captions.ndjson')}`,
      1,
      /a PNG, JPEG, WebP or AVIF image in .*captions\.ndjson/
    ],
    [`evaluate ${at('m.safetensors')} ${at('text.ndjson')} ${images} --part test`, 1, /images of the part "test"/]
  ]
  for (const [line, code, message] of cases) {
    const found = await run(line)
    t.equal(found.code, code, `${line} ${found.stderr}`)
    t.match(found.stderr, message)
    t.equal(found.stderr.trim().split('\n').length, 1, found.stderr)
  }
  t.notOk(existsSync(at('no.safetensors')))
  const left = await run(`train captions ${at('bad.ndjson')} ${out} --skip-bad`)
  t.equal(left.code, 0, left.stderr)
  t.match(left.stdout, /^left out 3 of 18 samples .*\n {2}\d: .*\n {2}\d: /)
  mkdirSync(at('other'))
  writeFileSync(at('other/3.png'), readFileSync(at('png/3.png')))
  writeFileSync(at('two.ndjson'), lines([{ images: ['0.png', '3.png'], caption: 'a red one: bar' }]))
  const two = await run(`evaluate ${at('m.safetensors')} ${at('two.ndjson')} --images ${at('other')} ${at('png')} --part all --json --device cpu`) // prettier-ignore
  t.match(two.records, [{ images: 2, captions: 2 }], two.stderr)
})
