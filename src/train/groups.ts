// Groups of parameters in a training: rates, weight decay and freezing by name, as the options of a trainer have them, and the groups of
// the updates that follow from them.

import { boolean, list, number, object, optional, string, type Check } from '../check/index.js'
import { expected, show, type GatecellError } from '../errors.js'
import type { ParameterStore } from '../graph/parameters.js'
import type { UpdateGroup } from '../graph/update-groups.js'
import type { Optimizer } from './optimizers.js'

/** By parameter, the number of steps at which it was frozen. */
export type SkippedSteps = Readonly<Record<string, number>>

/** Settings of the parameters that `parameters` names; `{ parameters: 'encoder.*', rate: 0.1 }` trains an encoder slowly. */
export interface TrainingGroup {
  /** Names, or patterns in which * matches any characters: 'lstm.*', ['*.bias', 'embedding.weight']. */
  parameters: string | readonly string[]
  /** Factor on the learning rate, 0 to 1000; default 1. */
  rate?: number
  /**
   * Weight decay instead of the optimizer's, 0 to 1000, for all parameters of the group, also those of rank 1. Default: the optimizer's
   * `weightDecay` and `decays`.
   */
  weightDecay?: number
  /**
   * Whether the parameters keep their values and moments, and have no part in the gradient's norm, as with requires_grad=False in PyTorch.
   * Their steps do not count for Adam's bias correction. Default false.
   */
  frozen?: boolean
}

const oneOrMore: Check<string | readonly string[]> = (value, name) =>
  typeof value === 'string' ? value : list(string, 1)(value, name)

const readGroups = list(
  object<TrainingGroup>({
    parameters: oneOrMore,
    rate: optional(number(0, 1e3)),
    weightDecay: optional(number(0, 1e3)),
    frozen: optional(boolean)
  })
)

/** The groups of a run: their parameters, and the groups of the updates while a fit is under way. */
export class Groups {
  readonly list: readonly TrainingGroup[]
  /** The names of the parameters of each group. */
  readonly #members: readonly (readonly string[])[]
  #entered = false

  /**
   * Finds the parameters among `names` that each group has. Throws ERR_INVALID_ARGUMENT if a pattern matches no parameter, if two groups
   * match one, if a frozen group has a rate or a decay, or if all parameters are frozen.
   */
  constructor(given: readonly TrainingGroup[], names: readonly string[]) {
    this.list = readGroups(given, 'the groups')
    const owners = ownersOf(this.list, names)
    this.#members = this.list.map((_, i) => names.filter((name) => owners.get(name) === i))
  }

  /** Sets the groups of the updates in `parameters`. `skipped`: by name, the steps at which a parameter was frozen. */
  enter(parameters: ParameterStore, { kind }: Pick<Optimizer, 'kind'>, skipped: SkippedSteps = {}): void {
    const made = new Map<string, UpdateGroup>()
    for (const name of parameters.names) {
      const { rate = 1, weightDecay, frozen = false } = this.list[this.#groupOf(name)] ?? {}
      const [decoupled, l2] = kind === 'adamw' ? [weightDecay, 0] : [0, weightDecay]
      const decay = weightDecay === undefined ? null : { weightDecay: decoupled!, l2: l2! }
      const group = { frozen, rate, decay, skipped: frozen ? 0 : (skipped[name] ?? 0) }
      if (!frozen && rate === 1 && decay === null && group.skipped === 0) continue
      const key = JSON.stringify(group)
      made.set(key, { ...group, names: [...(made.get(key)?.names ?? []), name] })
    }
    this.#entered = made.size > 0
    if (this.#entered) parameters.setGroups([...made.values()])
  }

  /** Removes the groups of the updates. */
  leave(parameters: ParameterStore): void {
    if (this.#entered) parameters.setGroups([])
    this.#entered = false
  }

  /** Returns the field of the progress that a step changes. */
  counted(skipped: SkippedSteps | undefined): { skipped?: SkippedSteps } {
    const frozen = this.#members.filter((_, i) => this.list[i]!.frozen).flat()
    if (frozen.length === 0) return skipped ? { skipped } : {}
    return { skipped: { ...skipped, ...Object.fromEntries(frozen.map((name) => [name, (skipped?.[name] ?? 0) + 1])) } }
  }

  #groupOf(name: string): number {
    return this.#members.findIndex((members) => members.includes(name))
  }
}

/** Returns the index of the group of each parameter that has one. */
function ownersOf(groups: readonly TrainingGroup[], names: readonly string[]): Map<string, number> {
  const owners = new Map<string, number>()
  groups.forEach(({ parameters, rate, weightDecay, frozen = false }, i) => {
    if (frozen && (rate !== undefined || weightDecay !== undefined))
      throw invalid('a frozen group without rate and weightDecay', 'one with them', 'leave them out, or frozen')
    for (const pattern of typeof parameters === 'string' ? [parameters] : parameters) {
      const found = names.filter((name) => matches(pattern, name))
      if (found.length === 0)
        throw invalid(`parameters among ${names.join(', ')}`, show(pattern), 'use a name, or * for any characters')
      for (const name of found) {
        if ((owners.get(name) ?? i) !== i)
          throw invalid('each parameter in one group', `"${name}" in two`, 'make the patterns more narrow')
        owners.set(name, i)
      }
    }
  })
  const frozen = names.filter((name) => groups[owners.get(name) ?? -1]?.frozen)
  if (names.length > 0 && frozen.length === names.length)
    throw invalid('parameters to train', 'groups that freeze all of them', 'leave one out')
  return owners
}

/** Returns whether a pattern matches a name. It compares piece by piece, in time proportional to the lengths. */
function matches(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === name
  const last = rest.pop()!
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= name.length - last.length
}

function invalid(what: string, found: string, remedy: string): GatecellError {
  return expected('ERR_INVALID_ARGUMENT', what, found, remedy)
}
