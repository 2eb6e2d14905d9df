// Refuses options that a command line gives but that would have no effect: those of another task, and those that only modify
// an option that is absent.

import type { Command } from 'commander'
import { expected } from '../../errors.js'

/** For each option that only some tasks have, by its attribute name: these tasks. */
export type OptionTasks = Readonly<Record<string, readonly string[]>>

/**
 * Throws ERR_INVALID_OPTION if the command line gives an option that `task` does not have; `path` is the model's file, for
 * the message. Options that `tasks` does not name apply to every task.
 */
export function refuseOtherTasks(command: Command, tasks: OptionTasks, task: string, path: string): void {
  for (const [attribute, having] of Object.entries(tasks)) {
    if (having.includes(task) || !isGiven(command, attribute)) continue
    const kinds = having.join(' or ')
    const what = `${flagOf(command, attribute)} only for a ${kinds} model`
    throw expected('ERR_INVALID_OPTION', what, `${path}, which holds a "${task}" model`, 'leave the option out')
  }
}

/** Throws ERR_INVALID_OPTION if the command line gives one of `modifiers` without `main`, the option that they modify. */
export function refuseWithout(command: Command, main: string, modifiers: readonly string[]): void {
  if (isGiven(command, main)) return
  for (const attribute of modifiers) {
    if (!isGiven(command, attribute)) continue
    const [option, needed] = [attribute, main].map((name) => flagOf(command, name))
    const remedy = `add ${needed} or leave ${option} out`
    throw expected('ERR_INVALID_OPTION', `${option} together with ${needed}`, `only ${option}`, remedy)
  }
}

function isGiven(command: Command, attribute: string): boolean {
  return command.getOptionValueSource(attribute) === 'cli'
}

function flagOf(command: Command, attribute: string): string {
  const option = command.options.find((one) => one.attributeName() === attribute)
  if (option?.long === undefined) throw new Error(`${command.name()} has no option ${attribute}`)
  return option.long
}
