// Requests that a server refuses before it reads them: foreign hosts, foreign pages, and those without a token.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { save, models } from '../tasks/small-models.js'
import { send, startServer } from './world.js'

const folder = t.testdir()
const path = join(folder, 'm.safetensors')
await save(models['text']!(8), path)
const tokenFile = join(folder, 'tokens')
writeFileSync(tokenFile, 'first-token\n\n second-token \n')

t.test('hosts', async (t) => {
  await using server = await startServer({ models: [path], allowHost: ['lstm.example'] })
  const get = (host: string) => send(server, '/v1/models', undefined, { headers: { host } })
  for (const host of ['localhost', 'localhost:8080', '127.0.0.1:1', '[::1]:80', 'LSTM.example:443'])
    t.equal((await get(host)).status, 200, host)
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', 'x@localhost', 'localhost:80:80']) {
    const { status, json } = await get(host)
    t.equal(status, 421, host)
    t.match(json, { error: { code: 'ERR_FORBIDDEN', type: 'permission_error' } })
  }
})

t.test('other spellings of this machine are checked as it is', async (t) => {
  for (const host of ['127.1', 'LOCALHOST', '::ffff:127.0.0.1']) {
    await using server = await startServer({ models: [path], host })
    t.equal((await send(server, '/v1/models', undefined, { headers: { host: 'evil.example' } })).status, 421, host)
    t.equal((await send(server, '/v1/models')).status, 200)
  }
  await using open = await startServer({ models: [path], host: '0.0.0.0' })
  t.equal((await send(open, '/v1/models', undefined, { headers: { host: 'any.example' } })).status, 200)
})

t.test('pages', async (t) => {
  await using server = await startServer({ models: [path], allowOrigin: ['https://good.example'] })
  const from = (origin: string, method: 'GET' | 'OPTIONS' = 'GET') =>
    send(server, '/v1/models', undefined, { method, headers: { host: 'localhost:8080', origin } })
  t.equal((await from('http://localhost:8080')).status, 200, 'a page of the server itself')
  for (const origin of ['https://evil.example', 'null', 'http://localhost:9999', 'https://good.example.evil.example'])
    t.equal((await from(origin)).status, 403, origin)
  const good = await from('https://good.example')
  t.match(good.headers, { 'access-control-allow-origin': 'https://good.example', vary: 'origin' })
  const asked = await from('https://good.example', 'OPTIONS')
  t.equal(asked.status, 204)
  t.match(asked.headers, { 'access-control-allow-headers': 'authorization, content-type' })
  t.equal((await from('https://evil.example', 'OPTIONS')).status, 403)
  t.equal((await from('http://localhost:8080')).headers['access-control-allow-origin'], undefined)
})

t.test('tokens', async (t) => {
  await using server = await startServer({ models: [path], tokenFile, token: 'third-token' })
  const asked = (authorization?: string, url = '/v1/models') =>
    send(server, url, undefined, { headers: authorization === undefined ? {} : { authorization } })
  for (const token of ['first-token', 'second-token', 'third-token']) t.equal((await asked(`Bearer ${token}`)).status, 200) // prettier-ignore
  for (const wrong of [
    undefined,
    '',
    'Bearer ',
    'Bearer first',
    'Bearer first-token2',
    'Basic first-token',
    'first-token'
  ]) {
    const { status, headers, json } = await asked(wrong)
    t.equal(status, 401, wrong ?? 'none')
    t.equal(headers['www-authenticate'], 'Bearer')
    t.match(json, { error: { type: 'authentication_error', code: 'ERR_FORBIDDEN' } })
  }
  for (const url of ['/healthz', '/readyz', '/health']) {
    const { status, json } = await asked(undefined, url)
    t.equal(status, 200)
    t.same(json, { status: 'ok' })
  }
  t.equal((await asked(undefined, '/metrics')).status, 401)
})

t.test('options that are wrong', async (t) => {
  const empty = join(folder, 'empty')
  writeFileSync(empty, '\n')
  const refused = async (options: object, code: string) =>
    t.rejects(startServer({ models: [path], ...options }), { code }, JSON.stringify(options))
  await refused({ models: [] }, 'ERR_INVALID_ARGUMENT')
  await refused({ models: [path, path] }, 'ERR_INVALID_ARGUMENT')
  await refused({ models: [{ id: 'a/b', path }] }, 'ERR_INVALID_ARGUMENT')
  await refused({ models: [join(folder, 'none.safetensors')] }, 'ERR_FILE_NOT_FOUND')
  await refused({ models: [empty] }, 'ERR_FILE_FORMAT')
  await refused({ maxRows: 0 }, 'ERR_INVALID_ARGUMENT')
  await refused({ unknown: 1 }, 'ERR_INVALID_ARGUMENT')
  await refused({ tokenFile: join(folder, 'none') }, 'ERR_FILE_NOT_FOUND')
  await refused({ tokenFile: empty }, 'ERR_FILE_FORMAT')
  await refused({ sessionKeyFile: empty }, 'ERR_FILE_FORMAT')
  await refused({ sessions: {} }, 'ERR_INVALID_ARGUMENT')
  await using server = await startServer({ models: [path] })
  await refused({ port: Number(new URL(server.url).port) }, 'ERR_BUSY')
  await refused({ host: 'no.such.host.invalid' }, 'ERR_BUSY')
})

t.test('a plugin and a handler', async (t) => {
  const { createServer } = await import('node:http')
  const { default: fastify } = await import('fastify')
  const { createHandler, servePlugin } = await import('../../src/serve/index.js')
  const app = fastify()
  app.get('/', () => 'own')
  await app.register(servePlugin, { prefix: '/lstm', models: [path] })
  const headers = { host: 'localhost' }
  const { statusCode, body } = await app.inject({ url: '/lstm/v1/models', headers })
  t.equal(statusCode, 200)
  t.match(JSON.parse(body), { data: [{ id: 'm' }] })
  t.equal(
    (await app.inject({ url: '/', headers: { host: 'other' } })).body,
    'own',
    'the routes of the host are its own'
  )
  t.equal((await app.inject({ url: '/lstm/v1/models', headers: { host: 'other' } })).statusCode, 421)
  await app.close()
  const handler = await createHandler({ models: [path] })
  const server = createServer(handler.handle).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const answer = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ max_tokens: 3 })
  })
  t.match(await answer.json(), { usage: { completion_tokens: 3 } })
  server.close()
  server.closeAllConnections()
  await handler.close()
})
