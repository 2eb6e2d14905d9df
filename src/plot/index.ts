// The entry `gatecell/plot`: pictures of ink as text of SVG files.

export { inkSvg, type InkSvgOptions } from './ink.js'
