// Integers as digits in ten's complement, their tensors, and terms from words.

import t from 'tap'
import fc from 'fast-check'
import {
  complement,
  CONTEXT,
  MAX_DIGITS,
  MAX_TERMS,
  NONE,
  packNumbers,
  readTerms,
  valueOf,
  widthOf
} from '../../../src/tasks/numbers/digits.js'

t.test("ten's complement", (t) => {
  t.equal(complement(42n, 4), '0042')
  t.equal(complement(-1n, 4), '9999')
  t.equal(complement(-100n, 4), '9900')
  t.equal(widthOf([7n, -100n]), 4)
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.nat(9), (value, spare) => {
      const width = widthOf([value]) + spare
      const digits = [...complement(value, width)].map(Number)
      return digits.length === width && valueOf(digits.reverse()) === value
    })
  )
  t.end()
})

t.test('tensors', (t) => {
  const samples = [
    { terms: [12n, -3n], next: -5n, family: 3 },
    { terms: [1n, 2n, 3n, 4n, 5n, 6n, 7n], next: 8n, family: 0 }
  ]
  const { terms, previous, digits, family } = packNumbers(samples, 3)
  const at = (step: number, row: number) => [...terms.slice((step * 2 + row) * CONTEXT, (step * 2 + row + 1) * CONTEXT)]
  t.strictSame(at(0, 0), [NONE, NONE, NONE, NONE, 2, 7])
  t.strictSame(at(1, 0), [NONE, NONE, NONE, NONE, 1, 9])
  t.strictSame(at(2, 0), [NONE, NONE, NONE, NONE, 0, 9])
  t.strictSame(at(0, 1), [2, 3, 4, 5, 6, 7], 'the last six terms')
  t.strictSame([...digits], [5, 8, 9, 0, 9, 0])
  t.strictSame([...previous], [NONE, NONE, 5, 8, 9, 0])
  t.strictSame([...family], [3, 0])
  const unknown = packNumbers([{ terms: [1n], next: null, family: 0 }], 2)
  t.strictSame([...unknown.previous], [NONE, NONE])
  t.end()
})

t.test('terms from words', (t) => {
  t.strictSame(readTerms(['6', '+7', '-008']), [6n, 7n, -8n])
  t.strictSame(readTerms(['1, 2,4', '', ' 8 ']), [1n, 2n, 4n, 8n])
  t.strictSame(readTerms(['9'.repeat(MAX_DIGITS), `-${'0'.repeat(MAX_DIGITS)}1`]).at(-1), -1n)
  const refused = (words: readonly string[], message: RegExp) =>
    t.throws(() => readTerms(words), { code: 'ERR_INVALID_ARGUMENT', message })
  refused(['6', 'x7'], /^Expected integers such as 6 or -3 as terms but received "x7": write them in decimal\.$/)
  refused(['6', '1.5'], /received "1\.5"/)
  refused(['6', '1e3'], /received "1e3"/)
  refused(['6', 'y'.repeat(1e6)], /received "y{40}\.\.\."/)
  refused(['6', '1'.repeat(MAX_DIGITS + 1)], /Expected terms of at most 500 digits but received one of 501: leave/)
  refused(['6'], /Expected at least two terms but received 1: give the last terms of a sequence, for example 6 7 8\.$/)
  refused([], /received 0/)
  refused(
    Array.from({ length: MAX_TERMS + 1 }, () => '1'),
    /at most 1000 terms but received 1001/
  )
  t.end()
})
