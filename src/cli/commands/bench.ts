// gatecell bench: options in, a run of src/bench, its rows out.

import type { Command } from 'commander'
import {
  compareRuns,
  createRecord,
  readMachineFile,
  saveMachineFile,
  type Change
} from '../../bench/report/machine-file.js'
import { findWorkloads, workloads } from '../../bench/registry.js'
import { importedWorkload } from '../../bench/workloads/imported.js'
import { writeLatency } from '../../bench/report/latency.js'
import { createReport, figure } from '../../bench/report/lines.js'
import { writeRoofline } from '../../bench/report/roofline.js'
import { forceIsa, runBench, type BenchEvent } from '../../bench/run.js'
import { counted } from '../../errors.js'
import type { Device, Precision } from '../../graph/opcodes.js'
import { assertOutputs } from '../../io/atomic.js'
import type { EventRecord } from '../../io/json.js'
import { asTyped } from '../ui/command-line.js'
import { withInterrupts, type Interrupts } from '../ui/interrupt.js'
import { checkDevice } from '../options/device.js'
import { choiceParser, device, filePath, listParser, numberParser, seconds, integerParser } from '../options/parse.js'
import { createOutput, exitCodes, type Output } from '../ui/output.js'
import { descriptions } from './descriptions.js'

interface BenchFlags {
  threads?: number[]
  precision?: Precision[]
  isa?: string
  device?: Device
  hidden?: number[]
  batch?: number[]
  length?: number
  layers?: number[]
  time?: number
  rivals?: true
  save?: string
  compare?: string
  tolerance?: number
  svg?: string
  latencySvg?: string
  json?: true
}

const EXAMPLES = `
Times are medians; the spread is from the tenth to the ninetieth percentile. Shares are of limits that are measured first:
arithmetic peak at the running clock, read bandwidth at the footprint. A ratio is the rival's time over ours, both from
turns in one run. sample also runs only the steps of its layers, with the same weights and in a native loop (steps_us):
added_us is the time that the output layer, the draw and the public API add to a character. On a GPU there are no shares: the
rates of the engine's own product and of a copy are printed instead. With --device auto each point is measured
three times, as auto chose, on the processor and on the GPU, and the line shows which was right.

Examples:
  gatecell bench step sample --threads 1
  gatecell bench layer --hidden 512 --precision f32,bf16
  gatecell bench --rivals --save machine.json --svg roofline.svg
  gatecell bench train-char --device cuda --rivals --precision bf16,tf32
  gatecell bench sample --device auto
  gatecell bench serve-http --rivals --latency-svg latency.svg
  gatecell bench layer --compare machine.json --tolerance 10
  gatecell bench model.onnx --rivals`

/** Adds the command. */
export function addBench(program: Command): void {
  const lines = workloads.map(({ name, summary }) => `  ${name.padEnd(12)} ${summary}`).join('\n')
  const size = (option: string) => listParser(integerParser(option, 1, 2 ** 20))
  program
    .command('bench')
    .description(descriptions.bench)
    .argument('[workload...]', 'names of workloads, or files of imported models; all workloads if none is named')
    .option(
      '--threads <n,...>',
      'thread numbers (default: all cores; for step also 1)',
      listParser(integerParser('--threads', 1, 1024))
    )
    .option(
      '--precision <name,...>',
      'f32, bf16, int8 (default: f32); on cuda bf16, tf32, f32 (default: bf16)',
      listParser(choiceParser('--precision', ['f32', 'bf16', 'int8', 'tf32'] as const))
    )
    .option('--device <name>', 'cpu, cuda, or auto: the choice of auto next to both (default: cpu)', device)
    .option(
      '--isa <name>',
      'instruction set: scalar, avx2, avx512, neon',
      choiceParser('--isa', ['scalar', 'avx2', 'avx512', 'neon'])
    )
    .option('--hidden <n,...>', "sizes instead of the workload's own", size('--hidden'))
    .option('--layers <n,...>', 'numbers of layers, for workloads that have a choice', size('--layers'))
    .option('--batch <n,...>', 'batch sizes, for workloads that have a choice', size('--batch'))
    .option('--length <n>', 'steps of a sequence (default: 64)', integerParser('--length', 1, 2 ** 20))
    .option('--time <time>', 'time for each measurement at one point (default: 2s)', seconds('--time'))
    .option('--rivals', 'measure onnxruntime-node, PyTorch and oneDNN turn by turn; on cuda PyTorch')
    .option('--save <file>', 'save the run as a machine file', filePath('--save'))
    .option('--compare <file>', 'compare with a run that --save wrote', filePath('--compare'))
    .option(
      '--tolerance <percent>',
      'with --compare: fail if a point is slower by more',
      numberParser('--tolerance', 0, 1e6)
    )
    .option('--svg <file>', 'draw a roofline', filePath('--svg'))
    .option('--latency-svg <file>', 'draw the latency over load of serve-http', filePath('--latency-svg'))
    .option('--json', 'one JSON object a line')
    .addHelpText('after', `\nWorkloads:\n${lines}\n${asTyped(EXAMPLES)}`)
    .action(async (names: string[], flags: BenchFlags) => {
      process.exitCode = await withInterrupts((interrupts) => bench(names, flags, interrupts))
    })
}

