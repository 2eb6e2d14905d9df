// Makes test/fuzz/corpus again, small files of the formats that have no file in another folder of the tests:
//   node --import=./test/loader/register.mjs test/fuzz/make-corpus.ts
// lstm.onnx, gru.onnx and rnn.onnx are models of this project's tests of ONNX (INTEROP-SCALE.md), copied from $GATECELL_DATA/onnx-node-tests.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeNpyHeader } from '../../src/data/files/npy.js'
import { bpeToTokenizerJson, byteVocabulary, trainBpe, vocabularyFromText, wordVocabulary } from '../../src/data/text/vocabulary.js' // prettier-ignore
import { canonicalJson } from '../../src/io/json.js'
import { encodeSession } from '../../src/serve/session-value.js'
import { midi, tempo, track } from '../data/music/midi/bytes.js'
import { entriesOf } from './archives.js'

const folder = fileURLToPath(new URL('corpus/', import.meta.url))
const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content)
mkdirSync(folder, { recursive: true })

for (const name of ['lstm', 'views']) {
  const file = readFileSync(new URL(`../golden/interop/${name}.pt`, import.meta.url))
  write(`${name}.pkl`, entriesOf(file).find((entry) => entry.name.endsWith('data.pkl'))!.data)
}
write('empty.pkl', Buffer.from('\x80\x02}q\0.', 'latin1'))
write('matrix.npy', Buffer.concat([encodeNpyHeader('F32', [2, 3])!, new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)])) // prettier-ignore
write('values.json', '{"a":[1,-2.5e3,true,false,null],"b":{"c":"\\u00e9\\n","d":[[],{}]},"long":"plain text"}')
write('captions.json', '{"images":[{"id":1,"file_name":"a.png"}],"annotations":[{"image_id":1,"caption":"a cat"}]}')
write('captions.ndjson', '{"image":"a.png","caption":"a cat"}\n{"file":"b/c.png","captions":["one","two"],"split":"val"}\n') // prettier-ignore
write('series.csv', 'date,load,"price, net"\n2024-01-01 00:00,1.5,"2"\n2024-01-01 01:00,,-3e2\n')

const melody = track([0, 0x90, 60, 64], [480, 0x80, 60, 0], [0, 0x90, 62, 64], [480, 62, 0])
write('two-tracks.mid', midi(track([0, ...tempo(500_000)], [0, 0xff, 0x58, 4, 3, 2, 24, 8], [0, 0xff, 0x59, 2, 0, 0]), melody)) // prettier-ignore
write('one-track.mid', midi(track([0, 0xc0, 5], [0, 0xb0, 64, 127], [0, 0xe0, 0, 64], [0, 0xf0, 2, 1, 0xf7], [0, 0x90, 60, 1], [9, 60, 0]))) // prettier-ignore

const bpe = await trainBpe(['low lower lowest new newer newest'], { size: 264 })
write('tokenizer.json', bpeToTokenizerJson(bpe))
const configs = {
  bpe: bpe.config,
  characters: vocabularyFromText('abc é').config,
  words: wordVocabulary('a cat sat on a cat', {}).config,
  bytes: byteVocabulary({}).config
}
for (const [name, config] of Object.entries(configs)) write(`${name}.json`, canonicalJson(config))

const numbers = { states: { 'lstm.h': Float32Array.of(0, 0.5), 'lstm.c': Float32Array.of(1, -1) }, inputs: { token: Int32Array.of(3), x: Float32Array.of(2) } } // prettier-ignore
const state = { version: 1 as const, position: 7, seed: 5, unread: Int32Array.of(1, 2), ...numbers }
write('session.bin', encodeSession({ model: 'a fingerprint', state }, Buffer.from('the key of the fuzzer')))

const { default: sharp } = await import('sharp')
const picture = sharp({ create: { width: 2, height: 3, channels: 3, background: '#336699' } })
for (const format of ['png', 'webp', 'avif', 'jpeg'] as const)
  write(`picture.${format.replace('jpeg', 'jpg')}`, await picture.clone().toFormat(format).toBuffer())

const models = { lstm: 'own/x_lstm_clip', gru: 'pytorch-2.13/pt_gru_plain', rnn: 'own/own_rnn_tanh' }
if (process.env['GATECELL_DATA'])
  for (const [name, from] of Object.entries(models))
    copyFileSync(join(process.env['GATECELL_DATA'], 'onnx-node-tests', from, 'model.onnx'), join(folder, `${name}.onnx`)) // prettier-ignore
