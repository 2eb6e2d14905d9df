// Sessions in a real Redis over TLS, with certificates that openssl makes: a server that trusts them, and connections that must not come about.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { lacksRedisTls, RedisProcess } from '../../src/bench/load/redis-process.js'
import { redisSessions } from '../../src/serve/redis-sessions.js'
import { main } from '../cli/command.js'
import { plainEnvironment } from '../compiled.js'
import { send, startServer, trainedModel, until } from './world.js'

const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const skip = lacksRedisTls() || (!hasOpenssl && 'no openssl on this machine (Debian: apt-get install openssl)')
const folder = t.testdir({ redis: {} })
const at = (name: string) => join(folder, name)

/** Makes an authority and a certificate of it for localhost. */
function makeCertificates() {
  const common = ['req', '-x509', '-nodes', '-days', '2', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const make = (name: string, more: readonly string[]) => {
    const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)]
    const { status, stderr } = spawnSync('openssl', [...common, ...files, ...more], { encoding: 'utf8' })
    t.equal(status, 0, `openssl: ${stderr}`)
  }
  make('authority', ['-subj', '/CN=authority of the test'])
  const signed = ['-CA', at('authority.pem'), '-CAkey', at('authority.key')]
  make('localhost', [...signed, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'])
  return { certificate: at('localhost.pem'), key: at('localhost.key'), authority: at('authority.pem') }
}

/** Starts a server in a process that trusts an authority. */
async function startTrusting(path: string, sessions: string, authority: string) {
  const env = { ...plainEnvironment(), NODE_EXTRA_CA_CERTS: authority, GATECELL_SESSIONS: sessions }
  const words = [main, 'serve', path, '--port', '0', '--json', '--device', 'cpu', '--session-key-file', at('key')]
  const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.on('data', (bytes: Buffer) => (log += bytes.toString()))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url } = JSON.parse(line) as { url: string }
  const post = async (route: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${url}/v1/${route}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return (await answer.json()) as { id: string; choices: { text: string }[] }
  }
  const end = async () => {
    child.kill('SIGTERM')
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, log }
  }
  return { post, end }
}

t.test('sessions over TLS', { skip }, async (t) => {
  const path = await trainedModel(folder)
  writeFileSync(at('key'), 'k'.repeat(40))
  const files = makeCertificates()
  await using redis = await RedisProcess.start(at('redis'), ['--requirepass', 'secret'], files)
  const withPassword = (url: string) => url.replace('//', '//:secret@')
  const memory = await startServer({ models: [path], sessionKeyFile: at('key') })
  t.teardown(() => memory.close())
  const begin = { prompt: 'the cell ', seed: 4 }
  const reference = (await send(memory, '/v1/sessions', begin)).json.id as string
  const body = { max_tokens: 20, temperature: 0.9 }

  let session = ''
  for (let turn = 0; turn < 2; turn++) {
    const server = await startTrusting(path, withPassword(redis.url), files.authority)
    if (turn === 0) session = (await server.post('sessions', begin)).id
    const { choices } = await server.post(`sessions/${session}/completions`, body)
    const whole = await send(memory, `/v1/sessions/${reference}/completions`, body)
    t.equal(choices[0]!.text, whole.json.choices[0].text, `process ${turn}`)
    const { code, log } = await server.end()
    t.equal(code, 0)
    t.notMatch(log, 'secret')
  }

  const addresses = {
    'an authority that nobody trusts': redis.url,
    'another name than that of the certificate': redis.url.replace('localhost', '127.0.0.1'),
    'a connection without TLS': redis.url.replace('rediss', 'redis')
  }
  for (const [name, sessions] of Object.entries(addresses)) {
    const server = await startServer({ models: [path], sessionKeyFile: at('key'), sessions: withPassword(sessions) })
    const answer = await send(server, '/v1/sessions', begin)
    t.equal(answer.status, 503, name)
    t.equal(answer.json.error.code, 'ERR_UNAVAILABLE')
    t.notMatch(answer.text, 'secret')
    t.equal((await send(server, '/v1/completions', { max_tokens: 2 })).status, 200)
    await server.close()
  }
})

t.test('handshakes that fail do not end the process', { skip }, async (t) => {
  const files = makeCertificates()
  mkdirSync(at('other'))
  await using redis = await RedisProcess.start(at('other'), [], files)
  // Between both, to count the connections.
  let connections = 0
  const between = createServer((client) => {
    connections++
    const server = connect(redis.port, '127.0.0.1').on('error', () => client.destroy())
    client.on('error', () => server.destroy())
    client.pipe(server).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(between, 'listening')
  const { port } = between.address() as { port: number }
  const bounds = { maxSessions: 10, sessionTime: 10 }
  const address = { host: '127.0.0.1', port, db: 0, tls: true }
  const stores = await Promise.all(Array.from({ length: 10 }, () => redisSessions(address, bounds, { retry: 1 })))
  const log = { info: () => {}, warn: () => {} }
  await Promise.all(stores.map((store) => store.connect(log)))
  // One in ten of such handshakes has two errors.
  t.ok(await until(() => connections > 150, 600))
  await t.rejects(stores[0]!.get('none'), { code: 'ERR_UNAVAILABLE', message: /UNABLE_TO_VERIFY/ })
  await Promise.all(stores.map((store) => store.close()))
  between.close()
})
