// The strict JSON reader agrees with JSON.parse on what it takes, and refuses duplicates, rubbish and depth.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { GatecellError } from '../../src/errors.js'
import { canonicalJson, parseJsonObject, parseStrictJson, type JsonValue } from '../../src/io/json.js'
import { rounds } from '../amounts.js'

const refused = { code: 'ERR_FILE_FORMAT' }

t.test('reads back what canonicalJson wrote, and so does JSON.parse', async () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (object) => {
      // The one name that a plain object cannot hold safely.
      if (JSON.stringify(object).includes('__proto__')) return true
      const text = canonicalJson(object)
      const same = isDeepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(object)))
      return same && canonicalJson(parseJsonObject(text, 'test')) === text
    }),
    { numRuns: rounds(20, 100) }
  )
})

t.test('takes exactly the texts that JSON.parse takes, but for its own rules', async () => {
  const seeds = [
    '{"a":[1,-2.5e-3,true,false,null,"\\u00e9\\n"],"b":{"c":""}}',
    '[[[[]]],{"x":{}}]',
    ' 0 ',
    '"\\"\\\\\\/"'
  ]
  const parse = (text: string): boolean => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.nat(60),
      fc.nat(2),
      fc.constantFrom('', ...'{}[]",:\\u0e-+.1 \ntrue\u0000\u2028'),
      (seed, place, drop, put) => {
        const text = seed.slice(0, place) + put + seed.slice(place + drop)
        try {
          parseStrictJson(text, 'test')
          return parse(text)
        } catch (error) {
          if (!(error instanceof GatecellError)) return false
          return !parse(text) || /was not there before|finite/.test(error.message)
        }
      }
    ),
    { numRuns: rounds(1000, 3000) }
  )
})

t.test('refuses', async (t) => {
  const bad: Record<string, string> = {
    'a name twice': '{"a":1,"a":2}',
    'a name twice, once escaped': '{"a":1,"\\u0061":2}',
    'an infinite number': '[1e999]',
    nothing: '',
    'a tail': '{} {}',
    'half a string': '"abc',
    'a bare control character': '"a\nb"',
    'a wrong escape': '"\\x41"',
    'a leading zero': '01',
    'a comma too much': '[1,]',
    depth: '['.repeat(1e5) + ']'.repeat(1e5)
  }
  for (const [name, text] of Object.entries(bad)) t.throws(() => parseStrictJson(text, 'test'), refused, name)
  t.throws(() => parseJsonObject('[]', 'test'), refused, 'an array as an object')
  t.throws(() => parseJsonObject('{"a":{"__proto__":{"x":1}}}', 'test'), refused, '__proto__')
})

t.test('integers only', async (t) => {
  t.strictSame(parseStrictJson('[0,9007199254740991]', 'test', { integersOnly: true }), [0, 9007199254740991])
  for (const text of ['9007199254740992', '18446744073709551617', '-1', '1.0', '1e3', '-0']) {
    t.throws(() => parseStrictJson(text, 'test', { integersOnly: true }), refused, text)
  }
})

t.test('names cannot reach a prototype', async (t) => {
  const value = parseStrictJson('{"__proto__":{"polluted":true},"constructor":1}', 'test')
  t.ok(value instanceof Map)
  t.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

t.test('canonicalJson sorts, leaves undefined out, and refuses what JSON cannot hold', async (t) => {
  t.equal(canonicalJson({ b: 1, a: [{ d: null, c: 'x' }], e: undefined }), '{"a":[{"c":"x","d":null}],"b":1}')
  for (const [value, path] of [
    [{ a: [1, NaN] }, 'config.a[1]'],
    [{ a: { b: Infinity } }, 'config.a.b'],
    [{ a: new Date() }, 'config.a'],
    [{ a: 1n }, 'config.a'],
    [{ a: new Array<number>(2) }, 'config.a[0]'],
    [{ a: new Array<number>(2 ** 32 - 1) }, 'config.a']
  ] as const) {
    t.throws(() => canonicalJson(value as unknown as JsonValue, 'config'), {
      code: 'ERR_INVALID_ARGUMENT',
      message: new RegExp(path.replace(/[[\].]/g, '\\$&'))
    })
  }
})

t.test('canonicalJson writes nothing that parseJsonObject refuses', async (t) => {
  const cyclic: Record<string, unknown> = { a: 1 }
  cyclic['self'] = cyclic
  const twice: unknown[] = []
  twice.push(twice, twice)
  const nested = (levels: number) => {
    let value: JsonValue = 1
    for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value }
    return value
  }
  const depth = { code: 'ERR_INVALID_ARGUMENT', message: /at most 64 levels/ }
  for (const value of [cyclic, twice, nested(66), nested(1e5)]) t.throws(() => canonicalJson(value as JsonValue), depth)
  for (const levels of [1, 63, 64]) t.doesNotThrow(() => parseStrictJson(canonicalJson(nested(levels)), 'test'))
  const own = JSON.parse('{"a":{"__proto__":1}}') as JsonValue
  t.throws(() => canonicalJson(own), { code: 'ERR_INVALID_ARGUMENT', message: /__proto__/ })
})
