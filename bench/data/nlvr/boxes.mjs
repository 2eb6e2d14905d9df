// Phrases about boxes and towers: "three blocks tower with a black base and only one blue block".
import { isBase, isTop, on } from './facts.mjs'
import { all, COLOURS, colours, fits, itemModifiers, itemNoun, kind, quantity, some } from './items.mjs'

/** @typedef {import('./facts.mjs').Box} Box */
/** @typedef {import('./words.mjs').Words} Words */
/** @typedef {(box: Box) => boolean} BoxFilter */

/** Places in a tower, by their words. */
export const PLACES = {
  base: isBase,
  top: isTop,
  second: ({ level }) => level === 1,
  third: ({ level }) => level === 2
}
export const colourCount = (items) => new Set(items.map(({ colour }) => colour)).size

/** A box or a tower: "black tower", "three blocks tower". @param {Words} words @returns {BoxFilter | undefined} */
export function boxNoun(words) {
  return words.try(() => {
    const filters = []
    const size = words.try(() => {
      const count = words.number()
      return words.take('block') && count
    })
    if (size) filters.push(({ items }) => items.length === size)
    const named = colours(words)
    if (named) filters.push(({ items }) => items.every(({ colour }) => named.includes(colour)))
    if (words.take('tower')) filters.push(({ tower }) => tower)
    else if (!words.take('box')) return undefined
    return all(filters)
  })
}

/** @param {Words} words @returns {BoxFilter[]} */
export const boxModifiers = (words) => words.many(() => boxModifier(words))

function boxModifier(words) {
  return words.try(
    () => words.take('in it', 'and other item') && (() => true),
    () => words.take('of which') && ofWhich(words),
    () => {
      words.take('and and', 'and|where|with|which|that|of', 'at most of which')
      words.take('it? has|with', 'it|is')
      return words.try(
        () => coloured(words),
        () => together(words),
        () => list(words),
        () => counted(words)
      )
    }
  )
}

/** "of which two are blue". */
function ofWhich(words) {
  words.take('there is')
  const how = quantity(words) ?? some
  words.take('is')
  const filter = words.try(
    () => kind(words),
    () => words.take('a') && kind(words),
    () => itemNoun(words)
  )
  return filter && (({ items }) => fits(how, items, filter))
}

/** "the base is blue", "a blue second block", "a yellow base". */
function coloured(words) {
  const filter =
    (where, named) =>
    ({ items }) =>
      items.some((item) => where(item) && named.includes(item.colour))
  return words.try(
    () => {
      words.take('the|a')
      const where = PLACES[words.one(Object.keys(PLACES))]
      words.take('block')
      words.take('from the base')
      const named =
        where && words.take('is|of') && (colours(words) ?? (words.take('not') ? others(colours(words)) : undefined))
      return named && filter(where, named)
    },
    () => {
      words.take('a|the')
      const named = colours(words)
      const where = named && PLACES[words.one(Object.keys(PLACES))]
      words.take('block')
      return where && filter(where, named)
    },
    () => {
      if (!words.take('the color is')) return undefined
      const not = words.take('not')
      const named = colours(words)
      return named && only(not ? others(named) : named)
    }
  )
}

/** The colours that are not named. */
const others = (named) => named && COLOURS.filter((colour) => !named.includes(colour))
/** Only these colours, or some of them. */
const only =
  (named) =>
  ({ items }) =>
    items.every(({ colour }) => named.includes(colour))
/** Only these colours, and all of them. */
const just = (named) => (box) => only(named)(box) && colourCount(box.items) === named.length

/** About all items of the box together. */
function together(words) {
  const many =
    (count) =>
    ({ items }) =>
      colourCount(items) === count
  return words.try(
    () => words.take('block|item? of? all 3 different? color', 'different shape and all 3 different color') && many(3),
    () => words.take('item? of? only? 1 color', 'all the block is of same color') && many(1),
    () => words.take('item? of? 2 different color') && many(2),
    () => {
      const named = words.take('only') && colours(words)
      return named && words.take('item|block') && just(named)
    },
    () => {
      words.take('item|block')
      const colour = words.try(() => (words.take('of only? either?', 'only|either'), colours(words)))
      return colour && words.take('color only?') && just(colour)
    }
  )
}

/** "1 black and 1 blue item". */
function list(words) {
  return words.try(() => {
    const parts = words.many(() =>
      words.try(() => {
        words.take('and')
        const how = quantity(words)
        const colour = how && words.one(COLOURS)
        return colour && { how, colour }
      })
    )
    if (parts.length < 2 || !words.take('item')) return undefined
    return ({ items }) => parts.every(({ how, colour }) => fits(how, items, (item) => item.colour === colour))
  })
}

/** So many items of a kind. */
function counted(words) {
  const before = words.words[words.at]
  const how = quantity(words) ?? some
  const start = words.at
  const noun = itemNoun(words)
  if (!noun) return undefined
  const count = how.most === how.least ? how.least : undefined
  if (words.take('stacked together of the same color', 'of the same color'))
    return ({ items }) => items.length === count && colourCount(items) === 1
  if (words.take('stacked together'))
    return ({ items }) => items.some((_, i) => items.slice(i, i + count).filter(noun).length === count)
  if (count > 1 && words.take('at the base')) return ({ items }) => items.slice(0, count).filter(noun).length === count
  const modifiers = itemModifiers(words)
  const second = words.try(() => itsOwn(words))
  const filter = all([noun, ...modifiers])
  const plain = ['item', 'block'].includes(words.words[start])
  if (plain && modifiers.length > 0 && ['exactly', 'only'].includes(before))
    return ({ items }) => items.length === count && items.every(filter)
  if (before === 'only' && words.words[start + 1] === 'and')
    return ({ items }) => items.length === count && items.every(filter)
  if (second) return ({ items }) => items.some((item) => filter(item) && items.some((other) => second(other, item)))
  return ({ items }) => fits(how, items, filter)
}

/** "and a yellow item on top of it". */
function itsOwn(words) {
  if (!words.take('and|with')) return undefined
  const how = quantity(words)
  const noun = how && itemNoun(words)
  return noun && words.take('right? on top of it') && ((other, item) => noun(other) && on(other, item))
}
