// The weights of an attention over the places of a picture as small multiples: the picture once for each word, bright where the word's weights are
// large ("Show, attend and tell", Xu et al. 2015). Without a picture, of features of another network, the places are the cells of a grid.

import { crc32 } from 'node:zlib'
import {
  integer,
  list,
  object,
  optional,
  options as optionsOf,
  string,
  uint8Array,
  type Check
} from '../check/index.js'
import type { Picture } from '../data/images/decode.js'
import { encodePng } from '../data/images/png.js'
import { expected } from '../errors.js'
import { rowOfWeights, shortened, type AttentionSvgOptions } from './attention.js'
import { label } from './axis.js'
import { pixel, svgFile } from './ink.js'
import { colours, diverging, DIVERGING_LEVELS } from './theme.js'

/** The weights of an attention over places. */
export interface AttentionPlaces {
  /** The words, [T], from 1 to 512. */
  readonly words: readonly string[]
  /** Rows of the places, from 1 to 256. */
  readonly rows: number
  /** Columns of the places, from 1 to 256. */
  readonly columns: number
  /** Weights from 0 to 1, [T] rows of [rows * columns], row by row from the top. */
  readonly weights: readonly ArrayLike<number>[]
  /** The picture with the places, whose width and height are at most 4,096; default: a grid. */
  readonly picture?: Picture
}

const MOST = 512
const MOST_PLACES = 256
const MOST_SIDE = 4096
/** Longer side of a panel in pixels, and the largest ratio of its sides. */
const [SIDE, RATIO] = [132, 4]
const [GAP, LINE, TITLE, LEGEND] = [16, 20, 40, 26]
const WIDTH = 740
const NARROWEST = 480
/** Pixels of a character of a word, and of the title, in the mean. */
const [CHARACTER, TITLE_CHARACTER] = [6.6, 8]
/** Share of the light of a place whose weight is 0. */
const FAINTEST = 0.15

const side = integer(1, MOST_SIDE)
const checkPicture: Check<Picture> = (value, name) => {
  const { width, height, rgb } = object<Picture>({ width: side, height: side, rgb: uint8Array })(value, name)
  if (rgb.length === 3 * width * height) return { width, height, rgb }
  throw expected('ERR_INVALID_SHAPE', `${3 * width * height} bytes as rgb of ${name}`, `${rgb.length}`, 'pass three for each pixel') // prettier-ignore
}
const readPlaces = object<AttentionPlaces>({
  words: list(string, 1, MOST),
  rows: integer(1, MOST_PLACES),
  columns: integer(1, MOST_PLACES),
  weights: list<ArrayLike<number>>((value) => value as ArrayLike<number>),
  picture: optional(checkPicture)
})
const readOptions = optionsOf<AttentionSvgOptions>({ title: optional(string) })

/** A picture, or the grid of the places, with the size of a panel. */
interface Panels {
  readonly width: number
  readonly height: number
  /** Identifies the picture in the file; other files in the same page have others. */
  readonly id: string
  /** Whether the places are a grid without a picture. */
  readonly isGrid: boolean
}

const dataUrl = (png: Buffer) => `data:image/png;base64,${png.toString('base64')}`

function image(width: number, height: number, href: string, more = ''): string {
  return `<image width="${pixel(width)}" height="${pixel(height)}" preserveAspectRatio="none" href="${href}"${more}/>`
}

/** Returns the size of a panel for a picture of these sides. */
function sizeOf(across: number, down: number): { width: number; height: number } {
  const ratio = Math.min(RATIO, Math.max(1 / RATIO, across / down))
  return ratio >= 1 ? { width: SIDE, height: SIDE / ratio } : { width: SIDE * ratio, height: SIDE }
}

/** Draws the panel of a word at a place: its name, its largest weight, and the picture or a colour through a mask of its weights. */
function panel(
  { word, weights, columns, number }: { word: string; weights: readonly number[]; columns: number; number: number },
  { width, height, id, isGrid }: Panels
): string {
  const largest = Math.max(...weights)
  const faintest = isGrid ? 0 : FAINTEST
  const light = (weight: number) => 255 * (faintest + (1 - faintest) * (largest > 0 ? Math.max(0, weight) / largest : 0)) // prettier-ignore
  const values = Uint8Array.from(weights, (weight) => Math.round(light(weight)))
  const png = encodePng({ width: columns, height: weights.length / columns, channels: 1, values })
  const mask = image(width, height, dataUrl(png), isGrid ? ' style="image-rendering:pixelated"' : '')
  const size = `width="${pixel(width)}" height="${pixel(height)}"`
  const shown = isGrid
    ? `<rect ${size} fill="${diverging(DIVERGING_LEVELS)}" mask="url(#${id}-${number})"/>`
    : `<use href="#${id}" mask="url(#${id}-${number})"/>`
  const percent = `${Math.round(100 * largest)} %`
  const room = Math.max(3, Math.floor((width - 36) / CHARACTER))
  return [
    label(shortened(word.trim(), room), 0, -6, { size: 12, fill: colours.text }),
    label(percent, width, -6, { anchor: 'end' }),
    `<mask id="${id}-${number}" maskUnits="userSpaceOnUse" x="0" y="0" ${size}>${mask}</mask>`,
    shown,
    `<rect ${size} fill="none" stroke="${colours.axis}"/>`
  ].join('')
}

