// gatecell train: a group with a command for each task.

import type { Command } from 'commander'
import type { TaskEntry } from '../../../tasks/task.js'
import { showCommands } from '../show-commands.js'
import { addTraining } from './command.js'
import { descriptions } from '../descriptions.js'

/** Adds the group. */
export function addTrain(program: Command, tasks: readonly TaskEntry[]): void {
  const train = program.command('train').usage('<task> [options]').description(descriptions.train)
  for (const task of tasks) addTraining(train, task)
  train.allowExcessArguments().allowUnknownOption().action(showCommands)
}
