// The commands of the task: a tiny training to a checked figure, and the uses of its model.

import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inProcess } from '../../cli/in-process.js'
import { sentencePairs } from './sentences.js'

const lines = sentencePairs(360)
const [train, test] = [lines.slice(60), lines.slice(0, 60)]
const column = (at: number) => `${train.map((line) => line.split('\t')[at]!).join('\n')}\n`
const folder = t.testdir({
  'train.tsv': `${train.join('\n')}\n`,
  'test.tsv': `${test.join('\n')}\n`,
  'train.en': column(0),
  'train.fr': column(1),
  'bad.tsv': `${train.slice(0, 40).join('\n')}\nfive\t\nten ${'ten '.repeat(200)}\tdix\n`,
  'empty.tsv': ''
})
const at = (name: string) => join(folder, name)
const run = async (line: string) => await inProcess(line.split(' '))
const small =
  '--hidden 32 --embedding 16 --vocabulary-size 300 --dropout 0 --input-dropout 0 --lr 0.02 --batch 512 --threads 1 --device cpu'

t.test('a tiny training', async (t) => {
  const out = `--out ${at('m.safetensors')} ${small} --valid-file ${at('test.tsv')} --json`
  const { records, stderr } = await run(`train translation ${at('train.tsv')} ${out} --steps 160 --valid-every 80`)
  t.equal(stderr, '')
  const [start, end] = [records[0], records.at(-1)!] as [object, Record<string, number>]
  t.match(start, {
    task: 'translation',
    network: { attention: 'general', hidden: 32 },
    pairs: { train: 300, valid: 60 }
  })
  t.equal(end['train_loss']!.toFixed(4), '1.3239')
  t.ok(end['valid_bleu']! > 50, `BLEU ${end['valid_bleu']}`)
  const measure = `evaluate ${at('m.safetensors')} ${at('test.tsv')} --device cpu`
  const { records: measured } = await run(`${measure} --beam 1 --length-penalty 1 --json`)
  t.match(measured, [{ event: 'evaluate', sources: 60, pairs: 60, left_out: { samples: 0 } }])
  t.equal(measured[0]!['bleu'], end['valid_bleu'])
  t.match(measured[0]!['signature'], /^nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:/)
  const { stdout } = await run(`${measure} --min-words 3 --tokenizer char`)
  t.match(stdout, /^BLEU \d+\.\d\d \([\d./]+, brevity penalty .*\npair by pair BLEU .*\n.*tok:char.* for BLEU, /)
})

t.test('a resumed training is the whole one', async (t) => {
  const line = (out: string) =>
    `train translation ${at('train.tsv')} --out ${at(out)} ${small} --schedule constant --warmup 2 --bpe-dropout 0.1`
  await run(`${line('whole.safetensors')} --steps 30 --dropout 0.2`)
  await run(`${line('parts.safetensors')} --steps 13 --dropout 0.2`)
  const { records } = await run(`${line('parts.safetensors')} --steps 30 --dropout 0.2 --resume --json`)
  t.match(records[0], { resumed_from: 13 })
  t.same(readFileSync(at('parts.safetensors')), readFileSync(at('whole.safetensors')))
  const other = await run(`${line('parts.safetensors')} --steps 40 --dropout 0.2 --resume --separate-vocabularies`)
  t.match(other.stderr, /separate false, with which the run began/)
})

t.test('translations', async (t) => {
  const words = (more: string[]) => ['translate', at('m.safetensors'), 'one two.', ' ', 'six.', ...more]
  const { stdout } = await inProcess(words(['--device', 'cpu']))
  t.equal(stdout, 'deux un .\n\nsix .\n')
  const { records } = await inProcess(words(['--beam', '4', '--best', '3', '--json', '--device', 'cpu']))
  t.match(records, [
    { event: 'translate', source: 'one two.', text: 'deux un .', nats: Number },
    { text: '', nats: 0 },
    { text: 'six .' }
  ])
  const best = records[0]!['translations'] as { nats: number; score: number; ended: boolean }[]
  t.equal(best.length, 3)
  t.ok(best.every(({ score }, i) => i === 0 || score <= best[i - 1]!.score), 'best first') // prettier-ignore
  t.equal(best[0]!.nats, records[0]!['nats'])
  const several = await inProcess(words(['--best', '2', '--device', 'cpu']))
  t.match(several.stdout, /^\d+\.\d\d {2}deux un \.\n\d+\.\d\d {2}/)
})

t.test('other networks, vocabularies and files', async (t) => {
  const networks = [
    '--attention additive --layer-norm',
    '--attention dot --encoder-layers 2 --layers 3',
    '--attention none --layers 3',
    '--separate-vocabularies --no-tied --as-is'
  ]
  for (const [i, more] of networks.entries()) {
    const model = at(`other${i}.safetensors`)
    const data = i === 3 ? `${at('train.en')} ${at('train.fr')}` : `${at('train')} --languages en,fr`
    const made = await run(`train translation ${data} --out ${model} ${small} ${more} --steps 3`)
    t.equal(made.code, 0, `${more} ${made.stderr}`)
    const { code, stdout, stderr } = await run(`translate ${model} six. --device cpu`)
    t.equal(code, 0, `${more} ${stderr}`)
    t.equal(stdout.split('\n').length, 2)
  }
})

t.test('a model does not replace the sentences that it is to be trained on', async (t) => {
  for (const name of ['own.safetensors', 'own.last.safetensors']) {
    copyFileSync(at('train.tsv'), at(name))
    const line = `train translation ${at(name)} --out ${at('own.safetensors')} --force ${small} --steps 1`
    const { code, stderr } = await run(line)
    t.equal(code, 2, stderr)
    t.match(stderr, /a file of its own for each output but received .*own.*safetensors, which is also an input/)
    t.same(readFileSync(at(name)), readFileSync(at('train.tsv')))
  }
})

t.test('pairs to measure on that cannot be used', async (t) => {
  writeFileSync(at('odd.tsv'), '\u200b\tun.\none.\tun.\nsix.\t<skipped>\n')
  for (const part of ['all', 'train']) {
    const line = `evaluate ${at('m.safetensors')} ${at('odd.tsv')} --part ${part} --device cpu --json`
    t.match((await run(line)).stderr, /characters without width only/)
    const { records } = await run(`${line} --skip-bad`)
    t.match(records.at(-1), { sources: 2, left_out: { samples: 1, reasons: { ERR_FILE_FORMAT: 1 } } })
  }
  writeFileSync(at('none.tsv'), 'six.\t<skipped>\n')
  const { records } = await run(`evaluate ${at('m.safetensors')} ${at('none.tsv')} --device cpu --json`)
  t.match(records, [{ bleu: 0, length_ratio: 0 }])
})

t.test('bad input gets one sentence', async (t) => {
  const out = `--out ${at('bad.safetensors')} ${small} --steps 1`
  const cases: readonly (readonly [line: string, code: number, message: RegExp])[] = [
    [
      `train translation ${at('bad.tsv')} ${out}`,
      1,
      /on both sides at line 41 of .*bad\.tsv but received a source without/
    ],
    [`train translation ${at('empty.tsv')} ${out}`, 1, /pairs of sentences in .*empty\.tsv/],
    [`train translation ${at('train.en')} ${out}`, 1, /a tab and its translation at line 1 of .*train\.en/],
    [`train translation ${at('train')} --languages en ${out}`, 2, /two different values with a comma .* as languages/],
    [`train translation ${at('train.tsv')} --columns 2,2 ${out}`, 2, /as columns/],
    [`train translation ${at('train.tsv')} --columns 1,2 --languages en,fr ${out}`, 2, /leave one out/],
    [`train translation ${at('train.tsv')} --columns 1,3 ${out}`, 1, /a column 3 at line 1/],
    [`train translation ${at('train.tsv')} --longest 4 ${out}`, 1, /at most 4 symbols at line \d+ of .*train\.tsv/],
    [`train translation ${at('train.tsv')} --attention copy ${out}`, 2, /--attention/],
    [`translate ${at('m.safetensors')} six. --beam 0`, 2, /--beam/],
    [`evaluate ${at('m.safetensors')} ${at('test.tsv')} --tokenizer ja-mecab`, 2, /--tokenizer/],
    [`evaluate ${at('m.safetensors')} ${at('test.tsv')} --min-words 9`, 1, /pairs to measure on/]
  ]
  for (const [line, code, message] of cases) {
    const found = await run(line)
    t.equal(found.code, code, `${line} ${found.stderr}`)
    t.match(found.stderr, message)
    t.equal(found.stderr.trim().split('\n').length, 1, found.stderr)
  }
  t.notOk(existsSync(at('bad.safetensors')))
  writeFileSync(at('wide.tsv'), `\u200b\u200b\tsix.\n${readFileSync(at('test.tsv'), 'utf8')}`)
  const wide = `evaluate ${at('m.safetensors')} ${at('wide.tsv')} --part valid`
  t.match((await run(wide)).stderr, /a sentence on both sides at line 1 of .*wide\.tsv/)
  t.notMatch((await run(`${wide} --skip-bad`)).stderr, /on both sides/, 'left out')
  const left = await run(`train translation ${at('bad.tsv')} ${out} --longest 64 --skip-bad`)
  t.equal(left.code, 0, left.stderr)
  t.match(left.stdout, /^left out 2 of 4\d samples .*\n {2}1: .*ERR_FILE_FORMAT.*\n {2}1: .*ERR_OUT_OF_RANGE/)
})
