// Images and captions that cannot be used: one sentence with the file and the line, a code, and no file is lost.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { inProcess } from '../../cli/in-process.js'
import { models, save } from '../small-models.js'
import { pngOf, shapePictures } from './pictures.js'

const folder = t.testdir({ png: {} })
const at = (name: string) => join(folder, name)
const run = async (line: string) => await inProcess(line.split(' '))
const small =
  '--width 12 --height 8 --channels 4,6 --hidden 8 --embedding 8 --batch 8 --threads 1 --device cpu --valid 0 --steps 1'
const pictures = shapePictures(12)
const png = await pngOf(pictures[0]!.picture)
const good = pictures.map(({ caption }, i) => ({ file: `${i}.png`, caption }))
const latin = (text: string) => Buffer.from(text, 'latin1')
const lines = (...all: (string | object)[]) =>
  Buffer.concat(all.flatMap((one) => [Buffer.from(one instanceof Uint8Array ? one : typeof one === 'string' ? one : JSON.stringify(one)), Buffer.from('\n')])) // prettier-ignore

/** Returns a PNG whose header has other sizes. */
function sized(width: number, height: number): Buffer {
  const bytes = Buffer.from(png)
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  return bytes
}

/** Returns an animated WebP of two pictures. */
async function animated(): Promise<Buffer> {
  const raw = { width: 12, height: 16, channels: 3, pageHeight: 8 } as const
  const both = Buffer.concat([pictures[0]!.picture.rgb, pictures[1]!.picture.rgb])
  return await sharp(both, { raw }).webp({ loop: 0, delay: [99, 99] }).toBuffer() // prettier-ignore
}

/** Images with a fault, and the fault in the message. */
const images: Record<string, [content: Uint8Array, found: RegExp]> = {
  'cut.png': [png.subarray(0, png.length - 30), /a whole PNG image in \S*cut\.png of line 2 of .* a damaged one/],
  'empty.png': [new Uint8Array(0), /image in \S*empty\.png of line 2 of .* an empty file/],
  'moving.webp': [await animated(), /a still picture in \S*moving\.webp of line 2 of .* an animation/],
  'large.png': [sized(60_000, 60_000), /at most 67108864 pixels in \S*large\.png of line 2 of .* 3600000000/],
  'flat.png': [sized(0, 8), /flat\.png of line 2 of/],
  'entities.svg': [
    Buffer.from('<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>'),
    /a PNG, JPEG, WebP or AVIF image in \S*entities\.svg of line 2 of .* another format/
  ],
  'text.jpg': [Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.from('x'.repeat(200))]), /a whole JPEG image in \S*text\.jpg of line 2/] // prettier-ignore
}

/** Files of captions with a fault of line 2, and the fault in the message. */
const records: Record<string, [content: Uint8Array, found: RegExp]> = {
  'no-image.ndjson': [lines(good[0]!, { caption: 'a red one' }), /"image" or .* in line 2 of \S*no-image\.ndjson but received none/], // prettier-ignore
  'no-caption.ndjson': [lines(good[0]!, { file: '1.png' }), /"captions" in line 2 of \S*no-caption\.ndjson/],
  'blank.ndjson': [lines(good[0]!, { file: '1.png', caption: ' ' }), /in line 2 of \S*blank\.ndjson but received an empty text/], // prettier-ignore
  'endless.ndjson': [lines(good[0]!, { file: '1.png', caption: 'red '.repeat(10_000) }), /in line 2 of \S*endless\.ndjson but received \d+ characters/], // prettier-ignore
  'outside.ndjson': [lines(good[0]!, { file: '../m.png', caption: 'a' }), /below the folder .* in line 2 of/],
  'missing.ndjson': [lines(good[0]!, { file: 'z.png', caption: 'a' }), /the image z\.png of line 2 of \S*missing/],
  'broken.ndjson': [lines(good[0]!, '{"file": "1.png",'), /line 2 of \S*broken\.ndjson/],
  'blank.csv': [
    lines('file,caption', '1.png,', '2.png,a red one'),
    /in line 2 of \S*blank\.csv but received an empty text/
  ],
  'nameless.csv': [lines('file,caption', ',a red one', '2.png,a red one'), /in line 2 of \S*nameless\.csv/]
}

