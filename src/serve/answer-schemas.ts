// The JSON Schemas of the answers of a server, for its OpenAPI document.

import type { JsonObject } from '../io/json.js'

const [text, integer, number] = [{ type: 'string' }, { type: 'integer' }, { type: 'number' }]
const list = (items: JsonObject) => ({ type: 'array', items })
const orNull = (schema: JsonObject) => ({ anyOf: [schema, { type: 'null' }] })

/** Returns the schema of an object that has all of these fields; `more`: fields that it may have. */
function withFields(properties: JsonObject, more: JsonObject = {}): JsonObject {
  return { type: 'object', required: Object.keys(properties), properties: { ...properties, ...more } }
}

const logprobs = withFields({
  tokens: list(text),
  token_logprobs: list(orNull(number)),
  top_logprobs: list(orNull({ type: 'object', additionalProperties: number })),
  text_offset: list(integer),
  bytes: list(orNull(list(integer)))
})

/** Returns the schemas by their names: texts of a completion, a model, a session. */
export function answerSchemas(): JsonObject {
  const choice = withFields({
    ...{ index: integer, text, logprobs: orNull(logprobs) },
    finish_reason: { enum: ['stop', 'length', null] }
  })
  const usage = withFields({ prompt_tokens: integer, completion_tokens: integer, total_tokens: integer })
  const fingerprint = { ...text, description: 'equal for equal weights, version and precision' }
  return {
    Texts: withFields(
      {
        ...{ id: text, object: { const: 'text_completion' }, created: integer, model: text },
        ...{ system_fingerprint: fingerprint, choices: list(choice), usage }
      },
      { session: text }
    ),
    Model: withFields(
      {
        ...{ id: text, object: { const: 'model' }, created: integer, owned_by: text, task: text },
        ...{ system_fingerprint: fingerprint, uses: list(text) }
      },
      { parameters: integer }
    ),
    Session: withFields(
      { id: text, object: { const: 'session' } },
      {
        ...{ model: orNull(text), system_fingerprint: fingerprint, position: integer, bytes: integer },
        deleted: { type: 'boolean' }
      }
    )
  }
}
