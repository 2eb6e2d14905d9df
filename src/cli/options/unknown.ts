// The error for an option that a command does not have. It names the commands that have the option, so that an option of another task is
// found.

import { expected, type GatecellError } from '../../errors.js'
import { flagOf, settingsOf, type Group } from '../../settings/index.js'
import type { TaskEntry } from '../../tasks/task.js'
import { commandLine } from '../ui/command-line.js'

/** Returns the words that name the command of a command line: `train text`, `sample`; none if it names no command. */
export function commandOf(words: readonly string[], tasks: readonly TaskEntry[]): readonly string[] {
  const [first, second] = words.filter((word) => !word.startsWith('-'))
  if (first === undefined) return []
  return first === 'train' && tasks.some(({ id }) => id === second) ? [first, second!] : [first]
}

/**
 * Returns the ERR_INVALID_OPTION for the option `flag` of the command line `words`. `similar` is the option that the command has and that
 * may have been meant.
 */
export function unknownOption(
  flag: string,
  words: readonly string[],
  tasks: readonly TaskEntry[],
  similar: string | undefined
): GatecellError {
  const own = commandOf(words, tasks)
  const name = own.join(' ') || 'gatecell'
  const others = optionGroups(tasks).flatMap(({ command, group }) =>
    has(group, flag) && command !== name ? command : []
  )
  const having = [...new Set(others)]
  const known = having.length === 0 ? '' : `, which is an option of ${having.join(', ')}`
  const guess = similar === undefined ? '' : `use ${similar}, or `
  return expected(
    'ERR_INVALID_OPTION',
    `an option of ${name}`,
    flag + known,
    `${guess}see ${commandLine([...own, '--help'])}`
  )
}

function has(group: Group, flag: string): boolean {
  for (const { path, setting } of settingsOf(group)) if (flagOf(path, setting)?.name === flag) return true
  return false
}

/** Returns the settings of each command; a command that several tasks have is there for each of them. */
function optionGroups(tasks: readonly TaskEntry[]): { command: string; group: Group }[] {
  return tasks.flatMap(({ id, settings, verbs, evaluation, tracing }) => [
    { command: `train ${id}`, group: settings },
    ...verbs.map((verb) => ({ command: verb.name, group: verb.settings })),
    { command: 'evaluate', group: evaluation.settings },
    ...(tracing ? [{ command: 'trace', group: tracing.settings }] : [])
  ])
}
