// gatecell serve: models over HTTP until a signal ends the process.

import type { Command } from 'commander'
import { expected } from '../../errors.js'
import { createServer, type GatecellServer } from '../../serve/index.js'
import { sourceOfWord } from '../../serve/model-source.js'
import type { Reloaded } from '../../serve/index.js'
import { serveSettings } from '../../serve/settings.js'
import { checkDeviceOf } from '../options/device.js'
import { filePath, filePaths } from '../options/parse.js'
import { addSettings, givenOnCommandLine } from '../options/settings.js'
import { givenInEnvironment, givenInFile } from '../options/sources.js'
import { asTyped } from '../ui/command-line.js'
import { withInterrupts } from '../ui/interrupt.js'
import { createOutput, exitCodes, type Output } from '../ui/output.js'
import { descriptions } from './descriptions.js'

const NOTES = `
Examples:
  gatecell serve shakespeare.safetensors
  gatecell serve shakespeare.safetensors french=models/fr.safetensors --port 9000 --token-file tokens.txt
  gatecell serve --config serve.json

A model has the name of its file, or that before "=". Every option is also a variable of the environment, GATECELL_MAX_ROWS for --max-rows, and
a name in the JSON file of --config, maxRows, which may have the list "models", too; options come before variables, and these before the file.
SIGHUP opens changed model files again without an end of any stream. SIGTERM and Ctrl-C end the server when its requests have ended.
docs/serving.md describes the routes.`

/** Adds the command. */
export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .description(descriptions.serve)
    .argument('[model...]', '.safetensors files of a training, each with or without name=', filePaths('the models'))
  addSettings(command, serveSettings)
  command
    .option('--config <file>', 'JSON file with settings', filePath('--config'))
    .option('--json', 'one JSON object a line')
    .addHelpText('after', asTyped(NOTES))
    .action(async () => {
      process.exitCode = await run(command)
    })
}

async function run(command: Command): Promise<number> {
  const output = createOutput(command.getOptionValue('json') === true)
  let server: GatecellServer | null = null
  const reload = () => void server?.reload().then((results) => printReloaded(output, results))
  return await withInterrupts(async ({ signal }) => {
    server = await createServer(await optionsOf(command, signal))
    output.line(`serving  ${server.url}`)
    output.record({ event: 'serving', url: server.url })
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await server.close()
    return exitCodes.ok
  }, reload)
}

/** Returns the options of the server from the command line, the environment and the file, in this order of precedence. */
async function optionsOf(command: Command, signal: AbortSignal) {
  const path = command.getOptionValue('config') as string | undefined
  const file = path === undefined ? { given: {}, models: [] } : await givenInFile(serveSettings, path, signal)
  const given = {
    ...file.given,
    ...givenInEnvironment(serveSettings, process.env),
    ...givenOnCommandLine(command, serveSettings)
  }
  checkDeviceOf(given)
  const words = command.args.length > 0 ? command.args : file.models
  if (words.length === 0)
    throw expected('ERR_INVALID_OPTION', 'at least one model', 'none', 'name a .safetensors file of a training')
  return { ...given, models: words.map(sourceOfWord) }
}

function printReloaded(output: Output, results: readonly Reloaded[]): void {
  for (const { id, result, error } of results) {
    const why = error instanceof Error ? `: ${error.message}` : ''
    output.line(`model    ${id} ${result === 'same' ? 'has not changed' : result}${why}`)
    output.record({ event: 'model', id, result, ...(why !== '' && { message: why.slice(2) }) })
  }
}
