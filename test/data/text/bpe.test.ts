// Byte pair encoding: bytes come back exactly, pieces and orders change nothing, and merges, ids and files are those of Hugging Face's library.
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  addSpecialTokens,
  bpeFromTokenizerJson,
  bpeToTokenizerJson,
  trainBpe,
  vocabularyFromConfig,
  type BpeVocabulary,
  type SpecialToken
} from '../../../src/index.js'
import { rounds } from '../../amounts.js'

interface Case {
  size: number
  special: string[]
  minCount: number
  ids: number[][]
  file: { model: { vocab: Record<string, number>; merges: [string, string][] } }
}
const golden = JSON.parse(readFileSync(new URL('../../golden/tokenizers.json', import.meta.url), 'utf8')) as {
  texts: string[]
  cases: Case[]
}
const { texts, cases } = golden
const kinds = (names: string[]) => names.map((name) => name.slice(1, -1) as SpecialToken)
const trained = (one: Case, given: (string | Uint8Array)[] = texts) =>
  trainBpe(given, { size: one.size, special: kinds(one.special), minCount: one.minCount })

function encodePieces(vocabulary: BpeVocabulary, bytes: Uint8Array, cuts: readonly number[]): number[] {
  const encoder = vocabulary.encoder()
  const ids: number[] = []
  const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b)
  for (const [index, end] of ends.entries()) {
    const piece = bytes.subarray(ends[index - 1] ?? 0, end)
    const into = new Int32Array(encoder.room(piece.length))
    ids.push(...into.subarray(0, encoder.write(piece, into)))
  }
  const rest = new Int32Array(encoder.room(0))
  return [...ids, ...rest.subarray(0, encoder.end(rest))]
}

t.test('merges and ids are those of Hugging Face, trained here and read from its file', async (t) => {
  for (const one of cases) {
    const vocabulary = await trained(one)
    const read = bpeFromTokenizerJson(JSON.stringify(one.file))
    const { tokens, merges } = vocabulary.config
    const pairs = Array.from({ length: merges.length / 2 }, (_, at) => [
      tokens[merges[2 * at]!],
      tokens[merges[2 * at + 1]!]
    ])
    t.strictSame(pairs, one.file.model.merges)
    t.strictSame(Object.fromEntries(tokens.map((token, id) => [token, id])), one.file.model.vocab)
    t.strictSame(read.config, vocabulary.config)
    for (const [index, text] of texts.entries()) {
      t.strictSame([...vocabulary.encode(text)], one.ids[index])
      t.strictSame([...read.encode(text)], one.ids[index])
      t.equal(vocabulary.decode(vocabulary.encode(text)), text)
    }
    const again = bpeFromTokenizerJson(bpeToTokenizerJson(vocabulary))
    t.strictSame(again.config, vocabulary.config)
    t.strictSame(vocabularyFromConfig(JSON.parse(JSON.stringify(vocabulary.config))).config, vocabulary.config)
    const ours = JSON.parse(bpeToTokenizerJson(vocabulary)) as Record<string, unknown>
    t.strictSame(
      ours,
      { ...one.file, model: { ...one.file.model } },
      'the whole file is the one that the library writes'
    )
  }
})

t.test('the order of texts, their form and the pieces of streams change nothing', async (t) => {
  const one = cases[1]!
  const expected = (await trained(one)).config
  t.strictSame((await trained(one, [...texts].reverse())).config, expected)
  t.strictSame(
    (
      await trained(
        one,
        texts.map((text) => Buffer.from(text))
      )
    ).config,
    expected
  )
  async function* stream(text: string) {
    for (const byte of Buffer.from(text)) yield Uint8Array.of(byte)
  }
  const options = { size: one.size, special: kinds(one.special) }
  t.strictSame((await trainBpe(texts.map(stream), options)).config, expected)
  const long = 'ein Satz, der sich 😀 oft wiederholt. '.repeat(20000)
  t.strictSame((await trainBpe([long], options)).config, (await trainBpe([Buffer.from(long)], options)).config)
})

t.test('all bytes come back, whole and in pieces', async () => {
  const vocabulary = await trained(cases[2]!)
  const fragments = fc.constantFrom(...texts.flatMap((text) => text.split(/(?= )/)), "'", "'r", '\u2003', ' ', '\n')
  const inputs = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.array(fragments, { maxLength: 12 }).map((parts) => new Uint8Array(Buffer.from(parts.join('')))),
    fc
      .array(fc.constantFrom(0x27, 0x20, 0x65, 0x6c, 0xe2, 0x80, 0x83, 0xf0, 0x9f, 0xff, 0x0a), { maxLength: 20 })
      .map((bytes) => Uint8Array.from(bytes))
  )
  fc.assert(
    fc.property(inputs, fc.array(fc.nat(60), { maxLength: 6 }), (bytes, cuts) => {
      const ids = vocabulary.encodeBytes(bytes)
      return (
        Buffer.from(bytes).equals(vocabulary.decodeBytes(ids)) &&
        encodePieces(vocabulary, bytes, cuts).join() === [...ids].join()
      )
    }),
    { numRuns: rounds(500, 3000) }
  )
})

