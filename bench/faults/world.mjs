// The server of a fault run: two versions of its model, their replacement, its requests, and the record of all answers.

import { Buffer } from 'node:buffer'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadAgent, measureStream } from '../../dist/esm/bench/load/client.js'
import { RedisProcess } from '../../dist/esm/bench/load/redis-process.js'
import { promptOf, writeServedModel } from '../../dist/esm/bench/load/served-model.js'
import { serveWords, startServerProcess } from '../../dist/esm/bench/load/server-process.js'

const stack = { H: 64, layers: 2 }
const settings = ['--max-rows', '32', '--max-waiting', '64', '--max-sessions', '1000', '--session-time', '1h']

/** Starts a redis-server, and returns it with the options of a server whose sessions live in it. */
async function openRedis(folder) {
  const data = join(folder, 'redis')
  mkdirSync(data)
  const key = join(folder, 'key')
  writeFileSync(key, 'k'.repeat(40))
  const redis = await RedisProcess.start(data)
  return { redis, words: ['--sessions', redis.url, '--session-key-file', key] }
}

/** Starts the server. `random`: uniform numbers in [0, 1). `hasRedis`: whether sessions live in a Redis. */
export async function openWorld(random, hasRedis) {
  const folder = mkdtempSync(join(tmpdir(), 'gatecell-faults-'))
  const versions = [0, 1].map((seed) => join(folder, `version${seed}.safetensors`))
  for (const [seed, path] of versions.entries()) await writeServedModel(path, stack, seed)
  const file = join(folder, 'served.safetensors')
  copyFileSync(versions[0], file)
  const { redis, words } = hasRedis ? await openRedis(folder) : { redis: null, words: [] }
  const server = await startServerProcess(serveWords(file, [...settings, ...words]))
  const agent = loadAgent()
  const counts = new Map()
  const world = {
    ...{ server, redis, random, promptOf, url: server.url },
    /** Numbers of answers by actor and kind, and those that must not come. */
    counts,
    failures: [],
    sessions: new Set(),
    below: (n) => Math.floor(random() * n),
    pick: (list) => list[Math.floor(random() * list.length)],
    timeout: (ms) => globalThis.AbortSignal.timeout(ms),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms * (0.5 + random()))),
    note(actor, kind, allowed) {
      const key = `${actor}: ${kind}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
      if (!allowed.includes(kind) && world.failures.length < 50) world.failures.push(key)
    },
    check(isTrue, what) {
      if (!isTrue && world.failures.length < 50) world.failures.push(what)
    },
    stream: (body, more = {}) =>
      measureStream(agent, { url: `${server.url}/v1/completions`, body: { ...body, stream: true }, ...more }),
    call: (method, path, body, headers = {}) => call(agent, `${server.url}${path}`, { method, body, headers }),
    /** Replaces the model by its other version, by a damaged file, or by none, and lets the server open it again. */
    replace(how) {
      rmSync(file, { force: true })
      if (how === 'damaged') writeFileSync(file, 'no model')
      else if (how !== 'gone') copyFileSync(versions[how], file)
      server.signal('SIGHUP')
    },
    async close() {
      agent.destroy()
      const ended = await server.close()
      await redis?.kill()
      rmSync(folder, { recursive: true })
      return ended
    }
  }
  return world
}

/** Sends a request and returns the answer: its status, its bytes, and its JSON if it is such. A broken connection has the status 0. */
function call(agent, url, { method, body, headers }) {
  const isBytes = Buffer.isBuffer(body)
  const data = body === undefined ? undefined : isBytes || typeof body === 'string' ? body : JSON.stringify(body)
  const type = data === undefined ? {} : { 'content-type': isBytes ? 'application/octet-stream' : 'application/json' }
  const length = data === undefined ? {} : { 'content-length': Buffer.byteLength(data) }
  return new Promise((resolve) => {
    const sent = request(url, { method, agent, headers: { ...type, ...length, ...headers } }, (response) => {
      const parts = []
      response.on('data', (part) => parts.push(part))
      response.on('error', () => resolve({ status: 0, bytes: Buffer.alloc(0), json: null }))
      response.on('end', () => {
        const bytes = Buffer.concat(parts)
        resolve({ status: response.statusCode, bytes, json: parsed(bytes, response.headers['content-type']) })
      })
    })
    sent.on('error', () => resolve({ status: 0, bytes: Buffer.alloc(0), json: null }))
    sent.end(data)
  })
}

function parsed(bytes, type = '') {
  return type.startsWith('application/json') ? JSON.parse(bytes.toString()) : null
}
