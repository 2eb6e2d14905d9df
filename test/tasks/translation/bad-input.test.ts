// Sentences that cannot be used: one sentence with the file and the line, a code, and no file is lost.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { gzipSync } from 'node:zlib'
import { inProcess } from '../../cli/in-process.js'
import { models, save } from '../small-models.js'
import { sentencePairs } from './sentences.js'

const folder = t.testdir()
const at = (name: string) => join(folder, name)
const run = async (line: string) => await inProcess(line.split(' '))
const small = '--hidden 8 --embedding 8 --vocabulary-size 300 --batch 256 --threads 1 --device cpu --steps 1'
const good = sentencePairs(40)
const long = 'six '.repeat(10_000).trim()
const latin = (text: string) => Buffer.from(text, 'latin1')
const lines = (...all: (string | Uint8Array)[]) =>
  Buffer.concat(all.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]))

/** Files of pairs with a fault, and the place that the message names. */
const files: Record<string, [content: Uint8Array, message: RegExp, code: string]> = {
  'no-target.tsv': [
    lines(...good, 'six.\t'),
    /on both sides at line 41 of \S*no-target\.tsv but received a source without its translation/,
    'ERR_FILE_FORMAT'
  ],
  'no-source.tsv': [
    lines(good[0]!, ' \tsix.', ...good),
    /on both sides at line 2 of \S*no-source\.tsv but received a translation without its source/,
    'ERR_FILE_FORMAT'
  ],
  'no-tab.tsv': [lines(good[0]!, 'six', ...good), /2 columns, .* at line 2 of \S*no-tab\.tsv/, 'ERR_FILE_FORMAT'],
  'empty-line.tsv': [
    lines(good[0]!, '', ...good),
    /on both sides at line 2 of \S*empty-line\.tsv but received an empty line/,
    'ERR_FILE_FORMAT'
  ],
  'long.tsv': [
    lines(...good.slice(0, 30), `${long}\tsix.`, ...good.slice(30)),
    /at most 256 symbols at line 31 of \S*long\.tsv but received \S+ symbols/,
    'ERR_OUT_OF_RANGE'
  ],
  'longer.tsv': [
    lines(good[0]!, `${long} ${long}\tsix.`, ...good),
    /at most 65536 bytes at line 2 of \S*longer\.tsv/,
    'ERR_FILE_FORMAT'
  ],
  'mixed.tsv': [
    lines(...good.slice(0, 9), latin('voil\xe0\tsix.'), ...good.slice(9)),
    /UTF-8 text at line 10 of \S*mixed\.tsv but received other bytes/,
    'ERR_CORPUS_BINARY'
  ],
  'nul.tsv': [lines(...good, 'six\0.\tsix.'), /UTF-8 text at line 41 of \S*nul\.tsv/, 'ERR_CORPUS_BINARY'],
  'wide.tsv': [Buffer.from(`\ufeff${good.join('\n')}`, 'utf16le'), /UTF-8 text in \S*wide\.tsv but received UTF-16/, 'ERR_CORPUS_BINARY'], // prettier-ignore
  'cut.tsv.gz': [gzipSync(lines(...good)).subarray(0, 60), /cut\.tsv\.gz/, 'ERR_FILE_FORMAT']
}
/** Faults of a file as a whole, which cannot be left out. */
const whole = ['wide.tsv', 'cut.tsv.gz']

t.before(async () => {
  writeFileSync(at('good.tsv'), lines(...good))
  for (const [name, [content]] of Object.entries(files)) writeFileSync(at(name), content)
  await save(models['translation']!(8), at('m.safetensors'))
  await save(models['translation']!(8), at('kept.safetensors'))
})

for (const [name, [, message, code]] of Object.entries(files))
  t.test(name, async (t) => {
    const kept = readFileSync(at('kept.safetensors'))
    const train = `train translation ${at(name)} ${small} --valid-file ${at('good.tsv')}`
    const evaluate = `evaluate ${at('m.safetensors')} ${at(name)} --device cpu --beam 1`
    const refused: string[] = [
      `${train} --out ${at('new.safetensors')}`,
      `${train} --out ${at('kept.safetensors')} --force`
    ]
    // The length of a sentence is a matter of a training: a translator takes longer ones.
    if (code !== 'ERR_OUT_OF_RANGE') refused.push(evaluate)
    for (const line of refused) {
      const found = await run(`${line} --json`)
      t.equal(found.code, 1, found.stderr)
      t.match(found.stderr, message)
      t.ok(found.stderr.includes(code), found.stderr)
      t.equal(found.stderr.trim().split('\n').length, 1, found.stderr)
    }
    t.notOk(existsSync(at('new.safetensors')) || existsSync(at('new.last.safetensors')), 'nothing is written')
    t.same(readFileSync(at('kept.safetensors')), kept, 'the former model is there')
    if (whole.includes(name)) return
    const left = await run(`${train} --out ${at(`${name}.safetensors`)} --skip-bad`)
    t.equal(left.code, 0, left.stderr)
    t.match(left.stdout, new RegExp(`^left out 1 of \\d+ samples .*\\n {2}1: .*${code}`))
  })

t.test('files of two languages with different lines', async (t) => {
  writeFileSync(at('a.en'), 'one.\ntwo.\nthree.\n')
  writeFileSync(at('a.fr'), 'un.\ndeux.\n')
  const line = `train translation ${at('a')} --languages en,fr --out ${at('new.safetensors')} ${small}`
  t.match((await run(line)).stderr, /3 lines in \S*a\.fr, as in \S*a\.en, but received 2/)
  writeFileSync(at('a.fr'), 'un.\n\ntrois.\n')
  t.match((await run(line)).stderr, /on both sides at line 2 of \S*a\.en but received a source without/)
  writeFileSync(at('a.fr'), lines('un.', 'deux.', latin('tr\xf4is.')))
  t.match((await run(line)).stderr, /UTF-8 text at line 3 of \S*a\.fr/)
})

t.test('sentences to translate', async (t) => {
  const words = ['translate', at('m.safetensors'), 'six.', long, 'ten.', '--beam', '1', '--device', 'cpu']
  const found = await inProcess(words)
  t.equal(found.code, 1)
  t.equal(found.stdout.split('\n').length, 2, 'the translation of the sentence before it')
  t.match(found.stderr, /at most 4096 symbols at sentence 2 but received \S+ symbols of "six six/)
})
