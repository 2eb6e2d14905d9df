// JSON Schema (draft 2020-12) of a group of settings, for programs that call gatecell: forms, HTTP routes, `--schema`.

import type { JsonObject, JsonValue } from '../io/json.js'
import { isSetting, type Group } from './group.js'
import type { SettingSpec } from './setting.js'

const TYPES = {
  number: 'number',
  integer: 'integer',
  duration: 'number',
  boolean: 'boolean',
  choice: 'string',
  text: 'string',
  path: 'string'
} as const

/** Returns the schema of the values that a caller may give: an object without required properties. */
export function jsonSchema(group: Group): JsonObject {
  const properties = Object.entries(group).map(([name, member]) => {
    return [name, isSetting(member) ? schemaOf(member) : jsonSchema(member)] as const
  })
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false }
}

function schemaOf(setting: SettingSpec): JsonObject {
  const { kind, help, unit, choices, defaultText } = setting
  const { min, max, above, below } = setting.bounds ?? {}
  const type: JsonObject =
    kind === 'paths'
      ? { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 }
      : { type: setting.nullable ? [TYPES[kind], 'null'] : TYPES[kind], ...(kind === 'path' && { minLength: 1 }) }
  return {
    ...type,
    ...(choices && { enum: [...choices] }),
    ...(min !== undefined && { minimum: min }),
    ...(max !== undefined && { maximum: max }),
    ...(above !== undefined && { exclusiveMinimum: above }),
    ...(below !== undefined && { exclusiveMaximum: below }),
    ...(setting.default !== undefined && { default: setting.default as JsonValue }),
    description: help + (defaultText === null ? '' : ` (default: ${defaultText})`),
    ...(unit !== null && { 'x-unit': unit })
  }
}
