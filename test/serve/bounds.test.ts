// Bounds of single requests, so that none takes the memory or the time of others, and the form of the earliest errors.

import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { LogprobList } from '../../src/serve/logprobs.js'
import { addLogprobs } from '../../src/serve/choice.js'
import { memorySessions } from '../../src/serve/session-store.js'
import type { TextParts } from '../../src/tasks/verb.js'
import { models, save } from '../tasks/small-models.js'
import { send, startServer } from './world.js'

const folder = t.testdir()
const path = join(folder, 'm.safetensors')
await save(models['text']!(8), path)

t.test('requests that would take too much', async (t) => {
  await using server = await startServer({ models: [path] })
  const refused = async (body: object, param: string, message: RegExp) => {
    const { status, json } = await send(server, '/v1/completions', body)
    t.equal(status, 400)
    t.match(json, { error: { code: 'ERR_INVALID_ARGUMENT', param, message } })
  }
  const bias = Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [String(i).padStart(5, '0'), 1]))
  await refused({ logit_bias: bias }, 'logit_bias', /at most 1024 tokens/)
  await refused({ logprobs: 0, n: 5, max_tokens: 65536 }, 'logprobs', /at most 262144 tokens/)
  const prompt = Array.from({ length: 40_000 }, () => 1)
  await refused({ prompt, n: 128, max_tokens: 1 }, 'prompt', /at most 4194304 tokens/)
  await refused({ prompt, n: 8, max_tokens: 1, echo: true, logprobs: 1, stream: true }, 'logprobs', /at most 262144/)
  const { status, json } = await send(server, '/v1/completions', { prompt, n: 2, max_tokens: 1, logprobs: 0 })
  t.equal(status, 200)
  t.equal(json.usage.prompt_tokens, 40_000)
})

t.test('tokens with the names of properties of objects have their log probabilities', async (t) => {
  const names = ['constructor', '__proto__', 'toString']
  const vocabulary = { decode: ([id]: number[]) => names[id!]!, symbol: (id: number) => names[id]! }
  const list = new LogprobList(vocabulary as unknown as TextParts['vocabulary'], {
    alternatives: 2,
    decoder: { write: (id) => names[id]! },
    begin: 0
  })
  const top = [
    { token: 1, logProbability: -1 },
    { token: 2, logProbability: -2 }
  ]
  list.add(0, { token: 0, logProbability: -3, top })
  const logprobs = list.take(100)
  const text = '{"__proto__":-1,"toString":-2,"constructor":-3}'
  t.equal(JSON.stringify(logprobs.top_logprobs[0]), text)
  list.add(2, { token: 2, logProbability: -2, top })
  t.same(addLogprobs(logprobs, list.take(100))?.tokens, ['constructor', 'toString'])
  t.equal(addLogprobs(null, null), null)
})

t.test('the time of a session begins again at the end of a request', async (t) => {
  const store = memorySessions({ maxSessions: 2, sessionTime: 0.05 })
  await store.add('one', new Uint8Array(1))
  const held = await store.hold('one')
  await sleep(80)
  await held!.put(new Uint8Array(2))
  await held!.release()
  t.equal((await store.get('one'))?.length, 2)
  const again = await store.hold('one')
  await store.delete('one')
  await again!.release()
  t.equal(await store.count(), 0)
  await store.close()
})

t.test('bytes that are no request', async (t) => {
  await using server = await startServer({ models: [path] })
  const { port } = new URL(server.url)
  const answerTo = async (bytes: string) => {
    const socket = connect(Number(port), '127.0.0.1')
    let text = ''
    socket.on('data', (data: Buffer) => (text += data.toString()))
    socket.write(bytes)
    await once(socket, 'close')
    const [head = '', body = ''] = text.split('\r\n\r\n')
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), error: JSON.parse(body) as unknown }
  }
  const form = (message: RegExp) => ({
    error: { code: 'ERR_BAD_REQUEST', type: 'invalid_request_error', param: null, message }
  })
  const garbage = await answerTo('\x16\x03\x01 no request\r\n\r\n')
  t.equal(garbage.status, 400)
  t.match(garbage.error, form(/a request of HTTP/))
  const large = await answerTo(`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)
  t.equal(large.status, 431)
  t.match(large.error, form(/16 KiB/))
  t.equal((await fetch(`${server.url}/healthz`)).status, 200)
})

t.test('logs have routes, not the ids of sessions', async (t) => {
  const { write } = process.stderr
  let log = ''
  process.stderr.write = (text: string) => ((log += text), true)
  try {
    await using server = await startServer({ models: [path], logLevel: 'info' })
    const { json } = await send(server, '/v1/sessions', {})
    await send(server, `/v1/sessions/${json.id}/completions`, { max_tokens: 1, prompt: 'a secret' })
    t.notMatch(log, String(json.id))
    t.notMatch(log, /secret/)
    t.match(log, '/v1/sessions/:id/completions')
  } finally {
    process.stderr.write = write
  }
})
