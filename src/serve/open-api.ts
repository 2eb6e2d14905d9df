// The description of all routes as an OpenAPI 3.1 document, whose schemas are made from the declarations that check the requests.

import type { JsonObject } from '../io/json.js'
import { verbSchemas } from '../tasks/verb.js'
import { findPackage } from '../version.js'
import { completionSchema } from './completion-request.js'
import { answerSchemas } from './answer-schemas.js'
import { usesByName } from './verb-routes.js'

const object = { type: 'object' }
const error = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: ['string', 'null'] },
        code: { type: 'string' }
      }
    }
  }
}
const json = (schema: JsonObject) => ({ content: { 'application/json': { schema } } })
/** The content of an answer that is JSON, or events of it if `stream` is true. */
const jsonOrEvents = (schema: JsonObject) => ({
  content: {
    ...json(schema).content,
    'text/event-stream': { schema: { type: 'string', description: 'events with JSON, the last one [DONE]' } }
  }
})
const bytes = { content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } }
const idOf = (what: string) => ({
  name: 'id',
  in: 'path',
  required: true,
  description: what,
  schema: { type: 'string' }
})

/** Returns the description of an operation. */
function operation(summary: string, more: JsonObject, status = '200', answer: JsonObject = json(object)): JsonObject {
  return {
    summary,
    ...more,
    responses: {
      [status]: { description: 'done', ...answer },
      default: { description: 'an error', ...json({ $ref: '#/components/schemas/Error' }) }
    }
  }
}

/** Returns the document. */
export function openApi(): JsonObject {
  const uses = [...usesByName()].map(([name, verbs]) => [`/v1/${name}`, { post: useOperation(verbs) }] as const)
  return {
    openapi: '3.1.0',
    info: { title: 'gatecell', version: findPackage()?.version ?? '0' },
    paths: {
      ...completionPaths(),
      ...sessionPaths(),
      ...(Object.fromEntries(uses) as JsonObject),
      ...healthPaths()
    },
    components: {
      schemas: { Error: error, ...requestSchemas(), ...answerSchemas() },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } }
    },
    security: [{}, { token: [] }]
  }
}

/** Returns the schemas of completions; the model of a session is that with which it began. */
function requestSchemas(): JsonObject {
  const schema = completionSchema()
  const { model: _, ...properties } = schema['properties'] as JsonObject
  return { Completion: schema, SessionCompletion: { ...schema, properties } }
}

const completion = { requestBody: { required: true, ...json({ $ref: '#/components/schemas/Completion' }) } }
const named = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const texts = jsonOrEvents(named('Texts'))

function completionPaths(): JsonObject {
  const [id, list] = [idOf('name of the model'), listOf(named('Model'))]
  return {
    '/v1/completions': { post: operation('Continues prompts, as in the API of OpenAI.', completion, '200', texts) },
    '/v1/models': { get: operation('Lists the models.', {}, '200', json(list)) },
    '/v1/models/{id}': { get: operation('Describes a model.', { parameters: [id] }, '200', json(named('Model'))) }
  }
}

function listOf(items: JsonObject): JsonObject {
  const properties = { object: { const: 'list' }, data: { type: 'array', items } }
  return { type: 'object', required: Object.keys(properties), properties }
}

function sessionPaths(): JsonObject {
  const session = json(named('Session'))
  const more = { requestBody: { required: true, ...json(named('SessionCompletion')) } }
  const parameters = [idOf('id of the session')]
  const create = {
    content: {
      ...json({
        type: 'object',
        properties: {
          model: { type: ['string', 'null'] },
          prompt: { type: ['string', 'null'] },
          seed: { type: ['integer', 'null'], minimum: 0 }
        }
      }).content,
      ...bytes.content
    }
  }
  return {
    '/v1/sessions': {
      post: operation(
        'Creates a session, from a prompt or from the bytes of a saved one.',
        { requestBody: create },
        '201',
        session
      )
    },
    '/v1/sessions/{id}': {
      get: operation('Describes a session.', { parameters }, '200', session),
      delete: operation('Deletes a session.', { parameters }, '200', session)
    },
    '/v1/sessions/{id}/value': {
      get: operation('Saves a session: returns its bytes.', { parameters }, '200', bytes),
      put: operation(
        'Restores a session from bytes.',
        { parameters, requestBody: { required: true, ...bytes } },
        '200',
        session
      )
    },
    '/v1/sessions/{id}/fork': { post: operation('Copies a session.', { parameters }, '201', session) },
    '/v1/sessions/{id}/completions': {
      post: operation('Continues a session; n and best_of are 1.', { parameters, ...more }, '200', texts)
    }
  }
}

function healthPaths(): JsonObject {
  const text = { content: { 'text/plain': { schema: { type: 'string' } } } }
  return {
    '/healthz': { get: operation('Whether the process lives.', { security: [] }) },
    '/readyz': { get: operation('Whether the server takes requests.', { security: [] }) },
    '/health': { get: operation('The same as /readyz.', { security: [] }) },
    '/metrics': { get: operation('Measurements in the text format of Prometheus.', {}, '200', text) },
    '/openapi.json': { get: operation('This document.', {}) }
  }
}

type Verbs = Parameters<typeof verbSchemas>[0][]

/** Returns the operation of a use; of several tasks that have it the model decides which input is meant. */
function useOperation(verbs: readonly Verbs[number][]): JsonObject {
  const all = verbs.map((verb) => verbSchemas(verb))
  const inputs = all.map(({ input }) => withModel(input))
  const records = all.map(({ records: one }) => one)
  const answer = {
    type: 'object',
    required: ['object', 'model', 'data'],
    properties: { data: { type: 'array', items: anyOf(records) } }
  }
  const body = { requestBody: { required: true, ...json(anyOf(inputs)) } }
  return operation(verbs[0]!.description, body, '200', jsonOrEvents(answer))
}

function anyOf(schemas: readonly JsonObject[]): JsonObject {
  return schemas.length === 1 ? schemas[0]! : { anyOf: schemas }
}

/** Returns the schema of an input with the fields that all routes of uses have. */
function withModel(input: JsonObject): JsonObject {
  const own = {
    model: { type: ['string', 'null'], description: 'name of the model; may be left out if there is only one' },
    stream: { type: ['boolean', 'null'], default: false, description: 'whether the records come as server-sent events' }
  }
  return { ...input, properties: { ...own, ...(input['properties'] as JsonObject) } }
}
