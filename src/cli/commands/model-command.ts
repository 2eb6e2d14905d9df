// A command whose options depend on the task of the model that it names. Its help lists the options of all tasks; an option that the
// model's task does not have is refused.

import type { Command } from 'commander'
import { expected } from '../../errors.js'
import { openCheckpoint, type CheckpointFile } from '../../io/checkpoint.js'
import { flagOf, settingsOf, type SettingFlag, type SettingSpec } from '../../settings/index.js'
import type { TaskEntry } from '../../tasks/task.js'
import type { ModelUse, TaskArgument } from '../../tasks/verb.js'
import { refuseOtherTasks, refuseWithout, type OptionTasks } from '../options/applicable.js'
import { checkArguments } from '../options/arguments.js'
import { checkDeviceOf } from '../options/device.js'
import { filePath } from '../options/parse.js'
import { addOption, helpOf } from '../options/settings.js'
import { asTyped } from '../ui/command-line.js'
import { withInterrupts, type Interrupts } from '../ui/interrupt.js'

/** A command that tasks have in common. */
export interface ModelCommand {
  readonly name: string
  readonly description: string
  readonly data: readonly [argument: string, help: string]
  /** Returns its settings in a task; undefined if the task does not have it. */
  use(task: TaskEntry): ModelUse | undefined
  /** Returns the arguments after the model of a task; undefined if they are `data`. */
  words(task: TaskEntry): readonly TaskArgument[] | undefined
  run(task: TaskEntry, call: ModelCall): Promise<void>
}

/** A call of the command: the model's file, which the caller closes, and the words after it. */
export interface ModelCall {
  readonly command: Command
  readonly file: CheckpointFile
  readonly words: readonly string[]
  readonly interrupts: Interrupts
}

/** Adds the command. */
export function addModelCommand(program: Command, tasks: readonly TaskEntry[], of: ModelCommand): void {
  const having = tasks.filter((task) => of.use(task))
  const command = program
    .command(of.name)
    .description(of.description)
    .argument('<model>', 'a .safetensors file of a training', filePath('the model'))
    .argument(...dataOf(having, of))
  const optionTasks = addAllOptions(command, having, of)
  command.option('--json', 'one JSON object').action(async (model: string) => {
    process.exitCode = await withInterrupts(async (interrupts) => {
      await runModelCommand(command, having, of, { model, optionTasks, interrupts })
      return interrupts.exitCode
    })
  })
  for (const task of having) command.addHelpText('after', asTyped(of.use(task)!.notes))
}

/** Returns the argument for the data of all tasks: it is optional and takes several words if those of a task do. */
function dataOf(tasks: readonly TaskEntry[], of: ModelCommand): [string, string] {
  const [argument, help] = of.data
  const others = tasks.filter((task) => of.words(task))
  if (others.length === 0) return [argument, help]
  const kinds = others.map((task) => `${task.id}: ${of.words(task)!.map(([, own]) => own).join(', ') || 'none'}`) // prettier-ignore
  return [`[${argument.replace(/\W/g, '')}...]`, [help, ...kinds].join('; ')]
}

/** Adds the options of all tasks, each once, and returns the tasks of each option. */
function addAllOptions(command: Command, tasks: readonly TaskEntry[], of: ModelCommand): OptionTasks {
  const options = new Map<string, { flag: SettingFlag; settings: SettingSpec[]; having: string[] }>()
  for (const task of tasks)
    for (const { path, setting } of settingsOf(of.use(task)!.settings)) {
      const flag = flagOf(path, setting)
      if (!flag) continue
      const known = options.get(flag.name)
      known?.having.push(task.id)
      known?.settings.push(setting)
      if (!known) options.set(flag.name, { flag, settings: [setting], having: [task.id] })
    }
  const optionTasks: Record<string, readonly string[]> = {}
  for (const { flag, settings, having } of options.values()) {
    const some = having.length < tasks.length ? ` [${having.join(', ')}]` : ''
    addOption(command, flag, helpOf(settings[0]!) + some, settings)
    if (some !== '') optionTasks[command.options.at(-1)!.attributeName()] = having
  }
  return optionTasks
}

/** Runs the command for the task of the model. Throws ERR_WRONG_TASK if that task does not have the command. */
async function runModelCommand(
  command: Command,
  tasks: readonly TaskEntry[],
  of: ModelCommand,
  { model, optionTasks, interrupts }: { model: string; optionTasks: OptionTasks; interrupts: Interrupts }
): Promise<void> {
  checkDeviceOf(command.opts())
  const file = await openCheckpoint(model)
  try {
    const task = taskOf(file.info.task, tasks, of, model)
    refuseOtherTasks(command, optionTasks, task.id, model)
    const words = command.args.slice(1)
    checkArguments([of.name], of.words(task) ?? [of.data], words)
    for (const [main, modifiers] of Object.entries(of.use(task)!.requires ?? {}))
      refuseWithout(command, main, modifiers)
    await of.run(task, { command, file, words, interrupts })
  } finally {
    await file.close()
  }
}

/** Returns the task of a model file. Throws ERR_WRONG_TASK if that task does not have the command. */
function taskOf(found: string, tasks: readonly TaskEntry[], { name }: ModelCommand, path: string): TaskEntry {
  const task = tasks.find(({ id, formerIds = [] }) => [id, ...formerIds].includes(found))
  if (task) return task
  const ids = tasks.map(({ id }) => id).join(' or ')
  const holding = `${path}, which holds a "${found}" model`
  throw expected('ERR_WRONG_TASK', `a ${ids} model`, holding, `name a model that gatecell ${name} takes`)
}
