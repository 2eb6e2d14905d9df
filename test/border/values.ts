// Values that no function of gatecell expects. Each is made again for every call, because some can be used only once.
import { types } from 'node:util'
import { isTensor } from '../../src/graph/graph.js'

/** The error that getters, traps and callbacks of the hostile caller throw. It must reach the caller unchanged. */
export const mine = new Error('an error of the caller')
const fail = (): never => {
  throw mine
}

const traps: ProxyHandler<object> = {
  get: fail,
  set: fail,
  has: fail,
  ownKeys: fail,
  getPrototypeOf: fail,
  getOwnPropertyDescriptor: fail,
  defineProperty: fail,
  deleteProperty: fail,
  isExtensible: fail,
  apply: fail,
  construct: fail
}

export function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

export const trapped = (target: object): object => new Proxy(target, traps)

function detached<A extends { buffer: ArrayBufferLike }>(array: A): A {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] })
  return array
}

/** A view whose buffer became smaller than the view. */
function shrunk(): Float32Array {
  const Resizable = ArrayBuffer as unknown as new (
    bytes: number,
    options: { maxByteLength: number }
  ) => ArrayBuffer & {
    resize(bytes: number): void
  }
  const buffer = new Resizable(64, { maxByteLength: 128 })
  const view = new Float32Array(buffer, 0, 16)
  buffer.resize(8)
  return view
}

function cyclic(): object {
  const object: Record<string, unknown> = { list: [] as unknown[] }
  object['self'] = object
  ;(object['list'] as unknown[]).push(object)
  return object
}

function cyclicArray(): unknown[] {
  const array: unknown[] = [1]
  array.push(array)
  return array
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { value }
  return value
}

/** By name, for reports. */
export const anywhere: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  false: () => false,
  NaN: () => NaN,
  Infinity: () => Infinity,
  '-Infinity': () => -Infinity,
  '-1': () => -1,
  '0': () => 0,
  '-0': () => -0,
  '0.5': () => 0.5,
  '1': () => 1,
  '7': () => 7,
  '2^31': () => 2 ** 31,
  '2^31-1': () => 2 ** 31 - 1,
  '2^32': () => 2 ** 32,
  '2^53': () => 2 ** 53,
  '1e300': () => 1e300,
  '5e-324': () => 5e-324,
  bigint: () => 1n,
  'large bigint': () => 2n ** 100_000n,
  'empty string': () => '',
  'string x': () => 'x',
  'string 5': () => '5',
  'string NUL': () => 'a\0b',
  'string __proto__': () => '__proto__',
  'string constructor': () => 'constructor',
  'lone surrogate': () => '\ud800',
  'huge string': () => 'a'.repeat(2 ** 20),
  'control characters': () => '\u001b[31m\u0007',
  symbol: () => Symbol('hostile'),
  'symbol iterator': () => Symbol.iterator,
  function: () => () => undefined,
  'throwing function': () => fail,
  'async function': () => async () => 1,
  'rejecting function': () => async () => fail(),
  generator: () => function* () {},
  object: () => ({}),
  'null prototype': () => Object.create(null) as unknown,
  'own __proto__': () => JSON.parse('{"__proto__": {"a": 1}}') as unknown,
  'empty array': () => [],
  'array of null': () => [null],
  'array of strings': () => ['1', 'x'],
  'array of NaN': () => [NaN, 1],
  'array of arrays': () => [[[null, true, 0]]],
  'array of symbols': () => [Symbol('element')],
  holes: () => new Array(3),
  'longest array': () => new Array(2 ** 32 - 1),
  'array with getter': () => Object.defineProperty([1, 2], 0, { get: fail, enumerable: true }),
  cyclic,
  'cyclic array': cyclicArray,
  'deep nesting': () => nested(100_000),
  'length -1': () => ({ length: -1 }),
  'length 2^31': () => ({ length: 2 ** 31 }),
  'length NaN': () => ({ length: NaN }),
  'length that throws': () => Object.defineProperty({}, 'length', { get: fail }),
  'toString that throws': () => ({ toString: fail, valueOf: fail, [Symbol.toPrimitive]: fail, toJSON: fail }),
  'valueOf of a number': () => ({ valueOf: () => 1, toString: () => 'x' }),
  'iterator that throws': () => ({ [Symbol.iterator]: fail, [Symbol.asyncIterator]: fail }),
  'endless iterable': () => ({
    *[Symbol.iterator]() {
      for (let i = 0; i < 1e4; i++) yield i
    }
  }),
  thenable: () => ({ then: fail }),
  promise: () => Promise.resolve(1),
  boxed: () => Object(1) as unknown,
  'boxed string': () => Object('x') as unknown,
  date: () => new Date(NaN),
  regexp: () => /x/,
  error: () => new Error('a value, not thrown'),
  map: () => new Map<unknown, unknown>([[{}, null]]),
  'map of numbers': () => new Map<unknown, unknown>([[NaN, Infinity]]),
  set: () => new Set([1]),
  weakmap: () => new WeakMap(),
  'proxy with traps': () => trapped({}),
  'array proxy with traps': () => trapped([]),
  'function proxy with traps': () => trapped(fail),
  'revoked proxy': () => revoked({}),
  'revoked array proxy': () => revoked([]),
  'revoked function proxy': () => revoked(fail),
  'transparent proxy': () => new Proxy({}, {}),
  'array buffer': () => new ArrayBuffer(16),
  'shared buffer': () => new SharedArrayBuffer(16),
  'data view': () => new DataView(new ArrayBuffer(16)),
  'empty floats': () => new Float32Array(0),
  'floats of NaN': () => new Float32Array(16).fill(NaN),
  'floats of Infinity': () => new Float32Array(6).fill(Infinity),
  'detached floats': () => detached(new Float32Array(16)),
  'detached ints': () => detached(new Int32Array(16)),
  'detached bytes': () => detached(new Uint8Array(16)),
  'shrunk floats': shrunk,
  'shared floats': () => new Float32Array(new SharedArrayBuffer(64)),
  'shared ints': () => new Int32Array(new SharedArrayBuffer(64)),
  doubles: () => new Float64Array(17),
  ints: () => new Int32Array(16).fill(-5),
  bytes: () => new Uint8Array(16).fill(255),
  bigints: () => new BigInt64Array(16),
  'aborted signal': () => AbortSignal.abort(mine),
  globalThis: () => globalThis
}

