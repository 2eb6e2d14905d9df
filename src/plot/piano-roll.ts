// A piece of music as a piano roll: an SVG file with time from left to right, pitch upwards, and a bar for each note.

import { expected } from '../errors.js'
import { endOf, type Note, type Piece } from '../data/music/notes.js'
import { barTicks, performanceOf } from '../data/music/time.js'
import { label, tickStep, timeAxis, valueAxis } from './axis.js'
import { pixel, svgFile } from './ink.js'
import { colours } from './theme.js'

/** The options of `renderPianoRoll`. */
export interface PianoRollOptions {
  /** Default: the name of the piece. */
  readonly title?: string
  /** The axis of time: seconds of the performance, or bars of the score. Default: seconds. */
  readonly time?: 'seconds' | 'bars'
  /** Meaning of the colours: how hard the key is pressed, or the channel. Default: velocity. */
  readonly colour?: 'velocity' | 'voice'
  /** Names of the channels for the legend, from channel 0 on. Default: "voice 1", "voice 2" and so on. */
  readonly voices?: readonly string[]
}

const [LEFT, RIGHT, TOP, BOTTOM] = [52, 24, 58, 44]
const [MIN_WIDTH, MAX_WIDTH] = [640, 6000]
const [PIXELS_A_SECOND, PIXELS_A_BAR] = [32, 64]
const ROW = 6
const MAX_NOTES = 50_000
/** Levels of velocity that can be distinguished, and the opacity of the softest. */
const [LEVELS, SOFTEST] = [8, 0.25]
const NAMES = ['C', 'C#', 'D', 'Eb', 'E', 'F', 'F#', 'G', 'Ab', 'A', 'Bb', 'B']
const BLACK = [1, 3, 6, 8, 10]
/** Rows below and above the notes. */
const MARGIN = 2

/** Returns the name of a pitch, such as "C4" for 60, the middle C. */
export function pitchName(pitch: number): string {
  return `${NAMES[((pitch % 12) + 12) % 12]}${Math.floor(pitch / 12) - 1}`
}

/** Time as it is drawn. */
interface Timeline {
  /** Times are seconds or ticks. */
  readonly notes: readonly Note[]
  readonly end: number
  readonly ticks: readonly { text: string; at: number }[]
  readonly width: number
}

function timelineOf(piece: Piece, unit: 'seconds' | 'bars'): Timeline {
  const room = (count: number, pixels: number) => Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, count * pixels))
  const labels = (width: number) => (width - LEFT - RIGHT) / 40
  if (unit === 'seconds') {
    const notes = performanceOf(piece)
    const end = Math.max(endOf(notes), 1)
    const width = room(end, PIXELS_A_SECOND)
    const step = tickStep(end, labels(width))
    const count = Math.floor(end / step) + 1
    return {
      notes,
      end,
      width,
      ticks: Array.from({ length: count }, (_, i) => ({ text: `${i * step}`, at: i * step }))
    }
  }
  const end = Math.max(endOf(piece.notes), piece.ticksPerQuarter)
  const bars = barTicks(piece, end)
  const width = room(bars.length, PIXELS_A_BAR)
  const step = tickStep(bars.length, labels(width))
  const named = bars.map((at, i) => ({ text: String(i + 1), at })).filter((_, i) => i % step === 0)
  return { notes: piece.notes, end, width, ticks: named }
}

/** Returns the opacity of a velocity. */
function opacityOf(velocity: number): number {
  const level = Math.floor(((velocity - 1) / 127) * LEVELS)
  return SOFTEST + ((1 - SOFTEST) * level) / (LEVELS - 1)
}

const voiceColour = (channel: number): string => colours.series[channel % colours.series.length]!

const rect = (x: number, y: number, width: number, height: number, fill: string, opacity = 1): string => {
  const [a, b, c, d] = [x, y, width, height].map(pixel)
  const shade = opacity < 1 ? ` fill-opacity="${pixel(opacity)}"` : ''
  return `<rect x="${a}" y="${b}" width="${c}" height="${d}" fill="${fill}"${shade}/>`
}

