// A server and its clients on real sockets: clients that leave, that read slowly, that come in crowds, and the end and reload of the server.

import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { GatecellServer } from '../../src/serve/index.js'
import { eventsOf, measured, send, startServer, trainedModel, until } from './world.js'

const folder = t.testdir()
const path = await trainedModel(folder)
const other = await trainedModel(folder, 'other', ['--seed', '5'])

/** Opens a connection and sends a request for texts. */
async function ask({ url }: GatecellServer, body: object, route = '/v1/completions'): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('connect', resolve))
  const json = JSON.stringify(body)
  const head = ['POST ' + route + ' HTTP/1.1', 'host: localhost', 'content-type: application/json']
  socket.write([...head, `content-length: ${Buffer.byteLength(json)}`, '', json].join('\r\n'))
  return socket
}

const post = (url: string, body: object) =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })

const isIdle = async (server: GatecellServer) => {
  const names = ['requests_running', 'requests_waiting', 'sessions_paused']
  const values = await Promise.all(names.map((name) => measured(server, `gatecell_${name}`)))
  return values.every((value) => value === 0)
}
const LONG = { max_tokens: 60000, seed: 1, prompt: 'the ' }

t.test('a client that leaves frees its row, in every phase', async (t) => {
  const server = await startServer({ models: [path], maxRows: 2, maxUses: 1 })
  const running = () => measured(server, 'gatecell_requests_running')
  const phases: [name: string, body: object, ready: () => Promise<boolean> | boolean][] = [
    ['while the texts are drawn, streamed', { ...LONG, stream: true }, async () => (await running()) > 0],
    ['while they are drawn, at once', LONG, async () => (await running()) > 0],
    ['while the prompt is read', { ...LONG, prompt: 'the cell '.repeat(60000) }, () => true],
    ['while it waits', { ...LONG, n: 8, stream: true }, async () => (await measured(server, 'gatecell_requests_waiting')) > 0] // prettier-ignore
  ]
  for (const [name, body, ready] of phases) {
    const socket = await ask(server, body)
    t.ok(await until(ready), name)
    socket.destroy()
    t.ok(await until(() => isIdle(server), 2), `${name}: all is free again`)
  }
  // The second use of the model waits for the first one, and its client leaves there.
  const sample = { length: 1e9, prompt: 'the ' }
  const sockets = [await ask(server, sample, '/v1/sample'), await ask(server, sample, '/v1/sample')]
  await new Promise((resolve) => setTimeout(resolve, 100))
  sockets[1]!.destroy()
  sockets[0]!.destroy()
  const short = send(server, '/v1/sample', { length: 3, prompt: 'the ' })
  t.equal((await short).status, 200, 'a use begins after those that were left')
  await server.close()
})

t.test('a client that does not read pauses its text, and others continue', async (t) => {
  const server = await startServer({ models: [path], maxRows: 4 })
  const socket = await ask(server, { ...LONG, n: 30, stream: true, logprobs: 5 })
  socket.pause()
  t.ok(await until(async () => (await measured(server, 'gatecell_sessions_paused')) >= 20, 60), 'its texts pause')
  const answer = (await (await post(server.url, { max_tokens: 50, prompt: 'the ' })).json()) as { usage: object }
  t.match(answer, { usage: { completion_tokens: 50 } })
  socket.destroy()
  t.ok(await until(() => isIdle(server), 5))
  await server.close()
})

t.test('a full queue refuses with 429, and loses nobody', async (t) => {
  const server = await startServer({ models: [path], maxRows: 2, maxWaiting: 2 })
  const answers = await Promise.all(Array.from({ length: 12 }, () => post(server.url, { ...LONG, max_tokens: 10000 })))
  const statuses = answers.map(({ status }) => status)
  t.same([...new Set(statuses)].sort(), [200, 429])
  const refused = answers.find(({ status }) => status === 429)!
  t.equal(refused.headers.get('retry-after'), '1')
  t.match(await refused.json(), { error: { type: 'rate_limit_error', code: 'ERR_OVERLOADED' } })
  for (const answer of answers) if (!answer.bodyUsed) await answer.text()
  t.ok(await isIdle(server))
  t.equal((await post(server.url, { n: 5 })).status, 429, 'a request with more texts than fit')
  t.ok(await isIdle(server), 'none of its texts runs')
  await server.close()
})

