// Corpora of words and byte pairs: their vocabularies are those of the part to train on, and their parts are the text of the same places as
// with a vocabulary of characters.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { openCorpus, type Corpus, type CorpusOptions, type CorpusPart } from '../../../src/data/text/corpus.js'
import type { Tokens } from '../../../src/data/text/tokens.js'
import { trainBpe, vocabularyFromText, wordVocabulary } from '../../../src/data/text/vocabulary.js'
import { wordsOf } from '../../../src/data/text/words.js'
import { story } from '../../cli/command.js'

const parts: CorpusPart[] = ['train', 'valid', 'test', 'all']
const idsOf = (tokens: Tokens) => {
  const ids = new Int32Array(tokens.length)
  tokens.read(0, ids.length, ids)
  return ids
}
const textOf = ({ vocabulary }: Corpus, tokens: Tokens) => vocabulary.decode(idsOf(tokens))
const utf8 = (text: string) => Buffer.byteLength(text)
const lengthOf = (text: string) => [...text].length

t.test('parts are the same text as with characters, in memory, from a file, from several files', async (t) => {
  const folder = t.testdir({})
  const [plain, zipped, extra] = ['plain', 'zipped', 'extra'].map((name) => join(folder, name)) as [
    string,
    string,
    string
  ]
  const piece = fc.constantFrom('the ', 'theme', 'é', '😀 ', '\n', "it's ", '\ufeff', '我', ',')
  const text = fc.array(piece, { minLength: 20, maxLength: 120 }).map((list) => list.join(''))
  await fc.assert(
    fc.asyncProperty(text, text, fc.boolean(), fc.constantFrom(0, 1e6), async (first, second, own, memoryBytes) => {
      fs.writeFileSync(plain, first)
      fs.writeFileSync(zipped, gzipSync(`\ufeff${second}`))
      fs.writeFileSync(extra, 'the extra text 😀')
      const shares = { valid: 0.2, test: 0.15, memoryBytes, ...(own && { validFiles: [extra] }) }
      const [characters, pairs, words] = await Promise.all([
        openCorpus([plain, zipped], shares),
        openCorpus([plain, zipped], { ...shares, vocabulary: 'bpe' }),
        openCorpus([plain, zipped], { ...shares, vocabulary: 'word', minCount: 1 })
      ])
      for (const part of parts) {
        const expected = textOf(characters, characters[part])
        if (textOf(pairs, pairs[part]) !== expected) return false
        const size = { characters: lengthOf(expected), bytes: utf8(expected), unknown: 0 }
        t.match(characters.sizes[part], { tokens: characters[part].length, ...size })
        t.match(pairs.sizes[part], { tokens: pairs[part].length, ...size })
        const { unknown, ...sizes } = words.sizes[part]
        t.match(sizes, { tokens: words[part].length, characters: size.characters, bytes: size.bytes })
        t.equal(idsOf(words[part]).filter((id) => id === 0).length, unknown)
      }
      const firstLength = lengthOf(first.replace(/^\ufeff/, ''))
      const trained = textOf(characters, characters.train.slice(0, Math.min(characters.train.length, firstLength)))
      const inFirst = wordsOf(trained, false)
      const ids = idsOf(words.train).subarray(0, inFirst.length)
      const same = [...ids].map((id) => words.vocabulary.symbol(id)).join('|') === inFirst.join('|')
      for (const corpus of [characters, pairs, words]) corpus.close()
      return same
    }),
    { numRuns: 30 }
  )
})

t.test('a vocabulary has nothing of the text that validates or tests', async (t) => {
  const seen = 'one two two one '.repeat(50)
  const unseen = 'three three three three '.repeat(20)
  const folder = t.testdir({ seen, 'unseen.txt': unseen, both: seen + unseen })
  const valid = unseen.length / (seen.length + unseen.length)
  const share = { valid: valid / 2, test: valid / 2 }
  const words = wordVocabulary(seen, { minCount: 2 }).config
  const pairs = (await trainBpe([seen], { size: 300 })).config
  const cases: [string, CorpusOptions][] = [
    ['both', share],
    ['seen', { validFiles: [join(folder, 'unseen.txt')], valid: 0 }]
  ]
  for (const [name, options] of cases) {
    const files = [join(folder, name)]
    const word = await openCorpus(files, { ...options, vocabulary: 'word' })
    t.strictSame(word.vocabulary.config, words)
    t.equal(word.sizes.valid.unknown, word.sizes.valid.tokens, 'every other word is unknown')
    const bpe = await openCorpus(files, { ...options, vocabulary: 'bpe' })
    t.strictSame(bpe.vocabulary.config, pairs)
    t.equal(textOf(bpe, bpe.valid), unseen.slice(0, bpe.sizes.valid.bytes))
  }
})

