// Trainings over words and byte pairs from text to text: learning, resume to the bit, measures, prompts and writing, traces, hints.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openCorpus } from '../../../src/data/text/corpus.js'
import { tokensOf } from '../../../src/data/text/tokens.js'
import { bpeToTokenizerJson, trainBpe, vocabularyFromText } from '../../../src/data/text/vocabulary.js'
import { createRandom } from '../../../src/random.js'
import { textScorer } from '../../../src/tasks/handwriting-recognition/use/scorers.js'
import {
  evaluateText,
  loadTextModel,
  prepareTextRun,
  writeText,
  type TextRunOptions
} from '../../../src/tasks/text/index.js'
import { traceText } from '../../../src/tasks/text/use/trace.js'

/** Sentences in random order: what follows a word depends on the words before it. */
function sentences(length: number): string {
  const parts = [
    'the cell keeps what the gate lets through.\n',
    'the gate forgets what it does not; so it learns.\n',
    'it keeps the rest.\n'
  ]
  const random = createRandom(1, 'sentences')
  let text = ''
  while (text.length < length) text += parts[random.below(parts.length)]!
  return text.slice(0, length)
}

const text = sentences(30_000)
const cwd = t.testdir({ 'story.txt': text })
const at = (name: string) => join(cwd, name)
const kinds = {
  word: { vocabulary: 'word' },
  bpe: { vocabulary: 'bpe', vocabularySize: 300 }
} as const

const optionsOf = (kind: keyof typeof kinds, out: string): TextRunOptions => ({
  ...kinds[kind],
  data: [at('story.txt')],
  out: at(out),
  network: { hidden: 16, layers: 1 },
  training: { batch: 4, length: 16, steps: 120, validEvery: 60, schedule: 'constant', warmup: 0 },
  threads: 1
})

async function train(options: TextRunOptions) {
  const run = await prepareTextRun(options)
  const result = await run.fit()
  run.dispose()
  return result
}

/** Returns the entropy of the symbols of a text in nats, which a model without a memory reaches. */
function entropyOf(ids: Int32Array): number {
  const counts = new Map<number, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum - (count / ids.length) * Math.log(count / ids.length), 0)
}