t.test('the end of a server lets streams end, and ends the others with an error', async (t) => {
  const server = await startServer({ models: [path], drainTime: 0.3, maxRows: 128, maxTokens: 1e9 })
  const texts = Array.from({ length: 100 }, async (_, i) => {
    const body = { ...LONG, stream: true, max_tokens: i % 2 === 0 ? 20 : 1e9 }
    const response = await post(server.url, body)
    return await response.text()
  })
  // Texts whose clients have much to read pause.
  const held = async () =>
    (await measured(server, 'gatecell_requests_running')) + (await measured(server, 'gatecell_sessions_paused'))
  t.ok(await until(async () => (await held()) >= 50))
  const begin = performance.now()
  const closed = server.close()
  t.equal((await send(server, '/readyz')).status, 503)
  t.equal((await send(server, '/healthz')).status, 200)
  const refused = await send(server, '/v1/completions', {})
  t.equal(refused.status, 503)
  t.equal(refused.headers['x-should-retry'], 'false')
  await closed
  t.ok(performance.now() - begin < 10_000)
  for (const text of await Promise.all(texts)) {
    // A request that came after the beginning of the end got a status.
    const last = eventsOf(text).at(-1) ?? JSON.parse(text)
    if (last !== '[DONE]') t.match(last, { error: { code: /^ERR_(ABORTED|OVERLOADED)$/, message: /end of the server|one that ends/ } }) // prettier-ignore
  }
})

t.test('a model is replaced while a stream runs', async (t) => {
  const file = join(folder, 'served.safetensors')
  copyFileSync(path, file)
  const server = await startServer({ models: [file] })
  const text = async (body: object = {}) => {
    const answer = (await (await post(server.url, { max_tokens: 30, prompt: 'the ', seed: 1, ...body })).json()) as {
      choices: [{ text: string }]
    }
    return answer.choices[0].text
  }
  const before = await text()
  const stream = post(server.url, { ...LONG, max_tokens: 5000, stream: true }).then((response) => response.text())
  await until(async () => (await measured(server, 'gatecell_requests_running')) > 0)
  t.match(await server.reload(), [{ id: 'served', result: 'same' }])
  rmSync(file)
  copyFileSync(other, file)
  t.match(await server.reload(), [{ id: 'served', result: 'replaced' }])
  const after = await text()
  t.not(after, before)
  const events = eventsOf(await stream)
  t.equal(events.at(-1), '[DONE]')
  t.equal(events.at(-2).choices[0].finish_reason, 'length')
  for (const content of ['no model', null]) {
    if (content === null) rmSync(file)
    else writeFileSync(file, content)
    t.match(await server.reload(), [{ result: 'failed', error: { code: /^ERR_FILE/ } }])
    t.equal(await text(), after, 'the model stays')
  }
  await server.close()
})

t.test('many at once have the texts that each has by itself', async (t) => {
  const server = await startServer({ models: [path], maxRows: 16 })
  const text = async (seed: number) => (await (await post(server.url, { prompt: 'the cell ', max_tokens: 40, seed })).json()) as { choices: [{ text: string }] } // prettier-ignore
  const crowd = await Promise.all(Array.from({ length: 60 }, (_, seed) => text(seed)))
  for (const seed of [0, 17, 59]) t.equal((await text(seed)).choices[0].text, crowd[seed]!.choices[0].text)
  t.equal((await fetch(`${server.url}/healthz`)).status, 200)
  await server.close()
})
