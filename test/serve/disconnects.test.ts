// Clients that leave a server in every phase of their requests, many of them: all rows are free afterwards, and all counts are zero.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import type { GatecellServer } from '../../src/serve/index.js'
import { rounds } from '../amounts.js'
import { measured, send, startServer, trainedModel, until } from './world.js'

const path = await trainedModel(t.testdir())
const LONG = { max_tokens: 60000, seed: 1, prompt: 'the ' }

/** Opens a connection and sends a request. */
async function ask({ url }: GatecellServer, body: object, route = '/v1/completions'): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  const json = JSON.stringify(body)
  const head = [`POST ${route} HTTP/1.1`, 'host: localhost', 'content-type: application/json']
  socket.write([...head, `content-length: ${Buffer.byteLength(json)}`, '', json].join('\r\n'))
  return socket
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}
const firstBytes = async (socket: Socket) => {
  await once(socket, 'data')
}

t.test('clients that leave in every phase', async (t) => {
  const server = await startServer({ models: [path], maxRows: 4, maxUses: 2, maxWaiting: 100_000, maxSessions: 10 })
  const { id } = (await send(server, '/v1/sessions', { prompt: 'the ' })).json as { id: string }
  const gauge = (name: string) => measured(server, `gatecell_${name}`)
  const paused = async () => (await gauge('sessions_paused')) > 0
  /** The phases with the request, and the event at which the client leaves. */
  const phases: [name: string, request: () => Promise<Socket>, ready: (socket: Socket) => Promise<unknown>][] = [
    ['before the body is whole', () => ask(server, LONG), async () => {}],
    ['while it waits', () => ask(server, { ...LONG, n: 8, stream: true }), () => turns(5)],
    ['while the prompt is read', () => ask(server, { ...LONG, prompt: 'the cell '.repeat(20000) }), () => turns(20)],
    ['while texts are drawn, streamed', () => ask(server, { ...LONG, stream: true }), firstBytes],
    ['while texts are drawn, at once', () => ask(server, LONG), () => turns(40)],
    ['while a session is continued', () => ask(server, { ...LONG, stream: true }, `/v1/sessions/${id}/completions`), firstBytes], // prettier-ignore
    ['while a use runs', () => ask(server, { length: 1e9, prompt: 'the ', stream: true }, '/v1/sample'), firstBytes],
    ['while a use waits', () => ask(server, { length: 1e9, prompt: 'the ' }, '/v1/sample'), () => turns(10)]
  ]
  const count = rounds(100, 100, 1000)
  const leave = async (i: number) => {
    const [, request, ready] = phases[i % phases.length]!
    const socket = await request()
    await ready(socket)
    socket.destroy()
  }
  const width = 2 * phases.length
  for (let i = 0; i < count; i += width) await Promise.all(Array.from({ length: width }, (_, k) => leave(i + k)))
  // Those that wait for a write: their clients do not read, and the texts pause.
  for (let i = 0; i < count / 100; i++) {
    const socket = await ask(server, { ...LONG, n: 4, stream: true, logprobs: 5 })
    socket.pause()
    t.ok(await until(paused, 120), 'texts of a client that does not read pause')
    socket.destroy()
  }
  const names = ['requests_running', 'requests_waiting', 'sessions_paused']
  const isIdle = async () => (await Promise.all(names.map(gauge))).every((value) => value === 0)
  t.ok(await until(isIdle, 60), 'all rows are free')
  t.equal(await gauge('sessions_live'), 1)
  const again = await send(server, `/v1/sessions/${id}/completions`, { max_tokens: 3 })
  t.equal(again.status, 200, 'the session is free, too')
  t.equal((await send(server, `/v1/sessions/${id}`)).json.position, 7, 'and as it was')
  t.equal((await send(server, '/v1/sample', { length: 3, prompt: 'the ' })).status, 200)
  await server.close()
})
