// Sessions over HTTP: values that continue texts here and elsewhere, and that are not trusted when they come back.

import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { memorySessions } from '../../src/serve/session-store.js'
import { decodeSession, encodeSession } from '../../src/serve/session-value.js'
import { eventsOf, measured, send, startServer, trainedModel } from './world.js'

const folder = t.testdir()
const path = await trainedModel(folder)
const other = await trainedModel(folder, 'other', ['--seed', '5'])
const keyFile = join(folder, 'key.txt')
writeFileSync(keyFile, 'k'.repeat(40))
const options = { models: [path], sessionKeyFile: keyFile, maxSessions: 40 }
const server = await startServer(options)
const second = await startServer(options)
const foreign = await startServer({ models: [path], maxSessions: 3 })
t.teardown(() => Promise.all([server, second, foreign].map((one) => one.close())))

const settings = { max_tokens: 20, temperature: 0.9 }
const create = async (body: object = {}) => (await send(server, '/v1/sessions', body)).json
const continued = (on: typeof server, id: string, body: object = {}) =>
  send(on, `/v1/sessions/${id}/completions`, { ...settings, ...body })
const valueOf = async (id: string): Promise<Buffer> =>
  (await server.app.inject({ url: `/v1/sessions/${id}/value`, headers: { host: 'localhost' } })).rawPayload

t.test('a session continues its text, as one request would', async (t) => {
  const whole = await send(server, '/v1/completions', { ...settings, prompt: 'the cell ', seed: 4, max_tokens: 40 })
  const made = await send(server, '/v1/sessions', { prompt: 'the cell ', seed: 4 })
  t.equal(made.status, 201)
  t.match(made.json, { id: /^sess_/, object: 'session', model: 'tiny', position: 9 })
  const { id } = made.json
  const first = await continued(server, id)
  t.match(first.json, { object: 'text_completion', session: id, choices: [{ finish_reason: 'length' }] })
  const events = eventsOf((await continued(server, id, { stream: true })).text)
  t.equal(events.at(-1), '[DONE]')
  const text = events.slice(0, -1).map(({ choices }) => choices[0].text as string).join('') // prettier-ignore
  t.equal(first.json.choices[0].text + text, whole.json.choices[0].text)
  t.equal((await send(server, `/v1/sessions/${id}`)).json.position, 49)
})

t.test('a session moves to another process with the same key, bit for bit', async (t) => {
  const { id } = await create({ prompt: 'the gate ', seed: 9 })
  await continued(server, id)
  const value = await valueOf(id)
  const moved = await send(second, '/v1/sessions', value)
  t.equal(moved.status, 201)
  const there = await continued(second, moved.json.id)
  const fork = (await send(server, `/v1/sessions/${id}/fork`, {})).json
  const here = await continued(server, id)
  t.equal(there.json.choices[0].text, here.json.choices[0].text)
  t.equal((await continued(server, fork.id)).json.choices[0].text, here.json.choices[0].text, 'and a fork')
  t.same(Buffer.compare(await valueOf(id), await valueOf(fork.id)), 0)
  const restored = await send(server, `/v1/sessions/${id}/value`, value, { method: 'PUT' })
  t.equal(restored.status, 200)
  t.equal((await continued(server, id)).json.choices[0].text, here.json.choices[0].text, 'and one that was put back')
})

t.test('a session that is deleted is gone', async (t) => {
  const { id } = await create()
  t.match((await continued(server, id, { max_tokens: 3 })).json, { usage: { completion_tokens: 3 } })
  t.match((await send(server, `/v1/sessions/${id}`, undefined, { method: 'DELETE' })).json, { id, deleted: true })
  for (const [url, body] of [[''], ['/value'], ['/fork', {}], ['/completions', {}]] as const)
    t.equal((await send(server, `/v1/sessions/${id}${url}`, body)).status, 404, url)
  t.equal((await send(server, `/v1/sessions/${id}`, undefined, { method: 'DELETE' })).status, 404)
})