for (const kind of ['word', 'bpe'] as const) {
  t.test(`${kind}: a run from text to text`, async (t) => {
    const { valid } = await train(optionsOf(kind, `${kind}.safetensors`))
    using loaded = await loadTextModel(at(`${kind}.safetensors`))
    const { vocabulary, model } = loaded
    t.equal(vocabulary.kind, kind)
    const held = text.slice(27_000)
    const ids = vocabulary.encode(held)
    t.ok(valid!.nats < 0.8 * entropyOf(ids), `it uses what came before: ${valid!.nats} of ${entropyOf(ids)} nats`)
    const stream = model.stream()
    let sum = 0
    for (let i = 0; i + 1 < ids.length; i++) {
      const logits = stream.step(ids[i]!)
      let total = 0
      for (const logit of logits) total += Math.exp(logit)
      sum += Math.log(total) - logits[ids[i + 1]!]!
    }
    const nats = sum / (ids.length - 1)
    t.ok(Math.abs(valid!.nats - nats) < 1e-5, `${valid!.nats} and ${nats}`)
    t.equal((await evaluateText(model, tokensOf(ids))).nats, valid!.nats)
    const perCharacter = ((valid!.nats / Math.LN2) * ids.length) / held.length
    t.ok(Math.abs(valid!.bitsPerCharacter! - perCharacter) < 1e-12)
    t.equal(valid!.bitsPerByte, valid!.bitsPerCharacter)
    t.ok(valid!.bitsPerCharacter! < valid!.bits / 2)
  })

  t.test(`${kind}: a resumed run has the bits of one that was not interrupted`, async (t) => {
    const options = optionsOf(kind, `${kind}-resumed.safetensors`)
    const begun = await prepareTextRun(options)
    const controller = new AbortController()
    const { summary } = await begun.fit({ signal: controller.signal, onReport: () => controller.abort() })
    begun.dispose()
    t.ok(summary.stopped === 'abort' && summary.step < 120, `interrupted at step ${summary.step}`)
    await train({ ...options, mode: 'resume' })
    for (const name of ['safetensors', 'last.safetensors']) {
      if (name === 'last.safetensors') await train({ ...optionsOf(kind, `${kind}.safetensors`), mode: 'force' })
      const [whole, resumed] = [`${kind}.${name}`, `${kind}-resumed.${name}`].map((file) => readFileSync(at(file)))
      t.ok(whole!.equals(resumed!), name)
    }
    // A vocabulary of words or byte pairs is that of the checkpoint: the text is not counted again.
    const read: string[] = []
    const again = await prepareTextRun({
      ...options,
      mode: 'resume',
      corpus: { onProgress: ({ phase }) => read.push(phase) }
    })
    again.dispose()
    t.strictSame([...new Set(read)], ['count', 'encode'])
    const changes: Partial<TextRunOptions>[] = [
      { vocabulary: 'character' },
      { vocabularySize: 299 },
      { vocabulary: kind === 'word' ? 'bpe' : 'word' }
    ]
    for (const change of changes)
      await t.rejects(prepareTextRun({ ...options, vocabularySize: undefined, ...change, mode: 'resume' }), {
        code: 'ERR_INVALID_OPTION',
        message: /with which the run began/
      })
    writeFileSync(at('other.txt'), text.replace('gate', 'cell'))
    await t.rejects(prepareTextRun({ ...options, data: [at('other.txt')], mode: 'resume' }), {
      code: 'ERR_INVALID_OPTION',
      message: /the text that the run began with/
    })
  })

  t.test(`${kind}: writing in pieces`, async (t) => {
    using loaded = await loadTextModel(at(`${kind}.safetensors`))
    const { model, vocabulary } = loaded
    const prompt = 'the cell keeps'
    const whole = writeText(model, vocabulary, { prompt, seed: 7 }).text(60)
    const writer = loaded.write({ prompt, seed: 7 })
    let pieces = ''
    for await (const piece of writer.pieces({ length: 60 })) pieces += piece
    t.equal(pieces, whole)
    t.equal(writer.count, 60)
    t.match(whole, kind === 'word' ? /^ \S+ \S+ / : /\S+ \S+ /, 'words follow the prompt after a space')
    const known = new Set(text.split(/\s+/))
    const words = `${prompt}${whole}`.split(/\s+/).slice(0, -1)
    t.ok(words.filter((word) => known.has(word)).length > 0.5 * words.length, whole)
    const first = loaded.write().text(9)
    if (kind === 'word') t.equal(` ${first}`, loaded.write({ prompt: '.' }).text(9), 'no space without a prompt')
    else t.equal(first, loaded.write({ prompt: '\n' }).text(9))
  })
}

t.test('prompts: unknown words are errors that name them', async (t) => {
  using word = await loadTextModel(at('word.safetensors'))
  const message = /"zebra", "Gate".* use words that are frequent in the text of the training/
  t.throws(() => word.write({ prompt: 'the zebra Gate' }), { code: 'ERR_UNKNOWN_SYMBOL', message })
  t.throws(() => word.write({ prompt: ' \n' }), { code: 'ERR_UNKNOWN_SYMBOL', message: /a prompt with a word in it/ })
  using bpe = await loadTextModel(at('bpe.safetensors'))
  t.equal(typeof bpe.write({ prompt: 'zebra 😀 \n' }).text(3), 'string', 'byte pairs have every text')
  const characters = vocabularyFromText('aab', { minCount: 2 })
  t.doesNotThrow(() => writeText(bpe.model, characters, { prompt: 'ab' }), 'a rare character may be <unk>')
})

