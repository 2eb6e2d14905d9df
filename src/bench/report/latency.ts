// Latency over load as a picture: the open loops of a run, ours and those of rivals.

import { writeTextAtomically } from '../../io/atomic.js'
import { renderCurves, type Curve } from '../../plot/curves.js'
import type { BenchRow } from '../workload.js'
import type { MachineFile } from './machine-file.js'

interface Spot {
  readonly panel: string
  readonly name: string
  readonly rate: number
  readonly first: number
  readonly gap: number
}

function spotOf({ shape, ...row }: BenchRow): Spot[] {
  const { rate, layers, H } = shape
  const { first_p99_us: first, gap_p99_us: gap, rival, variant } = row
  if (rate === undefined || typeof first !== 'number' || typeof gap !== 'number') return []
  const name = typeof rival === 'string' && typeof variant === 'string' ? `${rival}, ${variant}` : 'gatecell'
  return [{ panel: `${layers} x ${H}`, name, rate, first, gap }]
}

function groupsOf<T>(list: readonly T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const one of list) groups.set(key(one), [...(groups.get(key(one)) ?? []), one])
  return groups
}

function curvesOf(name: string, spots: readonly Spot[]): Curve[] {
  const ordered = [...spots].sort((a, b) => a.rate - b.rate)
  const curve = (dashed: boolean, of: (spot: Spot) => number): Curve => {
    const points = ordered.map((spot) => ({ x: spot.rate, y: of(spot) / 1000 })).filter(({ y }) => y > 0)
    return { name, dashed, points }
  }
  return [curve(false, ({ first }) => first), curve(true, ({ gap }) => gap)]
}

/** Returns the picture of a run as SVG text. Throws ERR_INVALID_ARGUMENT if the run has no open loop. */
export function renderLatency({ machine, rows }: MachineFile): string {
  const panels = [...groupsOf(rows.flatMap(spotOf), ({ panel }) => panel)].map(([title, spots]) => ({
    title,
    curves: [...groupsOf(spots, ({ name }) => name)].flatMap(([name, own]) => curvesOf(name, own))
  }))
  return renderCurves({
    title: `Latency over load: ${machine.machine.trim()}, ${machine.isa}`,
    x: 'streams a second that begin',
    y: 'ms, 99th percentile',
    solid: 'to the first symbol',
    dashed: 'between two events',
    panels
  })
}

/** Draws the picture into a file, atomically. */
export async function writeLatency(path: string, file: MachineFile): Promise<void> {
  await writeTextAtomically(path, renderLatency(file))
}
