// gatecell trace: a network at work, as its task shows it.

import type { Command } from 'commander'
import type { TaskEntry } from '../../tasks/task.js'
import { argumentsOf } from '../../tasks/verb.js'
import { runVerb } from '../run-verb.js'
import { addModelCommand } from './model-command.js'
import { descriptions } from './descriptions.js'

const DATA = ['<data>', 'data of the kind that the model was trained on'] as const

/** Adds the command. */
export function addTrace(program: Command, tasks: readonly TaskEntry[]): void {
  addModelCommand(program, tasks, {
    name: 'trace',
    description: descriptions.trace,
    data: DATA,
    use: ({ tracing }) => tracing,
    words({ tracing }) {
      const words = argumentsOf(tracing!)
      return words.length === 1 && words[0]![0] === DATA[0] ? undefined : words
    },
    run: async ({ tracing }, { command, ...call }) => await runVerb(command, tracing!, call)
  })
}
