// Vocabularies: every text comes back, unknown symbols are named, files are decoded as TextDecoder would, but strictly.
import fc from 'fast-check'
import t from 'tap'
import { InvalidUtf8, utf8Reader } from '../../../src/data/text/utf8.js'
import {
  byteVocabulary,
  characterVocabulary,
  vocabularyFromConfig,
  vocabularyFromText,
  type Vocabulary
} from '../../../src/data/text/vocabulary.js'
import { rounds } from '../../amounts.js'

const texts = fc.string({ unit: 'binary', minLength: 1 })
/** Bytes that are UTF-8 more often than not. */
const almostUtf8 = fc
  .tuple(texts, fc.array(fc.tuple(fc.nat(60), fc.nat(2), fc.nat(255)), { maxLength: 2 }))
  .map(([text, edits]) => {
    const bytes = Buffer.from(text)
    return edits.reduce(
      (bytes, [place, drop, put]) =>
        Buffer.concat([bytes.subarray(0, place), Buffer.of(put), bytes.subarray(place + drop)]),
      bytes
    )
  })

/** The bytes in pieces that end at the given places. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

function encodeFile(vocabulary: Vocabulary, bytes: Uint8Array, cuts: readonly number[]): number[] {
  const encoder = vocabulary.encoder()
  const into = new Int32Array(bytes.length)
  const ids: number[] = []
  for (const piece of pieces(bytes, cuts)) ids.push(...into.subarray(0, encoder.write(piece, into)))
  encoder.end()
  return ids
}

t.test('every text comes back from its ids, whole or symbol by symbol', async () => {
  fc.assert(
    fc.property(texts, fc.array(fc.nat(100)), (text, cuts) =>
      [vocabularyFromText(text), byteVocabulary()].every((vocabulary) => {
        const ids = vocabulary.encode(text)
        const decoder = vocabulary.decoder()
        const streamed = Array.from(ids, (id) => decoder.write(id)).join('') + decoder.end()
        const again = vocabularyFromConfig(JSON.parse(JSON.stringify(vocabulary.config)))
        const file = encodeFile(vocabulary, Buffer.from(`\ufeff${text}`), cuts)
        return (
          ids.every((id) => id >= 0 && id < vocabulary.size) &&
          vocabulary.decode(ids) === text &&
          streamed === text &&
          again.size === vocabulary.size &&
          again.encode(text).join() === ids.join() &&
          // A byte order mark is left out of text and kept among bytes.
          file.slice(vocabulary.kind === 'byte' ? 3 : 0).join() === ids.join()
        )
      })
    )
  )
})

t.test('ids are in the order of the code points', async (t) => {
  const vocabulary = vocabularyFromText('zaé\n😀a\uffff')
  t.strictSame(vocabulary.config, { kind: 'character', symbols: '\nazé\uffff😀', unknown: false })
  t.strictSame([...vocabulary.encode('a😀\n')], [1, 5, 0])
  t.equal(vocabulary.size, 6)
  t.equal(vocabulary.unknownId, -1)
  t.equal(vocabulary.symbol(5), '😀')
})

t.test('unknown symbols are named', async (t) => {
  const vocabulary = vocabularyFromText('abc')
  const message = /3 symbols.*'ä' \(U\+00E4\), U\+000A, U\+00A0, '😀' \(U\+1F600\):/
  t.throws(() => vocabulary.encode('aäb\n\u00a0ä😀'), { code: 'ERR_UNKNOWN_SYMBOL', message })
  t.throws(() => vocabulary.encode('0123456789'), { message: /'7' \(U\+0037\) and 2 more:/ })
  t.throws(() => vocabulary.encode('a\ud800'), { code: 'ERR_UNKNOWN_SYMBOL', message: /U\+D800/ })
  t.throws(() => byteVocabulary().encode('a\ud800'), { code: 'ERR_UNKNOWN_SYMBOL', message: /U\+D800/ })
  t.throws(() => vocabularyFromText('a\udc00'), { code: 'ERR_UNKNOWN_SYMBOL' })
  t.throws(() => encodeFile(vocabulary, Buffer.from('aé'), [2]), { code: 'ERR_UNKNOWN_SYMBOL' })
})

t.test('a minimum count makes <unk>', async (t) => {
  const vocabulary = vocabularyFromText('aaabbc', { minCount: 2 })
  t.equal(vocabulary.size, 3)
  t.equal(vocabulary.unknownId, 2)
  t.strictSame([...vocabulary.encode('abcd')], [0, 1, 2, 2])
  t.equal(vocabulary.decode([0, 2, 1]), 'a\ufffdb')
  t.equal(vocabulary.symbol(2), '<unk>')
  const again = vocabularyFromConfig(vocabulary.config)
  t.equal(again.unknownId, 2)
  t.throws(() => vocabularyFromText('abc', { minCount: 2 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => vocabularyFromText('abc', { minCount: 0 }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => characterVocabulary(new Map()), { code: 'ERR_CORPUS_EMPTY' })
})

t.test('ids out of range', async (t) => {
  for (const vocabulary of [vocabularyFromText('abc'), byteVocabulary()]) {
    for (const id of [-1, vocabulary.size, 0.5, NaN]) {
      const refused = { code: 'ERR_OUT_OF_RANGE' }
      t.throws(() => vocabulary.decode([0, id]), refused)
      t.throws(() => vocabulary.decoder().write(id), refused)
      t.throws(() => vocabulary.symbol(id), refused)
    }
  }
  t.equal(byteVocabulary().symbol(65), 'A')
  t.equal(byteVocabulary().symbol(10), '<0x0A>')
  t.equal(byteVocabulary().decode([0xc3]), '\ufffd')
})

t.test('configurations of damaged models', async (t) => {
  const character = { kind: 'character', symbols: 'ab', unknown: false }
  const bad = [
    null,
    'byte',
    {},
    { kind: 'syllable' },
    { ...character, symbols: '' },
    { ...character, symbols: 'ba' },
    { ...character, symbols: 'aa' },
    { ...character, symbols: 'a\ud800' },
    { ...character, symbols: 7 },
    { ...character, unknown: 1 }
  ]
  for (const config of bad)
    t.throws(() => vocabularyFromConfig(config), { code: 'ERR_FILE_FORMAT' }, JSON.stringify(config))
})

t.test('UTF-8 is read as TextDecoder reads it, in pieces of any size, and refused where it refuses', async () => {
  const expected = (bytes: Uint8Array): string | undefined => {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch {
      return undefined
    }
  }
  const actual = (bytes: Uint8Array, cuts: readonly number[]): string | undefined => {
    const reader = utf8Reader()
    const into = new Int32Array(bytes.length)
    let text = ''
    try {
      for (const piece of pieces(bytes, cuts)) {
        for (const codePoint of into.subarray(0, reader.write(piece, into))) text += String.fromCodePoint(codePoint)
      }
      reader.end()
      return text
    } catch (error) {
      if (error instanceof InvalidUtf8) return undefined
      throw error
    }
  }
  const both = (bytes: Uint8Array, cuts: readonly number[]): boolean => actual(bytes, cuts) === expected(bytes)
  fc.assert(fc.property(fc.oneof(almostUtf8, fc.uint8Array({ maxLength: 6 })), fc.array(fc.nat(20)), both), {
    numRuns: rounds(500, 3000)
  })
  for (let first = 0xc0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      for (const bytes of [
        Uint8Array.of(first, second),
        Uint8Array.of(first, second, 0x80),
        Uint8Array.of(first, second, 0x80, 0x80)
      ]) {
        if (!both(bytes, [1, 2])) throw new Error(`${Buffer.from(bytes).toString('hex')} is read differently`)
      }
    }
  }
})

t.test('the place of the first bad byte', async (t) => {
  const reader = utf8Reader()
  reader.write(Buffer.from('abcé'), new Int32Array(8))
  t.throws(() => reader.write(Uint8Array.of(0x41, 0xff), new Int32Array(8)), new InvalidUtf8(6))
})
