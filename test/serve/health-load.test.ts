// /healthz while the engine is under full load: autocannon gets an answer to each request, and the texts continue.

// @ts-expect-error It has no types.
import autocannon from 'autocannon'
import { join } from 'node:path'
import t from 'tap'
import { models, save } from '../tasks/small-models.js'
import { measured, startServer, until } from './world.js'

const ROWS = 32
const REQUESTS = 400

t.test('health under full load', async (t) => {
  const path = join(t.testdir(), 'm.safetensors')
  await save(models['text']!(32), path)
  await using server = await startServer({ models: [path], maxRows: ROWS })
  const body = JSON.stringify({ n: ROWS, max_tokens: 65536, stream: true })
  const leaver = new AbortController()
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${server.url}/v1/completions`, { method: 'POST', headers, body, signal: leaver.signal })
  const reading = response.text().catch(() => '')
  t.ok(await until(async () => (await measured(server, 'gatecell_requests_running')) === ROWS), 'all rows are in use')
  const before = await measured(server, 'gatecell_generation_tokens_total')
  const result = (await autocannon({ url: `${server.url}/healthz`, connections: 8, amount: REQUESTS })) as object
  t.match(result, { errors: 0, timeouts: 0, non2xx: 0, '2xx': REQUESTS, requests: { total: REQUESTS } })
  t.ok((await measured(server, 'gatecell_generation_tokens_total')) > before, 'meanwhile texts are drawn')
  leaver.abort()
  await reading
})
