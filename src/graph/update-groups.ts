// Groups of parameters with the same settings in an update, and their form for the core (gc_group in gatecell.h).

import { boolean, list, number, object, string, type Check } from '../check/index.js'
import { expected, show } from '../errors.js'

/** A group of parameters in the updates of a model; `createTrainer` makes groups from its option `groups`. */
export interface UpdateGroup {
  /** Names of the parameters; each parameter is in one group at most. */
  names: readonly string[]
  /** Whether the parameters have no update, no moments, and no part in the norm of the gradient. */
  frozen: boolean
  /** Factor on the learning rate, at least 0. */
  rate: number
  /** Weight decay and L2 of all parameters of the group, whatever their rank; null: those of the control block. */
  decay: { weightDecay: number; l2: number } | null
  /** Steps of the run at which the group was frozen: Adam's t counts the others. */
  skipped: number
}

/** Maximum number of groups of a model, that of the parameters without a group included (GC_MAX_GROUPS). */
export const MAX_GROUPS = 32

const readDecay = object<NonNullable<UpdateGroup['decay']>>({ weightDecay: number(0), l2: number(0) })
/** Checks that a value is a list of groups. */
export const checkGroups: Check<UpdateGroup[]> = list(
  object<UpdateGroup>({
    names: list(string),
    frozen: boolean,
    rate: number(0),
    decay: (value, name) => (value === null ? null : readDecay(value, name)),
    skipped: number(0)
  })
)

/**
 * Returns the group of each parameter and the numbers of each group; the first group is that of the parameters without one. Throws
 * ERR_INVALID_ARGUMENT if a name is unknown or in two groups, or if there are too many groups.
 */
export function packGroups(
  parameters: readonly string[],
  groups: readonly UpdateGroup[]
): { groupOf: Int32Array; numbers: Float64Array } {
  if (groups.length >= MAX_GROUPS) {
    const wanted = `fewer than ${MAX_GROUPS} groups of parameters`
    throw expected('ERR_INVALID_ARGUMENT', wanted, `${groups.length}`, 'join groups of the same settings')
  }
  const groupOf = new Int32Array(parameters.length)
  groups.forEach(({ names }, group) => {
    for (const name of names) {
      const at = parameters.indexOf(name)
      if (at === -1 || groupOf[at] !== 0) {
        throw expected(
          'ERR_INVALID_ARGUMENT',
          'parameters of the model, each in one group,',
          show(name),
          'name each parameter once'
        )
      }
      groupOf[at] = group + 1
    }
  })
  const rows = groups.map(({ frozen, rate, decay, skipped }) => [
    Number(frozen),
    Number(decay !== null),
    rate,
    decay?.weightDecay ?? 0,
    decay?.l2 ?? 0,
    skipped
  ])
  return { groupOf, numbers: Float64Array.from([[0, 0, 1, 0, 0, 0], ...rows].flat()) }
}
