// gatecell evaluate: a model file and data in, its measures out.

import type { Command } from 'commander'
import type { MeasureSpec, TaskMeasurement, TaskEntry } from '../../tasks/task.js'
import { nats, percent } from '../../format.js'
import { withDefaults } from '../../settings/index.js'
import { createContext } from '../context.js'
import { givenOnCommandLine } from '../options/settings.js'
import { addModelCommand } from './model-command.js'
import { descriptions } from './descriptions.js'

/** Adds the command. */
export function addEvaluate(program: Command, tasks: readonly TaskEntry[]): void {
  addModelCommand(program, tasks, {
    name: 'evaluate',
    description: descriptions.evaluate,
    data: ['<data...>', 'files, folders, patterns, or - for standard input'],
    use: ({ evaluation }) => evaluation,
    words: ({ evaluation }) => evaluation.words,
    async run(task, { command, file, words, interrupts }) {
      const { settings } = task.evaluation
      const context = await createContext(command.getOptionValue('json') === true, interrupts)
      try {
        const options = withDefaults(settings, givenOnCommandLine(command, settings))
        const measured = await task.evaluate({ model: file, words, options }, context)
        context.progress.clear()
        context.output.record({ event: 'evaluate', task: task.id, ...measured.values, ...measured.facts })
        for (const line of linesOf(task, measured)) context.output.line(line)
      } finally {
        context.progress.clear()
      }
    }
  })
}

/** Returns the lines about a measurement for people. */
export function linesOf(
  { measures }: Pick<TaskEntry, 'measures'>,
  { values, lines }: TaskMeasurement
): readonly string[] {
  return lines ?? measures.flatMap((measure) => lineOf(measure, values[measure.name]))
}

function lineOf({ name, unit, better }: MeasureSpec, value: number | undefined): string[] {
  if (value === undefined) return []
  return [`${name.padEnd(8)} ${unit === 'share' ? percent(value) : `${nats(value)} ${unit}`} (${better} is better)`]
}
