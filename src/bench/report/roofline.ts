// The roofline of a run (Williams, Waterman, Patterson 2009) as an SVG drawn by vega: the measured peaks and bandwidths as
// roofs, each point at its arithmetic intensity. Traffic is counted between cache and core (amounts.ts).

import type { Mark, Spec } from 'vega'
import { expected } from '../../errors.js'
import { writeTextAtomically } from '../../io/atomic.js'
import { colours, vegaConfig, withDarkMode } from '../../plot/theme.js'
import type { LimitRow } from '../machine/limits.js'
import type { MachineFile } from './machine-file.js'
import type { BenchRow } from '../workload.js'
import { bytesText } from './lines.js'

interface Spot {
  workload: string
  label: string
  intensity: number
  gflops: number
}

interface Roof {
  name: string
  /** Where it begins and ends. */
  line: { intensity: number; gflops: number }[]
  side: 'left' | 'right'
}

const WIDTH = 760
const HEIGHT = 480
const LABEL_HEIGHT = 11
const KEY_WIDTH = 270

/** Where a row lies: flops for each byte of traffic, and flops a second. A weight that is read is multiplied and added. */
function spotOf(row: BenchRow): Spot[] {
  const { median_us: us, amount, traffic_bytes: traffic, gcells } = row
  if (typeof us !== 'number' || typeof amount !== 'number' || typeof traffic !== 'number' || gcells !== undefined)
    return []
  const weight = { f32: 4, bf16: 2, int8: 1 }[row.precision] ?? 4
  const flops = 'gbs' in row ? (2 * amount) / weight : amount
  const { layers, H, B } = row.shape
  const label = `${row.workload} ${layers}x${H} B=${B} ${row.threads}t ${row.precision}`
  return [{ workload: row.workload, label, intensity: flops / traffic, gflops: flops / us / 1000 }]
}

/** A flat line for each arithmetic peak, and a rising one for some bandwidths, cut at the highest peak. */
function roofsOf(limits: readonly LimitRow[], low: number, high: number): Roof[] {
  const peaks = limits.filter(({ unit }) => unit === 'GFLOP/s')
  const top = Math.max(...peaks.map(({ value }) => value))
  const flat = peaks.map(({ limit, isa, threads, value }): Roof => {
    const line = [low, high].map((intensity) => ({ intensity, gflops: value }))
    return { name: `${limit}, ${isa}, ${threadsOf(threads)}`, line, side: 'right' }
  })
  const rising = someReads(limits).map(({ bytes, threads, value }): Roof => {
    const line = [low, Math.min(high, top / value)].map((intensity) => ({ intensity, gflops: intensity * value }))
    return { name: `read ${bytesText(bytes!)}, ${threadsOf(threads)}`, line, side: 'left' }
  })
  return [...flat, ...rising]
}

const threadsOf = (count: number) => `${count} thread${count > 1 ? 's' : ''}`

/** For each number of threads the smallest footprint, the largest, and the one nearest to 8 MiB. */
function someReads(limits: readonly LimitRow[]): LimitRow[] {
  const reads = limits.filter(({ limit }) => limit === 'read')
  return [...new Set(reads.map(({ threads }) => threads))].flatMap((count) => {
    const rows = reads.filter(({ threads }) => threads === count).sort((a, b) => a.bytes! - b.bytes!)
    const distance = ({ bytes }: LimitRow) => Math.abs(Math.log2(bytes! / 2 ** 23))
    const middle = rows.reduce((best, row) => (distance(row) < distance(best) ? row : best))
    return [...new Set([rows[0]!, middle, rows.at(-1)!])]
  })
}

/** A label at an end of each roof, moved down where it would lie on another. */
function labelsOf(roofs: readonly Roof[], [bottom, top]: readonly [number, number]) {
  return (['left', 'right'] as const).flatMap((side) => {
    let last = -Infinity
    return roofs
      .filter((roof) => roof.side === side)
      .map(({ name, line }) => {
        const { gflops } = side === 'left' ? line[0]! : line.at(-1)!
        return { name, side, y: HEIGHT * (1 - Math.log(gflops / bottom) / Math.log(top / bottom)) - 3 }
      })
      .sort((a, b) => a.y - b.y)
      .map((label) => ({ ...label, y: (last = Math.max(label.y, last + LABEL_HEIGHT)) }))
  })
}