t.test('traces, and language models of readers', async (t) => {
  for (const kind of ['word', 'bpe'] as const) {
    using loaded = await loadTextModel(at(`${kind}.safetensors`))
    const traced = await traceText(loaded, text)
    t.equal(traced.symbols, 16 * 128)
    t.ok(traced.reachSteps >= 1 && traced.reach[0]! <= 1)
    const reader = vocabularyFromText('the', { special: ['blank'] })
    t.throws(() => textScorer(loaded, reader, { weight: 1, insertion: 0 }), {
      code: 'ERR_UNSUPPORTED',
      message:
        /over characters or bytes.* but received one over (words|byte pairs): train one with the vocabulary character/
    })
  }
})

t.test("a tokenizer of Hugging Face's library", async (t) => {
  const vocabulary = await trainBpe([text], { size: 280, special: ['end'] })
  writeFileSync(at('tokenizer.json'), bpeToTokenizerJson(vocabulary))
  const options = { ...optionsOf('bpe', 'hf.safetensors'), tokenizer: at('tokenizer.json') }
  const { vocabulary: _, vocabularySize: __, ...plain } = options
  const { valid } = await train(plain)
  using loaded = await loadTextModel(at('hf.safetensors'))
  t.strictSame(loaded.vocabulary.config, vocabulary.config)
  const corpus = await openCorpus([at('story.txt')], { vocabulary })
  t.equal(valid!.bitsPerByte, (valid!.bits * corpus.sizes.valid.tokens) / corpus.sizes.valid.bytes)
  const again = await prepareTextRun({ ...plain, mode: 'resume' })
  again.dispose()
  writeFileSync(at('other.json'), bpeToTokenizerJson(await trainBpe([text], { size: 270 })))
  const invalid = (change: object) => prepareTextRun({ ...plain, mode: 'force', ...change })
  const refused: [object, string, RegExp][] = [
    [{ tokenizer: at('other.json'), mode: 'resume' }, 'ERR_INVALID_OPTION', /the tokenizer with which the run began/],
    [{ vocabulary: 'word' }, 'ERR_INVALID_OPTION', /the vocabulary word/],
    [{ vocabularySize: 300 }, 'ERR_INVALID_OPTION', /a size of 300/],
    [{ minCount: 3 }, 'ERR_INVALID_OPTION', /a minimum count of 3/],
    [{ tokenizer: at('none.json') }, 'ERR_FILE_NOT_FOUND', /none\.json/],
    [{ tokenizer: at('story.txt') }, 'ERR_FILE_FORMAT', /tokenizer\.json/]
  ]
  for (const [change, code, message] of refused) await t.rejects(invalid(change), { code, message })
  const json = JSON.parse(readFileSync(at('tokenizer.json'), 'utf8')) as { model: { vocab: object; merges: unknown[] } }
  const hostile: [string, unknown][] = [
    ['a merge of unknown tokens', { ...json, model: { ...json.model, merges: [['zz', 'q']] } }],
    ['another model', { ...json, model: { ...json.model, type: 'Unigram' } }],
    ['a normalizer', { ...json, normalizer: { type: 'NFC' } }],
    ['ids that are far apart', { ...json, model: { ...json.model, vocab: { ...json.model.vocab, zzz: 2 ** 40 } } }],
    ['a list', []]
  ]
  for (const [name, file] of hostile) {
    writeFileSync(at('hostile.json'), JSON.stringify(file))
    await t.rejects(invalid({ tokenizer: at('hostile.json') }), { code: 'ERR_FILE_FORMAT' }, name)
  }
})

t.test('a vocabulary whose words do not fit into the header of a model file', async (t) => {
  const words = Array.from({ length: 9 }, (_, index) => String.fromCharCode(97 + index).repeat(2 ** 20 - 9))
  writeFileSync(at('long.txt'), words.join(' '))
  const options = { ...optionsOf('word', 'long.safetensors'), data: [at('long.txt')], minCount: 1, split: { valid: 0 } }
  await t.rejects(prepareTextRun(options), {
    code: 'ERR_OUT_OF_RANGE',
    message: /a vocabulary that takes at most 8388608 bytes/
  })
})
