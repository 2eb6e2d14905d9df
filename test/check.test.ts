// The checks of the border: what each takes, what it refuses, and that it runs no code of a value to describe it.
import t, { type Test } from 'tap'
import * as check from '../src/check/index.js'
import { GatecellError, show, type ErrorCode } from '../src/errors.js'

/** A proxy whose every access throws. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const refused = (t: Test, call: () => unknown, message: RegExp, code = 'ERR_INVALID_ARGUMENT') =>
  t.throws(call, { name: 'GatecellError', code, message }, String(message))

t.test('numbers and integers keep to their bounds', async (t) => {
  t.equal(check.number(0, 1)(0.5, 'p'), 0.5)
  t.ok(Object.is(check.integer(0)(-0, 'n'), 0), 'there is no -0 behind the border')
  for (const value of [NaN, '1', null, undefined, 1n, Symbol('one'), [1], { valueOf: () => 1 }, revoked()]) {
    refused(t, () => check.number(0, 1)(value, 'p'), /^Expected a number from 0 to 1 as p but received /)
    refused(t, () => check.integer(0, 1)(value, 'n'), /^Expected an integer from 0 to 1 as n but received /)
  }
  refused(t, () => check.integer(0)(2 ** 53, 'n'), /received 9007199254740992\.$/)
  refused(t, () => check.number()(Infinity, 'x'), /^Expected a number as x but received Infinity\.$/)
  t.equal(check.number(0, Infinity)(Infinity, 'prune'), Infinity)
})

t.test('an object is read once, and has no other properties', async (t) => {
  const read = check.object<{ a: number; b?: string }>({ a: check.number(), b: check.optional(check.string) })
  let reads = 0
  const changing = { get a() { return reads++ === 0 ? 1 : 'changed' } } // prettier-ignore
  t.same(read(changing, 'options'), { a: 1 })
  t.equal(reads, 1)
  t.same(read({ a: 1, b: undefined }, 'options'), { a: 1 }, 'undefined is absent')
  refused(t, () => read({ a: 1, c: 2 }, 'options'), /^Expected a, b in options but received "c" too\.$/)
  refused(t, () => read({ a: 1, b: null }, 'options'), /^Expected a string as options\.b but received null\.$/)
  refused(
    t,
    () => read({ a: 1, b: null }, 'the options of f'),
    /^Expected a string as b in the options of f but received null\.$/
  )
  for (const value of [null, 1, 'x', () => 1, revoked()])
    refused(t, () => read(value, 'options'), /^Expected an object as options but received /)
  const mine = new Error('mine')
  t.throws(() => read({ get a() { throw mine } }, 'options'), mine) // prettier-ignore
})

t.test('lists have a length and elements', async (t) => {
  t.same(check.list(check.integer(1))([1, 2], 'shape'), [1, 2])
  t.same([...check.integers(0, 9)([1, 2], 'ids')], [1, 2])
  refused(t, () => check.list(check.integer(1))(new Array(2 ** 32 - 1), 'shape'), /a length from 0 to/)
  refused(t, () => check.numbers({ length: 2 ** 31 }, 'ids'), /a length from 0 to/)
  refused(t, () => check.numbers({ length: 5 }, 'ids'), /^Expected a number as ids\[0\] but received undefined\.$/)
  refused(t, () => check.numbers([1, '2'], 'ids'), /^Expected a number as ids\[1\] but received "2"\.$/)
  refused(t, () => check.integers(0, 9)([NaN], 'ids'), /ids\[0\] but received NaN/)
  refused(t, () => check.numbers(new BigInt64Array(1), 'ids'), /ids\[0\] but received 0n/)
  const array = new Float32Array(4)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  refused(t, () => check.float32Array(4)(array, 'state'), /4 elements as state .* one of 0/, 'ERR_INVALID_SHAPE')
})

t.test('functions, signals and what is iterated', async (t) => {
  t.equal(check.callback()(Math.abs, 'f'), Math.abs)
  refused(t, () => check.syncFunction()(async () => {}, 'forward'), /^Expected a function that is not async as forward/)
  t.ok(check.signal(new AbortController().signal, 'signal'))
  for (const value of [{}, null, new Proxy(new AbortController().signal, {}), revoked()])
    refused(t, () => check.signal(value, 'signal'), /^Expected an AbortSignal as signal/)
  refused(t, () => check.iterable(check.anything)('text', 'words'), /^Expected an iterable as words/)
})

t.test('a value is described without running its code', async (t) => {
  const loud = new Proxy({}, { get: () => { throw new Error('read') }, getPrototypeOf: () => { throw new Error('read') } }) // prettier-ignore
  t.equal(show(loud), 'an object')
  t.equal(show(revoked()), 'a revoked proxy')
  t.equal(show(10n ** 1000n), 'a large bigint')
  t.equal(show(new Float64Array(1)), 'a Float64Array')
  t.equal(show('x'.repeat(1000)).length, 62)
  t.throws(() => new GatecellError('ERR_X' as ErrorCode, 'x'), { code: 'ERR_INVALID_ARGUMENT' })
})
