// Special tokens: they have the first ids in every kind of vocabulary, no text gives them, and files of vocabularies without them keep their ids.
import fc from 'fast-check'
import t from 'tap'
import {
  addSpecialTokens,
  byteVocabulary,
  specialNames,
  vocabularyFromConfig,
  vocabularyFromText,
  type SpecialToken,
  type Vocabulary
} from '../../../src/index.js'

const tokens = Object.keys(specialNames) as SpecialToken[]
const lists = fc.shuffledSubarray(tokens)
const makers: ((special: SpecialToken[]) => Vocabulary)[] = [
  (special) => vocabularyFromText('<>abdeghiklnpu é😀', { special }),
  (special) => byteVocabulary({ special })
]

t.test('they have the first ids, in order, and all texts those after them', async () => {
  const text = '<blank><pad><unk> <begin><end> é😀'
  fc.assert(
    fc.property(lists, fc.nat(1), (special, kind) => {
      const vocabulary = makers[kind]!(special)
      const plain = makers[kind]!([])
      const ids = vocabulary.encode(text)
      const all = [...special.keys(), ...ids]
      const names = special.map((token) => (token === 'unknown' ? '\ufffd' : specialNames[token]))
      const decoder = vocabulary.decoder({ skipSpecial: true })
      return (
        vocabulary.size === plain.size + special.length &&
        vocabulary.special.join() === special.join() &&
        special.every((token, id) => vocabulary.idOf(token) === id && vocabulary.symbol(id) === specialNames[token]) &&
        vocabulary.unknownId === special.indexOf('unknown') &&
        ids.join() ===
          plain
            .encode(text)
            .map((id) => id + special.length)
            .join() &&
        vocabulary.decode(all) === names.join('') + text &&
        vocabulary.decode(all, { skipSpecial: true }) === (special.includes('unknown') ? '\ufffd' : '') + text &&
        all.map((id) => decoder.write(id)).join('') + decoder.end() === vocabulary.decode(all, { skipSpecial: true }) &&
        vocabularyFromConfig(JSON.parse(JSON.stringify(vocabulary.config)))
          .encode(text)
          .join() === ids.join() &&
        addSpecialTokens(plain, special).encode(text).join() === ids.join()
      )
    })
  )
})

t.test('configurations of today open with the same ids', async (t) => {
  const character = { kind: 'character', symbols: 'abc', unknown: true }
  const old = vocabularyFromConfig(character)
  t.strictSame(old.config, character)
  t.strictSame([...old.encode('abcd')], [0, 1, 2, 3])
  t.equal(old.idOf('unknown'), 3)
  t.strictSame(vocabularyFromConfig({ kind: 'byte' }).config, { kind: 'byte' })
  const labels = addSpecialTokens(old, ['blank'])
  t.strictSame([...labels.encode('abcd')], [1, 2, 3, 4])
  t.equal(labels.unknownId, 4)
  t.equal(labels.idOf('blank'), 0)
})

t.test('unknown symbols take the id that <unk> was given', async (t) => {
  const vocabulary = vocabularyFromText('aab', { special: ['pad', 'unknown'], minCount: 2 })
  t.strictSame([...vocabulary.encode('abc')], [2, 1, 1])
  t.equal(vocabulary.size, 3)
})

t.test('a special token cuts a character of bytes where it is shown, and does not where it is left out', async (t) => {
  const vocabulary = byteVocabulary({ special: ['pad'] })
  const [first, second] = vocabulary.encode('é')
  t.equal(vocabulary.decode([first!, 0, second!], { skipSpecial: true }), 'é')
  t.equal(vocabulary.decode([first!, 0, second!]), '\ufffd<pad>\ufffd')
  const decoder = vocabulary.decoder()
  t.equal([first!, 0, second!].map((id) => decoder.write(id)).join('') + decoder.end(), '\ufffd<pad>\ufffd')
})

t.test('refusals', async (t) => {
  const refused = { code: 'ERR_INVALID_ARGUMENT' }
  t.throws(() => vocabularyFromText('a').idOf('blank'), { ...refused, message: /special token blank/ })
  t.throws(() => byteVocabulary({ special: ['pad', 'pad'] }), refused)
  t.throws(() => addSpecialTokens(byteVocabulary({ special: ['pad'] }), ['pad']), refused)
  for (const special of [[], ['pad', 'pad'], ['mask'], 'pad', [null]])
    t.throws(
      () => vocabularyFromConfig({ kind: 'byte', special }),
      { code: 'ERR_FILE_FORMAT' },
      JSON.stringify(special)
    )
  const twice = { kind: 'character', symbols: 'a', unknown: true, special: ['unknown'] }
  t.throws(() => vocabularyFromConfig(twice), { code: 'ERR_FILE_FORMAT' })
})

t.test('lists of special tokens with holes are refused at once', async (t) => {
  const holes = new Array(2)
  holes[1] = 'blank'
  for (const special of [new Array(2 ** 32 - 1), holes, []])
    t.throws(() => vocabularyFromConfig({ kind: 'byte', special }), {
      code: 'ERR_FILE_FORMAT',
      message: /special tokens/
    })
})