async function bench(names: readonly string[], flags: BenchFlags, interrupts: Interrupts): Promise<number> {
  const output = createOutput(flags.json === true)
  const { device = 'cpu' } = flags
  checkDevice(device === 'auto' ? 'cuda' : device)
  const chosen = names.some(isModel)
    ? names.flatMap((name) =>
        isModel(name) ? [importedWorkload(name, flags.length ?? 64)] : findWorkloads([name], device)
      )
    : findWorkloads(names, device)
  const before = flags.compare === undefined ? null : await readMachineFile(flags.compare)
  await assertOutputs([flags.save, flags.svg, flags.latencySvg], [])
  if (flags.isa !== undefined) forceIsa(flags.isa)
  const record = createRecord(device)
  const report = createReport(output.line)
  const { threads = [], precision = [], hidden = [], batch = [], layers = [], length } = flags
  const events = runBench({
    workloads: chosen,
    choice: { threads, precisions: precision, hidden, batch, layers, length, device },
    seconds: flags.time ?? 2,
    rivals: flags.rivals === true,
    signal: interrupts.signal
  })
  try {
    for await (const event of events) {
      record.add(event)
      report(event)
      output.record(recordOf(event))
    }
  } catch (error) {
    if (interrupts.signal.aborted) return interrupts.exitCode
    throw error
  }
  const file = record.file()
  if (flags.save !== undefined) await saveMachineFile(flags.save, file)
  if (flags.svg !== undefined) await writeRoofline(flags.svg, file)
  if (flags.latencySvg !== undefined) await writeLatency(flags.latencySvg, file)
  if (!before) return exitCodes.ok
  const changes = compareRuns(before, file)
  for (const change of changes) showChange(change, output)
  const limit = 1 + (flags.tolerance ?? Infinity) / 100
  return changes.some(({ ratio }) => ratio > limit) ? exitCodes.failed : exitCodes.ok
}

/** Whether a name is that of a file with a model. */
const isModel = (name: string) => /\.(onnx|safetensors|keras|h5|json)$/.test(name)

function recordOf(event: BenchEvent): EventRecord {
  if (event.kind === 'rival') {
    const { name, ...rest } = event.rival
    return { event: 'rival', rival: name, ...rest }
  }
  if (event.kind === 'drift') return { event: 'drift', drift: event.ratio, threads: event.threads }
  return { event: event.kind, ...event.row }
}

function showChange({ row, before_us, after_us, ratio, share_before, share_after }: Change, output: Output): void {
  const { workload, shape, threads, precision, isa } = row
  output.record({
    event: 'comparison',
    compare: workload,
    shape,
    threads,
    precision,
    isa,
    before_us,
    after_us,
    ratio,
    share_before,
    share_after
  })
  const sizes = Object.entries(shape)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
  const change = (100 * (ratio - 1)).toFixed(1)
  output.line(
    `${workload} ${sizes} ${counted(threads, 'thread')} ${precision}: ${figure(before_us)} to ${figure(after_us)} us, ${ratio < 1 ? '' : '+'}${change} %`
  )
}