export type Container = Record<PropertyKey, unknown>

/** Whether replacing single properties of `value` makes sense: plain objects and arrays. */
export function isPlain(value: unknown): value is Container {
  if (typeof value !== 'object' || value === null || types.isProxy(value) || isTensor(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}

function like(right: Container): Container {
  return (Array.isArray(right) ? [...(right as unknown[])] : { ...right }) as Container
}

function withGetter(right: Container, key: string, get: () => unknown): Container {
  return Object.defineProperty(like(right), key, { get, enumerable: true, configurable: true })
}

/** Changes of a right value; `dispose` ends the objects that the call works with. */
export function changesOf(right: unknown, dispose: (() => void) | undefined): [string, () => unknown][] {
  const changes: [string, () => unknown][] = []
  if (typeof right === 'object' && right !== null) {
    changes.push(['trapped copy', () => trapped(right)], ['revoked copy', () => revoked(right)])
    changes.push(['null-prototype copy', () => Object.assign(Object.create(null) as object, right)])
    // The getters of what inherits from an array of numbers, or from a Map, throw a TypeError of their own.
    if (!ArrayBuffer.isView(right) && !types.isMap(right))
      changes.push(['inheriting copy', () => Object.create(right) as object])
  }
  if (isPlain(right)) {
    const keys = Object.keys(right)
    if (!Array.isArray(right)) {
      changes.push(['unknown name', () => ({ ...right, unknownName: 1 })])
      changes.push(['symbol name', () => ({ ...right, [Symbol('name')]: 1 })])
    }
    for (const key of keys) {
      changes.push([`getter ${key} that throws`, () => withGetter(right, key, fail)])
      let reads = 0
      const lie = () => (reads++ % 2 === 0 ? right[key] : Symbol('changed'))
      changes.push([`getter ${key} that changes`, () => withGetter(right, key, lie)])
      if (!dispose) continue
      const ends = () => (dispose(), right[key])
      changes.push([`getter ${key} that disposes`, () => withGetter(right, key, ends)])
    }
  }
  if (typeof right === 'function') {
    changes.push(['callback that throws', () => fail])
    if (dispose) changes.push(['callback that disposes', () => dispose])
    for (const name of ['undefined', 'null', 'NaN', 'string x', 'symbol', 'object', 'promise', 'revoked proxy'])
      changes.push([`callback that returns ${name}`, () => () => anywhere[name]!()])
  }
  return changes
}

const isTyped = (value: unknown): boolean => ArrayBuffer.isView(value) && !(value instanceof DataView)

/** Whether `value` is of a type that must be refused where `right` is right. undefined may mean that it is left out. */
export function isWrongType(right: unknown, value: unknown): boolean {
  if (value === undefined || right === undefined || right === null) return false
  if (typeof right === 'number') return typeof value !== 'number' || Number.isNaN(value)
  if (typeof right !== 'object') return typeof value !== typeof right
  if (typeof value !== 'object' || value === null) return true
  if (types.isProxy(value)) return false
  if (Array.isArray(right) || isTyped(right)) return !('length' in value || Symbol.iterator in value)
  return false
}