/** Draws the legend so that it ends at `right`. */
function legend(notes: readonly Note[], options: PianoRollOptions, right: number): string {
  const y = TOP - 22
  if (options.colour !== 'voice') {
    const begin = right - 40 - 14 * LEVELS
    const boxes = Array.from({ length: LEVELS }, (_, i) => {
      const velocity = 1 + Math.ceil((i * 127) / LEVELS)
      return rect(begin + 14 * i, y, 13, 10, colours.series[1], opacityOf(velocity))
    })
    return [label('velocity 1', begin - 6, y + 9, { anchor: 'end' }), ...boxes, label('127', right - 34, y + 9)].join(
      ''
    )
  }
  const channels = [...new Set(notes.map(({ channel }) => channel))].sort((a, b) => a - b)
  const begin = right - 84 * channels.length
  return channels
    .map((channel, i) => {
      const name = options.voices?.[channel] ?? `voice ${channel + 1}`
      const x = begin + 84 * i
      return rect(x, y, 12, 10, voiceColour(channel)) + label(name.slice(0, 12), x + 16, y + 9)
    })
    .join('')
}

/**
 * Returns the SVG file of a piece, in light and dark colours. Its width grows with the length of the piece, up to 6,000 pixels; its height with the
 * range of pitches. Throws ERR_OUT_OF_RANGE for more than 50,000 notes.
 */
export function renderPianoRoll(piece: Piece, options: PianoRollOptions = {}): string {
  const { time = 'seconds', colour = 'velocity', title = piece.name } = options
  if (piece.notes.length > MAX_NOTES)
    throw expected('ERR_OUT_OF_RANGE', `at most ${MAX_NOTES} notes to draw`, `${piece.notes.length}`, 'draw a part')
  const { notes, end, ticks, width } = timelineOf(piece, time)
  const pitches = notes.map(({ pitch }) => pitch)
  const [low, high] = [Math.min(60, ...pitches) - MARGIN, Math.max(72, ...pitches) + MARGIN]
  const bottom = TOP + ROW * (high - low + 1)
  const x = (at: number) => LEFT + (at / end) * (width - LEFT - RIGHT)
  const y = (pitch: number) => bottom - ROW * (pitch - low + 1)
  const rows = Array.from({ length: high - low + 1 }, (_, i) => low + i)
  const keys = rows.filter((pitch) => BLACK.includes(((pitch % 12) + 12) % 12))
  const names = rows.filter((pitch) => pitch % 12 === 0).map((pitch) => ({ text: pitchName(pitch), y: y(pitch) + ROW }))
  const bars = notes.map(({ pitch, begin, end: until, velocity, channel }) => {
    const fill = colour === 'voice' ? voiceColour(channel) : colours.series[1]
    const length = Math.max(1, x(until) - x(begin) - 0.5)
    return rect(x(begin), y(pitch) + 0.5, length, ROW - 1, fill, colour === 'voice' ? 1 : opacityOf(velocity))
  })
  const body = [
    label(title.slice(0, 80), LEFT, 20, { size: 14, fill: colours.text }),
    legend(notes, { ...options, colour }, width - RIGHT),
    ...keys.map((pitch) => rect(LEFT, y(pitch), width - LEFT - RIGHT, ROW, colours.grid, 0.5)),
    timeAxis(ticks.map(({ text, at }) => ({ text, x: x(at) })), { top: TOP, bottom }), // prettier-ignore
    valueAxis(names, { left: LEFT, right: width - RIGHT }),
    ...bars,
    label(time, width - RIGHT, bottom + 32, { size: 11, anchor: 'end' })
  ]
  return svgFile(width, bottom + BOTTOM, `<g font-family="system-ui, sans-serif">${body.join('')}</g>`, title)
}
