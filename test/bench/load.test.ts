// The load generator: planned times, events cut anywhere, the end of each kind of answer, and all measurements once on a small server.

import fc from 'fast-check'
import { getEventListeners } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { poissonTimes, textLengths } from '../../src/bench/load/arrivals.js'
import { loadAgent, measureStream } from '../../src/bench/load/client.js'
import { EventReader } from '../../src/bench/load/events.js'
import { measureFirst, measureHealth, measureLeaving, measureRates } from '../../src/bench/load/measures.js'
import { openLoop } from '../../src/bench/load/open-loop.js'
import { promptOf, servedModel, SERVED_SYMBOLS, writeServedModel } from '../../src/bench/load/served-model.js'
import { loopDelayOf, serveWords, startServerProcess } from '../../src/bench/load/server-process.js'
import { createEngine } from '../../src/index.js'

const agent = loadAgent()
t.teardown(() => agent.destroy())

t.test('times of a Poisson process', async (t) => {
  const times = poissonTimes(100, 50, 1)
  t.ok(Math.abs(times.length - 5000) < 4 * Math.sqrt(5000), 'as many as its rate')
  const gaps = Array.from(times, (time, i) => time - (times[i - 1] ?? 0))
  t.ok(gaps.every((gap) => gap > 0) && times.at(-1)! < 50)
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length
  t.ok(Math.abs(variance / mean ** 2 - 1) < 0.2, 'the gaps are as wide as those of an exponential distribution')
  t.ok(poissonTimes(100, 50, 1).every((time, i) => time === times[i]))
  t.not(poissonTimes(100, 50, 2)[0], times[0])
  const lengths = textLengths(4000, 100, 1)
  const average = lengths.reduce((sum, one) => sum + one, 0) / lengths.length
  t.ok(average > 90 && average < 110 && Math.min(...lengths) >= 1 && Math.max(...lengths) <= 800)
})

t.test('events that are cut anywhere', async (t) => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ' '))
  const property = fc.property(
    fc.array(line, { maxLength: 6 }),
    fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
    (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `: ping\n\nevent: x\ndata: ${text}\n\n`).join(''))
      const reader = new EventReader()
      const found: string[] = []
      for (let at = 0; at < bytes.length;) {
        const size = cuts.next().value as number
        found.push(...reader.read(bytes.subarray(at, (at += size))))
      }
      return JSON.stringify(found) === JSON.stringify(lines)
    }
  )
  fc.assert(property, { numRuns: 100 })
  t.same(new EventReader().read(Buffer.from('data:a\ndata: b\n\ndata: c')), ['a\nb'])
})

/** Measures one request to a server that answers as `listener` does. */
async function measured(listener: RequestListener, more: object = {}) {
  const server = createServer(listener).listen(0)
  const { port } = server.address() as { port: number }
  const result = await measureStream(agent, { url: `http://localhost:${port}`, body: {}, ...more })
  server.closeAllConnections()
  server.close()
  return result
}
const event = (text: string) => `data: ${JSON.stringify({ choices: [{ text }] })}\n\n`
const stream =
  (parts: readonly string[], end = true): RequestListener =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const part of parts) response.write(part)
    if (end) response.end()
    else setTimeout(() => response.destroy(), 10)
  }

t.test('each end of an answer', async (t) => {
  const whole = await measured(stream([event('abc'), event(''), event('d'), 'data: [DONE]\n\n']))
  t.match(whole, { end: 'done', status: 200, tokens: 4, events: 2, first: Number })
  t.equal(whole.gaps.length, 1)
  t.equal((await measured(stream([event('a')]))).end, 'broken', 'without the last event')
  t.equal((await measured(stream([event('a')], false))).end, 'broken', 'the connection ends')
  t.equal((await measured(stream([event('a'), 'data: {"error":{}}\n\n']))).end, 'failed')
  t.equal((await measured(stream([event('a'), 'data: {"cut\n\n']))).end, 'broken', 'an event that is not JSON')
  const { signal } = new AbortController()
  await measured(stream(['data: [DONE]\n\n']), { signal })
  t.equal(getEventListeners(signal, 'abort').length, 0, 'no listener stays')
  t.match(await measured((_, response) => response.writeHead(429).end()), { end: 'refused', status: 429, first: null })
  t.match(await measured(stream([event('abc'), event('def')], false), { leaves: 2 }), { end: 'left', tokens: 3 })
  t.match(await measured(() => {}, { leaves: 'sent' }), { end: 'left', status: 0 })
  t.match(await measured(() => {}, { signal: AbortSignal.timeout(20) }), { end: 'left' })
  const slow = await measured(stream([event('abc'), 'data: [DONE]\n\n']), { bytesPerSecond: 1e6 })
  t.match(slow, { end: 'done', tokens: 3 })
  const late = await measured(stream([event('a'), 'data: [DONE]\n\n']), { planned: performance.now() - 500 })
  t.ok(late.first! >= 500 && late.late >= 500, 'latencies count from the planned time')
})

t.test('a small server with all measurements', async (t) => {
  const path = join(t.testdir(), 'served.safetensors')
  const stack = { H: 16, layers: 1 }
  await writeServedModel(path, stack)
  using model = servedModel(stack)
  using engine = createEngine(model, { maxRows: 64 })
  const server = await startServerProcess(serveWords(path))
  const contest = { server, engine, agent, url: server.url }
  const first = await measureFirst(contest, 4, 1)
  t.ok(first['median_us']! > 0 && first['engine_median_us']! > 0)
  const rates = await measureRates(contest, 4, 0.1, 1)
  t.equal(rates['share_of_engine'], rates['symbols_per_second']! / rates['engine_symbols_per_second']!)
  t.ok(rates['symbols_per_event']! >= 1 && rates['most_to_least']! >= 1)
  t.ok((await measureHealth(contest, 4, 2, 0.1))['requests_per_second']! > 0)
  t.ok((await measureLeaving(contest, 4))['free_us']! > 0)
  const loop = await openLoop(contest, { rate: 50, seconds: 0.5, tokens: 10, seed: 1 })
  t.equal(loop.requests, poissonTimes(50, 0.5, 1).length)
  t.equal(loop.unfinished, 0)
  t.ok(loop.first_p50_us <= loop.first_p99_us)
  t.ok(loopDelayOf(await server.measurements()) >= 0)
  t.same(await server.close(), { code: 0, errors: '' })
  await t.rejects(startServerProcess(serveWords(join(path, 'none'))), { code: 'ERR_UNSUPPORTED' })
  await engine.drain()
})

t.test('prompts have symbols of the model, and differ', async (t) => {
  t.ok([...promptOf(50, 3)].every((symbol) => SERVED_SYMBOLS.includes(symbol)))
  t.not(promptOf(5, 1), promptOf(5, 2))
})
