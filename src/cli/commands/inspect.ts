// gatecell inspect: lists the contents of a model file, or of another program's safetensors file. Reads only the header.

import type { Command } from 'commander'
import { counted } from '../../errors.js'
import { readHeaders, type CheckpointInfo } from '../../io/checkpoint.js'
import type { EventRecord, JsonObject, JsonValue } from '../../io/json.js'
import type { SafetensorsHeader, TensorInfo } from '../../io/safetensors/file.js'
import type { TaskEntry, TaskInspection } from '../../tasks/task.js'
import { bytes, grouped } from '../../format.js'
import { asTyped } from '../ui/command-line.js'
import { createOutput, type Output } from '../ui/output.js'
import { printableJson, printableName } from '../ui/printable.js'
import { filePath } from '../options/parse.js'
import { descriptions } from './descriptions.js'

const EXAMPLES = `
Example:
  gatecell inspect shakespeare.safetensors`

/** Adds the command. */
export function addInspect(program: Command, tasks: readonly TaskEntry[]): void {
  program
    .command('inspect')
    .description(descriptions.inspect)
    .argument('<model>', 'a .safetensors file, of a training or of another program', filePath('the model'))
    .option('--json', 'one JSON object')
    .addHelpText('after', asTyped(EXAMPLES))
    .action(async (path: string, flags: { json?: true }) => {
      const output = createOutput(flags.json === true)
      const { header, checkpoint } = await readHeaders(path)
      if (checkpoint === null) return showForeign(path, header, output)
      const task = tasks.find(({ id, formerIds = [] }) => [id, ...formerIds].includes(checkpoint.task))
      const own = task?.inspect?.(checkpoint) ?? { facts: {}, lines: [] }
      output.record(record(path, checkpoint, own))
      show(path, checkpoint, own, output)
    })
}

function showForeign(path: string, { tensors, metadata, fileBytes }: SafetensorsHeader, output: Output): void {
  const listed = [...tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }))
  const facts = { path, task: null, bytes: fileBytes, metadata: Object.fromEntries(metadata) }
  output.record({ event: 'inspect', ...facts, tensors: listed })
  output.line(`${path}: not a gatecell model, ${counted(tensors.size, 'tensor')}, ${bytes(fileBytes)}`)
  if (metadata.size > 0) output.line('\nmetadata')
  for (const [name, value] of metadata)
    output.line(`  ${printableName(name).padEnd(26)} ${shorten(printableJson(value))}`)
  showTensors(tensors.values(), output)
}

function showTensors(tensors: Iterable<TensorInfo>, output: Output): void {
  output.line('\ntensors')
  for (const { name, dtype, shape } of tensors)
    output.line(`  ${printableName(name).padEnd(44)} ${dtype} [${shape.join(', ')}]`)
}

function record(path: string, info: CheckpointInfo, own: TaskInspection): EventRecord {
  const { task, config, progress, parameters, fileBytes, checksum } = info
  const tensors = [...info.tensors.values()].map(({ name, group, dtype, shape }) => ({
    name,
    group,
    dtype,
    shape: [...shape]
  }))
  const facts = { path, task, parameters, bytes: fileBytes, checksum, ...own.facts }
  return { event: 'inspect', ...facts, config, progress, tensors }
}

function show(path: string, info: CheckpointInfo, own: TaskInspection, output: Output): void {
  output.line(
    `${path}: ${printableName(info.task)} model, ${grouped(info.parameters)} parameters, ${bytes(info.fileBytes)}, ${printableName(info.checksum)}`
  )
  for (const line of own.lines) output.line(line)
  for (const [title, part] of Object.entries({ configuration: info.config, progress: info.progress })) {
    output.line(`\n${title}`)
    for (const [name, value] of leaves(part))
      output.line(`  ${printableName(name).padEnd(26)} ${shorten(printableJson(value))}`)
  }
  showTensors(info.tensors.values(), output)
}

function* leaves(value: JsonObject, prefix = ''): Generator<[string, JsonValue]> {
  for (const [name, part] of Object.entries(value)) {
    if (typeof part === 'object' && part !== null && !Array.isArray(part))
      yield* leaves(part as JsonObject, `${prefix}${name}.`)
    else if (part !== undefined) yield [prefix + name, part]
  }
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}
