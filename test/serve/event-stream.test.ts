// Streams of events to clients that are slow, stalled or silent. Times are those of a clock that the test moves, or short.

import { EventEmitter, once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { mock } from 'node:test'
import t from 'tap'
import { EventStream, MOST_UNSENT_BYTES, type StreamTimes } from '../../src/serve/event-stream.js'
import { rounds } from '../amounts.js'
import { until } from './world.js'

/** A response that keeps the calls that a stream makes of it. */
class FakeResponse extends EventEmitter {
  writableLength = 0
  destroyed = false
  writableEnded = false
  written: string[] = []
  timeout = 0
  onTimeout = () => {}
  writeHead() {}
  flushHeaders() {}
  setTimeout(time: number, call: () => void) {
    this.timeout = time
    this.onTimeout = call
  }
  write(text: string) {
    this.written.push(text)
  }
  end(text: string) {
    this.write(text)
    this.writableEnded = true
    this.emit('close')
  }
  destroy() {
    this.destroyed = true
    this.emit('close')
  }
}

t.test('a comment comes after 15 seconds of silence', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  let now = 0
  t.intercept(performance, 'now', { value: () => now })
  t.teardown(() => mock.timers.reset())
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      now += 1000
      mock.timers.tick(1000)
    }
  }
  const response = new FakeResponse()
  const events = new EventStream(response as unknown as ServerResponse, {})
  pass(14)
  t.strictSame(response.written, [])
  pass(1)
  t.strictSame(response.written, [': ping\n\n'])
  pass(10)
  await events.send(() => '1')
  pass(14)
  t.equal(response.written.length, 2, 'an event ends the silence')
  pass(1)
  t.equal(response.written.at(-1), ': ping\n\n')
  response.writableLength = 1
  pass(60)
  t.equal(response.written.length, 3, 'nothing is added for a client that has not read everything')
  response.writableLength = 0
  events.end('[DONE]')
  pass(60)
  t.equal(response.written.length, 4, 'nothing follows the end')
})

t.test('a client that takes nothing for 30 seconds is cut off', async (t) => {
  const response = new FakeResponse()
  const events = new EventStream(response as unknown as ServerResponse, {})
  t.equal(response.timeout, 30_000)
  response.onTimeout()
  t.notOk(response.destroyed, 'one that has taken everything stays')
  response.writableLength = MOST_UNSENT_BYTES + 1
  let sent = false
  const sending = events.send(() => '1').then(() => (sent = true))
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(sent)
  response.onTimeout()
  t.ok(response.destroyed)
  await sending
  t.ok(events.closed, 'and its writer waits no more')
  t.strictSame(response.written, [])
})

/** A server whose answers are `use` of a stream of events, and the responses that it has. */
async function streaming(use: (events: EventStream, response: ServerResponse) => Promise<void>, times?: StreamTimes) {
  const responses: ServerResponse[] = []
  const server = createServer((_, response) => {
    responses.push(response)
    void use(new EventStream(response, {}, times), response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
    return socket
  }
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { responses, open, close }
}

const EVENT = 'x'.repeat(4000)
const FRAME = EVENT.length + 8

t.test('a stalled client on a socket is cut off, a silent one hears a comment', async (t) => {
  let ended = 0
  const forever = async (events: EventStream) => {
    while (!events.closed) await events.send(() => EVENT)
    ended++
  }
  const stalled = await streaming(forever, { ping: 1e6, stall: 100 })
  const socket = await stalled.open()
  socket.pause()
  t.ok(await until(() => ended === 1, 60), 'the writer is free')
  t.ok(stalled.responses[0]!.destroyed)
  stalled.close()
  const silent = await streaming(async () => {}, { ping: 20, stall: 1e6 })
  const [data] = (await once(await silent.open(), 'data')) as [Buffer]
  t.match(String(data), /text\/event-stream/)
  const heard = async () => String((await once(reader, 'data'))[0]).includes(': ping')
  const reader = await silent.open()
  t.ok(await until(heard))
  silent.close()
})

t.test('slow readers keep 64 KiB and an event, and others get everything', async (t) => {
  const [readers, texts, events] = [rounds(10, 10, 200), 3, rounds(800, 800, 1500)]
  let most = 0
  let healthy = 0
  const { responses, open, close } = await streaming(async (stream, response) => {
    // Several texts write to one response, as those of a request with n > 1 do.
    const write = async () => {
      for (let i = 0; i < events && !stream.closed; i++) {
        await stream.send(() => EVENT)
        most = Math.max(most, response.writableLength)
      }
    }
    await Promise.all(Array.from({ length: texts }, write))
    if (!stream.closed) healthy++
    stream.end('[DONE]')
  })
  const slow = await Promise.all(Array.from({ length: readers }, open))
  for (const socket of slow) socket.pause()
  const timer = setInterval(() => slow.forEach((socket) => socket.read(1024)), 1000)
  const isFull = () => responses.slice(0, readers).every(({ writableLength }) => writableLength > MOST_UNSENT_BYTES)
  t.ok(await until(isFull, 120), 'all of them are slow')
  const bound = MOST_UNSENT_BYTES + FRAME + 100
  const fast = await open()
  let bytes = 0
  fast.on('data', (data: Buffer) => (bytes += data.length))
  t.ok(await until(() => healthy === 1, 60))
  t.ok(await until(() => bytes >= texts * events * FRAME, 60))
  t.ok(most <= bound, `at most ${most} bytes waited`)
  t.ok(isFull(), 'the slow ones wait on')
  clearInterval(timer)
  for (const socket of [...slow, fast]) socket.destroy()
  t.ok(await until(() => responses.every(({ destroyed }) => destroyed)))
  close()
})
