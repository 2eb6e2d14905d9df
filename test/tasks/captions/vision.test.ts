// Captioners of the features of a vision model: without the package that runs such models, and with it where bench/rivals has it.

import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { inProcess } from '../../cli/in-process.js'
import { models, save } from '../small-models.js'
import { pngOf, shapePictures } from './pictures.js'
import { patchModel } from './onnx-model.js'

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const folder = t.testdir({ png: {} })
const at = (name: string) => join(folder, name)
const run = async (line: string) => await inProcess(line.split(' '))
const pictures = shapePictures(60)
const small = '--width 12 --height 8 --hidden 16 --embedding 8 --batch 8 --threads 1 --device cpu --valid 0.2 --steps 2'
const data = `${at('captions.ndjson')} --images ${at('png')}`

t.before(async () => {
  for (const [i, { picture }] of pictures.entries()) writeFileSync(at(`png/${i}.png`), await pngOf(picture))
  const records = pictures.map(({ caption }, i) => JSON.stringify({ file: `${i}.png`, caption }))
  writeFileSync(at('captions.ndjson'), records.join('\n'))
  writeFileSync(at('vision.onnx'), patchModel({ channels: 5, outputs: ['features'] }))
  await save(models['captions']!(8), at('plain.safetensors'))
})

t.test('options that do not fit', async (t) => {
  const out = `--out ${at('no.safetensors')} ${small}`
  const cases: [line: string, code: number, message: RegExp][] = [
    [`train captions ${data} ${out} --onnx-output x`, 2, /a vision model .*onnx.* next to onnxOutput/],
    [`train captions ${data} ${out} --onnx ${at('vision.onnx')} --features ${at('a.npy')}`, 2, /leave one out/],
    [`train captions ${data} ${out} --onnx ${at('none.onnx')}`, 1, /none\.onnx/],
    [`caption ${at('plain.safetensors')} ${at('png/0.png')} --onnx ${at('vision.onnx')}`, 2, /one that was not/],
    [`evaluate ${at('plain.safetensors')} ${data} --onnx ${at('vision.onnx')}`, 2, /one that was not/]
  ]
  for (const [line, code, message] of cases) {
    const found = await run(line)
    t.match(found.stderr, message)
    t.equal(found.code, code, found.stderr)
    t.equal(found.stderr.trim().split('\n').length, 1, found.stderr)
  }
})

const installed = process.env['GATECELL_ONNXRUNTIME'] ?? join(root, 'bench', 'rivals', 'node_modules')
const missing = existsSync(join(installed, 'onnxruntime-node')) ? false : 'onnxruntime-node is not in bench/rivals'

t.test('without onnxruntime-node', { skip: missing === false && 'it may be found' }, async (t) => {
  const found = await run(`train captions ${data} --out ${at('no.safetensors')} ${small} --onnx ${at('vision.onnx')}`)
  t.equal(found.code, 1)
  t.match(found.stderr, /the package onnxruntime-node, which runs ONNX models but received none: install it/)
})

t.test('the features are those of the model', { skip: missing }, async (t) => {
  const program = `
    const { openVision } = await import(${JSON.stringify(join(root, 'dist/esm/data/features/vision.js'))})
    const { readFileSync } = await import('node:fs')
    const model = await openVision(readFileSync(${JSON.stringify(at('vision.onnx'))}), { name: 'm', scale: 'signed' })
    const rgb = Uint8Array.from({ length: 3 * 8 * 12 }, (_, i) => (i * 29) % 256)
    const { shape, values } = await model.features(rgb, { width: 12, height: 8 })
    console.log(JSON.stringify({ shape, values: [...values] }))
    await model.close()`
  const env = { ...process.env, NODE_PATH: installed, NODE_OPTIONS: '' }
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], { env, encoding: 'utf8' })
  const { shape, values } = JSON.parse(printed) as { shape: number[]; values: number[] }
  t.same(shape, [2, 3, 5], 'rows, columns, numbers')
  for (const [at, value] of values.entries()) {
    const [channel, column, row] = [at % 5, Math.floor(at / 5) % 3, Math.floor(at / 15)]
    let sum = 0
    for (let own = 0; own < 48; own++) {
      const [colour, y, x] = [Math.floor(own / 16), 4 * row + (Math.floor(own / 4) % 4), 4 * column + (own % 4)]
      const pixel = (((3 * (y * 12 + x) + colour) * 29) % 256) / 127.5 - 1
      sum += (Math.sin((channel * 48 + own) ** 2) / 8) * pixel
    }
    t.ok(Math.abs(sum - value) < 1e-5, `${at}: ${value}, not ${sum}`)
  }
})

