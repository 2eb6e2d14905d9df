// gatecell schema: the settings of every task, and the inputs and records of its uses, as JSON Schema, for programs that call gatecell.

import type { Command } from 'commander'
import { jsonSchema } from '../../settings/index.js'
import type { TaskEntry } from '../../tasks/task.js'
import { verbSchemas } from '../../tasks/verb.js'
import { descriptions } from './descriptions.js'

/** Adds the command. */
export function addSchema(program: Command, tasks: readonly TaskEntry[]): void {
  program
    .command('schema')
    .description(descriptions.schema)
    .action(() => {
      process.stdout.write(
        `${JSON.stringify(Object.fromEntries(tasks.map((task) => [task.id, schemasOf(task)])), null, 2)}\n`
      )
    })
}

function schemasOf({ settings, evaluation, tracing, verbs, measures }: TaskEntry) {
  return {
    train: jsonSchema(settings),
    evaluate: jsonSchema(evaluation.settings),
    ...(tracing && { trace: verbSchemas(tracing) }),
    verbs: Object.fromEntries(verbs.map((verb) => [verb.name, verbSchemas(verb)])),
    measures
  }
}