/** Returns the roofline of a run as SVG text. Throws ERR_INVALID_ARGUMENT if no row of the run has a place in it. */
export async function renderRoofline({ machine, limits, rows }: MachineFile): Promise<string> {
  const spots = rows
    .filter((row) => row['rival'] === undefined)
    .flatMap(spotOf)
    .map((spot, i) => ({ ...spot, number: i + 1 }))
  if (spots.length === 0) {
    throw expected(
      'ERR_INVALID_ARGUMENT',
      'at least one workload that computes, for a roofline,',
      'none',
      'add one such as step or layer'
    )
  }
  const intensities = spots.map(({ intensity }) => intensity)
  const low = Math.min(0.1, ...intensities) / 2
  const high = Math.max(10, ...intensities) * 2
  const roofs = roofsOf(limits, low, high)
  const heights = [...spots, ...roofs.flatMap(({ line }) => line)].map(({ gflops }) => gflops)
  const domains = {
    x: [low, high],
    y: [Math.min(...heights) / 1.5, Math.max(...heights) * 1.5]
  } as const
  const vega = await import('vega')
  const spec = vega.parse(specification(`${machine.machine.trim()}, ${machine.isa}`, spots, roofs, domains))
  const view = new vega.View(spec, { renderer: 'none' })
  try {
    return withDarkMode(`${await view.toSVG()}\n`)
  } finally {
    view.finalize()
  }
}

type Domain = readonly [number, number]

type NumberedSpot = Spot & { number: number }

function specification(title: string, spots: NumberedSpot[], roofs: Roof[], { x, y }: { x: Domain; y: Domain }): Spec {
  const position = { x: { scale: 'x', field: 'intensity' }, y: { scale: 'y', field: 'gflops' } } as const
  const names = [...new Set(spots.map(({ workload }) => workload))]
  const axis = { grid: true, format: '~g', tickCount: 6, labelOverlap: true }
  return {
    width: WIDTH,
    height: HEIGHT,
    // The key of the numbered points lies to the right of the plot.
    padding: { left: 12, top: 12, bottom: 12, right: KEY_WIDTH },
    autosize: { type: 'pad' },
    config: vegaConfig,
    title: { text: `roofline: ${title}`, anchor: 'start', fontSize: 15 },
    data: [
      { name: 'spots', values: spots },
      { name: 'roofs', values: roofs.flatMap(({ name, line }) => line.map((end) => ({ name, ...end }))) },
      { name: 'labels', values: labelsOf(roofs, y) }
    ],
    scales: [
      { name: 'x', type: 'log', range: 'width', domain: [...x], zero: false },
      { name: 'y', type: 'log', range: 'height', domain: [...y], zero: false },
      {
        name: 'color',
        type: 'ordinal',
        domain: names,
        range: [...colours.series]
      }
    ],
    axes: [
      { orient: 'bottom', scale: 'x', title: 'flops for each byte between cache and core', ...axis },
      { orient: 'left', scale: 'y', title: 'GFLOP/s', ...axis }
    ],
    legends: [{ fill: 'color', symbolType: 'circle', orient: 'bottom-right' }],
    marks: [...roofMarks(position), spotMark(position), ...numberMarks(spots.length, position)]
  }
}

/** Names of the scales and fields that place a point. */
type Position = Record<'x' | 'y', { scale: string; field: string }>

/** Returns the lines of the roofs and their labels. */
function roofMarks(position: Position): Mark[] {
  return [
    {
      type: 'group',
      from: { facet: { name: 'roof', data: 'roofs', groupby: 'name' } },
      marks: [
        {
          type: 'line',
          from: { data: 'roof' },
          encode: { enter: { ...position, stroke: { value: colours.axis }, strokeWidth: { value: 1 } } }
        }
      ]
    },
    {
      type: 'text',
      from: { data: 'labels' },
      encode: {
        enter: {
          x: { signal: `datum.side === 'left' ? 4 : ${WIDTH - 4}` },
          y: { field: 'y' },
          text: { field: 'name' },
          align: { field: 'side' },
          baseline: { value: 'bottom' },
          fontSize: { value: 9 },
          fill: { value: colours.muted }
        }
      }
    }
  ]
}

/** Returns the points of the workloads. */
function spotMark(position: Position): Mark {
  return {
    type: 'symbol',
    from: { data: 'spots' },
    encode: {
      enter: {
        ...position,
        fill: { scale: 'color', field: 'workload' },
        size: { value: 46 },
        tooltip: { field: 'label' }
      }
    }
  }
}

/** Returns the number of each point next to it, and the key that gives each number its workload. */
function numberMarks(count: number, position: Position): Mark[] {
  const line = Math.min(LABEL_HEIGHT + 2, HEIGHT / count)
  const font = { fontSize: { value: Math.min(9, line - 1) }, fill: { value: colours.text } }
  return [
    {
      type: 'text',
      from: { data: 'spots' },
      encode: { enter: { ...position, ...font, text: { field: 'number' }, dx: { value: 5 }, dy: { value: -4 } } }
    },
    {
      type: 'text',
      from: { data: 'spots' },
      encode: {
        enter: {
          ...font,
          x: { value: WIDTH + 12 },
          y: { signal: `${line} * (datum.number - 0.5)` },
          baseline: { value: 'middle' },
          text: { signal: "datum.number + '  ' + datum.label" },
          fill: { scale: 'color', field: 'workload' }
        }
      }
    }
  ]
}

/** Draws the roofline into a file, atomically. */
export async function writeRoofline(path: string, file: MachineFile): Promise<void> {
  await writeTextAtomically(path, await renderRoofline(file))
}
