// gatecell inspect: lists the contents of a model file, or of another program's safetensors file. Reads only the header.

import type { Command } from 'commander'
import { counted } from '../../errors.js'
import { readHeaders, type CheckpointInfo } from '../../io/checkpoint.js'
import type { EventRecord, JsonObject, JsonValue } from '../../io/json.js'
import type { SafetensorsHeader, TensorInfo } from '../../io/safetensors/file.js'
import { TEXT_TASK } from '../../tasks/text/index.js'
import { outputLayerShare } from '../../tasks/text/training/output-layer.js'
import { bytes, grouped, wholePercent } from '../../format.js'
import { asTyped } from '../ui/command-line.js'
import { createOutput, type Output } from '../ui/output.js'
import { printableJson, printableName } from '../ui/printable.js'
import { filePath } from '../options/parse.js'

const EXAMPLES = `
Example:
  gatecell inspect shakespeare.safetensors`

/** Adds the command. */
export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('Lists the tensors, configuration and progress of a model file. Reads only the header.')
    .argument('<model>', 'a .safetensors file, of a training or of another program', filePath('the model'))
    .option('--json', 'one JSON object')
    .addHelpText('after', asTyped(EXAMPLES))
    .action(async (path: string, flags: { json?: true }) => {
      const output = createOutput(flags.json === true)
      const { header, checkpoint } = await readHeaders(path)
      if (checkpoint === null) return showForeign(path, header, output)
      output.record(record(path, checkpoint))
      show(path, checkpoint, output)
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

function record(path: string, info: CheckpointInfo): EventRecord {
  const { task, config, progress, parameters, fileBytes, checksum } = info
  const tensors = [...info.tensors.values()].map(({ name, group, dtype, shape }) => ({
    name,
    group,
    dtype,
    shape: [...shape]
  }))
  const share = outputShare(info)
  const vocabulary = vocabularyOf(info)
  const facts = {
    path,
    task,
    parameters,
    bytes: fileBytes,
    checksum,
    ...(vocabulary !== null && { vocabulary: { ...vocabulary } }),
    ...(share !== null && { output_layer_share: share })
  }
  return { event: 'inspect', ...facts, config, progress, tensors }
}

function show(path: string, info: CheckpointInfo, output: Output): void {
  output.line(
    `${path}: ${printableName(info.task)} model, ${grouped(info.parameters)} parameters, ${bytes(info.fileBytes)}, ${printableName(info.checksum)}`
  )
  const vocabulary = vocabularyOf(info)
  if (vocabulary) output.line(`vocabulary of ${grouped(vocabulary.size)} symbols (${vocabulary.kind})`)
  const share = outputShare(info)
  if (share !== null) output.line(`output layer ${wholePercent(share)} of the multiplications`)
  for (const [title, part] of Object.entries({ configuration: info.config, progress: info.progress })) {
    output.line(`\n${title}`)
    for (const [name, value] of leaves(part))
      output.line(`  ${printableName(name).padEnd(26)} ${shorten(printableJson(value))}`)
  }
  showTensors(info.tensors.values(), output)
}

/** Returns the share of the output layer in the multiplications of a text model, null for others. */
function outputShare({ task, tensors }: CheckpointInfo): number | null {
  if (task !== TEXT_TASK) return null
  return outputLayerShare([...tensors.values()].filter(({ group }) => group === 'weights'))
}

/** Returns the kind and the size of a text model's vocabulary, null for other models and damaged configurations. */
function vocabularyOf({ task, config, tensors }: CheckpointInfo): { kind: string; size: number } | null {
  if (task !== TEXT_TASK) return null
  const { kind } = Object(config['vocabulary']) as { kind?: unknown }
  const head = [...tensors.values()].find(({ group, key }) => group === 'weights' && key === 'head.weight')
  const size = head?.shape[0]
  return KINDS.includes(kind as string) && size !== undefined ? { kind: kind as string, size } : null
}

const KINDS = ['character', 'byte', 'word', 'bpe']

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
