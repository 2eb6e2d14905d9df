// The tree of commands, and what is common to all: help, version, how errors end.

import { Command, CommanderError } from 'commander'
import { GatecellError } from '../errors.js'
import { packageInfo } from '../native.js'
import { addBench } from './commands/bench.js'
import { addDoctor } from './commands/doctor.js'
import { addEvaluate } from './commands/evaluate/command.js'
import { addInspect } from './commands/inspect.js'
import { exitCodes, reportError, watchOutput } from './ui/output.js'
import { addRead } from './commands/read.js'
import { addSample } from './commands/sample.js'
import { addTour } from './commands/tour/text.js'
import { addTrace } from './commands/trace.js'
import { addTraining } from './commands/train/command.js'
import { trainHandwriting } from './commands/train/handwriting-synthesis.js'
import { trainRecognition } from './commands/train/handwriting-recognition.js'
import { trainText } from './commands/train/text.js'
import { addWrite } from './commands/write.js'

const ABOUT = `
Examples:
  gatecell train text shakespeare.txt --out shakespeare.safetensors
  gatecell sample shakespeare.safetensors --prompt 'ROMEO:' --length 500
  gatecell evaluate shakespeare.safetensors other.txt --json

Exit codes: 0 done, 2 wrong command line, 130 stopped by Ctrl-C (saved), 1 anything else that failed.
GATECELL_ISA=scalar|avx2|avx512 forces an instruction set; GATECELL_DEBUG=1 shows stacks.`

/** Runs one command line and returns its exit code. */
export async function runProgram(words: readonly string[]): Promise<number> {
  watchOutput(() => process.exit(exitCodes.ok))
  // A file beyond the limit of ulimit -f is then a failed write (EFBIG) with its message, not the end of the process.
  if (process.platform !== 'win32') process.on('SIGXFSZ', () => {})
  const program = createProgram()
  try {
    await program.parseAsync([...words], { from: 'user' })
    return Number(process.exitCode ?? exitCodes.ok)
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
    return reportError(error instanceof CommanderError ? usageError(error) : error, words.includes('--json'))
  }
}

/** Builds the tree of commands without running anything. */
export function createProgram(): Command {
  const program = new Command('gatecell')
    .description('The LSTM engine for Node.js: trains, samples and measures LSTM networks.')
    .version(packageInfo().version, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .configureHelp({ showGlobalOptions: false })
    .helpCommand('help [command]', 'show help for a command')
    .addHelpText('after', ABOUT)
  const train = program
    .command('train')
    .usage('<application> [options]')
    .description('Trains a network; one command for each application.')
  addTraining(train, trainText)
  addTraining(train, trainRecognition)
  addTraining(train, trainHandwriting)
  addSample(program)
  addEvaluate(program)
  addRead(program)
  addWrite(program)
  addTrace(program)
  addInspect(program)
  addDoctor(program)
  addBench(program)
  addTour(program)
  // After the commands: a command inherits this setting from its group, and would ignore extra words.
  for (const group of [program, train]) group.allowExcessArguments().allowUnknownOption().action(showCommands)
  return program
}

/** For words that no command was found for. */
function showCommands(_options: unknown, command: Command): void {
  const [name] = command.args
  if (name === undefined) return command.outputHelp()
  const known = command.commands.map((other) => other.name()).join(', ')
  throw new GatecellError(
    'ERR_INVALID_OPTION',
    `Expected one of ${known} but received "${name}": see ${command.name()} --help`
  )
}

/** What commander says, as one sentence. */
function usageError(error: CommanderError): GatecellError {
  const said = error.message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '')
  return new GatecellError(
    'ERR_INVALID_OPTION',
    `Expected a command line that --help describes but received this: ${said}`
  )
}
