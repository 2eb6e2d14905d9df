// The routes of the uses of models: their records are those of the uses themselves, and the OpenAPI document describes them.

import { join } from 'node:path'
import t from 'tap'
import { usesByName } from '../../src/serve/verb-routes.js'
import { inputOf } from '../../src/tasks/verb.js'
import { tasks } from '../../src/tasks/registry.js'
import { inkSamples } from '../ink-samples.js'
import { csvOf, monthly } from '../tasks/forecast/samples.js'
import { models, save } from '../tasks/small-models.js'
import { eventsOf, send, startServer } from './world.js'

const folder = t.testdir()
const at = (task: string) => join(folder, `${task}.safetensors`)
for (const { id } of tasks) await save(models[id]!(8), at(id))
const server = await startServer({ models: tasks.map(({ id }) => at(id)) })
t.teardown(() => server.close())

const calls: [task: string, use: string, input: object][] = [
  ['numbers', 'continue', { terms: ['6', '-7', '8'], count: 2, choices: 1 }],
  ['music', 'compose', { steps: 4, seed: 4 }],
  ['forecast', 'forecast', { file: csvOf({ sales: monthly(60) }), only: 'sales' }],
  ['forecast', 'anomalies', { file: csvOf({ sales: monthly(60) }), threshold: 2 }],
  ['translation', 'translate', { sentences: ['one_two', 'six'], beam: 2 }],
  ['text', 'sample', { prompt: 'ab', length: 20, seed: 3 }],
  ['text', 'trace', { data: 'abc\ncab\n'.repeat(8) }],
  ['handwriting-recognition', 'read', { ink: inkSamples(2), beam: 2 }],
  ['handwriting-synthesis', 'write', { text: 'lv', points: 10, seed: 2 }]
]

t.test('each use is a route', async (t) => {
  for (const [task, use, input] of calls) {
    const { status, json, text } = await send(server, `/v1/${use}`, { model: task, ...input })
    t.equal(status, 200, `${use}: ${status === 200 ? '' : text}`)
    t.match(json, { object: 'list', model: task, data: [{ event: String }] })
    const events = eventsOf((await send(server, `/v1/${use}`, { model: task, stream: true, ...input })).text)
    t.equal(events.pop(), '[DONE]')
    const kinds = (records: { event: string }[]) => records.map(({ event }) => event).filter((event) => event !== 'piece') // prettier-ignore
    t.same(kinds(events), kinds(json.data))
  }
})

t.test('inputs that are wrong', async (t) => {
  const refused = async (use: string, input: object, status: number) => {
    const answer = await send(server, `/v1/${use}`, input)
    t.equal(answer.status, status, `${use} ${JSON.stringify(input).slice(0, 60)}`)
    t.match(answer.json, { error: { code: /^ERR_/, message: /^Expected / } })
  }
  await refused('sample', { model: 'forecast' }, 400)
  await refused('sample', { prompt: 'ab' }, 404)
  await refused('sample', { model: 'text', length: -1 }, 400)
  await refused('sample', { model: 'text', unknown: 1 }, 400)
  await refused('sample', { model: 'text', prompt: '\u4e16', stream: true }, 400)
  await refused('read', { model: 'handwriting-recognition' }, 400)
  await refused('read', { model: 'handwriting-recognition', ink: ['/etc/passwd'] }, 400)
  await refused('forecast', { model: 'forecast', file: 'no,table' }, 400)
  await refused('caption', { model: 'captions', images: ['AAAA'] }, 400)
  await refused('completions', { model: 'forecast' }, 400)
})

t.test('the document describes all routes', async (t) => {
  const { json } = await send(server, '/openapi.json')
  t.equal(json.openapi, '3.1.0')
  for (const [name, uses] of usesByName()) {
    t.ok(json.paths[`/v1/${name}`].post, name)
    for (const use of uses) for (const own of ['model', 'stream']) t.notOk(own in inputOf(use), `${name} has no ${own}`)
  }
  for (const path of ['/v1/completions', '/v1/models', '/v1/sessions/{id}/value', '/metrics'])
    t.ok(json.paths[path], path)
  const { properties } = json.components.schemas.Completion
  t.match(properties.temperature, { type: ['number', 'null'], minimum: 0, maximum: 2, default: 1 })
})
