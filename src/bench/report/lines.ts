// A run as text for people: limits as a table, a line for each point, a line for each rival below it.

import { counted } from '../../errors.js'
import type { LimitRow } from '../machine/limits.js'
import { rates } from '../point.js'
import type { BenchRow } from '../workload.js'
import type { BenchEvent } from '../run.js'

/** Returns a function that prints the events of a run through `line`, with a heading before each group. */
export function createReport(line: (text?: string) => void): (event: BenchEvent) => void {
  let workload = ''
  let last = ''
  return (event) => {
    if (event.kind === 'limit' && last !== 'limit') limitHeading(line)
    if (event.kind === 'row' && event.row.workload !== workload) {
      workload = event.row.workload
      line()
      line(event.row['median_us'] !== undefined && 'share_of_limit' in event.row ? pointHeading(workload) : workload)
    }
    last = event.kind
    for (const text of linesOf(event)) line(text)
  }
}

function linesOf(event: BenchEvent): string[] {
  if (event.kind === 'machine') {
    const { machine, isa, cpus, threads, node, gatecell, gpu } = event.row
    const line = `${machine.trim()}: ${cpus} cpus, ${counted(threads, 'thread')}, ${isa}; gatecell ${gatecell}, Node ${node}`
    return gpu === undefined ? [line] : [line, `GPU: ${gpu}`]
  }
  if (event.kind === 'rival') {
    const { rival } = event
    if ('missing' in rival) return [`rival ${rival.name}: ${rival.missing}`]
    return [`rival ${rival.name} ${rival.version}: ${rival.settings}`]
  }
  if (event.kind === 'limit') return [limitLine(event.row)]
  if (event.kind === 'drift') {
    const change = Math.round((event.ratio - 1) * 100)
    if (Math.abs(change) < 5) return []
    return [
      '',
      `The f32 peak of ${event.threads} thread(s) is now ${signed(change)} % of what it was at the start: shares are off by as much.`
    ]
  }
  const { row } = event
  if (row['rival_us'] !== undefined || row['problem'] !== undefined) return [rivalLine(row)]
  return 'share_of_limit' in row ? pointLines(row) : plainLines(row)
}

const limitWidths = [24, 8, 8, 10] as const

function limitHeading(line: (text?: string) => void): void {
  line()
  line(
    ['limits', 'isa', 'threads', 'bytes'].map((name, i) => name.padEnd(limitWidths[i]!)).join('') +
      '    median  p10 to p90'
  )
}

function limitLine({ limit, isa, threads, bytes, value, p10, p90, unit }: LimitRow): string {
  const cells = [limit, isa, String(threads), bytes === null ? '' : bytesText(bytes)]
  const names = cells.map((cell, i) => cell.padEnd(limitWidths[i]!)).join('')
  return `${names}${figure(value).padStart(10)}  ${`${figure(p10)} to ${figure(p90)}`.padEnd(18)} ${unit}`
}

const pointWidths = [26, 9, 7, 12, 24, 12, 18, 8] as const

function pointHeading(workload: string): string {
  const names = [workload, 'threads', 'type', 'median', 'p10 to p90, p99', 'rate', 'limit', 'share']
  return names.map((name, i) => (i < 3 ? name.padEnd(pointWidths[i]!) : name.padStart(pointWidths[i]!))).join('')
}

