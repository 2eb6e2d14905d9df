// Bodies of requests that a JSON Schema describes, and bodies near them that it does not.

import fc from 'fast-check'

/** A JSON Schema, as far as the documents of the server use it. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
}

/** Numbers near the lower bound of a field: a text of a billion symbols is valid, but takes long. */
const FEW = 12

function numbers({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema, isInteger: boolean) {
  const low = minimum ?? exclusiveMinimum ?? -FEW
  const high = Math.min(maximum ?? exclusiveMaximum ?? Infinity, low + FEW)
  if (isInteger) {
    const first = Math.ceil(exclusiveMinimum === undefined ? low : low + 1)
    return fc.integer({
      min: first,
      max: Math.max(first, Math.floor(exclusiveMaximum === undefined ? high : high - 1))
    })
  }
  const [minExcluded, maxExcluded] = [exclusiveMinimum === low, exclusiveMaximum === high]
  return fc.double({ min: low, max: high, minExcluded, maxExcluded, noNaN: true })
}

const texts = fc.oneof(
  fc.stringMatching(/^[ a-c]{0,12}$/),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('/etc/passwd', '../x', '\u0000', '\ud800', '-', 'AAAA', '{}', '__proto__')
)

/** Returns values that a schema describes. `resolve`: the schema of a reference. */
export function valid(schema: Schema, resolve: (reference: string) => Schema): fc.Arbitrary<unknown> {
  const of = (inner: Schema) => valid(inner, resolve)
  if (schema.$ref !== undefined) return of(resolve(schema.$ref))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(of))
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['null'])
  return fc.oneof(...types.map((type) => ofType(type, schema, of)))
}

function ofType(type: string, schema: Schema, of: (inner: Schema) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { minItems = 0, maxItems = minItems + 2, minLength = 0 } = schema
  switch (type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number':
      return numbers(schema, type === 'integer')
    case 'string':
      return texts.filter((text) => text.length >= minLength)
    case 'array':
      return fc.array(of(schema.items ?? { type: 'null' }), { minLength: minItems, maxLength: maxItems })
    default:
      return objects(schema, of)
  }
}

function objects(
  { properties = {}, required = [], additionalProperties }: Schema,
  of: (inner: Schema) => fc.Arbitrary<unknown>
) {
  const all = fc.record(Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, of(one)])))
  // Of many optional fields a few at a time, so that not every body has one that another one contradicts.
  const some = fc
    .tuple(all, fc.array(fc.constantFrom('', ...Object.keys(properties)), { maxLength: 5 }))
    .map(([whole, names]) =>
      Object.fromEntries(Object.entries(whole).filter(([name]) => required.includes(name) || names.includes(name)))
    )
  if (typeof additionalProperties !== 'object') return some
  return fc
    .tuple(some, fc.dictionary(fc.stringMatching(/^\d{1,3}$/), of(additionalProperties), { maxKeys: 2 }))
    .map(([one, more]) => ({ ...one, ...more }))
}

/** Values that few fields take. */
export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, '', 'x'.repeat(5000), -1, 0.5, 2 ** 53, 1e300, -1e300, [], {}, [[]], [null], ['', 1]),
  fc.jsonValue({ maxDepth: 2 }),
  fc.array(fc.integer({ min: -5, max: 2 ** 40 }), { maxLength: 4 })
)

/** Returns bodies in which one field of a valid body is another value, missing, or added. */
export function nearly(body: fc.Arbitrary<unknown>, schema: Schema): fc.Arbitrary<unknown> {
  const names = fc.constantFrom('unknown', '__proto__', 'constructor', ...Object.keys(schema.properties ?? {}))
  const change = fc.tuple(body, names, fc.option(hostile, { nil: undefined })).map(([whole, name, value]) => {
    if (typeof whole !== 'object' || whole === null) return value
    return Object.fromEntries([
      ...Object.entries(whole).filter(([own]) => own !== name),
      ...(value === undefined ? [] : [[name, value]])
    ])
  })
  return fc.oneof({ arbitrary: change, weight: 4 }, { arbitrary: hostile, weight: 1 })
}
