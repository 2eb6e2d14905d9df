// Colours of all pictures, each with its counterpart for dark pages. A picture is drawn in the light colours; a style sheet
// inside the file replaces them where the reader prefers dark pages, so one file serves both.

/** Light colours by their use. */
export const colours = {
  background: '#ffffff',
  text: '#33383d',
  muted: '#5f666d',
  axis: '#9aa1a8',
  grid: '#e8eaec',
  ink: '#1b2a41',
  /** Lines and points that have to be distinguished, in this order. */
  series: ['#c8421d', '#1f6f8b', '#4d7a1f', '#7b4fa3', '#96690a', '#2f4b7c', '#a05195', '#00796b', '#7a5c52']
} as const

const DARK_BACKGROUND = '#15181c'

const darkColours = new Map<string, string>([
  [colours.background, DARK_BACKGROUND],
  [colours.text, '#d9dde1'],
  [colours.muted, '#a3abb3'],
  [colours.axis, '#6b737b'],
  [colours.grid, '#2a2f35'],
  [colours.ink, '#dbe4f3']
])
const darkSeries = ['#ff7f5c', '#5cb8d6', '#9ccc65', '#bd93e0', '#e0b040', '#8fb0f0', '#e08fd0', '#4db6a6', '#c9a698']
colours.series.forEach((colour, i) => darkColours.set(colour, darkSeries[i]!))

/** Levels of a diverging scale on each side of zero. */
export const DIVERGING_LEVELS = 12

/** Returns the colour of `level`, from -DIVERGING_LEVELS to DIVERGING_LEVELS: blue below zero, the background at zero, red above. */
export function diverging(level: number): string {
  return mix(colours.background, level < 0 ? '#0a3ccc' : '#cc1a0a', Math.abs(level) / DIVERGING_LEVELS)
}

for (let level = -DIVERGING_LEVELS; level <= DIVERGING_LEVELS; level++) {
  if (level === 0) continue
  darkColours.set(
    diverging(level),
    mix(DARK_BACKGROUND, level < 0 ? '#7ab0ff' : '#ff8a7a', Math.abs(level) / DIVERGING_LEVELS)
  )
}

function mix(from: string, to: string, share: number): string {
  const channel = (colour: string, i: number) => Number.parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16)
  const mixed = [0, 1, 2].map((i) => Math.round(channel(from, i) + share * (channel(to, i) - channel(from, i))))
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`
}

/** Returns the dark counterpart of a light colour, undefined for a colour that this file does not define. */
export function darkOf(colour: string): string | undefined {
  return darkColours.get(colour)
}

/** Returns the SVG file with a style sheet for dark pages: rules for those colours of this file that it uses. */
export function withDarkMode(svg: string): string {
  const rules = ['fill', 'stroke'].flatMap((attribute) =>
    [...darkColours]
      .filter(([light]) => svg.includes(`${attribute}="${light}"`))
      .map(([light, dark]) => `[${attribute}="${light}"]{${attribute}:${dark}}`)
  )
  const sheet = `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`
  return svg.replace(/<svg\b[^>]*>/, (tag) => tag + sheet)
}

/** Colours of vega's axes, titles and legends. */
export const vegaConfig = {
  background: colours.background,
  title: { color: colours.text },
  axis: {
    domainColor: colours.axis,
    tickColor: colours.axis,
    gridColor: colours.grid,
    labelColor: colours.muted,
    titleColor: colours.text
  },
  legend: { labelColor: colours.text, titleColor: colours.text }
} as const
