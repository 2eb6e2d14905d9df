// Machine files: a run kept as JSON, and two runs compared point by point.

import { readFile } from 'node:fs/promises'
import { expected } from '../../errors.js'
import { machineInfo } from '../../machine.js'
import type { Device } from '../../graph/opcodes.js'
import { writeTextAtomically } from '../../io/atomic.js'
import { parseJsonObject, type JsonObject, type JsonValue } from '../../io/json.js'
import type { LimitRow } from '../machine/limits.js'
import type { BenchRow } from '../workload.js'
import { machineRow, type BenchEvent, type MachineRow } from '../run.js'

/** Name and version of the format of machine files. */
export const FORMAT = 'gatecell-bench/1'

/** The figures of a run, as they are stored. */
export interface MachineFile {
  format: typeof FORMAT
  machine: MachineRow
  limits: LimitRow[]
  rows: BenchRow[]
}

/** Gathers the content of a machine file during a run on `device`. */
export function createRecord(device: Device = 'cpu'): { add(event: BenchEvent): void; file(): MachineFile } {
  const machine: MachineRow = machineRow(machineInfo(), device)
  const limits: LimitRow[] = []
  const rows: BenchRow[] = []
  return {
    add(event) {
      if (event.kind === 'limit') limits.push(event.row)
      if (event.kind === 'row') rows.push(event.row)
    },
    file: () => ({ format: FORMAT, machine, limits, rows })
  }
}

/** Writes a machine file with one row a line, so that two files can be compared by eye, too. Throws ERR_FILE_WRITE. */
export async function saveMachineFile(path: string, file: MachineFile): Promise<void> {
  const list = (rows: readonly object[]) => rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')
  const { format, machine, limits, rows } = file
  await writeTextAtomically(
    path,
    `{\n  "format": ${JSON.stringify(format)},\n  "machine": ${JSON.stringify(machine)},\n` +
      `  "limits": [\n${list(limits)}\n  ],\n  "rows": [\n${list(rows)}\n  ]\n}\n`
  )
}

/** Reads a machine file. Throws ERR_FILE_NOT_FOUND, and ERR_FILE_FORMAT for a file of another kind. */
export async function readMachineFile(path: string): Promise<MachineFile> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const { code = 'an error' } = cause as NodeJS.ErrnoException
    const remedy = 'name a file that gatecell bench --save wrote'
    throw expected('ERR_FILE_NOT_FOUND', `a machine file at ${path}`, code, remedy, cause)
  }
  const file = parseJsonObject(text, path)
  const { format, machine, limits, rows } = file
  const objects = (value: JsonValue | undefined): value is JsonObject[] => Array.isArray(value) && value.every(isObject)
  if (format !== FORMAT || !isObject(machine) || !objects(limits) || !objects(rows) || !rows.every(isRow)) {
    throw expected(
      'ERR_FILE_FORMAT',
      'a file that gatecell bench --save wrote',
      `${path}, which is another`,
      'write one with --save'
    )
  }
  return file as unknown as MachineFile
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isRow({ workload, shape, threads, precision, isa }: JsonObject): boolean {
  const names = [workload, precision, isa].every((name) => typeof name === 'string')
  return names && isObject(shape) && typeof threads === 'number'
}

/** A point in both runs. */
export interface Change {
  row: BenchRow
  before_us: number
  after_us: number
  /** Time now over time then: below 1 is faster. */
  ratio: number
  share_before: number | null
  share_after: number | null
}

/** Returns the points that both runs have, in the order of the new one, without the rows of rivals. */
export function compareRuns(before: MachineFile, after: MachineFile): Change[] {
  const known = new Map(before.rows.filter(isOwn).map((row) => [keyOf(row), row]))
  return after.rows.filter(isOwn).flatMap((row) => {
    const old = known.get(keyOf(row))
    if (!old) return []
    const [before_us, after_us] = [old['median_us'] as number, row['median_us'] as number]
    const share = (of: BenchRow) => (typeof of['share_of_limit'] === 'number' ? of['share_of_limit'] : null)
    return [
      { row, before_us, after_us, ratio: after_us / before_us, share_before: share(old), share_after: share(row) }
    ]
  })
}

function isOwn(row: BenchRow): boolean {
  return row['rival'] === undefined && typeof row['median_us'] === 'number'
}

function keyOf({ workload, shape, threads, precision, isa }: BenchRow): string {
  const sizes = Object.entries(shape).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([workload, sizes, threads, precision, isa])
}