t.before(async () => {
  for (const [i, { picture }] of pictures.entries()) writeFileSync(at(`png/${i}.png`), await pngOf(picture))
  for (const [name, [content]] of Object.entries(images)) writeFileSync(at(`png/${name}`), content)
  for (const [name, [content]] of Object.entries(records)) writeFileSync(at(name), content)
  writeFileSync(at('good.ndjson'), lines(...good))
  await save(models['captions']!(8), at('m.safetensors'))
  await save(models['captions']!(8), at('kept.safetensors'))
})

/** Checks that trainings and measurements refuse a file of captions with one sentence, and that a training can leave the fault out. */
async function checkRefused(t: Test, name: string, message: RegExp, rest: readonly string[] = []): Promise<void> {
  const kept = readFileSync(at('kept.safetensors'))
  const train = `train captions ${at(name)} ${rest.join(' ')} --images ${at('png')} ${small}`.replace('  ', ' ')
  for (const line of [
    `${train} --out ${at('new.safetensors')}`,
    `${train} --out ${at('kept.safetensors')} --force`,
    `evaluate ${at('m.safetensors')} ${at(name)} --images ${at('png')} --part all --device cpu`
  ]) {
    const found = await run(line)
    t.equal(found.code, 1, found.stderr)
    t.match(found.stderr, message)
    t.match(found.stderr, /ERR_FILE_(FORMAT|NOT_FOUND)|ERR_CORPUS_BINARY/)
    t.equal(found.stderr.trim().split('\n').length, 1, found.stderr)
  }
  t.notOk(existsSync(at('new.safetensors')) || existsSync(at('new.last.safetensors')), 'nothing is written')
  t.same(readFileSync(at('kept.safetensors')), kept, 'the former model is there')
}

for (const [name, [, message]] of Object.entries(images))
  t.test(name, async (t) => {
    writeFileSync(at('bad.ndjson'), lines(good[0]!, { file: name, caption: 'a red one' }, ...good.slice(1)))
    await checkRefused(t, 'bad.ndjson', message)
    const left = await run(`train captions ${at('bad.ndjson')} --images ${at('png')} ${small} --out ${at(`${name}.safetensors`)} --skip-bad`) // prettier-ignore
    t.match(left.stdout, /^left out 1 of 13 samples .*\n {2}1: .*ERR_FILE_FORMAT/, left.stderr)
    const caption = await run(`caption ${at('m.safetensors')} ${at('png/0.png')} ${at(`png/${name}`)} --device cpu`)
    t.equal(caption.stdout.split('\n').length, 2, 'the caption of the image before it')
    t.ok(caption.stderr.includes(name), caption.stderr)
  })

for (const [name, [, message]] of Object.entries(records))
  t.test(name, async (t) => {
    await checkRefused(t, name, message)
    const left = await run(`train captions ${at('good.ndjson')} ${at(name)} --images ${at('png')} ${small} --out ${at(`${name}.safetensors`)} --skip-bad`) // prettier-ignore
    if (name === 'broken.ndjson') t.match(left.stdout + left.stderr, /broken\.ndjson/)
    else t.match(left.stdout, /^left out 1 of 1\d samples /, left.stderr)
  })

t.test('other encodings of captions', async (t) => {
  const cases: [name: string, content: Uint8Array][] = [
    ['latin.ndjson', Buffer.concat([lines(...good), latin('{"file": "1.png", "caption": "voil\xe0"}\n')])],
    ['image.ndjson', png]
  ]
  for (const [name, content] of cases) {
    writeFileSync(at(name), content)
    await checkRefused(t, name, new RegExp(name.replace('.', '\\.')))
  }
})
