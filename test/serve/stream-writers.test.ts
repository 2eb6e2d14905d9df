// Many writers of one slow response: a bound on the bytes that wait, and the beat in which streams send.

import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { EventStream, MOST_UNSENT_BYTES } from '../../src/serve/event-stream.js'
import { FlushClock } from '../../src/serve/flush-clock.js'

/** A response whose client takes everything when `drain` is called. */
class SlowResponse extends EventEmitter {
  writableLength = 0
  destroyed = false
  writableEnded = false
  most = 0
  writeHead() {}
  flushHeaders() {}
  setTimeout() {}
  write(text: string) {
    this.writableLength += text.length
    this.most = Math.max(this.most, this.writableLength)
  }
  drain() {
    this.writableLength = 0
    this.emit('drain')
  }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))
const opened = () => {
  const response = new SlowResponse()
  return { response, events: new EventStream(response as unknown as ServerResponse, {}) }
}

t.test('many writers of one response', async (t) => {
  const { response, events } = opened()
  const data = 'x'.repeat(20_000)
  let [made, sent] = [0, 0]
  const writers = Array.from({ length: 100 }, async () => {
    await events.send(() => {
      made++
      return data
    })
    sent++
  })
  for (let i = 0; sent < 100; i++) {
    await turn()
    t.equal(made, sent, 'an event is made when it is sent')
    t.ok(response.listenerCount('drain') <= 1)
    if (i < 25) response.drain()
  }
  await Promise.all(writers)
  t.ok(response.most <= MOST_UNSENT_BYTES + data.length + 10, 'the bound and one event')
  response.emit('close')
})

t.test('a client that goes ends all waits', async (t) => {
  const { response, events } = opened()
  await events.send(() => 'x'.repeat(MOST_UNSENT_BYTES))
  let made = 0
  const writers = Array.from({ length: 10 }, () => events.send(() => `${made++}`))
  await turn()
  response.destroyed = true
  response.emit('close')
  await Promise.all(writers)
  t.equal(made, 0, 'nothing is made for nobody')
})

t.test('the beat', async (t) => {
  const clock = new FlushClock(5)
  const order: number[] = []
  const streams = Array.from({ length: 100 }, async (_, i) => {
    const beat = clock.beat()
    await beat.next()
    order.push(i)
    await beat.next()
    order.push(i)
  })
  const leaver = clock.beat()
  const left = leaver.next()
  const begin = performance.now()
  leaver.end()
  await left
  await leaver.next()
  t.ok(performance.now() - begin < 5, 'an end is not delayed')
  await Promise.all(streams)
  t.same(order.slice(0, 100), [...Array(100).keys()], 'each has a turn before anyone has two')
  t.same(order.slice(100), [...Array(100).keys()])
})