t.test('sizes and minimum counts', async (t) => {
  const text = story(20_000)
  const folder = t.testdir({ text })
  const open = (options: CorpusOptions) => openCorpus([join(folder, 'text')], options)
  const trained = text.slice(0, 18_000)
  const word = await open({ vocabulary: 'word', vocabularySize: 8, minCount: 3 })
  t.strictSame(word.vocabulary.config, wordVocabulary(trained, { size: 8, minCount: 3 }).config)
  const bpe = await open({ vocabulary: 'bpe', vocabularySize: 290, minCount: 5 })
  t.strictSame(bpe.vocabulary.config, (await trainBpe([trained], { size: 290, minCount: 5 })).config)
  t.ok(bpe.all.length < text.length / 2)
  const most = (await open({ vocabulary: 'word' })).vocabulary.size
  t.equal((await open({ vocabulary: 'word', vocabularySize: most })).vocabulary.size, most)
  const refused: [CorpusOptions, RegExp][] = [
    [{ vocabulary: 'word', vocabularySize: most + 1 }, new RegExp(`at most ${most} symbols.*a size of ${most + 1}`)],
    [{ vocabulary: 'bpe', vocabularySize: 5000 }, /at most \d+ symbols.*minimum count of 2/],
    [{ vocabulary: 'bpe', vocabularySize: 256 }, /at least 257/],
    [{ vocabulary: 'word', minCount: 1e6 }, /options that leave a word/],
    [{ vocabulary: 'word', vocabularySize: 1 }, /from 2 to/],
    [{ vocabularySize: 10 }, /no size with the vocabulary character/],
    [{ vocabulary: 'byte', vocabularySize: 300 }, /no size with the vocabulary byte/],
    [{ vocabulary: 'byte', minCount: 2 }, /no minimum count with the vocabulary byte/],
    [{ vocabulary: vocabularyFromText(text), minCount: 2 }, /no minimum count with a vocabulary that exists/],
    [{ vocabulary: word.vocabulary, vocabularySize: 8 }, /no size with a vocabulary that exists/]
  ]
  for (const [options, message] of refused) await t.rejects(open(options), { code: 'ERR_INVALID_ARGUMENT', message })
})

t.test('a vocabulary that exists', async (t) => {
  const folder = t.testdir({ text: 'a b a b', other: 'a c 😀' })
  const file = [join(folder, 'other')]
  const { vocabulary } = await openCorpus([join(folder, 'text')], { vocabulary: 'word', valid: 0 })
  const known = await openCorpus(file, { vocabulary, valid: 0 })
  t.strictSame(known.sizes.all, { tokens: 3, characters: 5, bytes: 8, unknown: 2 })
  const strict = wordVocabulary('a b', { special: [] })
  await t.rejects(openCorpus(file, { vocabulary: strict, valid: 0 }), {
    code: 'ERR_UNKNOWN_SYMBOL',
    message: /"c", "😀"/
  })
  const pairs = await trainBpe(['a b a b'], { size: 257 })
  const encoded = await openCorpus(file, { vocabulary: pairs, valid: 0 })
  t.equal(textOf(encoded, encoded.all), 'a c 😀')
})

t.test('texts without words, and text that is not UTF-8', async (t) => {
  const folder = t.testdir({
    blank: ' \n\t\u2003\n',
    latin1: Buffer.from('caf\xe9', 'latin1'),
    late: `${' '.repeat(99)}a`
  })
  const open = (name: string, options: CorpusOptions) => openCorpus([join(folder, name)], options)
  const empty = { code: 'ERR_CORPUS_EMPTY' }
  await t.rejects(open('blank', { vocabulary: 'word' }), empty)
  await t.rejects(open('late', { vocabulary: 'word' }), empty, 'the only word is not in the part to train on')
  await t.rejects(open('blank', { vocabulary: wordVocabulary('a') }), { ...empty, message: /words in .*blank/ })
  await t.rejects(open('late', { vocabulary: 'bpe', valid: 0.999 }), empty)
  for (const vocabulary of ['word', 'bpe'] as const)
    await t.rejects(open('latin1', { vocabulary }), { code: 'ERR_CORPUS_BINARY', message: /byte vocabulary/ })
  const bytes = await open('latin1', { vocabulary: 'byte', valid: 0.25 })
  t.strictSame(bytes.sizes.valid, { tokens: 1, characters: null, bytes: 1, unknown: 0 })
  const long = join(folder, 'long')
  fs.writeFileSync(long, 'ab'.repeat(600_000))
  for (const vocabulary of ['word', 'bpe'] as const)
    await t.rejects(openCorpus([long], { vocabulary }), { code: 'ERR_OUT_OF_RANGE', message: /divide it/ })
})

t.test('the vocabulary is learned from the part to train on only, and can be aborted', async (t) => {
  const path = join(t.testdir({ text: story(3e6) }), 'text')
  for (const vocabulary of ['word', 'bpe'] as const) {
    const read = { count: 0, learn: 0, encode: 0 }
    const corpus = await openCorpus([path], {
      vocabulary,
      valid: 0.5,
      memoryBytes: 1e5,
      onProgress: ({ phase, bytes }) => (read[phase] = bytes)
    })
    t.ok(corpus.cached)
    t.match(read, { count: 3e6, encode: 3e6 })
    t.ok(read.learn >= 1.5e6 && read.learn < 2.1e6, `${read.learn} bytes`)
    corpus.close()
    for (const when of ['learn', 'encode']) {
      const controller = new AbortController()
      const options = { vocabulary, signal: controller.signal }
      const onProgress = ({ phase }: { phase: string }) => void (phase === when && controller.abort())
      await t.rejects(openCorpus([path], { ...options, onProgress }), { code: 'ERR_ABORTED' })
    }
  }
})

t.test('a file that changes between the passes', async (t) => {
  const path = join(t.testdir({ text: '' }), 'text')
  for (const when of ['learn', 'encode'])
    for (const text of ['x '.repeat(2000), 'x', 'é'.repeat(500)]) {
      fs.writeFileSync(path, 'x '.repeat(500))
      let changed = false
      const onProgress = ({ phase }: { phase: string }) => {
        if (phase === when && !changed) fs.writeFileSync(path, text)
        changed ||= phase === when
      }
      await t.rejects(openCorpus([path], { vocabulary: 'word', minCount: 1, onProgress }), { code: 'ERR_FILE_FORMAT' })
    }
})
