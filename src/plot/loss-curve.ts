// The loss curve of a training as an SVG file, drawn by vega without a browser. vega is loaded on the first call, so that
// importing gatecell stays light.

import { expected } from '../errors.js'
import { writeTextAtomically } from '../io/atomic.js'
import { colours, vegaConfig, withDarkMode } from './theme.js'

export interface CurvePoint {
  readonly step: number
  readonly loss: number
}

export interface LossCurve {
  readonly train: readonly CurvePoint[]
  readonly valid: readonly CurvePoint[]
  readonly title?: string
  /** What the losses are measured in; default: nats per symbol. */
  readonly unit?: string
}

const MAX_POINTS = 1000
const TRAIN = 'training'
const VALID = 'validation'

/** At most MAX_POINTS points: neighbours are averaged. Points that are not finite are left out. */
function thin(points: readonly CurvePoint[]): CurvePoint[] {
  const finite = points.filter((point) => Number.isFinite(point.step) && Number.isFinite(point.loss))
  const size = Math.ceil(finite.length / MAX_POINTS)
  const thinned: CurvePoint[] = []
  for (let begin = 0; begin < finite.length; begin += size) {
    const group = finite.slice(begin, begin + size)
    const mean = (value: (point: CurvePoint) => number) => group.reduce((sum, p) => sum + value(p), 0) / group.length
    thinned.push({ step: mean((point) => point.step), loss: mean((point) => point.loss) })
  }
  return thinned
}

/** Ratio of the largest to the median loss from which a linear axis would press the end of the training into a line. */
const WIDE = 8

/**
 * Returns the scale of the losses: linear, unless the first losses dwarf the others; then logarithmic, or for losses that are
 * not all positive (densities) symmetric-logarithmic, which is linear between -1 and 1.
 */
export function lossScale(losses: readonly number[]): 'linear' | 'log' | 'symlog' {
  const sizes = losses.map(Math.abs).sort((a, b) => a - b)
  const median = sizes[Math.floor(sizes.length / 2)]!
  if (!(sizes.at(-1)! > WIDE * Math.max(median, 1e-3))) return 'linear'
  return losses.every((loss) => loss > 0) ? 'log' : 'symlog'
}

/** The curve as SVG text. ERR_INVALID_ARGUMENT where there is no finite point to draw. */
export async function renderLossCurve(curve: LossCurve): Promise<string> {
  const lines = [
    ...thin(curve.train).map((point) => ({ ...point, name: TRAIN })),
    ...thin(curve.valid).map((point) => ({ ...point, name: VALID }))
  ]
  if (lines.length === 0) {
    throw expected('ERR_INVALID_ARGUMENT', 'at least one finite loss to draw', 'none', 'train for at least one step')
  }
  const names = [TRAIN, VALID].filter((name) => lines.some((point) => point.name === name))
  const scale = lossScale(lines.map(({ loss }) => loss))
  const unit = curve.unit ?? 'nats per symbol'
  const vega = await import('vega')
  const axis = { tickCount: 8, grid: true, labelOverlap: true, format: '~g' } as const
  const spec = vega.parse({
    width: 720,
    height: 360,
    padding: 12,
    config: vegaConfig,
    title: { text: curve.title ?? 'loss', anchor: 'start', fontSize: 15 },
    data: [
      { name: 'points', values: lines },
      { name: 'valid', source: 'points', transform: [{ type: 'filter', expr: `datum.name === '${VALID}'` }] }
    ],
    scales: [
      { name: 'x', type: 'linear', range: 'width', nice: true, zero: true, domain: { data: 'points', field: 'step' } },
      {
        name: 'y',
        type: scale,
        range: 'height',
        nice: true,
        ...(scale === 'linear' && { zero: false }),
        domain: { data: 'points', field: 'loss' }
      },
      {
        name: 'color',
        type: 'ordinal',
        domain: names,
        range: names.map((name) => (name === TRAIN ? colours.series[1] : colours.series[0]))
      }
    ],
    axes: [
      { orient: 'bottom', scale: 'x', title: 'steps', ...axis, format: ',d' },
      { orient: 'left', scale: 'y', title: scale === 'linear' ? unit : `${unit} (logarithmic)`, ...axis }
    ],
    legends: [{ stroke: 'color', symbolType: 'stroke', symbolStrokeWidth: 3, orient: 'top-right' }],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'line', data: 'points', groupby: 'name' } },
        marks: [
          {
            type: 'line',
            from: { data: 'line' },
            encode: {
              enter: {
                x: { scale: 'x', field: 'step' },
                y: { scale: 'y', field: 'loss' },
                stroke: { scale: 'color', field: 'name' },
                strokeWidth: { signal: `datum.name === '${VALID}' ? 2.5 : 1.5` }
              }
            }
          }
        ]
      },
      {
        type: 'symbol',
        from: { data: 'valid' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'step' },
            y: { scale: 'y', field: 'loss' },
            fill: { scale: 'color', field: 'name' },
            size: { value: 28 }
          }
        }
      }
    ]
  })
  const view = new vega.View(spec, { renderer: 'none' })
  try {
    return withDarkMode(`${await view.toSVG()}\n`)
  } finally {
    view.finalize()
  }
}

/** Draws the curve into a file, atomically. */
export async function writeLossCurve(path: string, curve: LossCurve): Promise<void> {
  await writeTextAtomically(path, await renderLossCurve(curve))
}