function pointLines(row: BenchRow): string[] {
  const { field, unit } = Object.values(rates).find((rate) => rate.field in row)!
  const spread = `${time(row['p10_us'])} to ${time(row['p90_us'])}${row['p99_us'] === null ? '' : `, ${time(row['p99_us'])}`}`
  const cells = [
    shapeOf(row),
    String(row.threads),
    row.precision,
    withUnit(row['median_us']),
    spread,
    figure(number(row[field])),
    row['limit'] === null ? 'none here' : `${figure(number(row['limit']))} ${unit}`,
    percent(row['share_of_limit'])
  ]
  const lines = [
    cells.map((cell, i) => (i < 3 ? cell.padEnd(pointWidths[i]!) : cell.padStart(pointWidths[i]!))).join('')
  ]
  const executed = row[`executed_${field}`]
  if (executed !== undefined) {
    lines.push(
      `    executed ${figure(number(executed))} ${unit}, ${percent(row['executed_share'])} of the limit: the embedding is folded into the first layer`
    )
  }
  if (row['steps_us'] !== undefined) {
    const [steps, added] = [withUnit(row['steps_us']), figure(number(row['added_us']))]
    lines.push(`    only the steps of its layers, in a native loop, ${steps}: head, draw and call add ${added} us`)
  }
  if (row['output_us'] !== undefined) {
    const share = percent(number(row['output_us']) / number(row['median_us']))
    lines.push(
      `    its output layer and loss, forward and backward, ${withUnit(row['output_us'])}: ${share} of the step`
    )
  }
  if (row['chosen'] !== undefined) {
    lines.push(
      `    auto chose ${word(row['chosen'])}: ${word(row['why'])}`,
      `    measured: cpu ${withUnit(row['cpu_us'])}, cuda ${withUnit(row['cuda_us'])}; the choice was ${row['right'] === 'yes' ? 'right' : 'WRONG'}`
    )
  }
  const foreign = row['foreign_share']
  if (typeof foreign === 'number' && foreign > 0.03) {
    lines.push(`    other processes had ${percent(foreign)} of the machine meanwhile: do not trust this line`)
  }
  return lines
}

function rivalLine(row: BenchRow): string {
  const name = `    ${word(row['rival'])} ${word(row['version'])}`
  if (row['problem'] !== undefined) return `${name}: ${word(row['problem'])}`
  const note = row['variant'] ? ` (${word(row['variant'])})` : ''
  const spread = `${time(row['rival_p10_us'])} to ${time(row['rival_p90_us'])}, ${time(row['rival_p99_us'])}`
  const left = `${name}${note}`.padEnd(pointWidths[0] + pointWidths[1] + pointWidths[2])
  const ratio = `x ${number(row['ratio']).toFixed(2)}`
  return `${left}${withUnit(row['rival_us']).padStart(pointWidths[3])}${spread.padStart(pointWidths[4])}${ratio.padStart(pointWidths[5])}`
}

function plainLines(row: BenchRow): string[] {
  const { workload: _workload, shape: _shape, threads, isa, precision, ...figures } = row
  const lines = Object.entries(figures).map(([name, value]) => {
    return `  ${name.padEnd(20)} ${typeof value === 'number' ? figure(value) : word(value)}`
  })
  return [`  ${shapeOf(row)}  ${counted(threads, 'thread')}  ${isa}  ${precision}`, ...lines]
}

function shapeOf({ shape }: BenchRow): string {
  const { layers, H, B, T, ...others } = shape
  const rest = Object.entries({ B, T, ...others }).filter(([, value]) => value !== undefined)
  return `${layers ?? 1}x${H ?? '?'} ${rest.map(([name, value]) => `${name}=${value}`).join(' ')}`
}

type Cell = BenchRow[string] | undefined

const word = (cell: Cell): string => (typeof cell === 'string' ? cell : JSON.stringify(cell ?? null))
const number = (cell: Cell): number => (typeof cell === 'number' ? cell : NaN)
const percent = (cell: Cell): string =>
  cell === null || cell === undefined ? '-' : `${(100 * number(cell)).toFixed(1)} %`
const signed = (change: number): string => (change < 0 ? `${change}` : `+${change}`)

/** Formats a number with at most four digits and without an exponent. */
export function figure(value: number): string {
  const size = Math.abs(value)
  if (!(size < 1000)) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

/** Microseconds as us or ms, so that a column stays narrow. */
function withUnit(cell: Cell): string {
  const us = number(cell)
  return us < 1000 ? `${figure(us)} us` : `${figure(us / 1000)} ms`
}

function time(cell: Cell): string {
  const us = number(cell)
  return us < 1000 ? figure(us) : `${figure(us / 1000)}m`
}

/** Formats a number of bytes with a unit. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  const step = Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${figure(bytes / 1024 ** step)} ${units[step]!}`
}
