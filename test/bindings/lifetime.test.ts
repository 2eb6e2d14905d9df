// Busy and disposed handles, and what the garbage collector may and may not take.
import t from 'tap'
import { native } from '../../src/native.js'
import { collectGarbage, linearPlan, linearStore, loopOf, thrownCode, width } from './fixture.js'

const addon = native()
const longRows = 16384

t.test('a run writes its output, synchronously and not', async (t) => {
  const { plan, host } = linearPlan(3)
  const expected = width * 0.5 + 0.5
  addon.planRunSync(plan, 0)
  t.equal(host[3 * width], expected)
  host.fill(2)
  await addon.planRun(plan, 0)
  t.equal(host[3 * width], 2 * width * 0.5 + 0.5)
})

t.test('one job per plan; other plans wait their turn; the loop keeps turning', async (t) => {
  const long = linearPlan(longRows)
  const other = linearPlan(2)
  const first = addon.planRun(long.plan, 0)
  t.equal(
    thrownCode(() => addon.planRun(long.plan, 0)),
    'ERR_BUSY'
  )
  t.equal(
    thrownCode(() => addon.planRunSync(long.plan, 0)),
    'ERR_BUSY'
  )
  t.equal(
    thrownCode(() => addon.planGenerate(long.plan, loopOf([3]), 1, new Int32Array(1))),
    'ERR_BUSY'
  )
  t.equal(
    thrownCode(() => addon.planExplain(long.plan)),
    'ERR_BUSY'
  )
  t.equal(
    thrownCode(() => addon.planDispose(long.plan)),
    'ERR_BUSY'
  )
  t.equal(
    thrownCode(() => addon.storeDispose(long.store)),
    'ERR_BUSY'
  )
  t.ok(addon.planBytes(long.plan) > 0)
  await Promise.all([first, addon.planRun(other.plan, 0)])
  t.equal(other.host[2 * width], width * 0.5 + 0.5)
  await addon.planRun(long.plan, 0)
})

t.test('after dispose every call says so', async (t) => {
  const { plan, store } = linearPlan(1)
  addon.planDispose(plan)
  const calls = [
    () => addon.planRun(plan, 0),
    () => addon.planRunSync(plan, 0),
    () => addon.planGenerate(plan, loopOf([3]), 1, new Int32Array(1)),
    () => addon.planExplain(plan),
    () => addon.planBytes(plan),
    () => addon.planDispose(plan)
  ]
  for (const call of calls) t.equal(thrownCode(call), 'ERR_DISPOSED')
  addon.storeTouch(store)
  addon.storeDispose(store)
  t.equal(
    thrownCode(() => addon.storeTouch(store)),
    'ERR_DISPOSED'
  )
  t.equal(
    thrownCode(() => addon.storeDispose(store)),
    'ERR_DISPOSED'
  )
})

t.test('a plan whose store was disposed of refuses to run, and can be disposed of', async (t) => {
  const { plan, store } = linearPlan(1)
  addon.storeDispose(store)
  t.equal(
    thrownCode(() => addon.planRunSync(plan, 0)),
    'ERR_DISPOSED'
  )
  addon.planDispose(plan)
})

t.test('arenas and plan stay while a job runs, though nobody else holds them', async (t) => {
  const jobs: Promise<unknown>[] = []
  for (let k = 0; k < 4; k++) jobs.push(addon.planRun(linearPlan(longRows).plan, 0))
  for (let k = 0; k < 5; k++) await collectGarbage()
  await Promise.all(jobs)
  t.pass('settled')
})

t.test('plans and stores that nobody holds are collected', async (t) => {
  const registry = { gone: 0 }
  const finalization = new FinalizationRegistry(() => registry.gone++)
  for (let k = 0; k < 50; k++) {
    const { plan, host, store } = linearPlan(64)
    if (k % 2 === 0) await addon.planRun(plan, 0)
    if (k % 3 === 0) addon.planDispose(plan)
    if (k % 5 === 0) addon.storeDispose(store)
    finalization.register(host, k)
  }
  for (let k = 0; k < 100 && registry.gone < 45; k++) await collectGarbage()
  t.ok(registry.gone >= 45, `${registry.gone} of 50 arenas were freed`)
})

t.test('a store outlives its handle while a plan uses it', async (t) => {
  const make = (): ReturnType<typeof linearPlan> => linearPlan(2)
  const { plan, host } = make()
  for (let k = 0; k < 5; k++) await collectGarbage()
  for (let k = 0; k < 20; k++) linearStore()
  addon.planRunSync(plan, 0)
  t.equal(host[2 * width], width * 0.5 + 0.5)
})
