// The command of a verb: a model file, words and options in, the records of the verb out.

import type { Command } from 'commander'
import { openCheckpoint } from '../../io/checkpoint.js'
import type { TaskEntry } from '../../tasks/task.js'
import { argumentsOf, type Verb } from '../../tasks/verb.js'
import { refuseWithout } from '../options/applicable.js'
import { addArgument } from '../options/arguments.js'
import { checkDeviceOf } from '../options/device.js'
import { filePath } from '../options/parse.js'
import { addSettings, givenOnCommandLine } from '../options/settings.js'
import { runVerb } from '../run-verb.js'
import { asTyped } from '../ui/command-line.js'
import { withInterrupts } from '../ui/interrupt.js'

/** Adds the command of a verb. */
export function addVerb(program: Command, task: TaskEntry, verb: Verb): void {
  const { settings, requires = {} } = verb
  const command = program
    .command(verb.name)
    .description(verb.description)
    .argument('<model>', `a .safetensors file of train ${task.id}`, filePath('the model'))
  for (const argument of argumentsOf(verb)) addArgument(command, argument)
  addSettings(command, settings)
  command
    .option('--json', 'one JSON object a line')
    .addHelpText('after', asTyped(verb.notes))
    .action(async (model: string) => {
      process.exitCode = await withInterrupts(async (interrupts) => {
        for (const [main, modifiers] of Object.entries(requires)) refuseWithout(command, main, modifiers)
        checkDeviceOf(givenOnCommandLine(command, settings))
        const file = await openCheckpoint(model)
        try {
          await runVerb(command, verb, { file, words: command.args.slice(1), interrupts })
        } finally {
          await file.close()
        }
        return interrupts.exitCode
      })
    })
}
