// Is a sentence about a scene of NLVR true? A parser of the sentence patterns of that data set: how many, of which colour and shape, in
// which box or tower, where. It has no answer for a sentence that it does not understand to its last word.
import { boxModifiers, boxNoun, colourCount, PLACES } from './boxes.mjs'
import { boxesOf, edges } from './facts.mjs'
import { all, colours, fits, itemModifiers, itemNoun, quantity, some } from './items.mjs'
import { Words, wordsOf } from './words.mjs'

/** @typedef {(boxes: import('./facts.mjs').Box[]) => boolean} Truth */

/** @param {Words} words @returns {Truth | undefined} */
function sentence(words) {
  words.take('there is')
  return words.try(
    () => ended(words, ofPart(words)),
    () => ended(words, ofColours(words)),
    () => ended(words, ofEqualBoxes(words)),
    () => ended(words, ofBoxes(words)),
    () => ended(words, ofItems(words))
  )
}

const ended = (words, truth) => (words.done ? truth : undefined)

/** So many boxes or towers of which something is true. */
function ofBoxes(words) {
  const how = quantity(words) ?? some
  const noun = boxNoun(words)
  if (!noun) return undefined
  const modifiers = all(boxModifiers(words))
  if (how.all) return (boxes) => fits(how, boxes.filter(noun), modifiers)
  return (boxes) => fits(how, boxes, all([noun, modifiers]))
}

/** So many items of which something is true. */
function ofItems(words) {
  const how = quantity(words) ?? some
  const noun = itemNoun(words)
  if (!noun) return undefined
  const modifiers = all(itemModifiers(words))
  if (words.take('in each box')) return (boxes) => boxes.every(({ items }) => fits(how, items, all([noun, modifiers])))
  const items = (boxes) => boxes.flatMap((box) => box.items)
  if (words.take('is? in the same box')) {
    return (boxes) => boxes.filter((box) => box.items.some(noun)).length === 1
  }
  if (how.all) return (boxes) => fits(how, items(boxes).filter(noun), modifiers)
  return (boxes) => fits(how, items(boxes), all([noun, modifiers]))
}

/** "The base of a tower is blue", "the top of a three blocks tower is yellow". */
function ofPart(words) {
  if (!words.take('the')) return undefined
  const place = PLACES[words.one(['base', 'top'])]
  const how = place && words.take('of') && quantity(words)
  const noun = how && boxNoun(words)
  const named = noun && words.take('is') && colours(words)
  const part = ({ items }) => items.some((item) => place(item) && named.includes(item.colour))
  return named && ((boxes) => fits(how, boxes, all([noun, part])))
}

/** "Only one colour is touching the wall". */
function ofColours(words) {
  const touching = (boxes) => colourCount(boxes.flatMap(({ items }) => items.filter((item) => edges(item).length > 0)))
  if (words.take('only 1 color touching the wall')) return (boxes) => touching(boxes) === 1
  if (words.take('the? item? of? all 3 different color is touching the wall')) return (boxes) => touching(boxes) === 3
  return undefined
}

/** "There are two towers with the same height". */
function ofEqualBoxes(words) {
  const how = quantity(words)
  if (!how || !words.take('tower|box with|that|which is|has? the same', 'tower with the same')) return undefined
  const key = words.take('in? height', 'number of item')
    ? ({ items }) => items.length
    : words.take('base color') && (({ items }) => items[0].colour)
  const not = key && words.take('that is not') && words.one(['black', 'blue', 'yellow'])
  const sizes = (boxes) =>
    boxes.map((box) => boxes.filter((other) => key(other) === key(box) && key(box) !== not).length)
  return key && ((boxes) => sizes(boxes).some((count) => count >= how.least && count <= how.most))
}

/**
 * Returns the claim of a sentence as a function of the boxes of a scene (`boxesOf`); undefined: it is not understood.
 * @param {string} text
 * @returns {Truth | undefined}
 */
export const understand = (text) => sentence(new Words(wordsOf(text)))

/**
 * Whether a sentence is true of a scene; undefined: it is not understood.
 * @param {string} text
 * @param {import('./scenes.mjs').Scene} scene
 * @returns {boolean | undefined}
 */
export const isTrue = (text, scene) => understand(text)?.(boxesOf(scene))
