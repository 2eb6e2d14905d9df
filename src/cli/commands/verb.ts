// The command of a verb: a model file, words and options in, the results of the verb out.

import type { Command } from 'commander'
import { openCheckpoint } from '../../io/checkpoint.js'
import { withDefaults } from '../../settings/index.js'
import type { TaskEntry, Verb } from '../../tasks/task.js'
import { createContext } from '../context.js'
import { refuseWithout } from '../options/applicable.js'
import { addArgument } from '../options/arguments.js'
import { checkDeviceOf } from '../options/device.js'
import { filePath } from '../options/parse.js'
import { addSettings, givenOnCommandLine } from '../options/settings.js'
import { asTyped } from '../ui/command-line.js'
import { withInterrupts } from '../ui/interrupt.js'

/** Adds the command of a verb. */
export function addVerb(program: Command, task: TaskEntry, verb: Verb): void {
  const { settings, requires = {}, words } = verb
  const command = program
    .command(verb.name)
    .description(verb.description)
    .argument('<model>', `a .safetensors file of train ${task.id}`, filePath('the model'))
  for (const argument of words) addArgument(command, argument)
  addSettings(command, settings)
  command
    .option('--json', 'one JSON object a line')
    .addHelpText('after', asTyped(verb.notes))
    .action(async (model: string) => {
      process.exitCode = await withInterrupts(async (interrupts) => {
        for (const [main, modifiers] of Object.entries(requires)) refuseWithout(command, main, modifiers)
        const given = givenOnCommandLine(command, settings)
        checkDeviceOf(given)
        const context = await createContext(command.getOptionValue('json') === true, interrupts)
        const file = await openCheckpoint(model)
        try {
          const input = { model: file, words: command.args.slice(1), options: withDefaults(settings, given) }
          await verb.run(input, context)
        } finally {
          await file.close()
        }
        return interrupts.exitCode
      })
    })
}
