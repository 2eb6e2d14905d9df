// Help for a group of commands, and the error for words that name no command.

import type { Command } from 'commander'
import { expected } from '../../errors.js'
import { commandLine } from '../ui/command-line.js'

/** Prints the help of a group of commands. Throws ERR_INVALID_OPTION if a word names none of them. */
export function showCommands(_options: unknown, command: Command): void {
  const [name] = command.args
  if (name === undefined) return command.outputHelp()
  const known = command.commands.map((other) => other.name()).join(', ')
  const own = command.parent ? [command.name()] : []
  throw expected('ERR_INVALID_OPTION', `one of ${known}`, `"${name}"`, `see ${commandLine([...own, '--help'])}`)
}