t.test('a request that fails leaves the session as it was', async (t) => {
  const { id } = await create({ prompt: 'the ' })
  const before = await valueOf(id)
  for (const body of [
    { prompt: '\u4e16' },
    { n: 2 },
    { prompt: ['a', 'b'] },
    { logit_bias: { 9999: 1 } },
    { top_p: 7 }
  ])
    t.equal((await continued(server, id, body)).status, 400, JSON.stringify(body))
  t.equal(Buffer.compare(await valueOf(id), before), 0)
  t.equal((await continued(server, id)).status, 200)
})

t.test('two requests at a time: the second one is refused', async (t) => {
  const { id } = await create({ prompt: 'the ' })
  const both = await Promise.all([continued(server, id, { max_tokens: 2000 }), continued(server, id)])
  t.same(both.map(({ status }) => status), [200, 409]) // prettier-ignore
})

t.test('values that were changed, and those of another server or model', async (t) => {
  const { id } = await create({ prompt: 'the cell' })
  const value = await valueOf(id)
  const refused = async (bytes: Buffer, status: number, name: string, on = server) => {
    const answer = await send(on, '/v1/sessions', bytes)
    t.equal(answer.status, status, name)
    t.match(answer.json, { error: { code: /^ERR_/, message: /^Expected / } }, name)
  }
  for (let i = 0; i < 40; i++) {
    const bytes = Buffer.from(value)
    const at = randomBytes(4).readUInt32LE() % bytes.length
    bytes[at] = bytes[at]! ^ (1 << (i % 8))
    await refused(bytes, 400, `byte ${at}`)
  }
  for (const length of [0, 1, 11, 43, 44, value.length - 1])
    await refused(value.subarray(0, length), 400, `${length} bytes`)
  await refused(Buffer.concat([value, Buffer.alloc(4)]), 400, 'longer')
  await refused(Buffer.alloc(2 ** 20 + 1), 413, 'too long')
  await refused(value, 400, 'another key', foreign)
  t.equal((await send(server, `/v1/sessions/${id}/value`, {}, { method: 'PUT' })).status, 415)
  const third = await startServer({ ...options, models: [other] })
  await refused(value, 400, 'another model', third)
  await third.close()
})

t.test('signed values with other contents', async (t) => {
  const key = Buffer.from('k'.repeat(40))
  const { id } = await create({ prompt: 'the cell' })
  const { model, state } = decodeSession(await valueOf(id), key)
  const [[name, view]] = Object.entries(state.states) as [[string, Float32Array]]
  const wrong: [string, typeof state][] = [
    ['a state is missing', { ...state, states: {} }],
    ['a state of another size', { ...state, states: { ...state.states, [name]: view.slice(1) } }],
    ['a token beyond the vocabulary', { ...state, unread: Int32Array.of(9999) }]
  ]
  for (const [what, one] of wrong) {
    const answer = await send(server, '/v1/sessions', encodeSession({ model, state: one }, key))
    t.equal(answer.status, 400, what)
  }
  const infinite = { ...state, states: { ...state.states, [name]: view.map(() => Infinity) } }
  t.equal((await send(server, '/v1/sessions', encodeSession({ model, state: infinite }, key))).status, 400)
})

t.test('there are only so many sessions, and old ones go', async (t) => {
  for (let i = 0; i < 3; i++) t.equal((await send(foreign, '/v1/sessions', {})).status, 201)
  const refused = await send(foreign, '/v1/sessions', {})
  t.equal(refused.status, 429)
  t.match(refused.headers, { 'retry-after': '1', 'x-should-retry': 'true' })
  t.equal(await measured(foreign, 'gatecell_sessions_live'), 3)
  const store = memorySessions({ maxSessions: 2, sessionTime: 0.05 })
  await store.add('a', Buffer.from('1'))
  const held = (await store.hold('a'))!
  await store.add('b', Buffer.from('2'))
  await new Promise((resolve) => setTimeout(resolve, 120))
  t.equal(await store.get('b'), null)
  await held.put(Buffer.from('3'))
  await held.release()
  await store.close()
})
