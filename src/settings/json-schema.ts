// JSON Schema (draft 2020-12) of a group of settings, for programs that call gatecell: forms, HTTP routes, `--schema`.

import type { JsonObject, JsonValue } from '../io/json.js'
import { isSetting, type Group } from './group.js'
import type { Item, SettingSpec } from './spec.js'

const TYPES = {
  number: 'number',
  integer: 'integer',
  duration: 'number',
  boolean: 'boolean',
  choice: 'string',
  text: 'string',
  path: 'string',
  model: 'string',
  product: 'boolean'
} as const

/**
 * Returns the schema of the values that a caller may give: an object. Only the settings that `required` names must be there.
 */
export function jsonSchema(group: Group, required: readonly string[] = []): JsonObject {
  const properties = Object.entries(group).map(([name, member]) => {
    return [name, isSetting(member) ? schemaOf(member) : jsonSchema(member)] as const
  })
  return objectSchema(Object.fromEntries(properties), required)
}

/** Returns the schema of a record: an object with all fields that are not declared with `absent`. `constants`: fields of one value. */
export function recordSchema(group: Group, constants: Readonly<Record<string, string>> = {}): JsonObject {
  const fields = Object.entries(group).map(([name, member]) => {
    return [name, isSetting(member) ? schemaOf(member) : recordSchema(member)] as const
  })
  const fixed = Object.entries(constants).map(([name, value]) => [name, { const: value }] as const)
  const required = Object.entries(group).filter(([, member]) => !isSetting(member) || !member.absent)
  const names = [...Object.keys(constants), ...required.map(([name]) => name)]
  return objectSchema(Object.fromEntries([...fixed, ...fields]), names)
}

function objectSchema(properties: JsonObject, required: readonly string[]): JsonObject {
  return {
    type: 'object',
    properties,
    ...(required.length > 0 && { required: [...required] }),
    additionalProperties: false
  }
}

/** Returns the type of a setting's values. A content is JSON in place of its text, or any text. */
function typeOf({ kind, nullable, items, mediaType }: SettingSpec): JsonObject {
  switch (kind) {
    case 'paths':
      return { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 }
    case 'texts':
      return { type: 'array', items: { type: 'string' }, minItems: 1 }
    case 'content':
      return contentSchema(mediaType!)
    case 'contents':
      return { type: 'array', items: contentSchema(mediaType!), minItems: 1 }
    case 'list':
      return { type: nullable ? ['array', 'null'] : 'array', items: itemSchema(items!) }
    case 'map':
      return { type: nullable ? ['object', 'null'] : 'object', additionalProperties: itemSchema(items!) }
    default: {
      const filled = kind === 'path' || kind === 'model'
      return { type: nullable ? [TYPES[kind], 'null'] : TYPES[kind], ...(filled && { minLength: 1 }) }
    }
  }
}

function contentSchema(contentMediaType: string): JsonObject {
  const json = contentMediaType === 'application/json'
  return { type: json ? ['string', 'array', 'object'] : 'string', contentMediaType }
}

function itemSchema(item: Item): JsonObject {
  return isSetting(item as Group[string]) ? schemaOf(item as SettingSpec) : recordSchema(item as Group)
}

function schemaOf(setting: SettingSpec): JsonObject {
  const { help, unit, choices, defaultText } = setting
  const { min, max, above, below } = setting.bounds ?? {}
  return {
    ...typeOf(setting),
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
