// The actors of a fault run: each is one round of something that clients, operators or the system do, and records its answers. A new kind of
// fault is a function here and a line of the table.

import { Buffer } from 'node:buffer'
import { connect } from 'node:net'

const SYMBOLS_OF_TEXT = 200
const LONG = 1e6
const LONG_PROMPT = 4000

/** Texts that must be whole. A full queue may refuse them. */
async function stream(world) {
  const body = { prompt: world.promptOf(1 + world.below(40), world.below(1e6)), max_tokens: SYMBOLS_OF_TEXT }
  const { end, status, tokens } = await world.stream(body)
  const kind = end === 'done' && tokens !== SYMBOLS_OF_TEXT ? 'short' : end === 'refused' ? `status ${status}` : end
  world.note('stream', kind, ['done', 'status 429'])
}

const texts = new Map()

/** The same seed and the same version of the model give the same text, whatever else happens. */
async function repeated(world) {
  const seed = world.below(20)
  const body = {
    prompt: 'ABC',
    max_tokens: 60,
    seed,
    n: 1 + world.below(3),
    ...world.pick([{}, { logprobs: 3 }, { stop: ['Q'] }])
  }
  const { status, json } = await world.call('POST', '/v1/completions', body)
  world.note('repeated', `status ${status}`, ['status 200', 'status 429'])
  if (status !== 200) return
  const key = `${json.system_fingerprint} ${seed} ${body.stop ?? ''}`
  const [{ text }] = json.choices
  if (!texts.has(key)) texts.set(key, text)
  world.check(texts.get(key) === text, `repeated: another text of ${key}`)
}

/** Clients that leave: in the queue, in a prompt, while a text is drawn. */
async function leave(world) {
  const leaves = world.pick(['sent', 1, 30, 300])
  const prompt = world.promptOf(world.pick([1, LONG_PROMPT]), world.below(1e6))
  const body = { prompt, max_tokens: LONG, n: world.pick([1, 1, 4]) }
  const { end, status } = await world.stream(body, { leaves })
  world.note('leave', end === 'refused' ? `status ${status}` : end, ['left', 'status 429'])
}

/** A client that leaves while it waits for a whole answer. */
async function leaveWhole(world) {
  const socket = connect(Number(new URL(world.url).port), '127.0.0.1')
  socket.on('error', () => {})
  const path = world.pick(['/v1/completions', '/v1/sample'])
  const json = JSON.stringify({ prompt: 'ABC', ...(path === '/v1/sample' ? { length: LONG } : { max_tokens: LONG }) })
  const head = [`POST ${path} HTTP/1.1`, 'host: localhost', 'content-type: application/json']
  const bytes = [...head, `content-length: ${Buffer.byteLength(json)}`, '', json].join('\r\n')
  // Some requests end in the middle of their head or body.
  socket.write(bytes.slice(0, world.pick([bytes.length, bytes.length, bytes.length - 10, 40])))
  await world.pause(100)
  socket.destroy()
  world.note('leaveWhole', 'left', ['left'])
}

/** A client that reads so slowly that its texts pause, and leaves later. */
async function slow(world) {
  const signal = world.timeout(1000 + world.below(4000))
  const body = { prompt: 'ABC', max_tokens: LONG, n: 2, logprobs: 5 }
  const { end, status } = await world.stream(body, { bytesPerSecond: 1000, signal })
  world.note('slow', end === 'refused' ? `status ${status}` : end, ['left', 'status 429'])
}

/** Sessions from their beginning to their end: created, continued, forked, saved, restored, continued by two at the same time, deleted. */
async function session(world) {
  // A Redis that is away refuses every request, and those that it interrupts leave a lease that lasts for some seconds.
  const away = world.redis ? ['503 ERR_UNAVAILABLE', '409 ERR_BUSY'] : []
  const note = ({ status, json }, allowed) => world.note('session', `status ${status}${json?.error ? ` ${json.error.code}` : ''}`, [...allowed, ...away].map((one) => `status ${one}`)) // prettier-ignore
  // The model of a session may be replaced at any time, and a queue may be full.
  const later = ['400 ERR_WRONG_TASK', '429 ERR_OVERLOADED']
  const made = await world.call('POST', '/v1/sessions', { prompt: 'ABC', seed: world.below(100) })
  note(made, ['201', '429 ERR_OVERLOADED'])
  if (made.status !== 201) return
  const path = `/v1/sessions/${made.json.id}`
  const more = (seed) => world.call('POST', `${path}/completions`, { max_tokens: 30, seed })
  const both = await Promise.all([more(1), more(1)])
  for (const one of both) note(one, ['200', '409 ERR_BUSY', ...later])
  const saved = await world.call('GET', `${path}/value`)
  note(saved, ['200'])
  if (saved.status !== 200) return void world.sessions.add(path)
  const next = await more(7)
  note(next, ['200', ...later])
  const forked = await world.call('POST', `${path}/fork`, {})
  note(forked, ['201', '429 ERR_OVERLOADED'])
  if (forked.status === 201) world.sessions.add(`/v1/sessions/${forked.json.id}`)
  const damaged = Buffer.from(saved.bytes)
  damaged[world.below(damaged.length)] ^= 1
  note(await world.call('PUT', `${path}/value`, damaged), ['400 ERR_FILE_FORMAT'])
  const restored = await world.call('PUT', `${path}/value`, saved.bytes)
  note(restored, ['200', '400 ERR_WRONG_TASK', '429 ERR_OVERLOADED'])
  const again = await more(7)
  note(again, ['200', ...later])
  if (restored.status === 200 && next.status === 200 && again.status === 200)
    world.check(next.json.choices[0].text === again.json.choices[0].text, 'session: another text after it was restored')
  world.sessions.add(path)
  // One that this or another actor has finished.
  await deleteSession(world, world.pick([...world.sessions]))
}