t.test('special tokens: first ids, left out on request, never from text', async (t) => {
  const vocabulary = await trained(cases[1]!)
  t.strictSame(vocabulary.special, ['pad', 'begin', 'end'])
  t.equal(vocabulary.idOf('end'), 2)
  t.equal(vocabulary.symbol(1), '<begin>')
  const ids = [1, ...vocabulary.encode('<pad>'), 2, 0]
  t.notOk(ids.slice(1, -2).some((id) => id < 3))
  t.equal(vocabulary.decode(ids), '<begin><pad><end><pad>')
  t.equal(vocabulary.decode(ids, { skipSpecial: true }), '<pad>')
  const more = addSpecialTokens(vocabulary, ['blank'])
  t.equal(more.idOf('end'), 3)
  t.strictSame(
    [...more.encode(texts[0]!)],
    [...vocabulary.encode(texts[0]!)].map((id) => id + 1)
  )
})

t.test('a training ends with a signal, and bounds are kept', async (t) => {
  const controller = new AbortController()
  const options = { size: 400, signal: controller.signal, onProgress: () => controller.abort() }
  await t.rejects(trainBpe(texts, options), { code: 'ERR_ABORTED' })
  await t.rejects(trainBpe([], { size: 300 }), { code: 'ERR_CORPUS_EMPTY' })
  await t.rejects(trainBpe(texts, { size: 256, special: ['pad'] }), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(trainBpe(texts, { size: 300, memoryBytes: 10 }), { name: 'GatecellError', code: 'ERR_OUT_OF_RANGE' })
  await t.rejects(trainBpe(['a'.repeat(2 ** 20 + 1)], { size: 300 }), { code: 'ERR_OUT_OF_RANGE' })
  const vocabulary = await trainBpe(['abc abc'], { size: 1000 })
  t.equal(vocabulary.size, 258, 'no pair that occurs twice is left')
  const word = 'ab'.repeat(2 ** 19)
  t.equal(vocabulary.decode(vocabulary.encode(word)), word)
  t.throws(() => vocabulary.encode(`${word}a`), { code: 'ERR_OUT_OF_RANGE' })
  t.equal(vocabulary.decode(vocabulary.encode('abc')), 'abc', 'the encoder is in order after a refusal')
})

t.test('files that are damaged or of another kind are refused by the name of their part', async (t) => {
  const file = cases[1]!.file as unknown as Record<string, Record<string, unknown>>
  const { vocab, merges } = cases[1]!.file.model
  const model = (change: object) => ({ model: { ...file['model'], ...change } })
  const bad: [part: RegExp, change: object][] = [
    [/version/, { version: '2.0' }],
    [/truncation/, { truncation: {} }],
    [/normalizer/, { normalizer: { type: 'NFC' } }],
    [/pre_tokenizer\.type/, { pre_tokenizer: { type: 'Whitespace' } }],
    [/pre_tokenizer\.add_prefix_space/, { pre_tokenizer: { ...file['pre_tokenizer'], add_prefix_space: true } }],
    [/pre_tokenizer\.use_regex/, { pre_tokenizer: { ...file['pre_tokenizer'], use_regex: false } }],
    [/pre_tokenizer/, { pre_tokenizer: null }],
    [/post_processor/, { post_processor: { type: 'TemplateProcessing' } }],
    [/decoder/, { decoder: { type: 'WordPiece' } }],
    [/model\.type/, model({ type: 'Unigram' })],
    [/model\.dropout/, model({ dropout: 0.1 })],
    [/model\.byte_fallback/, model({ byte_fallback: true })],
    [/model\.ignore_merges/, model({ ignore_merges: true })],
    [/model\.end_of_word_suffix/, model({ end_of_word_suffix: '</w>' })],
    [/model\.vocab/, model({ vocab: { ...vocab, new: 5 } })],
    [/model\.vocab/, model({ vocab: { ...vocab, new: 1e9 } })],
    [/model\.vocab/, model({ vocab: [] })],
    [
      /every byte/,
      model({
        vocab: Object.fromEntries(Object.entries(vocab).map(([key, id]) => [key === 'a' ? 'zzz' : key, id])),
        merges: []
      })
    ],
    [/alphabet/, model({ vocab: { ...vocab, 'a b': Object.keys(vocab).length } })],
    [/model\.merges\[0\]/, model({ merges: [['a', 'unknown token']] })],
    [/model\.merges\[1\]/, model({ merges: [merges[0], 'abc'] })],
    [/result of each merge/, model({ merges: [['!', '~']] })],
    [/merges that differ/, model({ merges: [merges[0], merges[0]] })],
    [/merges of known tokens/, model({ merges: [['<pad>', 'a']] })],
    [/added_tokens\[0\]\.special/, { added_tokens: [{ id: 0, content: '<pad>', special: false }] }],
    [/added_tokens\[0\]\.content/, { added_tokens: [{ id: 0, content: '', special: true }] }],
    [/added_tokens/, { added_tokens: [{ id: 0, content: 'other', special: true }] }]
  ]
  for (const [message, change] of bad)
    t.throws(
      () => bpeFromTokenizerJson(JSON.stringify({ ...file, ...change })),
      { code: 'ERR_FILE_FORMAT', message },
      JSON.stringify(change).slice(0, 60)
    )
  t.throws(() => bpeFromTokenizerJson('{"model":{"vocab":{"a":0,"a":1}}}'), { code: 'ERR_FILE_FORMAT' })
  t.throws(() => vocabularyFromConfig({ kind: 'bpe' }), { code: 'ERR_FILE_FORMAT' })
  const roles = bpeFromTokenizerJson(JSON.stringify(file), { special: { blank: '<pad>' } })
  t.equal(roles.idOf('blank'), 0)
  t.strictSame(roles.special, ['blank'])
  t.throws(() => bpeFromTokenizerJson(JSON.stringify(file), { special: { end: '</s>' } }), { code: 'ERR_FILE_FORMAT' })
})
