// Requests that are made from the server's own OpenAPI document: valid and invalid bodies, hostile headers and addresses. No answer has a status of
// 500 or above, each has a status and a body that the document declares, and no body that the document forbids is accepted.

import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { tasks } from '../../src/tasks/registry.js'
import { rounds } from '../amounts.js'
import { models, save } from '../tasks/small-models.js'
import { nearly, valid, type Schema } from './from-schema.js'
import { eventsOf, measured, send, startServer, type Answer } from './world.js'

type Content = Readonly<Record<string, { schema: Schema }>>
interface Operation {
  readonly requestBody?: { content: Content; required?: boolean }
  readonly responses: Readonly<Record<string, { content?: Content }>>
}

const folder = t.testdir()
const ids = tasks.map(({ id }) => id)
for (const id of ids) await save(models[id]!(8), join(folder, `${id}.safetensors`))
const server = await startServer({
  ...{ models: ids.map((id) => join(folder, `${id}.safetensors`)), maxTokens: 64, useTime: 30 }
})
t.teardown(() => server.close())
const document = (await send(server, '/openapi.json')).json as {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}
const resolve = (reference: string) => document.components.schemas[reference.split('/').at(-1)!]!
const ajv = new Ajv2020({ strict: false, validateFormats: false })
ajv.addSchema(document, 'document')
const checks = new Map<Schema, (value: unknown) => boolean>()

function fits(schema: Schema, value: unknown): boolean {
  let check = checks.get(schema)
  if (!check) {
    const text = JSON.stringify(schema).replaceAll('"#/components', '"document#/components')
    checks.set(schema, (check = ajv.compile(JSON.parse(text) as object) as (value: unknown) => boolean))
  }
  return check(value)
}

/** Returns the reason why an answer is not one that the operation declares; null if it is. */
function fault({ responses }: Operation, { status, headers, json, text }: Answer): string | null {
  if (status >= 500) return `status ${status}: ${text}`
  const declared = responses[status] ?? (status >= 400 ? responses['default'] : undefined)
  if (!declared) return `status ${status} is not declared`
  const type = String(headers['content-type']).split(';')[0]!
  const schema = declared.content?.[type]?.schema
  if (!schema) return `a body of ${type} is not declared`
  if (type === 'application/json' && !fits(schema, json))
    return `another body than the declared one: ${text.slice(0, 300)}`
  if (type === 'text/event-stream') eventsOf(text)
  return null
}

/** Models and sessions that exist, among those that do not. */
async function addressOf(path: string, key: number): Promise<string> {
  if (!path.includes('{id}')) return path
  if (path.startsWith('/v1/models'))
    return path.replace('{id}', [...ids, 'none', '%00', '..%2f'][key % (ids.length + 3)]!)
  const { json } = await send(server, '/v1/sessions', { model: 'text', prompt: 'ab' })
  const id = key % 4 === 0 ? 'none' : (json as { id: string }).id
  return path.replace('{id}', id)
}

/** Returns the models that a route may use: each that has the use, or all. */
function modelsOf(path: string): string[] {
  const own = tasks.filter(({ verbs, tracing }) =>
    [...verbs, ...(tracing ? [tracing] : [])].some((use) => path === `/v1/${use.name}`)
  )
  return own.length > 0 ? own.map(({ id }) => id) : ['text']
}

/** Fields without which a use takes long. */
const short: Record<string, object> = {
  '/v1/compose': { steps: 4 },
  '/v1/sample': { length: 20 },
  '/v1/write': { points: 20 }
}

