// The entry `gatecell/ink`: handwriting as data, read from files or made from points.

export { readInk, type ReadInkOptions } from './read.js'
export { syntheticInk, syntheticLetters, type SyntheticInkOptions } from './synthetic.js'
export { createInk, inkPoints, type Ink, type InkOptions, type InkPoint, type Stroke } from './strokes.js'
export type { InkAugmentation } from './augment.js'
export type { InkNormalisation } from './normalise.js'
export type { InkSplit } from './split.js'
