// A caller may hand anything to the addon and gets an error with a code. Arguments one by one, then at random.
import fc from 'fast-check'
import t from 'tap'
import { modes } from '../../src/graph/opcodes.js'
import { errorCodes } from '../../src/errors.js'
import { native, type NativeAddon } from '../../src/native.js'
import { doubles, floats, linearDescription, linearPlan, loopOf, thrownCode, type PlanDescription } from './fixture.js'
import { rounds } from '../amounts.js'

const addon = native()
const bad = 'ERR_INVALID_ARGUMENT'

/** The same array after its buffer was transferred away. */
function detached<T extends Float32Array | Float64Array | Int32Array>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] })
  return array
}

t.test('an array of another type, missing, or detached is refused', async (t) => {
  const params = new Float64Array([0, 1, 16, 1])
  const create = addon.storeCreate as (...values: unknown[]) => unknown
  t.equal(
    thrownCode(() => create()),
    bad
  )
  t.equal(
    thrownCode(() => create([0, 1, 16, 1], floats(16), null, null, null)),
    bad
  )
  t.equal(
    thrownCode(() => create(new Float32Array(4), floats(16), null, null, null)),
    bad
  )
  t.equal(
    thrownCode(() => create(detached(new Float64Array(params)), floats(16), null, null, null)),
    bad
  )
  t.equal(
    thrownCode(() => create(new DataView(new ArrayBuffer(8)), floats(16), null, null, null)),
    bad
  )
  t.throws(() => create(params, new Float64Array(16), null, null, null), TypeError)
})

t.test('memory that outlives the call must be shared, so that it cannot be detached or shrunk', async (t) => {
  const params = new Float64Array([0, 1, 16, 1])
  t.equal(
    thrownCode(() => addon.storeCreate(params, new Float32Array(16), null, null, null)),
    bad
  )
  const { description } = linearDescription(1)
  t.equal(
    thrownCode(() => addon.planCreate({ ...description, host: new Float32Array(128) })),
    bad
  )
  t.equal(
    thrownCode(() => addon.planCreate({ ...description, control: new Float64Array(description.control.length) })),
    bad
  )
})

t.test('arenas of different lengths, parameters beyond them, odd tables', async (t) => {
  const params = new Float64Array([0, 1, 16, 1])
  t.throws(() => addon.storeCreate(params, floats(16), floats(8), null, null), RangeError)
  t.equal(
    thrownCode(() => addon.storeCreate(params, floats(16), floats(8), null, null)),
    'ERR_INVALID_SHAPE'
  )
  t.ok(thrownCode(() => addon.storeCreate(params, floats(8), null, null, null)))
  for (const table of [
    [0, 1, 16],
    [0, 1, 16.5, 1],
    [-16, 1, 16, 1],
    [NaN, 1, 16, 1],
    [2 ** 53, 1, 16, 1]
  ]) {
    t.ok(
      thrownCode(() => addon.storeCreate(new Float64Array(table), floats(16), null, null, null)),
      String(table)
    )
  }
})

t.test('a description with a wrong field is refused, and a throwing getter throws its own error', async (t) => {
  const { description } = linearDescription(1)
  const wrong: [string, unknown][] = [
    ['store', undefined],
    ['store', {}],
    ['tensors', new Int32Array(7)],
    ['tensors', new Float32Array(8)],
    ['ops', undefined],
    ['ops', new Int32Array([3, 3, 1, 0, 0, 1, 2, 99])],
    ['attributes', new Int32Array(0)],
    ['carry', new Int32Array(1)],
    ['gradients', new Int32Array(1)],
    ['gradients', new Int32Array([0, 0])],
    ['onlyGradients', 2],
    ['loss', 0.5],
    ['loss', -2],
    ['optimizer', 9],
    ['host', floats(64).subarray(1)],
    ['host', floats(16)],
    ['control', doubles(8)],
    ['threads', -1],
    ['precision', 7],
    ['precision', 9]
  ]
  for (const [name, value] of wrong) {
    t.ok(
      thrownCode(() => addon.planCreate({ ...description, [name]: value })),
      `${name} ${String(value)}`
    )
  }
  for (const value of [undefined, null, 1, 'x', () => 1]) {
    t.equal(
      thrownCode(() => addon.planCreate(value as unknown as PlanDescription)),
      bad
    )
  }
  const getter = Object.defineProperty({ ...description }, 'loss', {
    get() {
      throw Object.assign(new Error('mine'), { code: 'MINE' })
    }
  })
  t.equal(
    thrownCode(() => addon.planCreate(getter)),
    'MINE'
  )
})

