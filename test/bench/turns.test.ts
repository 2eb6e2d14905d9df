// Turns: contestants alternate, a failing rival is an error of its own, the fastest variant stays and the others close.
import t from 'tap'
import { percentile, summarise } from '../../src/bench/report/stats.js'
import { asyncContestant, fastest, syncContestant, takeTurns, type Contestant } from '../../src/bench/turns.js'

function scripted(log: string[], name: string, us: number, failAt = Infinity): Contestant & { closed: boolean } {
  let bursts = 0
  return {
    closed: false,
    async burst() {
      log.push(name)
      if (++bursts >= failAt) throw new Error(`${name} fell over`)
      return [us, us + 1, us + 2]
    },
    close() {
      this.closed = true
    }
  }
}

t.test('percentiles', async (t) => {
  t.equal(percentile([5], 0.99), 5)
  t.equal(percentile([1, 2, 3, 4], 0.5), 3)
  const timing = summarise(Array.from({ length: 100 }, (_, i) => 100 - i))
  t.same(timing, { median: 51, p10: 11, p90: 91, p99: 100, samples: 100 })
})

t.test('contestants alternate, and all bursts of one count together', async (t) => {
  const log: string[] = []
  const { timings } = await takeTurns([scripted(log, 'a', 1), scripted(log, 'b', 10)], { seconds: 0.01 })
  t.same(log.join(''), 'ab'.repeat(5))
  t.same(timings, [
    { median: 2, p10: 1, p90: 3, p99: 3, samples: 15 },
    { median: 11, p10: 10, p90: 12, p99: 12, samples: 15 }
  ])
})

t.test('a rival that fails is left out from then on, the engine that fails ends it', async (t) => {
  const log: string[] = []
  const { timings } = await takeTurns([scripted(log, 'a', 1), scripted(log, 'b', 10, 2)], { seconds: 0.01 })
  t.match(timings[1], { message: 'b fell over' })
  t.equal(log.filter((name) => name === 'b').length, 2)
  await t.rejects(takeTurns([scripted([], 'a', 1, 3)], { seconds: 0.01 }), { message: 'a fell over' })
})

t.test('an aborted run ends between bursts', async (t) => {
  const signal = AbortSignal.abort()
  await t.rejects(takeTurns([scripted([], 'a', 1)], { seconds: 0.01, signal }), { code: 'ERR_ABORTED' })
})

t.test('the fastest variant stays', async (t) => {
  const log: string[] = []
  const variants = [scripted(log, 'slow', 9), scripted(log, 'fast', 2), scripted(log, 'slower', 11)]
  t.equal(await fastest(variants, 0.01), variants[1])
  t.same(
    variants.map(({ closed }) => closed),
    [true, false, true]
  )
  t.equal(await fastest([variants[0]!], 0.01), variants[0])
})

t.test('calls are timed one by one, at least once, and warming does not count', async (t) => {
  let calls = 0
  const sync = syncContestant(
    () => void calls++,
    () => {}
  )
  const times = await sync.burst(0.001, true)
  t.ok(times.length >= 1 && calls > times.length)
  calls = 0
  const once = syncContestant(
    () => void (calls++, Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)),
    () => {},
    10
  )
  const slow = await once.burst(0.0001, false)
  t.equal(slow.length, 1)
  t.equal(calls, 1)
  t.ok(slow[0]! >= 400, 'the time of one unit of ten')
  const slept = await asyncContestant(
    () => new Promise((resolve) => setTimeout(resolve, 3)),
    () => {}
  ).burst(0.001, false)
  t.equal(slept.length, 1)
  t.ok(slept[0]! > 1000)
})
