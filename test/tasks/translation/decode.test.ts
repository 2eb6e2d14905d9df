// The search against the function of the training, sentences together against each by itself, and standard input line by line.

import { Readable } from 'node:stream'
import t from 'tap'
import { defineModel, logSoftmax, type Batch } from '../../../src/index.js'
import { sampleShapes, sentenceBatches } from '../../../src/tasks/translation/batches.js'
import { createDecoding } from '../../../src/tasks/translation/decode.js'
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
  await t.rejects(recordsOf([Buffer.from('six\n\xff\n', 'latin1')]), {
    code: 'ERR_CORPUS_BINARY',
    message: /UTF-8 text at line 2 of standard input/
  })
})