t.test('with onnxruntime-node', { skip: missing }, async (t) => {
  // The package is found by NODE_PATH, which is read when a process begins.
  const gatecell = (line: string) => {
    const words = [join(root, 'dist', 'esm', 'cli', 'main.js'), ...line.split(' ')]
    const env = { ...process.env, NODE_PATH: installed, NODE_OPTIONS: '' }
    try {
      return { code: 0, out: execFileSync(process.execPath, words, { env, encoding: 'utf8', stdio: 'pipe' }) }
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string }
      return { code: status, out: stderr }
    }
  }
  const model = at('v.safetensors')
  const vision = `--onnx ${at('vision.onnx')}`
  const train = `train captions ${data} --out ${model} ${small} ${vision}`
  const made = gatecell(`${train} --onnx-scale unit`)
  t.match(made.out, /features of a vision model of 5 numbers, 3 x 2 places/, made.out)
  const again = gatecell(`${train.replace('--steps 2', '--steps 4')} --resume --json`)
  t.match(again.out, /"resumed_from":2/, 'the vision model has the same bits each time')
  const caption = gatecell(`caption ${model} ${at('png/0.png')} ${vision} --device cpu --attention-out ${at('w.svg')}`)
  t.equal(caption.code, 0, caption.out)
  const measured = gatecell(`evaluate ${model} ${data} ${vision} --part valid --device cpu --json`)
  t.match(measured.out, /"event":"evaluate"/)
  writeFileSync(at('other.onnx'), patchModel({ channels: 6, outputs: ['features'] }))
  writeFileSync(at('two.onnx'), patchModel({ channels: 5, outputs: ['features', 'rectified'] }))
  writeFileSync(at('text.onnx'), 'no model')
  const cases: [line: string, code: number, message: RegExp][] = [
    [`caption ${model} ${at('png/0.png')}`, 2, /the vision model .*onnx.* with which the captioner was trained/],
    [`caption ${model} ${at('png/0.png')} --onnx ${at('other.onnx')}`, 2, /as \S*other\.onnx but received another one/],
    [`evaluate ${model} ${data}`, 2, /the vision model .*onnx.* with which the captioner was trained/],
    [`${train} --force --onnx ${at('two.onnx')}`, 1, /one output in \S*two\.onnx but received features, rectified/],
    [`${train} --force --onnx ${at('two.onnx')} --onnx-output x`, 1, /an output "x" in \S*two\.onnx/],
    [`${train} --force --onnx ${at('text.onnx')}`, 1, /an ONNX model in \S*text\.onnx/],
    [`${train} --force --height 2`, 1, /an image \[1, 3, 2, 12\] in \S*vision\.onnx|the height of the model/],
    [`${train} --force --encoder renet`, 2, /no settings of pixels .* but received encoder/]
  ]
  for (const [line, code, message] of cases) {
    const found = gatecell(`${line}`)
    t.match(found.out, message, line)
    t.equal(found.code, code, found.out)
    t.equal(found.out.trim().split('\n').length, 1, found.out)
  }
  t.equal(gatecell(`${train} --force --onnx ${at('two.onnx')} --onnx-output rectified`).code, 0)
})
