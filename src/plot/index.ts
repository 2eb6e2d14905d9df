// The entry `gatecell/plot`: pictures of ink and of attention as text of SVG files.

export { attentionSvg, type AttentionMatrix, type AttentionSvgOptions } from './attention.js'
export { inkSvg, type InkSvgOptions } from './ink.js'
