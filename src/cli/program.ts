// The tree of commands, and what is common to all: help, version, how errors end.

import { Command, CommanderError } from 'commander'
import { expected, type GatecellError } from '../errors.js'
import { packageInfo } from '../native.js'
import { tasks as allTasks } from '../tasks/registry.js'
import type { TaskEntry } from '../tasks/task.js'
import { descriptions } from './commands/descriptions.js'
import { showCommands } from './commands/show-commands.js'
import { commandOf, unknownOption } from './options/unknown.js'
import { asTyped, commandLine } from './ui/command-line.js'
import { exitCodes, reportError, watchOutput } from './ui/output.js'

/** A command that is imported on use. */
interface LazyCommand {
  readonly name: string
  readonly description: string
  add(program: Command): Promise<void>
}

/** Returns a command that is not a verb of a task. */
function own(name: keyof typeof descriptions, add: LazyCommand['add']): LazyCommand {
  return { name, description: descriptions[name], add }
}

function commandsOf(tasks: readonly TaskEntry[]): LazyCommand[] {
  const verbs = tasks.flatMap((task) => task.verbs.map((verb) => ({ task, verb })))
  return [
    own('train', async (program) => (await import('./commands/train/group.js')).addTrain(program, tasks)),
    ...verbs.map(({ task, verb }) => ({
      name: verb.name,
      description: verb.description,
      add: async (program: Command) => (await import('./commands/verb.js')).addVerb(program, task, verb)
    })),
    own('evaluate', async (program) => (await import('./commands/evaluate.js')).addEvaluate(program, tasks)),
    own('trace', async (program) => (await import('./commands/trace.js')).addTrace(program, tasks)),
    own('serve', async (program) => (await import('./commands/serve.js')).addServe(program)),
    own('run', async (program) => (await import('./commands/run.js')).addRun(program)),
    own('import', async (program) => (await import('./commands/import.js')).addImport(program)),
    own('export', async (program) => (await import('./commands/export.js')).addExport(program)),
    own('schema', async (program) => (await import('./commands/schema.js')).addSchema(program, tasks)),
    own('inspect', async (program) => (await import('./commands/inspect.js')).addInspect(program, tasks)),
    own('doctor', async (program) => (await import('./commands/doctor.js')).addDoctor(program)),
    own('bench', async (program) => (await import('./commands/bench.js')).addBench(program)),
    own('tour', async (program) => (await import('./commands/tour/text.js')).addTour(program))
  ]
}

const ABOUT = `
Examples:
  gatecell train text shakespeare.txt --out shakespeare.safetensors
  gatecell sample shakespeare.safetensors --prompt 'ROMEO:' --length 500
  gatecell evaluate shakespeare.safetensors other.txt --json

Exit codes: 0 done, 2 wrong command line, 130 stopped by Ctrl-C and 143 by SIGTERM (saved), 1 anything else that failed.
GATECELL_ISA=scalar|avx2|avx512|neon forces an instruction set; GATECELL_DEBUG=1 shows stacks.`

const ignore = (): void => {}

/** Runs one command line of a program with these tasks, and returns its exit code. */
export async function runProgram(words: readonly string[], tasks: readonly TaskEntry[] = allTasks): Promise<number> {
  watchOutput(() => process.exit(exitCodes.ok))
  // A file beyond the limit of ulimit -f is then a failed write (EFBIG) with its message, not the end of the process.
  if (process.platform !== 'win32' && !process.listeners('SIGXFSZ').includes(ignore)) process.on('SIGXFSZ', ignore)
  try {
    const program = await createProgram(words, tasks)
    await program.parseAsync([...words], { from: 'user' })
    return Number(process.exitCode ?? exitCodes.ok)
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
    const reported = error instanceof CommanderError ? usageError(error, words, tasks) : error
    return reportError(reported, words.includes('--json'))
  }
}

/**
 * Builds the tree of commands without running anything. The command that `words` name is imported, the others are only names for the list
 * of commands; without `words` all of them are imported.
 */
export async function createProgram(
  words?: readonly string[],
  tasks: readonly TaskEntry[] = allTasks
): Promise<Command> {
  const program = new Command('gatecell')
    .description('The LSTM engine for Node.js: trains, samples and measures LSTM networks.')
    .version(packageInfo().version, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .configureHelp({ showGlobalOptions: false })
    .helpCommand('help [command]', 'show help for a command')
    .addHelpText('after', asTyped(ABOUT))
  const [first, second] = (words ?? []).filter((word) => !word.startsWith('-'))
  const named = first === 'help' ? second : first
  for (const { name, description, add } of commandsOf(tasks)) {
    if (words === undefined || name === named) await add(program)
    else program.command(name).description(description)
  }
  // After the commands: a command inherits this setting from its group, and would ignore extra words.
  program.allowExcessArguments().allowUnknownOption().action(showCommands)
  return program
}

/** Returns the error for a command line that commander refuses, as one sentence. */
function usageError(
  { code, message }: CommanderError,
  words: readonly string[],
  tasks: readonly TaskEntry[]
): GatecellError {
  const [, flag] = /unknown option '(--?[^'=]+)/.exec(message) ?? []
  const [, similar] = /Did you mean (?:one of )?(-[\w-]+)/.exec(message) ?? []
  if (code === 'commander.unknownOption' && flag !== undefined) return unknownOption(flag, words, tasks, similar)
  const fault = message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ').replace(/\.$/, '') // prettier-ignore
  const remedy = `see ${commandLine([...commandOf(words, tasks), '--help'])}`
  return expected('ERR_INVALID_OPTION', 'a command line that --help describes', `one with a fault (${fault})`, remedy)
}