/** Deletes a session of a run, as soon as its store is there. */
export async function deleteSession(world, path) {
  if (!world.sessions.delete(path)) return
  const attempt = () => world.call('DELETE', path)
  let { status } = await attempt()
  for (let i = 0; world.redis && (status === 503 || status === 409) && i < 100; i++) {
    await world.pause(500)
    status = (await attempt()).status
  }
  // An attempt whose answer the store did not live to give may have deleted it.
  world.note('deleted session', `status ${status}`, world.redis ? ['status 200', 'status 404'] : ['status 200'])
}

const wrong = [
  ['POST', '/v1/completions', '{"prompt":'],
  ['POST', '/v1/completions', { temperature: 'hot' }],
  ['POST', '/v1/completions', { max_tokens: 1e300 }],
  ['POST', '/v1/completions', { prompt: 'not in the vocabulary: \u00e9' }],
  ['POST', '/v1/completions', { prompt: [65, 66, 1e9] }],
  ['POST', '/v1/completions', { model: 'another' }],
  ['POST', '/v1/completions', 'x'.repeat(2 ** 21)],
  ['POST', '/v1/sessions', Buffer.alloc(2000, 7)],
  ['POST', '/v1/sample', { length: -1 }],
  ['POST', '/v1/translate', { texts: ['a'] }],
  ['GET', '/v1/sessions/none'],
  ['GET', '/none'],
  ['DELETE', '/healthz'],
  ['GET', '/v1/models', undefined, { host: 'evil.example' }],
  ['POST', '/v1/completions', {}, { origin: 'https://evil.example' }],
  ['POST', '/v1/completions', 'a=b', { 'content-type': 'text/plain' }]
]

/** Requests that are refused. The connection of a body that is too large may break before the answer is read. */
async function bad(world) {
  const [method, path, body, headers] = world.pick(wrong)
  const { status, json } = await world.call(method, path, body, headers)
  const isRefused = status >= 400 && status < 500 && typeof json?.error?.code === 'string'
  const isAway = world.redis !== null && status === 503 && path.startsWith('/v1/sessions')
  const isBroken = status === 0 && typeof body === 'string' && body.length > 2 ** 20
  world.note('bad', isRefused || isAway || isBroken ? 'refused' : `status ${status} of ${method} ${path}`, ['refused'])
}

/** A use of the model by another route. */
async function use(world) {
  const { status, json } = await world.call('POST', '/v1/sample', { prompt: 'ABC', length: 50, seed: world.below(100) })
  world.note('use', `status ${status}`, ['status 200', 'status 429'])
  if (status === 200) world.check(json.data.length > 0, 'use: an answer without records')
}

/** The operator replaces the model while all of this happens; a damaged or missing file leaves the model as it is. */
async function reload(world) {
  world.replace(world.pick([0, 1, 'damaged', 'gone']))
  world.note('reload', 'sent', ['sent'])
  await world.pause(2000)
}

/** The store of the sessions dies, and comes back with its data. */
async function restart(world) {
  if (!world.redis) return
  await world.redis.kill()
  await world.pause(world.pick([10, 500, 3000]))
  await world.redis.start()
  world.note('restart', 'ready', ['ready'])
}

async function health(world) {
  for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json']) {
    const { status } = await world.call('GET', path)
    // A machine with much other work may leave an engine without a step for a second, which /readyz reports.
    world.note('health', `${path} ${status}`, [`${path} 200`, '/readyz 503'])
  }
}

/** All actors, each with the number of them that act at a time, and the mean of the pause between two rounds in milliseconds. */
export const actors = [
  { actor: stream, count: 6, pause: 100 },
  { actor: repeated, count: 2, pause: 200 },
  { actor: leave, count: 4, pause: 300 },
  { actor: leaveWhole, count: 2, pause: 300 },
  { actor: slow, count: 2, pause: 1000 },
  { actor: session, count: 2, pause: 300 },
  { actor: bad, count: 2, pause: 100 },
  { actor: use, count: 1, pause: 500 },
  { actor: reload, count: 1, pause: 3000 },
  { actor: restart, count: 1, pause: 10_000 },
  { actor: health, count: 1, pause: 1000 }
]
