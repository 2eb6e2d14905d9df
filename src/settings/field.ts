// Declarations of the fields of records, which the uses of a model return. They have the form of settings without a default and an option, so
// that types, checks and JSON Schema of records are made as those of settings are.

import { invalid, item, list as listOf, nullable, numbers, record as recordOf, type Check } from '../check/index.js'
import { isRevoked } from '../errors.js'
import { exactCheck, isSetting, type Group, type Values } from './group.js'
import { setting } from './setting.js'
import { declare, type SettingSpec } from './spec.js'

type ItemSpec = SettingSpec<unknown> | Group
type ValueIn<I> = I extends SettingSpec<infer T> ? T : I extends Group ? Values<I> : never

function number(help: string, unit?: string): SettingSpec<number, false> {
  return setting.number({ help, flag: null, ...(unit !== undefined && { unit }) })
}

function integer(help: string, unit?: string): SettingSpec<number, false> {
  return setting.integer({ min: 0, help, flag: null, ...(unit !== undefined && { unit }) })
}

function boolean(help: string): SettingSpec<boolean, false> {
  return setting.flag({ help, flag: null })
}

function text(help: string): SettingSpec<string, false> {
  return setting.text({ help, flag: null })
}

/** Checks a list of finite numbers: faster than a check of each element with a name of its own, for lists of many thousands. */
const finiteNumbers: Check<number[]> = (value, name) => {
  if (isRevoked(value) || !Array.isArray(value)) throw invalid('an array', name, value)
  const copy = numbers(value, name) as number[]
  const index = copy.findIndex((one) => !Number.isFinite(one))
  if (index < 0) return copy
  throw invalid('a finite number', item(name, index), copy[index])
}

function checkOf<I extends ItemSpec>(item: I): Check<ValueIn<I>> {
  return (isSetting(item) ? item.check : exactCheck(item)) as Check<ValueIn<I>>
}

/** Declares a list, whose elements are values or objects. */
function list<const I extends ItemSpec>(items: I, help: string): SettingSpec<readonly ValueIn<I>[], false> {
  const plain = isSetting(items) && items.kind === 'number' && !items.nullable
  const check = (plain ? finiteNumbers : listOf(checkOf(items))) as Check<readonly ValueIn<I>[]>
  const made = declare<readonly ValueIn<I>[], false>('list', { help, flag: null }, 'a list', check, null)
  return { ...made, items }
}

/** Declares an object of values by names that the declaration does not list. */
function map<const I extends ItemSpec>(
  items: I,
  help: string
): SettingSpec<Readonly<Record<string, ValueIn<I>>>, false> {
  const check: Check<Readonly<Record<string, ValueIn<I>>>> = recordOf(checkOf(items))
  const made = declare<Readonly<Record<string, ValueIn<I>>>, false>(
    'map',
    { help, flag: null },
    'an object',
    check,
    null
  )
  return { ...made, items }
}

/** Declares that a record may lack a field. */
function optional<T>(of: SettingSpec<T, false>): SettingSpec<T, true> {
  return { ...of, absent: true }
}

/** Declares that a field may be null. */
function orNull<T>(of: SettingSpec<T, false>): SettingSpec<T | null, false> {
  return { ...of, nullable: true, check: nullable(of.check) }
}

/**
 * The declarations of the fields of records by their kind. Numbers are finite, integers at least 0.
 *
 * @example
 * const fields = { text: field.text('the text of the sample'), seconds: field.number('duration of the reading', 'seconds') }
 */
export const field = { number, integer, boolean, text, list, map, optional, orNull }