t.test('a getter that detaches an array read before it', async (t) => {
  const { description } = linearDescription(1)
  const tensors = new Int32Array(description.tensors)
  const hostile = Object.defineProperty({ ...description, tensors }, 'threads', { get: () => (detached(tensors), 0) })
  t.equal(
    thrownCode(() => addon.planCreate(hostile)),
    bad
  )
})

t.test('handles are told apart', async (t) => {
  const { plan, store } = linearPlan(1)
  const foreign = [undefined, null, 1, 'x', 1n, Symbol('x'), {}, [], () => 1, new Proxy({}, {}), Object.create(null)]
  for (const value of [store, ...foreign]) {
    t.equal(
      thrownCode(() => addon.planRunSync(value as typeof plan, 0)),
      bad
    )
  }
  for (const value of [plan, ...foreign]) {
    t.equal(
      thrownCode(() => addon.storeTouch(value as typeof store)),
      bad
    )
  }
})

t.test('numbers: modes, token counts, threads', async (t) => {
  const { plan } = linearPlan(1)
  for (const mode of [-1, Object.keys(modes).length, 0.5, NaN, Infinity, 2 ** 32, '0', 0n, undefined]) {
    t.equal(
      thrownCode(() => addon.planRunSync(plan, mode as number)),
      bad,
      String(mode)
    )
    t.equal(
      thrownCode(() => addon.planRun(plan, mode as number)),
      bad,
      String(mode)
    )
  }
  for (const threads of [-1, 1025, 1.5, NaN])
    t.equal(
      thrownCode(() => addon.setThreads(threads)),
      bad
    )
  t.equal(
    thrownCode(() => addon.planGenerate(plan, loopOf([3]), 5, new Int32Array(4))),
    bad
  )
  for (const loop of [
    loopOf([77]),
    loopOf([-1]),
    new Int32Array(4),
    Int32Array.of(-1, -1, -1, 0, 2, 3),
    Int32Array.of(-1, -1, -1, 17, 0),
    Int32Array.of(-1, -1, -1, -1, 0),
    Int32Array.of(-1, -1, -1, 2 ** 30, 2 ** 30)
  ])
    t.equal(
      thrownCode(() => addon.planGenerate(plan, loop, 1, new Int32Array(64))),
      bad
    )
  // The asynchronous one writes the number of runs to the last element, and keeps the memory beyond the call.
  const shared = (count: number) => new Int32Array(new SharedArrayBuffer(4 * count))
  for (const out of [shared(0), new Int32Array(64)])
    t.equal(
      thrownCode(() => void addon.planGenerateAsync(plan, loopOf([3]), 1, out)),
      bad
    )
  await t.rejects(addon.planGenerateAsync(plan, loopOf([3]), 5, shared(5)), { code: bad })
  await t.rejects(addon.planGenerateAsync(plan, loopOf([77]), 1, shared(2)))
  // A table of rows is shared memory, and its contents are checked.
  for (const table of [shared(0), new Int32Array(64), shared(1).subarray(0, 0)])
    t.equal(
      thrownCode(() => void addon.planGenerateRowsAsync(plan, loopOf([3]), 1, shared(64), table)),
      bad
    )
  for (const words of [1, 8, 32])
    await t.rejects(addon.planGenerateRowsAsync(plan, loopOf([3]), 1, shared(64), shared(words)), { code: bad })
})

t.test('no tuple of values crashes the process or throws without a code', async (t) => {
  const { plan, store, description } = linearPlan(1)
  const value = fc.oneof(
    fc.constantFrom<unknown>(plan, store, null, undefined, description, new Float64Array([0, 1, 16, 1]), floats(16)),
    fc.constantFrom<unknown>(
      new Int32Array(8),
      new Uint8Array(3),
      doubles(description.control.length),
      -0,
      NaN,
      2 ** 53,
      1n,
      new Proxy({}, {})
    ),
    fc.integer({ min: -2, max: 20 }),
    fc.anything({ withTypedArray: true, withNullPrototype: true })
  )
  // Disposal is in lifetime.test.ts: here it would end the handles that the other calls need.
  const names = Object.keys(addon).filter((name) => !/version|Dispose/.test(name)) as (keyof NativeAddon)[]
  const run = async (name: keyof NativeAddon, values: unknown[]): Promise<void> => {
    try {
      await (addon[name] as (...values: unknown[]) => unknown)(...values)
    } catch (error) {
      const code = (error as { code?: string }).code
      if (code === undefined || !(code in errorCodes)) throw error
    }
  }
  const property = fc.asyncProperty(fc.constantFrom(...names), fc.array(value, { maxLength: 7 }), run)
  await fc.assert(property, { numRuns: rounds(4000, 6000, 1_000_000) })
  addon.setThreads(0)
  addon.planRunSync(plan, 0)
  t.pass('still alive')
})
