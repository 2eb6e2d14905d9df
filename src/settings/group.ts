// Groups of settings: `{ network: { hidden: integer(...) }, training: { ... } }`, the values that belong to them, and the functions that
// check such values, whether a caller passes them or a file holds them.

import { object, open, optional, type Check, type Fields } from '../check/index.js'
import type { SettingSpec } from './spec.js'

/** Settings by name; a group may hold groups. */
export interface Group {
  readonly [name: string]: AnySetting | Group
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnySetting = SettingSpec<any>

type Member = Group[string]

type AbsentKeys<G extends Group> = { [K in keyof G]: G[K] extends SettingSpec<unknown, true> ? K : never }[keyof G]

type ValueOf<M> = M extends SettingSpec<infer T> ? T : M extends Group ? Values<M> : never

/** The values of a configuration: those that may be absent are optional. */
export type Values<G extends Group> = {
  readonly [K in Exclude<keyof G, AbsentKeys<G>>]: ValueOf<G[K]>
} & { readonly [K in AbsentKeys<G>]?: ValueOf<G[K]> }

/** The values that a caller may give: all of them are optional. */
export type Given<G extends Group> = {
  [K in keyof G]?: G[K] extends SettingSpec<infer T> ? T : G[K] extends Group ? Given<G[K]> : never
}

type DefaultKeys<G extends Group> = Exclude<keyof G, AbsentKeys<G>>

/** Returns whether a member of a group is a setting; otherwise it is a group. */
export function isSetting(member: Member): member is AnySetting {
  return typeof member.kind === 'string'
}

/** Returns the settings of a group and of the groups in it, each with its names from the outside to the inside. */
export function* settingsOf(
  group: Group,
  path: readonly string[] = []
): Generator<{ path: readonly string[]; setting: SettingSpec }> {
  for (const [name, member] of Object.entries(group)) {
    if (isSetting(member)) yield { path: [...path, name], setting: member }
    else yield* settingsOf(member, [...path, name])
  }
}

/** Returns the checks of values that a caller gives, by name; every setting is optional, and groups refuse other names. */
export function givenFields<G extends Group>(group: G): Fields<Given<G>> {
  const fields = Object.entries(group).map(([name, member]) => {
    return [name, optional(isSetting(member) ? member.check : givenCheck(member))]
  })
  return Object.fromEntries(fields) as Fields<Given<G>>
}

/** Returns a check of values that a caller gives. It throws ERR_INVALID_ARGUMENT. */
export function givenCheck<G extends Group>(group: G): Check<Given<G>> {
  return object<Given<G>>(givenFields(group))
}

/**
 * Returns a check of a complete configuration. Settings that are not declared with `absent` must be there; other properties are ignored,
 * so that files of later versions open. It throws ERR_INVALID_ARGUMENT.
 */
export function valuesCheck<G extends Group>(group: G): Check<Values<G>> {
  const fields = Object.entries(group).map(([name, member]) => {
    const check = isSetting(member) ? member.check : valuesCheck(member)
    return [name, isSetting(member) && member.absent ? optional(check as Check<unknown>) : check]
  })
  return open<Values<G>>(Object.fromEntries(fields) as Fields<Values<G>>)
}

/**
 * Returns a check of an object with exactly the values of a group: those that are not declared with `absent` must be there, and others may
 * not. It throws ERR_INVALID_ARGUMENT.
 */
export function exactCheck<G extends Group>(group: G): Check<Values<G>> {
  const fields = Object.entries(group).map(([name, member]) => {
    const check = isSetting(member) ? member.check : exactCheck(member)
    return [name, isSetting(member) && member.absent ? optional(check as Check<unknown>) : check]
  })
  return object<Values<G>>(Object.fromEntries(fields) as Fields<Values<G>>)
}

/** Returns the defaults of the settings that have one, in the order of their declaration. */
export function defaultsOf<G extends Group>(group: G): Pick<Values<G>, DefaultKeys<G> & keyof Values<G>> {
  const defaults: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(group)) {
    if (!isSetting(member)) defaults[name] = defaultsOf(member)
    else if (member.default !== undefined) defaults[name] = member.default
  }
  return defaults as Pick<Values<G>, DefaultKeys<G> & keyof Values<G>>
}

/** Returns the value at a path of names, or undefined. */
export function valueAt(values: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], values)
}

/** Sets the value at a path of names, and makes the objects on the way. */
export function setAt(values: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path
  if (rest.length === 0) values[name!] = value
  else setAt((values[name!] ??= {}) as Record<string, unknown>, rest, value)
}

/**
 * Returns the values that a caller gives, with defaults in place of missing ones. Settings without a default must be declared with `absent`
 * in such a group.
 */
export function withDefaults<G extends Group>(group: G, given: Given<G>): Values<G> {
  const values: Record<string, unknown> = { ...defaultsOf(group) }
  for (const [name, value] of Object.entries(given)) {
    const member = group[name]!
    values[name] = isSetting(member) ? value : withDefaults(member, value as Given<Group>)
  }
  return values as Values<G>
}
