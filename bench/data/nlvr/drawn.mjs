// More scenes of NLVR with true sentences, for training. Each has a sentence of the training data, half of them with other numbers, shapes and
// ends of towers, and three boxes of its scenes, mixed until the checker finds the sentence true of them; then colours are exchanged in the
// sentence and in the scene, and boxes of scattered items are mirrored where the sentence has neither left nor right. A sentence that the
// checker does not understand keeps its own scene, with the boxes in another order.
import { boxesOf } from './facts.mjs'
import { understand } from './sentences.mjs'

/** Scenes tried for a sentence. */
const TRIES = 400
const PAINT = { yellow: 'Yellow', black: 'Black', blue: '#0099ff' }
const NAMES = Object.keys(PAINT)

/** @typedef {import('./scenes.mjs').Scene} Scene */
/** @typedef {{caption: string, scene: Scene}} Example */

/** Is each box of a scene a tower? @param {Scene} scene */
export const isTowers = (scene) => boxesOf(scene).every(({ tower }) => tower)

const shuffled = (list, random) => {
  const order = [...list]
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  return order
}

const mirroredBox = (items) => items.map((item) => ({ ...item, x_loc: 100 - item.size - item.x_loc }))

/** The example with its colours exchanged, in words and items. */
function recoloured({ caption, scene }, random) {
  const names = shuffled(NAMES, random)
  const to = (name) => names[NAMES.indexOf(name)]
  const words = caption.replace(/yellow|black|blue/gi, (word) => {
    const name = to(word.toLowerCase())
    return word === word.toLowerCase() ? name : name[0].toUpperCase() + name.slice(1)
  })
  const paint = Object.fromEntries(NAMES.map((name) => [PAINT[name], PAINT[to(name)]]))
  return { caption: words, scene: scene.map((items) => items.map((item) => ({ ...item, color: paint[item.color] }))) }
}

/** Lists of words that a sentence may exchange for each other; numbers from two on, so that nouns remain in the plural. */
const EXCHANGED = [
  ['two', 'three', 'four'],
  ['2', '3', '4'],
  ['circle', 'square', 'triangle'],
  ['circles', 'squares', 'triangles'],
  ['top', 'base']
]

/** The sentence with each of these words exchanged for any of its list. */
function exchanged(caption, pick) {
  return caption.replace(/[a-z]+|\d/gi, (word) => {
    const list = EXCHANGED.find((words) => words.includes(word))
    return list ? pick(list) : word
  })
}

/**
 * Returns a function that makes examples, a function of the state of `random`.
 * @param {Example[]} examples with which they begin
 * @param {{below(count: number): number}} random
 * @returns {() => Example}
 */
export function drawnExamples(examples, random) {
  const pick = (list) => list[random.below(list.length)]
  const known = new Map()
  const claim = (caption) => {
    if (!known.has(caption)) known.set(caption, understand(caption))
    return known.get(caption)
  }
  const boxes = { towers: [], scattered: [] }
  const kindOf = (scene) => (isTowers(scene) ? 'towers' : 'scattered')
  for (const { scene } of examples) boxes[kindOf(scene)].push(...scene)
  return () => {
    const { caption, scene: own } = pick(examples)
    const kind = kindOf(own)
    const mirrors = kind === 'scattered' && !/\b(left|right)\b/i.test(caption)
    const mirrored = (scene) => scene.map((items) => (mirrors && random.below(2) ? mirroredBox(items) : items))
    for (const text of random.below(2) ? [exchanged(caption, pick), caption] : [caption]) {
      const truth = claim(text)
      for (let i = 0; truth && i < TRIES; i++) {
        const scene = mirrored([0, 1, 2].map(() => pick(boxes[kind])))
        if (truth(boxesOf(scene))) return recoloured({ caption: text, scene }, random)
      }
    }
    return recoloured({ caption, scene: mirrored(shuffled(own, random)) }, random)
  }
}
