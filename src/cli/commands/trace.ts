// gatecell trace: a network at work, as its task shows it.

import type { Command } from 'commander'
import type { TaskEntry } from '../../tasks/task.js'
import { addModelCommand } from './model-command.js'

/** Adds the command. */
export function addTrace(program: Command, tasks: readonly TaskEntry[]): void {
  addModelCommand(program, tasks, {
    name: 'trace',
    description:
      'Shows a network at work: letters, memory cells, pen and gradient, or how long a text model remembers.',
    data: ['<data>', 'data of the kind that the model was trained on'],
    use: ({ tracing }) => tracing,
    run: async ({ tracing }, input, context) => await tracing!.trace(input, context)
  })
}
