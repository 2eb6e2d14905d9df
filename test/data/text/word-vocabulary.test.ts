// Vocabularies of words: the rule that cuts them, counts and sizes, and pieces of files of any size.
import fc from 'fast-check'
import t from 'tap'
import { vocabularyFromConfig, wordVocabulary } from '../../../src/index.js'

t.test('words of any script, apostrophes inside, other characters by themselves', async (t) => {
  const text = "Don't stop—Straße_1 cafe\u0301 'quoted' 我能 नमस्ते 😀! \u00a0\r\n<unk>"
  const words = [
    "Don't",
    'stop',
    '—',
    'Straße_1',
    'cafe\u0301',
    "'",
    'quoted',
    "'",
    '我能',
    'नमस्ते',
    '😀',
    '!',
    '<',
    'unk',
    '>'
  ]
  const vocabulary = wordVocabulary(text)
  t.strictSame(
    [...vocabulary.encode(text)].map((id) => vocabulary.symbol(id)),
    words
  )
  t.equal(vocabulary.decode(vocabulary.encode(text)), words.join(' '))
})

t.test('the most frequent words first, within the size and from the minimum count on', async (t) => {
  const text = 'b a c a b a D d'
  t.match(wordVocabulary(text).config, { words: ['a', 'b', 'D', 'c', 'd'], special: ['unknown'] })
  t.match(wordVocabulary(text, { lowerCase: true }).config, { words: ['a', 'b', 'd', 'c'] })
  t.match(wordVocabulary(text, { minCount: 2 }).config, { words: ['a', 'b'] })
  const small = wordVocabulary(text, { size: 3, special: ['pad', 'unknown'] })
  t.strictSame([...small.encode('a b')], [2, 1])
  t.equal(small.decode([0, 2, 1, 2]), '<pad> a \ufffd a')
  t.equal(small.decode([0, 2, 0, 2], { skipSpecial: true }), 'a a')
  t.throws(() => wordVocabulary('a b', { special: [] }).encode('a c'), { code: 'ERR_UNKNOWN_SYMBOL', message: /"c"/ })
  t.throws(() => wordVocabulary(' \n'), { code: 'ERR_CORPUS_EMPTY' })
  t.throws(() => wordVocabulary('a', { minCount: 2 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => wordVocabulary('a', { size: 1 }), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('files in pieces of any size give the ids of their text', async () => {
  const parts = fc.constantFrom('a', 'Ä', "'", ' ', '\n', '😀', '.', 'bc', '\u2003')
  const vocabulary = wordVocabulary("a ab abc ä a'a 😀 .", { lowerCase: true })
  const again = vocabularyFromConfig(JSON.parse(JSON.stringify(vocabulary.config)))
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 20 }), fc.integer({ min: 1, max: 9 }), (list, step) => {
      const bytes = Buffer.from(list.join(''))
      const encoder = again.encoder()
      const ids: number[] = []
      for (let at = 0; at < bytes.length; at += step) {
        const piece = bytes.subarray(at, at + step)
        const into = new Int32Array(encoder.room(piece.length))
        ids.push(...into.subarray(0, encoder.write(piece, into)))
      }
      const rest = new Int32Array(encoder.room(0))
      ids.push(...rest.subarray(0, encoder.end(rest)))
      return ids.join() === [...vocabulary.encode(list.join(''))].join()
    })
  )
})

t.test('configurations of damaged models', async (t) => {
  const config = { kind: 'word', words: ['a', 'b'], lowerCase: true }
  t.equal(vocabularyFromConfig(config).size, 2)
  for (const change of [
    { words: [] },
    { words: ['a', 'a'] },
    { words: ['a b'] },
    { words: ['A'] },
    { words: [1] },
    { lowerCase: 1 }
  ])
    t.throws(() => vocabularyFromConfig({ ...config, ...change }), { code: 'ERR_FILE_FORMAT' }, JSON.stringify(change))
})
