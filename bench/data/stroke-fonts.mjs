// Single-stroke SVG fonts as letters to write with: each glyph is a list of strokes, each stroke a list of corners, in units
// in which the small x of every font is X_HEIGHT high and the baseline is y = 0, y pointing up.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Height of the small x after scaling, as in the synthetic words. */
export const X_HEIGHT = 300

/** Variants of one design: whoever leaves a font out must leave out its whole family. */
export const families = {
  EMSAllure: ['EMSAllure'],
  EMSElfin: ['EMSElfin'],
  EMSFelix: ['EMSFelix'],
  EMSNixish: ['EMSNixish', 'EMSNixishItalic'],
  EMSOsmotron: ['EMSOsmotron'],
  EMSReadability: ['EMSReadability', 'EMSReadabilityItalic'],
  EMSTech: ['EMSTech'],
  HersheyGoth: ['HersheyGothEnglish'],
  HersheySans1: ['HersheySans1', 'HersheySansMed'],
  HersheyScript1: ['HersheyScript1', 'HersheyScriptMed'],
  HersheySerif: ['HersheySerifMed', 'HersheySerifMedItalic', 'HersheySerifBold', 'HersheySerifBoldItalic']
}

/**
 * @typedef {[number, number]} Corner
 * @typedef {{advance: number, strokes: Corner[][]}} Glyph
 * @typedef {{name: string, family: string, glyphs: Map<string, Glyph>}} StrokeFont
 */

const ENTITIES = { quot: '"', amp: '&', lt: '<', gt: '>', apos: "'" }

/** The character that an SVG attribute names; null for a ligature. */
function characterOf(attribute) {
  const text = attribute.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (_, hex, decimal, name) =>
    name ? (ENTITIES[name] ?? '') : String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal))
  )
  return [...text].length === 1 ? text : null
}

/** Points of a cubic curve that stand for it. */
const CURVE_POINTS = 8

/** Strokes of a path of the commands M, L, C and Z with absolute coordinates, which are all that these fonts use. */
export function strokesOf(path) {
  const strokes = []
  for (const [, command, list] of path.matchAll(/([A-DF-Za-df-z])([^A-DF-Za-df-z]*)/g)) {
    const numbers = (list.match(/[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/gi) ?? []).map(Number)
    const pairs = Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]])
    const stroke = strokes.at(-1)
    if (command === 'M') strokes.push(pairs)
    else if (command === 'L') stroke.push(...pairs)
    else if (command === 'Z') stroke.push([...stroke[0]])
    else if (command === 'C') {
      for (let i = 0; i + 3 <= pairs.length; i += 3) stroke.push(...curve([stroke.at(-1), ...pairs.slice(i, i + 3)]))
    } else throw new Error(`Expected the commands M, L, C and Z in a path but received "${command}".`)
  }
  return strokes
}

/** Points of a cubic Bezier curve after its first one. */
function curve(control) {
  return Array.from({ length: CURVE_POINTS }, (_, k) => {
    const t = (k + 1) / CURVE_POINTS
    const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3]
    return [0, 1].map((axis) => weights.reduce((sum, weight, i) => sum + weight * control[i][axis], 0))
  })
}

/** @returns {StrokeFont} */
export function parseFont(svg, name) {
  const glyphs = new Map()
  for (const [, attributes] of svg.matchAll(/<glyph ([^>]*?)\/?>/g)) {
    const get = (key) => new RegExp(`(?:^|\\s)${key}="([^"]*)"`).exec(attributes)?.[1]
    const character = characterOf(get('unicode') ?? '')
    if (character === null) continue
    glyphs.set(character, { advance: Number(get('horiz-adv-x') ?? 400), strokes: strokesOf(get('d') ?? '') })
  }
  const heights = glyphs
    .get('x')
    .strokes.flat()
    .map(([, y]) => y)
  const scale = X_HEIGHT / Math.max(...heights)
  for (const glyph of glyphs.values()) {
    glyph.advance *= scale
    glyph.strokes = glyph.strokes.map((stroke) => stroke.map(([x, y]) => [x * scale, y * scale]))
  }
  const family = Object.keys(families).find((key) => families[key].includes(name)) ?? name
  return { name, family, glyphs }
}

/** All fonts of a folder, in alphabetical order. @returns {StrokeFont[]} */
export function readFonts(folder) {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.svg'))
    .sort()
    .map((file) => parseFont(readFileSync(join(folder, file), 'utf8'), file.slice(0, -'.svg'.length)))
}
