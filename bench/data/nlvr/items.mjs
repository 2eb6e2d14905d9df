// Phrases about items: "exactly two small blue squares that are not touching any edge".
import { edges, inCorner, isBase, isTop, on, touch } from './facts.mjs'

/** @typedef {import('./facts.mjs').Fact} Fact */
/** @typedef {import('./words.mjs').Words} Words */
/** @typedef {(item: Fact) => boolean} Filter */
/** @typedef {{least: number, most: number, all?: boolean}} Quantity all: every one */

export const COLOURS = ['yellow', 'black', 'blue']
const SHAPES = ['circle', 'square', 'triangle']

/** The distances from an edge that "closely" and "nearly", and that "close to" names, in pixels. */
const CLOSE = 3
const NEAR = 10

export const all = (filters) => (one) => filters.every((filter) => filter(one))
export const some = { least: 1, most: Infinity }

/** How many; a mere number means exactly so many, as the labels show. @param {Words} words @returns {Quantity | undefined} */
export function quantity(words) {
  const counted = (make) => {
    const count = words.number()
    if (words.take('of the tower')) words.at--
    else words.take('of the 3', 'of the')
    return count === undefined ? undefined : make(count)
  }
  return words.try(
    () => words.take('none of the', 'no') && { least: 0, most: 0 },
    () => words.take('at least a|an') && some,
    () => words.take('only? at least') && counted((count) => ({ least: count, most: Infinity })),
    () => words.take('at most') && counted((count) => ({ least: 0, most: count })),
    () => words.take('more than') && counted((count) => ({ least: count + 1, most: Infinity })),
    () => words.take('each|every', 'all the? 3', 'all the?') && { ...some, all: true },
    () => words.take('multiple') && { least: 2, most: Infinity },
    () => (words.take('exactly|only'), counted((count) => ({ least: count, most: count }))),
    () => words.take('a|an|the|some|another') && some
  )
}

/** Does the number of those that pass fit? @param {Quantity} quantity */
export function fits({ least, most, all: every }, entities, filter) {
  if (every) return entities.length > 0 && entities.every(filter)
  const count = entities.filter(filter).length
  return count >= least && count <= most
}

/** One colour or two of them. @param {Words} words @returns {string[] | undefined} */
export function colours(words) {
  const first = words.one(COLOURS)
  const second = first && words.try(() => words.take('and|or') && words.one(COLOURS))
  return first && (second ? [first, second] : [first])
}

/** Size, colour and shape. @param {Words} words @returns {Filter | undefined} */
export function itemNoun(words) {
  return words.try(() => {
    const filters = []
    if (words.take('small')) filters.push((item) => item.size === 10)
    const named = colours(words)
    if (named) filters.push((item) => named.includes(item.colour))
    const shape = words.one(SHAPES)
    if (shape) filters.push((item) => item.shape === shape)
    else if (words.take('block')) filters.push((item) => item.box.tower)
    else if (!words.take('item')) return undefined
    return all(filters)
  })
}

/** A colour or a shape after "is". @param {Words} words @returns {Filter | undefined} */
export function kind(words) {
  return words.try(
    () => words.take('of small size') && ((item) => item.size === 10),
    () => {
      words.take('of only? either?', 'either', 'a')
      const named = colours(words)
      words.take('color')
      return named && ((item) => named.includes(item.colour))
    },
    () => {
      words.take('a|of')
      const shape = words.one(SHAPES)
      return shape && ((item) => item.shape === shape)
    }
  )
}

/** @param {Words} words @returns {Filter[]} */
export const itemModifiers = (words) => words.many(() => itemModifier(words))

function itemModifier(words) {
  return words.try(() => {
    const is = words.take('that|which is?', 'and? is') || words.words[words.at] === 'of'
    const not = words.take('not')
    words.take('being')
    const filter = words.try(
      () => place(words),
      () => relation(words),
      () => (is || not) && kind(words)
    )
    return filter && (not ? (item) => !filter(item) : filter)
  })
}

/** Where in the box. */
function place(words) {
  const gap = words.take('close to') ? NEAR : words.take('closely', 'nearly') ? CLOSE : 0
  if (words.take('touching each other')) return (item) => item.box.items.some((other) => touch(item, other))
  if (words.take('touching? the|a box? corner of? a? box?')) return (item) => inCorner(item, Math.max(CLOSE, gap))
  if (words.take('touching right wall of? a? box?')) return (item) => edges(item, gap).includes('right')
  if (words.take('touching the base|bottom edge? of? a? box?')) return (item) => edges(item, gap).includes('bottom')
  if (words.take('touching the|a|an|any wall|edge|side')) return (item) => edges(item, gap).length > 0
  if (words.take('as third block')) return (item) => item.level === 2
  if (words.take('in the middle')) return (item) => item.level > 0 && !isTop(item)
  if (words.take('as the base and second block')) return (item) => item.level < 2
  if (words.take('on top of other item', 'on top of it all')) return isTop
  if (words.take('at|as|on|in the? base|bottom')) return ofTower(words, isBase)
  return words.try(() => {
    if (!words.take('at|as|on the? top')) return undefined
    const filter = ofTower(words, isTop)
    return words.words[words.at] === 'of' ? undefined : filter
  })
}

/** The place in "of a tower with at least two blocks". */
function ofTower(words, filter) {
  if (!words.take('of a tower')) return filter
  const like = words.try(() => {
    const how = words.take('with') && (quantity(words) ?? some)
    const noun = how && itemNoun(words)
    return noun && ((box) => fits(how, box.items, noun))
  })
  return like ? (item) => filter(item) && like(item.box) : filter
}

const RELATIONS = [
  [['right? on top of', 'on'], on],
  [['and? above|over'], on],
  [['below|under'], (item, other) => on(other, item)],
  [['attached only? to'], (item, other) => on(item, other) || on(other, item)]
]

/** Something about another item. */
function relation(words) {
  const found = RELATIONS.find(([patterns]) => words.take(...patterns))
  const related = found?.[1]
  const any = (side, filter) => (item) => item.box.items.some((other) => side(item, other) && filter(item, other))
  if (related && words.take('a different color block'))
    return any(related, (item, other) => other.colour !== item.colour)
  const between = !related && words.take('between')
  const how = (related || between) && (quantity(words) ?? some)
  const noun = how && itemNoun(words)
  if (!noun) return undefined
  if (between)
    return all([
      any(on, (_, other) => noun(other)),
      any(
        (item, other) => on(other, item),
        (_, other) => noun(other)
      )
    ])
  const filter = all([noun, ...itemModifiers(words)])
  return any(related, (_, other) => filter(other))
}
