// Ink as SVG, still or moving: in one place for readers, writers and traces. A moving picture is drawn by SMIL animation,
// without a script, so that any browser shows it, in an <img> too.

import { boolean, invalid, number, optional, options as optionsOf, string } from '../check/index.js'
import { boxOf, readStrokes, type Stroke } from '../data/ink/strokes.js'
import { colours, withDarkMode } from './theme.js'

/** The options of `inkSvg`. */
export interface InkSvgOptions {
  /** Width of the picture in pixels, from 1 to 65,536; its height follows. Default: by the ink, 720 at most. */
  width?: number
  /** Whether strokes appear as they were written. Default: false. */
  moving?: boolean
  /** Points drawn per second if the ink has no times, from 0.001 to 1,000,000; default 120. */
  pointsPerSecond?: number
  /** Description of the picture for people who cannot see it. Default: "handwriting". */
  title?: string
}

const PADDING = 12
const MAX_WIDTH = 720
const PEN = 2.2

/** Returns a coordinate with two decimals, a hundredth of a pixel. */
export function pixel(value: number): string {
  return String(Math.round(value * 100) / 100)
}

/** Returns a text with the characters of XML escaped, and U+FFFD in place of characters that XML does not allow. */
export function escapeXml(text: string): string {
  const meanings: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text
    .replace(/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"]/g, (c) => meanings[c]!)
}

/** Where ink goes in a picture: from its own coordinates to pixels, y downwards. */
export interface Placement {
  readonly width: number
  readonly height: number
  x(value: number): number
  y(value: number): number
}

/** Fits ink into a frame, its proportions kept. */
export function placeInk(
  strokes: readonly Stroke[],
  frame: { width: number; height: number; padding?: number }
): Placement {
  const { left, right, bottom, top } = boxOf(strokes)
  const { padding = PADDING } = frame
  const [spanX, spanY] = [Math.max(right - left, 1e-9), Math.max(top - bottom, 1e-9)]
  const scale = Math.min((frame.width - 2 * padding) / spanX, (frame.height - 2 * padding) / spanY)
  const [offsetX, offsetY] = [(frame.width - scale * spanX) / 2, (frame.height - scale * spanY) / 2]
  return {
    width: frame.width,
    height: frame.height,
    x: (value) => offsetX + scale * (value - left),
    y: (value) => offsetY + scale * (top - value)
  }
}

/** Returns the `d` of a path along a stroke; a dot is a short line that the round cap shows. */
function strokePath({ x, y }: Stroke, place: Placement): string {
  const points = Array.from(x, (value, i) => `${pixel(place.x(value))} ${pixel(place.y(y[i]!))}`)
  return points.length === 1 ? `M${points[0]!}h.01` : `M${points[0]!}L${points.slice(1).join(' ')}`
}

/** Returns an SVG file with the content `body`. */
export function svgFile(width: number, height: number, body: string, title: string): string {
  const size = `width="${pixel(width)}" height="${pixel(height)}" viewBox="0 0 ${pixel(width)} ${pixel(height)}"`
  const ground = `<rect width="100%" height="100%" fill="${colours.background}"/>`
  return withDarkMode(
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img"><title>${escapeXml(title)}</title>${ground}${body}</svg>\n`
  )
}

/** Returns when each stroke begins and how long it takes, in seconds. */
export function strokeTimes(strokes: readonly Stroke[], pointsPerSecond: number): { begin: number; seconds: number }[] {
  const timed = strokes.every(({ t }) => t !== null)
  const first = strokes[0]?.t?.[0] ?? 0
  const last = strokes.at(-1)?.t?.at(-1) ?? 0
  const points = strokes.reduce((sum, { x }) => sum + x.length, 0)
  // The units of t differ between devices: times are scaled so that the whole takes points / pointsPerSecond.
  const unit = timed && last > first ? points / pointsPerSecond / (last - first) : 0
  let before = 0
  return strokes.map(({ x, t }) => {
    const begin = unit > 0 ? (t![0]! - first) * unit : before / pointsPerSecond
    const seconds = unit > 0 ? (t!.at(-1)! - t![0]!) * unit : x.length / pointsPerSecond
    before += x.length + 6
    return { begin, seconds: Math.max(seconds, 1e-2) }
  })
}

/** Returns the strokes as paths. With `moving` each stroke appears at its time. */
export function inkPaths(
  strokes: readonly Stroke[],
  place: Placement,
  options: Pick<InkSvgOptions, 'moving' | 'pointsPerSecond'> = {}
): string {
  const { moving = false, pointsPerSecond = 120 } = options
  const times = moving ? strokeTimes(strokes, pointsPerSecond) : null
  const paths = strokes.map((stroke, i) => {
    const d = strokePath(stroke, place)
    if (!times) return `<path d="${d}"/>`
    const { begin, seconds } = times[i]!
    const animate = `<animate attributeName="stroke-dashoffset" from="1" to="0" begin="${pixel(begin)}s" dur="${pixel(seconds)}s" fill="freeze"/>`
    return `<path d="${d}" pathLength="1" stroke-dasharray="1 2" stroke-dashoffset="1">${animate}</path>`
  })
  return `<g fill="none" stroke="${colours.ink}" stroke-width="${PEN}" stroke-linecap="round" stroke-linejoin="round">${paths.join('')}</g>`
}

const readSvgOptions = optionsOf<InkSvgOptions>({
  width: optional(number(1, 2 ** 16)),
  moving: optional(boolean),
  pointsPerSecond: optional(number(1e-3, 1e6)),
  title: optional(string)
})

/** Returns the text of an SVG file with the ink and nothing else. Throws ERR_INVALID_ARGUMENT, and ERR_INVALID_INK for ink without a stroke. */
export function inkSvg(ink: readonly Stroke[], svgOptions: InkSvgOptions = {}): string {
  const strokes = readStrokes(ink, 'the strokes')
  if (strokes.length === 0) throw invalid('at least one stroke', 'the strokes', ink, { code: 'ERR_INVALID_INK' })
  const options = readSvgOptions(svgOptions, 'the options of inkSvg')
  const { left, right, bottom, top } = boxOf(strokes)
  const ratio = Math.min(4, Math.max(1 / 16, (top - bottom) / Math.max(right - left, 1e-9)))
  const width = options.width ?? Math.min(MAX_WIDTH, 96 / ratio + 2 * PADDING + 96)
  const height = (width - 2 * PADDING) * ratio + 2 * PADDING
  const place = placeInk(strokes, { width, height })
  return svgFile(width, height, inkPaths(strokes, place, options), options.title ?? 'handwriting')
}
