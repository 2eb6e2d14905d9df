// The search against the function of the training, sentences together against each by itself, and standard input line by line.

import { Readable } from 'node:stream'
import t from 'tap'
import { createSession, defineModel, logSoftmax, type Batch } from '../../../src/index.js'
import { beginDecoder } from '../../../src/generate/decoder-session.js'
import { partOfModel } from '../../../src/generate/model-part.js'
import { lengthsOf, packSources, sampleShapes, sentenceBatches } from '../../../src/tasks/translation/batches.js'
import { createDecoding, sourceGroups } from '../../../src/tasks/translation/decode.js'
import { translatorOf, type LoadedTranslator } from '../../../src/tasks/translation/load.js'
import { decoderPart, encoderPart, translationDefinition } from '../../../src/tasks/translation/model.js'
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
        shapes: sampleShapes([lengthsOf(samples)], 64),
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

t.test('the coverage penalty', async (t) => {
  const config = translationConfig({ attention: 'general' })
  using model = defineModel(translationDefinition(config), { seed: 3, threads: 1 })
  const { target } = symbolsOfConfig(config.vocabulary)
  const decoding = createDecoding(model, config, symbolsOfConfig(config.vocabulary))
  const sources = texts.map((text) => target.encode(text))
  const search = { beam: 4, best: 4, longest: 7, lengthPenalty: 0.8 }
  const found = await decoding(sources, { ...search, coveragePenalty: 0.7 })
  const [own] = await decoding([sources[1]!], { ...search, coveragePenalty: 0.7 })
  t.same(own, found[1])
  t.same(await decoding(sources, { ...search, coveragePenalty: 0 }), await decoding(sources, search))
  for (const [i, all] of found.entries())
    for (const { tokens, logProbability, score, ended } of all) {
      const packed = packSources([sources[i]!], { source: sources[i]!.length, batch: 1 }, false)
      const dims = { source: sources[i]!.length }
      const encoded = await createSession(partOfModel(model, encoderPart(config)), { dims }).step({ ...packed })
      const outputs = ['logits', 'attention.weights']
      const decoder = createSession(partOfModel(model, decoderPart(config)), { dims, outputs })
      beginDecoder(decoder, { ...encoded, ...packed })
      const coverage = new Float64Array(sources[i]!.length)
      for (const token of [target.idOf('begin'), ...tokens].slice(0, ended ? undefined : -1)) {
        const { 'attention.weights': weights } = await decoder.step({ tokens: [token] })
        weights!.forEach((weight, s) => (coverage[s]! += weight))
      }
      const nats = coverage.reduce((sum, weight) => sum + Math.log(Math.min(1, weight)), 0)
      const length = tokens.length + (ended ? 1 : 0)
      const expected = logProbability / ((5 + length) / 6) ** 0.8 + 0.7 * nats
      t.ok(Math.abs(score - expected) < 1e-4, `${score}, ${expected}`)
    }
  const plain = translationConfig({ attention: 'none' })
  using other = defineModel(translationDefinition(plain), { seed: 3, threads: 1 })
  const without = createDecoding(other, plain, symbolsOfConfig(plain.vocabulary))
  t.same(await without(sources, { ...search, coveragePenalty: 1 }), await without(sources, search))
})

t.test('translations that are drawn', async (t) => {
  const config = translationConfig()
  using model = defineModel(translationDefinition(config), { seed: 3, threads: 1 })
  const translator = translatorOf(model, config)
  const lines = ['six', '', 'one two', 'six']
  const draw = (own: string[], first: number, more = {}) =>
    translator.translate(own, { beam: 1, best: 3, draws: { seed: 2, first, ...more } })
  const all = await draw(lines, 0)
  t.same(all.map(({ length }) => length), [3, 1, 3, 3]) // prettier-ignore
  t.same([...(await draw(lines.slice(0, 2), 0)), ...(await draw(lines.slice(2), 2))], all)
  t.notSame(all[0], all[3], 'the same sentence in another line has other draws')
  const [most] = await draw(['six'], 0, { temperature: 0 })
  const [greedy] = await translator.translate(['six'], { beam: 1 })
  t.equal(most![0]!.text, greedy![0]!.text)
})

t.test('standard input', async (t) => {
  const config = translationConfig()
  using model = defineModel(translationDefinition(config), { seed: 3, threads: 1 })
  const translator = { ...translatorOf(model, config), config } as LoadedTranslator
  const input = { beam: 1, best: 1, lengthPenalty: 1, coveragePenalty: 0, prune: 3, sample: false }
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
  const conflict = async () => {
    const context = { signal: new AbortController().signal, stdin: () => Readable.from([]) }
    for await (const record of translateCode.run(translator, { ...input, temperature: 2 }, context as never))
      t.fail(record.event)
  }
  await t.rejects(conflict(), { code: 'ERR_INVALID_OPTION', message: /sample next to temperature/ })
  const bad = recordsOf([Buffer.from('six\n\xff\n', 'latin1')])
  await t.rejects(bad, { code: 'ERR_CORPUS_BINARY', message: /UTF-8 text at line 2 of standard input/ })
})

t.test('the lines before a bad one are translated, though all of them come together', async (t) => {
  const config = translationConfig()
  const symbols = symbolsOfConfig(config.vocabulary)
  const translate = (texts: string[]) =>
    Promise.resolve(texts.map((text) => [{ text, nats: 0, score: 0, ended: true }]))
  const run = async (third: Buffer, records: object[]) => {
    const input = Buffer.concat([Buffer.from('six\nten\n'), third, Buffer.from('\none\n')])
    const context = { signal: new AbortController().signal, stdin: () => Readable.from([input]) }
    const translator = { translate, config, symbols } as never
    for await (const record of translateCode.run(translator, { beam: 1, best: 1 } as never, context as never))
      records.push(record)
  }
  const cases: [third: Buffer, code: string, message: RegExp][] = [
    [Buffer.alloc(2 ** 16 + 1, 'a'), 'ERR_FILE_FORMAT', /at most 65536 bytes at line 3 of standard input/],
    [Buffer.from('\xff', 'latin1'), 'ERR_CORPUS_BINARY', /UTF-8 text at line 3 of standard input/],
    [Buffer.from('six '.repeat(10_000)), 'ERR_OUT_OF_RANGE', /at most 4096 symbols at line 3 of standard input/]
  ]
  for (const [third, code, message] of cases) {
    const records: object[] = []
    await t.rejects(run(third, records), { code, message })
    t.match(records, [{ text: 'six' }, { text: 'ten' }])
    t.equal(records.length, 2)
  }
})

t.test('the memory of sentences that are translated at once is bounded', (t) => {
  const groups = sourceGroups([9, ...Array.from({ length: 60 }, () => 20), 30_000, 10_000, 3000, 3000, 3000], 5)
  t.same(groups.flat().sort((a, b) => a - b), Array.from({ length: 66 }, (_, i) => i)) // prettier-ignore
  t.same(groups.slice(0, 2).map(({ length }) => length), [51, 10]) // prettier-ignore
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
