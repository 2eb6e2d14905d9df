// The input of a use of a model from JSON, for programs that have no files: contents are in the JSON itself, and no value is a path.

import { invalid, part } from '../check/index.js'
import type { JsonObject, JsonValue } from '../io/json.js'
import { givenCheck, isSetting, withDefaults, type Content, type Given, type Group } from '../settings/index.js'
import { inputOf, requiredWords, type Verb } from './verb.js'

/**
 * Returns the input of a use from `json`, whose schema is `verbSchemas(verb).input`, with defaults in place of missing values. Throws
 * ERR_INVALID_ARGUMENT for a value that its setting does not take and for an unknown name. A content in the form of a path is JSON like any
 * other, so that a request cannot name a file of this machine.
 */
export function inputFromJson(verb: Verb, json: JsonObject): object {
  const group = inputOf(verb)
  const entries = Object.entries(json).map(([name, value]) => [name, contentsIn(group, name, value)] as const)
  const name = `the input of ${verb.name}`
  const given = givenCheck(group)(Object.fromEntries(entries), name) as Record<string, unknown>
  const missing = requiredWords(verb).find((word) => given[word] === undefined)
  if (missing !== undefined) throw invalid('a value', part(name, missing), undefined)
  return withDefaults(group, given as Given<Group>)
}

function contentsIn(group: Group, name: string, value: JsonValue | undefined): unknown {
  const member = group[name]
  if (member === undefined || !isSetting(member)) return value
  if (member.kind === 'content') return contentOf(name, value)
  if (member.kind !== 'contents' || !Array.isArray(value)) return value
  return (value as readonly JsonValue[]).map((one, i) => contentOf(`${name}[${i}]`, one))
}

function contentOf(name: string, value: JsonValue | undefined): Content {
  return { name, text: typeof value === 'string' ? value : JSON.stringify(value ?? null) }
}
