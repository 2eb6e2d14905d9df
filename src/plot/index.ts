// The entry `gatecell/plot`: pictures of ink and of attention as text of SVG files.

export { attentionSvg, type AttentionMatrix, type AttentionSvgOptions } from './attention.js'
export { attentionPlacesSvg, type AttentionPlaces } from './attention-places.js'
export { inkSvg, type InkSvgOptions } from './ink.js'
export type { Picture } from '../data/images/decode.js'
