// Servers that share their sessions in a real Redis: a session moves among them bit for bit, and a Redis that goes away stops nothing else.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t from 'tap'
import type { GatecellServer } from '../../src/serve/index.js'
import { lacksRedis, RedisProcess } from '../../src/bench/load/redis-process.js'
import { eventsOf, measured, send, startServer, trainedModel, until } from './world.js'

const folder = t.testdir({ redis: {} })
const keyFile = join(folder, 'key')
writeFileSync(keyFile, 'k'.repeat(40))

t.test('options that are wrong', async (t) => {
  const path = join(folder, 'none.safetensors')
  const refused = async (options: object, code: string, message: RegExp) => {
    const error: unknown = await startServer({ models: [path], ...options }).catch((reason: unknown) => reason)
    t.match(error, { code, message })
    t.notMatch(String(error), 'secret')
  }
  const sessionKeyFile = keyFile
  await refused({ sessions: 'redis://:secret@localhost' }, 'ERR_INVALID_ARGUMENT', /a file with a key/)
  await refused({ sessions: 'http://:secret@localhost', sessionKeyFile }, 'ERR_INVALID_ARGUMENT', /redis:\/\//)
  await refused({ sessions: '', sessionKeyFile }, 'ERR_INVALID_ARGUMENT', /sessions/)
  const more = { sessions: 'redis://localhost', sessionKeyFile, sessionsPasswordFile: join(folder, 'none') }
  await refused(more, 'ERR_FILE_NOT_FOUND', /none/)
})

t.test('servers with one Redis', { skip: lacksRedis() }, async (t) => {
  const path = await trainedModel(folder)
  const redis = await RedisProcess.start(join(folder, 'redis'))
  const raw = new Redis(redis.port).on('error', () => {})
  const options = { models: [path], sessionKeyFile: keyFile, sessions: redis.url }
  const [one, two] = [await startServer(options), await startServer(options)]
  const memory = await startServer({ models: [path], sessionKeyFile: keyFile })
  t.teardown(async () => {
    raw.disconnect()
    for (const server of [one, two, memory]) await server.close()
    await redis.kill()
  })
  const settings = { max_tokens: 25, temperature: 0.9 }
  const create = async (on: GatecellServer, body: object = {}) => (await send(on, '/v1/sessions', body)).json.id as string // prettier-ignore
  const continued = (on: GatecellServer, id: string, body: object = {}) =>
    send(on, `/v1/sessions/${id}/completions`, { ...settings, ...body })
  const textOf = (text: string) => eventsOf(text).slice(0, -1).map(({ choices }) => choices[0].text as string).join('') // prettier-ignore
  const valueOf = async (on: GatecellServer, id: string) =>
    (await on.app.inject({ url: `/v1/sessions/${id}/value`, headers: { host: 'localhost' } })).rawPayload

  await t.test('a session that moves has the bytes of one that stays', async (t) => {
    const begin = { prompt: 'the cell ', seed: 4 }
    let [moving, staying] = [await create(one, begin), await create(memory, begin)]
    for (let i = 0; i < 8; i++) {
      const server = [one, two][i % 2]!
      const body = i % 3 === 0 ? { prompt: 'and ' } : {}
      const streamed = await continued(server, moving, { ...body, stream: true })
      t.match(streamed.text, /data: \[DONE\]\n\n$/)
      const whole = await continued(memory, staying, body)
      t.equal(textOf(streamed.text), whole.json.choices[0].text)
      const other = [two, one][i % 2]!
      t.equal(Buffer.compare(await valueOf(other, moving), await valueOf(memory, staying)), 0, `turn ${i}`)
      if (i !== 4) continue
      moving = (await send(other, `/v1/sessions/${moving}/fork`, {})).json.id as string
      staying = (await send(memory, `/v1/sessions/${staying}/fork`, {})).json.id as string
    }
    t.equal(await measured(one, 'gatecell_sessions_live'), 2)
    t.match((await send(two, '/readyz')).json, { status: 'ok', sessions: 'ok' })
    t.equal((await send(memory, '/readyz')).json.sessions, undefined)
    t.equal((await send(one, `/v1/sessions/${moving}`, undefined, { method: 'DELETE' })).status, 200)
    t.equal((await continued(two, moving)).status, 404)
  })

  await t.test('one request at a time, on whichever server', async (t) => {
    const id = await create(one, { prompt: 'the ' })
    const long = continued(one, id, { max_tokens: 20000 })
    t.ok(await until(async () => (await raw.exists(`gatecell:1:lease:${id}`)) === 1))
    t.match(await continued(two, id), { status: 409, json: { error: { code: 'ERR_BUSY' } } })
    t.equal((await send(two, `/v1/sessions/${id}`)).json.position, 4, 'it can be read meanwhile')
    t.equal((await long).status, 200)
    t.equal((await continued(two, id)).status, 200)
    const lost = continued(one, id, { max_tokens: 20000, stream: true })
    t.ok(await until(async () => (await raw.del(`gatecell:1:lease:${id}`)) === 1))
    t.equal((await continued(two, id)).status, 200, 'the lease of a request that seems dead is over')
    const value = await valueOf(two, id)
    t.match(eventsOf((await lost).text).at(-1), { error: { code: 'ERR_BUSY' } }, 'which cannot write any more')
    t.equal(Buffer.compare(await valueOf(two, id), value), 0)
  })

  await t.test('values that were changed', async (t) => {
    const id = await create(one, { prompt: 'the ' })
    const key = `gatecell:1:value:${id}`
    const value = (await raw.getBuffer(key))!
    const refused = async (name: string, on = two) => {
      for (const answer of [await continued(on, id), await send(on, `/v1/sessions/${id}`)]) {
        t.match(answer, { status: 500, json: { error: { code: 'ERR_FILE_FORMAT' } } }, name)
        t.equal(answer.headers['x-should-retry'], 'false')
      }
    }
    const changed = Buffer.from(value)
    changed[60]! ^= 1
    for (const bytes of [changed, Buffer.alloc(0), value.subarray(0, 50), Buffer.from('garbage')]) {
      await raw.set(key, bytes)
      await refused(`${bytes.length} bytes`)
    }
    await raw.del(key)
    await raw.hset(key, 'a', 'b')
    await refused('a hash')
    await raw.del(key)
    await raw.set(key, value)
    const otherKey = join(folder, 'other-key')
    writeFileSync(otherKey, 'o'.repeat(40))
    await using foreign = await startServer({ ...options, sessionKeyFile: otherKey })
    await refused('a server with another key', foreign)
    t.equal((await continued(two, id)).status, 200, 'the session is whole')
  })

  await t.test('a Redis that goes away takes only sessions with it', async (t) => {
    const [id, reference] = [await create(one, { prompt: 'the ', seed: 7 }), await create(memory, { prompt: 'the ', seed: 7 })] // prettier-ignore
    const stream = continued(one, id, { stream: true, max_tokens: 30000 })
    t.ok(await until(async () => (await raw.exists(`gatecell:1:lease:${id}`)) === 1))
    await redis.kill()
    t.ok(await until(async () => (await send(one, '/readyz')).json.sessions === 'unavailable', 60))
    await redis.start()
    const whole = await continued(memory, reference, { max_tokens: 30000 })
    const { text } = await stream
    t.match(text, /data: \[DONE\]\n\n$/, 'a stream that was under way ends well')
    t.equal(textOf(text), whole.json.choices[0].text)
    await redis.kill()
    t.ok(await until(async () => (await send(two, '/readyz')).json.sessions === 'unavailable', 60))
    const requests = [
      ['', undefined],
      ['/completions', settings],
      ['/fork', {}]
    ] as const
    for (const [route, body] of requests) {
      const answer = await send(two, `/v1/sessions/${id}${route}`, body)
      t.match(answer, { status: 503, json: { error: { code: 'ERR_UNAVAILABLE', type: 'server_error' } } }, route)
      t.match(answer.headers, { 'retry-after': '1', 'x-should-retry': 'true' })
    }
    t.equal((await send(two, '/v1/sessions', {})).status, 503)
    t.match(await send(two, '/readyz'), { status: 200, json: { status: 'ok' } })
    t.equal((await send(two, '/v1/completions', settings)).status, 200)
    t.match((await send(two, '/metrics')).text, /^gatecell_sessions_live Nan$/im)
    await using late = await startServer(options)
    t.equal((await continued(late, id)).status, 503, 'a server begins without it, too')
    await redis.start()
    for (const server of [one, two, late])
      t.ok(await until(async () => (await send(server, '/readyz')).json.sessions === 'ok', 60))
    const next = await continued(late, id)
    t.equal(next.status, 200, next.text)
    t.equal(next.json.choices[0].text, (await continued(memory, reference)).json.choices[0].text)
  })
})