const runs = rounds(12, 12, 500)
for (const [path, operations] of Object.entries(document.paths)) {
  for (const [name, operation] of Object.entries(operations)) {
    t.test(`${name} ${path}`, async (t) => {
      const method = name.toUpperCase() as 'GET'
      const schema = operation.requestBody?.content['application/json']?.schema
      const whole: Schema = schema?.$ref === undefined ? (schema ?? {}) : resolve(schema.$ref)
      // Of several forms of a body the first one is changed.
      const form = whole.anyOf?.[0] ?? whole
      const good = schema ? valid(whole, resolve) : fc.constant(undefined)
      const withModel = fc
        .tuple(good, fc.constantFrom(...modelsOf(path), ...modelsOf(path), 'music', 'none'))
        .map(([body, model]) => (schema ? { ...(body as object), ...short[path], model } : body))
      const bytes = fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some))
      const bodies = schema
        ? fc.oneof({ arbitrary: withModel, weight: 4 }, { arbitrary: nearly(withModel, form), weight: 4 }, { arbitrary: bytes, weight: 1 })
        : operation.requestBody ? bytes : fc.constant(undefined) // prettier-ignore
      const property = fc.asyncProperty(bodies, fc.nat(1000), async (body, key) => {
        const answer = await send(server, await addressOf(path, key), body, { method })
        const found = fault(operation, answer)
        if (found !== null) throw new Error(found)
        const sent: unknown = body === undefined || Buffer.isBuffer(body) ? undefined : JSON.parse(JSON.stringify(body))
        if (schema && sent !== undefined && !fits(schema, sent) && answer.status < 400)
          throw new Error('a body that the document forbids was accepted')
      })
      await t.resolves(fc.assert(property, { numRuns: schema ? runs : Math.min(runs, 20) }))
    })
  }
}

t.test('hostile headers, types and addresses', async (t) => {
  const value = fc.oneof(fc.string({ maxLength: 60 }).map((text) => text.replace(/[^\x20-\x7e]/g, '')), fc.constantFrom('', '*/*', 'gzip', 'chunked', '-1', 'x'.repeat(4000))) // prettier-ignore
  const names = ['content-type', 'accept', 'authorization', 'content-encoding', 'x-request-id', 'origin', 'host', 'cookie', 'expect', 'range', 'if-match', 'x-forwarded-for', 'connection', 'upgrade'] // prettier-ignore
  const headers = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3, noNullPrototype: true })
  const addresses = fc.oneof(
    fc.constantFrom(...Object.keys(document.paths)),
    fc.webPath().map((path) => `/${path}`),
    fc.stringMatching(/^\/v1\/[a-z/.%0-9]{0,20}$/)
  )
  const property = fc.asyncProperty(
    addresses,
    headers,
    fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
    async (url, more, method) => {
      const answer = await send(server, url, method === 'GET' ? undefined : '{"max_tokens":1,"model":"text"}', { method: method as 'GET', headers: more }) // prettier-ignore
      if (answer.status >= 500 || (answer.status >= 400 && !fits(resolve('Error'), answer.json)))
        throw new Error(`${answer.status} ${answer.text}`)
    }
  )
  await t.resolves(fc.assert(property, { numRuns: rounds(150, 200, 5000) }))
})

/** Sends bytes on a connection of their own, and returns the answer. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  let text = ''
  socket.on('data', (part) => (text += part.toString('latin1')))
  socket.on('error', () => {})
  socket.end(bytes, 'latin1')
  await once(socket, 'close')
  return text
}

t.test('bytes that are no request', async (t) => {
  const head = 'POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
  const cases = [
    ...['\r\n\r\n', 'GET\r\n\r\n', '\u0000\u0001\u0002\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\n'],
    `GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: a\u0000b\r\n\r\n`,
    `${head}content-length: -5\r\n\r\n{}`,
    `${head}content-length: 5\r\ncontent-length: 2\r\n\r\n{}`,
    `${head}transfer-encoding: chunked\r\n\r\nzz\r\n{}`,
    `${head}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n`,
    `${head}content-length: 3\r\n\r\n\u00ff\u00fe\u00fd`
  ]
  for (const bytes of cases) {
    const answer = await raw(bytes)
    t.match(answer, /^(?:$|HTTP\/1\.1 4\d\d )/, JSON.stringify(bytes.slice(0, 60)))
  }
  t.equal((await send(server, '/healthz')).status, 200)
  for (const name of ['requests_running', 'requests_waiting', 'sessions_paused'])
    t.equal(await measured(server, `gatecell_${name}`), 0, name)
})
