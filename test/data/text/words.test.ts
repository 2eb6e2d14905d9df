// Words in pieces: nothing depends on the pieces, words of any length are bounded, and so are their counts.
import fc from 'fast-check'
import t from 'tap'
import { wordCounts, wordReader, wordsOf } from '../../../src/data/text/words.js'

t.test('pieces of any size give the words of the text', async () => {
  const parts = fc.constantFrom('a', 'Ω', 'Σ', "'", '’', '-', ' ', '\n', '😀', '.', 'bc', '\u2003', '\ufeff', 'e\u0301')
  fc.assert(
    fc.property(
      fc.array(parts, { maxLength: 30 }),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      (list, step, lower) => {
        const bytes = Buffer.from(`x${list.join('')}`) // a byte order mark at the beginning would be left out
        const reader = wordReader(lower)
        const words: string[] = []
        for (let at = 0; at < bytes.length; at += step) {
          const piece = bytes.subarray(at, at + step)
          const room = reader.room(piece.length)
          const found = reader.write(piece)
          if (found.length > room) return false
          words.push(...found)
        }
        words.push(...reader.end())
        return JSON.stringify(words) === JSON.stringify(wordsOf(`x${list.join('')}`, lower))
      }
    ),
    { numRuns: 2000 }
  )
})

t.test('lower case does not depend on the words around', async (t) => {
  t.strictSame(wordsOf('ΟΔΟΣ.ΟΔΟΣ İZMİR', true), ['οδος', '.', 'οδος', 'i̇zmi̇r'])
})

t.test('a word that never ends is refused before it fills the memory', async (t) => {
  const reader = wordReader(false)
  const piece = new Uint8Array(2 ** 16).fill(0x61)
  let pieces = 0
  t.throws(
    () => {
      for (; pieces < 100; pieces++) reader.write(piece)
    },
    { code: 'ERR_OUT_OF_RANGE', message: /words of at most 1048576 characters .* divide it/ }
  )
  t.equal(pieces, 16)
  const marks = wordReader(false)
  const comma = new Uint8Array(2 ** 16).fill(0x2c)
  let found = 0
  for (let i = 0; i < 20; i++) found += marks.write(comma).length
  t.equal(found, 20 * 2 ** 16, 'a text without white space needs no memory')
})

t.test('bytes that are not UTF-8', async (t) => {
  t.throws(() => wordReader(false).write(Uint8Array.of(0x61, 0xff)), { code: 'ERR_FILE_FORMAT' })
  const cut = wordReader(false)
  t.strictSame(cut.write(Uint8Array.of(0x61, 0x20, 0xc3)), ['a'])
  t.throws(() => cut.end(), { code: 'ERR_FILE_FORMAT' })
})

t.test('counts', async (t) => {
  const counts = wordCounts()
  counts.add(['a', 'b'])
  counts.add(['a'])
  t.strictSame(
    [...counts.all],
    [
      ['a', 2],
      ['b', 1]
    ]
  )
  const small = wordCounts(200)
  small.add(['a', 'b', 'a'])
  t.throws(() => small.add(['a', 'c', 'd']), {
    code: 'ERR_OUT_OF_RANGE',
    message: /at most \d distinct words .* byte pairs/
  })
})