/** Draws the lines between the cells of a grid. */
function lines({ width, height }: Panels, rows: number, columns: number): string {
  const across = Array.from({ length: columns - 1 }, (_, i) => `M${pixel(((i + 1) * width) / columns)} 0v${pixel(height)}`) // prettier-ignore
  const down = Array.from({ length: rows - 1 }, (_, i) => `M0 ${pixel(((i + 1) * height) / rows)}h${pixel(width)}`)
  return `<path d="${[...across, ...down].join('')}" fill="none" stroke="${colours.grid}"/>`
}

/**
 * Returns the SVG file of the weights of an attention over the places of a picture, in light and dark colours: a panel for each word, with its
 * largest weight. The picture is in it as a PNG file that is made of its pixels. Throws ERR_INVALID_ARGUMENT and ERR_INVALID_SHAPE for other values.
 *
 * @example
 * const picture = await decodeImage(await readFile('cat.jpg'), { width: 64, height: 48 })
 * const places = { words: ['a', 'cat'], rows: 2, columns: 2, weights: [[0.4, 0.1, 0.3, 0.2], [0.9, 0, 0.1, 0]], picture }
 * writeFileSync('attention.svg', attentionPlacesSvg(places, { title: 'a cat' }))
 */
export function attentionPlacesSvg(places: AttentionPlaces, options: AttentionSvgOptions = {}): string {
  const { words, rows, columns, weights, picture } = readPlaces(places, 'the places')
  const { title = 'attention' } = readOptions(options, 'the options of attentionPlacesSvg')
  if (weights.length !== words.length)
    throw expected('ERR_INVALID_SHAPE', `${words.length} rows of weights`, `${weights.length}`, 'pass one for each word') // prettier-ignore
  const all = weights.map((row, t) => rowOfWeights(rows * columns)(row, `row ${t} of the weights`))
  const png = picture && encodePng({ ...picture, channels: 3, values: picture.rgb })
  const size = picture ? sizeOf(picture.width, picture.height) : sizeOf(columns, rows)
  const panels: Panels = { ...size, id: idOf(words, all, png), isGrid: !png }
  const { width, height } = size
  const across = Math.min(words.length, Math.max(1, Math.floor((WIDTH - GAP) / (width + GAP))))
  const down = Math.ceil(words.length / across)
  const drawn = words.map((word, number) => {
    const [x, y] = [GAP + (number % across) * (width + GAP), TITLE + LINE + Math.floor(number / across) * (height + LINE + GAP)] // prettier-ignore
    const grid = png ? '' : lines(panels, rows, columns)
    return `<g transform="translate(${pixel(x)} ${pixel(y)})">${panel({ word, weights: all[number]!, columns, number }, panels)}${grid}</g>`
  })
  const heading = shortened(title, 80)
  const whole = Math.max(NARROWEST, GAP + across * (width + GAP), 2 * GAP + heading.length * TITLE_CHARACTER)
  const bottom = TITLE + down * (height + LINE + GAP)
  const legend = `${png ? 'bright' : 'dark'}: the largest weight of the word, which is the number; ${png ? 'faint' : 'light'}: 0`
  const body = [
    png ? `<defs><g id="${panels.id}">${image(width, height, dataUrl(png))}</g></defs>` : '',
    label(heading, GAP, 24, { size: 14, fill: colours.text }),
    ...drawn,
    label(legend, GAP, bottom + 10)
  ].join('')
  return svgFile(whole, bottom + LEGEND, `<g font-family="system-ui, sans-serif">${body}</g>`, title)
}

/** Returns a name of the picture that depends on all of its content. */
function idOf(words: readonly string[], weights: readonly (readonly number[])[], png: Buffer | undefined): string {
  const numbers = new Uint8Array(Float32Array.from(weights.flat()).buffer)
  return `p${crc32(numbers, crc32(words.join(' '), png ? crc32(png) : 0)).toString(36)}`
}
