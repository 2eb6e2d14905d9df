// The arguments of a command after its options: files or texts, as the tasks declare them.

import type { Command } from 'commander'
import { counted, expected } from '../../errors.js'
import type { TaskArgument } from '../../tasks/verb.js'
import { commandLine } from '../ui/command-line.js'
import { filePath, filePaths } from './parse.js'

const isVariadic = (argument: string) => argument.includes('...')
const nameOf = (argument: string) => argument.replace(/\W/g, '')

/** Adds an argument. Words that are paths are refused if they are empty. */
export function addArgument(command: Command, [argument, help, kind]: TaskArgument): void {
  if (kind === 'text' || (kind === undefined && !isVariadic(argument))) command.argument(argument, help)
  else if (isVariadic(argument)) command.argument(argument, help, filePaths(`the ${nameOf(argument)}`))
  else command.argument(argument, help, filePath(`the ${nameOf(argument)}`))
}

/**
 * Throws ERR_INVALID_OPTION if `words` are fewer or more than the arguments of a task, or if an argument that is a path is empty. `names` are
 * the words of the command.
 */
export function checkArguments(
  names: readonly string[],
  taskArguments: readonly TaskArgument[],
  words: readonly string[]
): void {
  const fewest = taskArguments.filter(([argument]) => argument.startsWith('<')).length
  const most = taskArguments.some(([argument]) => isVariadic(argument)) ? Infinity : taskArguments.length
  if (words.length < fewest || words.length > most) {
    const what = taskArguments.map(([argument]) => argument).join(' ') || 'nothing'
    const found = words.length === 0 ? 'nothing' : counted(words.length, 'word')
    const remedy = `see ${commandLine([...names, '--help'])}`
    throw expected('ERR_INVALID_OPTION', `${what} after the model`, found, remedy)
  }
  words.forEach((word, i) => {
    const [argument, , kind] = taskArguments[Math.min(i, taskArguments.length - 1)]!
    if (kind !== 'text') filePath(`the ${nameOf(argument)}`)(word)
  })
}
