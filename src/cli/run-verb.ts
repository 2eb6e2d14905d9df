// A use of a model on the command line: its records become JSON lines, or text for people, and its products become files.

import type { Command } from 'commander'
import { assertOutputs, writeAtomically } from '../io/atomic.js'
import { openCheckpoint, type CheckpointFile } from '../io/checkpoint.js'
import { settingsOf, withDefaults, type Content, type Given, type Group, type Values } from '../settings/index.js'
import { engineOptions } from '../tasks/runs/settings.js'
import { inputOf, type fileFields, type Shown, type Verb, type VerbContext } from '../tasks/verb.js'
import { givenOnCommandLine, givenWords, productsOnCommandLine } from './options/settings.js'
import { readStdin, type Interrupts } from './ui/interrupt.js'
import { createOutput, type Output } from './ui/output.js'

/** Uses the model of an open file as the command line asks, and prints and saves the results. `words` are those after the model. */
export async function runVerb(
  command: Command,
  verb: Verb,
  { file, words, interrupts }: { file: CheckpointFile; words: readonly string[]; interrupts: Interrupts }
): Promise<void> {
  const { signal } = interrupts
  const output = createOutput(command.getOptionValue('json') === true)
  const given = { ...givenOnCommandLine(command, verb.settings), ...givenWords(verb, words) }
  const { weights, device, threads, ...values } = given as Given<Group>
  const engine = engineOptions({ weights, device, threads })
  const input = withDefaults(inputOf(verb), values)
  const files = productsOnCommandLine(command, verb.settings)
  await assertOutputs([...files.values()], [file.path, ...pathsIn(verb.settings, input)])
  const code = await verb.code()
  using model = await code.load(file, engine)
  const context: VerbContext = {
    signal,
    pieces: !output.json,
    engine,
    stdin: () => readStdin(signal),
    openModel: (name) => openCheckpoint(name)
  }
  const saved: string[] = []
  for await (const record of code.run(model, input, context)) {
    if (record.event === 'file') saved.push(await save(record as unknown as FileRecord, files))
    else if (record.event !== 'piece') output.record(record)
    if (!output.json && code.show) await print(output, code.show(record, input, context))
  }
  for (const path of saved) output.line(`saved    ${path}`)
}

/** Returns the paths of the contents of an input. */
function pathsIn(group: Group, input: object): string[] {
  return [...settingsOf(group)].flatMap(({ path: [name], setting: { kind } }) => {
    const value = (input as Record<string, unknown>)[name!]
    const contents = kind === 'content' ? [value] : kind === 'contents' ? (value as unknown[]) : []
    return (contents as (Content | undefined)[]).flatMap((one) => (one && 'path' in one ? [one.path] : []))
  })
}

type FileRecord = Values<typeof fileFields>

/** Writes a product to the place that the command line gives for it, and returns this place. */
async function save({ name, content, encoding }: FileRecord, files: ReadonlyMap<string, string>): Promise<string> {
  const path = files.get(name)!
  const bytes = Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8')
  await writeAtomically(path, (file) => file.write(bytes))
  return path
}

async function print(output: Output, { text, lines = [] }: Shown): Promise<void> {
  if (text !== undefined) await output.write(text)
  for (const line of lines) output.line(line)
}
