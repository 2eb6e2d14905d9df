// Vocabularies of words, unknown words that are copied, and the weights of the attention.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { vocabularyFromConfig, wordVocabulary } from '../../../src/index.js'
import { loadTranslator } from '../../../src/tasks/translation/index.js'
import { textsOf } from '../../../src/tasks/translation/texts.js'
import { symbolsOfConfig } from '../../../src/tasks/translation/symbols.js'
import { inProcess } from '../../cli/in-process.js'
import { sentencePairs } from './sentences.js'

const lines = sentencePairs(300)
/** Names that occur once: unknown words, which are the same in both languages. */
const names = Array.from({ length: 40 }, (_, i) => `Name${i}`)
const named = names.map((name, i) => {
  const [source, target] = lines[i]!.split('\t') as [string, string]
  return `${source.replace(/\.$/, ` ${name}.`)}\t${name} ${target}`
})
const folder = t.testdir({ 'train.tsv': [...lines, ...named].join('\n'), 'valid.tsv': lines.slice(0, 20).join('\n') })
const at = (name: string) => join(folder, name)
const run = async (line: string) => await inProcess(line.split(' '))
const small = '--hidden 32 --embedding 16 --dropout 0 --input-dropout 0 --lr 0.02 --batch 512 --threads 1 --device cpu'
const train = (out: string, more: string) =>
  run(`train translation ${at('train.tsv')} --out ${at(out)} ${small} --vocabulary word --valid-file ${at('valid.tsv')} --json ${more}`) // prettier-ignore

t.test('words with the spaces before them', async (t) => {
  const words = wordVocabulary(' one two, one two.', { spaces: true, special: ['unknown', 'end'] })
  const { decode, encode, config, symbol } = words
  t.same(Array.from({ length: words.size }, (_, id) => symbol(id)), ['<unk>', '<end>', ' one', ' two', ',', '.']) // prettier-ignore
  for (const text of [' one two, one two.', ' one,', '. two']) t.equal(decode(encode(text)), text)
  t.same([...encode('one two  two')], [0, 3, 3], 'the first word of a text has no space before it')
  const again = vocabularyFromConfig(JSON.parse(JSON.stringify(config)))
  t.same(again.config, config)
  const encoder = again.encoder()
  const into = new Int32Array(20)
  const bytes = new TextEncoder().encode(' one two, one')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const first = encoder.write(bytes.subarray(0, cut), into)
    const second = first + encoder.write(bytes.subarray(cut), into.subarray(first))
    const end = second + encoder.end(into.subarray(second))
    t.same(into.subarray(0, end), encode(' one two, one'), `cut at ${cut}`)
  }
  for (const bad of [
    { ...config, spaces: 1 },
    { kind: 'word', words: [' one'], lowerCase: false }
  ])
    t.throws(() => vocabularyFromConfig(bad), { code: 'ERR_FILE_FORMAT' })
})

t.test('a translator of words copies unknown ones', async (t) => {
  const { records, stderr } = await train('w.safetensors', '--steps 160 --valid-every 80')
  t.equal(stderr, '')
  t.match(records[0], { symbols: { vocabulary: 'word', size: 16_000 } })
  using translator = await loadTranslator(at('w.safetensors'))
  const { symbols, model, config } = translator
  t.ok(symbols.target.unknownId >= 0 && symbols.source === symbols.target)
  const [best] = await translator.translate(['one two Somebody.'])
  t.match(best![0]!.text, /^Somebody deux un/)
  const text = ' one two Somebody.'
  const tokens = Int32Array.of(symbols.target.unknownId, ...symbols.target.encode(' deux un'))
  const found = [{ text, source: symbols.source.encode(text), tokens }]
  t.same(await textsOf({ model, config, symbols }, found, undefined), ['Somebody deux un'])
  const none = { ...config, network: { ...config.network, attention: 'none' } } as const
  t.same(await textsOf({ model, config: none, symbols }, found, undefined), ['\ufffd deux un'], 'not without attention')
  t.equal(symbolsOfConfig(config.vocabulary).target.size, symbols.target.size)
})

t.test('the weights of the attention', async (t) => {
  using translator = await loadTranslator(at('w.safetensors'))
  const { source, target, weights } = await translator.attention('one two Somebody.', { beam: 2 })
  t.same(source, [' one', ' two', ' Somebody', '.'])
  t.equal(target.at(-1), '<end>')
  t.equal(weights.length, target.length)
  for (const row of weights) t.ok(Math.abs(row.reduce((sum, one) => sum + one, 0) - 1) < 1e-5 && row.length === 4)
  const given = await translator.attention('one two.', { translation: 'deux' })
  t.same(given.target, [' deux', '<end>'])
  await t.rejects(translator.attention(' '), { code: 'ERR_INVALID_ARGUMENT' })
  t.same((await translator.attention('one', { translation: '' })).target, ['<end>'])
  const words = ['translate', at('w.safetensors'), 'one two.', '--attention-out', at('a.svg'), '--device', 'cpu']
  const { stdout, code, stderr } = await inProcess(words)
  t.equal(code, 0, stderr)
  t.match(stdout, /^deux un.*\nsaved +.*a\.svg\n$/)
  t.match(readFileSync(at('a.svg'), 'utf8'), /attention: one two\..*>two<.*>deux</s)
  const two = await inProcess(['translate', at('w.safetensors'), 'one', 'two', '--attention-out', at('b.svg')])
  t.match(two.stderr, /Expected one sentence for a picture of the attention but received 2/)
})

t.test('without attention, and with dropout of byte pairs', async (t) => {
  await train('n.safetensors', '--steps 4 --attention none')
  using translator = await loadTranslator(at('n.safetensors'))
  await t.rejects(translator.attention('one'), { code: 'ERR_UNSUPPORTED' })
  const refused = await inProcess([
    ...['train', 'translation', at('train.tsv'), '--out', at('d.safetensors'), '--vocabulary', 'word'],
    ...['--bpe-dropout', '0.1']
  ])
  t.match(refused.stderr, /no dropout of byte pairs with a vocabulary of words/)
  await t.rejects(translator.translate(['one '.repeat(5000)]), { code: 'ERR_OUT_OF_RANGE' })
})
