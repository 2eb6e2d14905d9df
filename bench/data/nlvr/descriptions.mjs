// Complete descriptions of scenes of NLVR, for a first training: sentences of the data set say so little about a picture that a network learns
// to write long before it learns to look, while every word of a description has to be seen.
import { boxesOf, edges } from './facts.mjs'

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
const SIZES = { 10: 'small', 20: 'middle', 30: 'large' }

/** The colours of a tower, from its base up. */
const tower = ({ items }) => ['tower', ...items.map(({ colour }) => colour)]

/** How many items, and each of them from the left: its size, its colour, its shape, and whether it touches an edge. */
function scattered({ items }) {
  const ordered = [...items].sort((a, b) => a.x - b.x || a.y - b.y)
  const wordsOf = (item) => [SIZES[item.size], item.colour, item.shape, ...(edges(item).length > 0 ? ['touching'] : [])]
  return ['box', NUMBERS[items.length], ...ordered.flatMap(wordsOf)]
}

/** The description of a scene: words, box after box from the left. @param {import('./scenes.mjs').Scene} scene */
export const describe = (scene) =>
  boxesOf(scene)
    .flatMap((box) => (box.tower ? tower(box) : scattered(box)))
    .join(' ')
