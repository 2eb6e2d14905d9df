// The loss curve of a training as an SVG file, drawn by vega without a browser. vega is loaded on the first call, so that
// importing gatecell stays light.

import type { Mark, Scale, Spec } from 'vega'
import { expected } from '../errors.js'
import { writeTextAtomically } from '../io/atomic.js'
import { colours, vegaConfig, withDarkMode } from './theme.js'

/** A loss after `step` steps. */
export interface CurvePoint {
  readonly step: number
  readonly loss: number
}

/** The losses of a training run. */
export interface LossCurve {
  readonly train: readonly CurvePoint[]
  readonly valid: readonly CurvePoint[]
  readonly title?: string
  /** Unit of the losses. Default: nats per symbol. */
  readonly unit?: string
}

const MAX_POINTS = 1000
const TRAIN = 'training'
const VALID = 'validation'

/** Returns at most MAX_POINTS points, by averaging neighbours. Points that are not finite are left out. */
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

interface NamedPoint extends CurvePoint {
  readonly name: string
}

/** Returns a curve as SVG text. Throws ERR_INVALID_ARGUMENT if it has no finite point. */
export async function renderLossCurve(curve: LossCurve): Promise<string> {
  const points = [
    ...thin(curve.train).map((point) => ({ ...point, name: TRAIN })),
    ...thin(curve.valid).map((point) => ({ ...point, name: VALID }))
  ]
  if (points.length === 0) {
    const what = 'at least one finite loss to draw'
    throw expected('ERR_INVALID_ARGUMENT', what, 'none', 'train for at least one step')
  }
  const vega = await import('vega')
  const view = new vega.View(vega.parse(specificationOf(curve, points)), { renderer: 'none' })
  try {
    return withDarkMode(`${await view.toSVG()}\n`)
  } finally {
    view.finalize()
  }
}

function specificationOf({ title = 'loss', unit = 'nats per symbol' }: LossCurve, points: readonly NamedPoint[]): Spec {
  const scale = lossScale(points.map(({ loss }) => loss))
  const axis = { tickCount: 8, grid: true, labelOverlap: true, format: '~g' } as const
  return {
    width: 720,
    height: 360,
    padding: 12,
    config: vegaConfig,
    title: { text: title, anchor: 'start', fontSize: 15 },
    data: [
      { name: 'points', values: [...points] },
      { name: 'valid', source: 'points', transform: [{ type: 'filter', expr: `datum.name === '${VALID}'` }] }
    ],
    scales: scalesOf(scale, points),
    axes: [
      { orient: 'bottom', scale: 'x', title: 'steps', ...axis, format: ',' },
      { orient: 'left', scale: 'y', title: scale === 'linear' ? unit : `${unit} (logarithmic)`, ...axis }
    ],
    legends: [{ stroke: 'color', symbolType: 'stroke', symbolStrokeWidth: 3, orient: 'top-right' }],
    marks: marksOf()
  }
}

function scalesOf(scale: 'linear' | 'log' | 'symlog', points: readonly NamedPoint[]): Scale[] {
  const names = [TRAIN, VALID].filter((name) => points.some((point) => point.name === name))
  return [
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
  ]
}

/** Returns a line for each name, and a point for each validation. */
function marksOf(): Mark[] {
  const position = { x: { scale: 'x', field: 'step' }, y: { scale: 'y', field: 'loss' } } as const
  const stroke = { scale: 'color', field: 'name' } as const
  const strokeWidth = { signal: `datum.name === '${VALID}' ? 2.5 : 1.5` }
  return [
    {
      type: 'group',
      from: { facet: { name: 'line', data: 'points', groupby: 'name' } },
      marks: [{ type: 'line', from: { data: 'line' }, encode: { enter: { ...position, stroke, strokeWidth } } }]
    },
    {
      type: 'symbol',
      from: { data: 'valid' },
      encode: { enter: { ...position, fill: stroke, size: { value: 28 } } }
    }
  ]
}

/** Draws the curve into a file, atomically. */
export async function writeLossCurve(path: string, curve: LossCurve): Promise<void> {
  await writeTextAtomically(path, await renderLossCurve(curve))
}
