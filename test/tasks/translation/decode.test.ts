// The search against the function of the training, sentences together against each by itself, and standard input line by line.

import { Readable } from 'node:stream'
import t from 'tap'
import { defineModel, logSoftmax, type Batch } from '../../../src/index.js'
import { sampleShapes, sentenceBatches } from '../../../src/tasks/translation/batches.js'
import { createDecoding, sourceGroups } from '../../../src/tasks/translation/decode.js'
import { translatorOf, type LoadedTranslator } from '../../../src/tasks/translation/load.js'
import { translationDefinition } from '../../../src/tasks/translation/model.js'
import { symbolsOfConfig } from '../../../src/tasks/translation/symbols.js'
import { translateCode } from '../../../src/tasks/translation/translate.js'
import { translationConfig } from './sentences.js'

const networks = [
  { attention: 'general', hidden: 9 },
  { attention: 'dot', encoderLayers: 2, layers: 3, layerNorm: true },
  { attention: 'additive', tied: false },
  { attention: 'none', layers: 3 }
] as const
const texts = [' six', ' one two three', ' a', ' something much longer than the others, with more than sixteen bytes']

for (const network of networks)
  t.test(`attention ${network.attention}`, async (t) => {
    const config = translationConfig(network)
    using model = defineModel(translationDefinition(config), { seed: 3, threads: 1 })
    const symbols = symbolsOfConfig(config.vocabulary)
    const sources = texts.map((text) => symbols.source.encode(text))
    const decoding = createDecoding(model, config, symbols)
    const found = await decoding(sources, { beam: 3, best: 3 })
    for (const [i, source] of sources.entries()) {
      const [own] = await decoding([source], { beam: 3, best: 3 })
      const plain = (all: typeof own) => all!.map(({ tokens, logProbability }) => [[...tokens], logProbability])
      t.same(plain(own), plain(found[i]), 'a sentence by itself has the same translations')
    }
    const ends = { begin: symbols.target.idOf('begin'), end: symbols.target.idOf('end') }
    for (const [i, all] of found.entries()) {
      const { tokens, logProbability, ended } = all[0]!
      const pair = { source: '', target: '', path: '', line: 1 }
      const samples = [{ source: sources[i]!, target: tokens, pair }]
      const reversed = network.attention === 'none'
      const data = sentenceBatches(samples, {
        shapes: sampleShapes(samples, 64),
        seed: 0,
        train: false,
        ends,
        reversed
      })
      const [batch] = data.batches() as Iterable<Batch>
      const plan = model.plan(batch!.dims!, { purpose: 'predict' })
      for (const [name, view] of Object.entries(plan.inputs)) view.set(batch!.inputs[name]!)
      await plan.run()
      const ids = [...tokens, ...(ended ? [ends.end] : [])]
      const nats = ids.reduce((sum, id, step) => {
        const row = step * batch!.dims!['batch']! * symbols.target.size
        return sum + logSoftmax(plan.outputs.logits.subarray(row, row + symbols.target.size))[id]!
      }, 0)
      t.ok(Math.abs(nats - logProbability) < 1e-4, `${nats}, ${logProbability}`)
    }
  })

t.test('standard input', async (t) => {
  const config = translationConfig()
  using model = defineModel(translationDefinition(config), { seed: 3, threads: 1 })
  const translator = { ...translatorOf(model, config) } as LoadedTranslator
  const input = { beam: 1, best: 1, lengthPenalty: 1 }
  const recordsOf = async (bytes: readonly Uint8Array[], sentences?: string[]) => {
    const context = { signal: new AbortController().signal, stdin: () => Readable.from(bytes) }
    const records: object[] = []
    for await (const record of translateCode.run(translator, { ...input, sentences }, context as never))
      records.push(record)
    return records as { source: string; text: string }[]
  }
  const bytes = Buffer.from('six\n\none \u00e9\r\nten')
  const lines = ['six', '', 'one \u00e9', 'ten']
  const found = await recordsOf([bytes.subarray(0, 2), bytes.subarray(2, 11), bytes.subarray(11)])
  t.same(found.map(({ source }) => source), lines) // prettier-ignore
  t.same(found, await recordsOf([bytes], ['-']))
  t.same(found.map(({ text }) => text), (await recordsOf([], lines)).map(({ text }) => text)) // prettier-ignore
  const bad = recordsOf([Buffer.from('six\n\xff\n', 'latin1')])
  await t.rejects(bad, { code: 'ERR_CORPUS_BINARY', message: /UTF-8 text at line 2 of standard input/ })
})

t.test('the lines before a bad one are translated, though all of them come together', async (t) => {
  const translate = (texts: string[]) =>
    Promise.resolve(texts.map((text) => [{ text, nats: 0, score: 0, ended: true }]))
  const input = Buffer.concat([Buffer.from('six\nten\n'), Buffer.alloc(2 ** 16 + 1, 'a'), Buffer.from('\none\n')])
  const context = { signal: new AbortController().signal, stdin: () => Readable.from([input]) }
  const records: object[] = []
  const run = async () => {
    for await (const record of translateCode.run(
      { translate } as never,
      { beam: 1, best: 1 } as never,
      context as never
    ))
      records.push(record)
  }
  await t.rejects(run(), { code: 'ERR_FILE_FORMAT', message: /at most 65536 bytes at line 3 of standard input/ })
  t.match(records, [{ text: 'six' }, { text: 'ten' }])
  t.equal(records.length, 2)
})

t.test('the memory of sentences that are translated at once is bounded', (t) => {
  const groups = sourceGroups([9, ...Array.from({ length: 60 }, () => 20), 30_000, 10_000, 3000, 3000, 3000], 5)
  t.same(groups.flat().sort((a, b) => a - b), Array.from({ length: 66 }, (_, i) => i)) // prettier-ignore
  t.same(groups.slice(0, 2).map(({ length }) => length), [25, 25]) // prettier-ignore
  t.same(groups.slice(-3), [[63, 64, 65], [62], [61]])
  t.same(sourceGroups([], 5), [])
  t.end()
})

t.test('a translation is one line', async (t) => {
  const config = translationConfig()
  using model = defineModel(translationDefinition(config), { seed: 3, threads: 1 })
  const { target } = symbolsOfConfig(config.vocabulary)
  const bias = new Float32Array(target.size)
  for (const [i, text] of ['a', '\n', '\r'].entries()) bias[target.encode(text)[0]!] = 50 - i / 100
  model.parameters.set('head.bias', bias)
  const found = await translatorOf(model, config).translate(['six', 'ten one'], { beam: 4, best: 4 })
  const texts = found.flat().map(({ text }) => text)
  t.ok(
    texts.every((text) => !/[\n\r]/.test(text)),
    JSON.stringify(texts)
  )
  t.ok(
    texts.some((text) => text.includes('a a')),
    JSON.stringify(texts)
  )
})
