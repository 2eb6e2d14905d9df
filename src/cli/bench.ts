// gatecell bench: runs workloads of src/bench and prints a row for each.

import type { Command } from 'commander'
import { findWorkloads, workloads, type BenchRow } from '../bench/registry.js'
import { seconds, whole } from './options.js'
import { createOutput, type Output } from './output.js'

interface BenchFlags {
  threads?: number
  time?: number
  json?: true
}

export function addBench(program: Command): void {
  const list = workloads.map(({ name, summary }) => `  ${name.padEnd(14)} ${summary}`).join('\n')
  program
    .command('bench')
    .description('Measures the engine on this machine.')
    .argument('[workload...]', 'names of workloads; all where none is named')
    .option('--threads <n>', 'threads (default: all cores)', whole('--threads', 1, 1024))
    .option('--time <time>', 'how long each measurement lasts (default: 5s)', seconds('--time'))
    .option('--json', 'one JSON object a line')
    .addHelpText('after', `\nWorkloads:\n${list}\n\nExample:\n  gatecell bench event-loop --json`)
    .action(async (names: string[], flags: BenchFlags) => {
      const output = createOutput(flags.json === true)
      for (const workload of findWorkloads(names)) {
        for await (const row of workload.run({ threads: flags.threads ?? 0, seconds: flags.time ?? 5 }))
          show(row, output)
      }
    })
}

function show(row: BenchRow, output: Output): void {
  output.record(row)
  const { workload, shape, threads, isa, precision, ...figures } = row
  const size = Object.entries(shape)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
  output.line(`${workload}  ${size}  ${threads} threads  ${isa}  ${precision}`)
  for (const [name, value] of Object.entries(figures)) {
    output.line(
      `  ${name.padEnd(20)} ${typeof value === 'number' ? Number(value.toPrecision(4)) : JSON.stringify(value)}`
    )
  }
}
