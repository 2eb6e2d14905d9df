// Facts about the scenes of NLVR: what touches what, which block is over which.

const COLOURS = { Yellow: 'yellow', Black: 'black', '#0099ff': 'blue' }
/** The largest distance of two items that touch: blocks of a tower are drawn a pixel apart. */
const GAP = 1

/**
 * @typedef {object} Fact an item
 * @property {string} colour yellow, black or blue
 * @property {string} shape circle, square or triangle
 * @property {number} size
 * @property {number} x @property {number} y the left upper corner, y down
 * @property {Box} box
 * @property {number} level in a tower: how many blocks are under it
 */
/** @typedef {{items: Fact[], tower: boolean}} Box items: from the lowest to the highest; tower: each is on top of another one */

/** @param {import('./scenes.mjs').Scene} scene @returns {Box[]} */
export function boxesOf(scene) {
  return scene.map((items) => {
    const box = { items: [], tower: false }
    box.items = items
      .map(({ type, color, size, x_loc: x, y_loc: y }) => ({ colour: COLOURS[color], shape: type, size, x, y, box }))
      .sort((a, b) => b.y + b.size - (a.y + a.size))
    box.items.forEach((item, level) => (item.level = level))
    box.tower = box.items.every(({ x, y, size }, i) => x === 40 && size === 20 && y === 80 - 21 * i)
    return box
  })
}

/** The edges of its box at most `gap` from an item: of 'left', 'right', 'top', 'bottom'. */
export function edges({ x, y, size }, gap = 0) {
  const sides = { left: x, right: 100 - x - size, top: y, bottom: 100 - y - size }
  return Object.keys(sides).filter((side) => sides[side] <= gap)
}

export function inCorner(item, gap) {
  const sides = edges(item, gap)
  const any = (names) => sides.some((side) => names.includes(side))
  return any(['left', 'right']) && any(['top', 'bottom'])
}

const overlap = (a, b) => a.x < b.x + b.size && b.x < a.x + a.size

/** Is `a` directly on `b`? */
export function on(a, b) {
  if (a.box !== b.box || a === b) return false
  return a.box.tower ? a.level === b.level + 1 : overlap(a, b) && Math.abs(b.y - a.y - a.size) <= GAP
}

/** Do two items touch? */
export const touch = (a, b) =>
  a !== b &&
  a.box === b.box &&
  Math.max(a.x - b.x - b.size, b.x - a.x - a.size, a.y - b.y - b.size, b.y - a.y - a.size) <= GAP

/** Is nothing in its box higher? */
export const isTop = (item) => item.box.items.every(({ y }) => item.y <= y)
export const isBase = (item) => (item.box.tower ? item.level === 0 : edges(item).includes('bottom'))
