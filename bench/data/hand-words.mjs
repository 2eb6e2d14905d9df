// Words in many hands for the training of a reader: texts like those of a given set, written by hands of hands.mjs with
// single-stroke fonts, except those that are left out.
import { createRandom } from '../../dist/esm/index.js'
import { writeByHand } from './hands.mjs'
import { families, readFonts } from './stroke-fonts.mjs'

const START = '^'
const END = '$'
const LONGEST = 14
/** Shares of the texts: words of the set; words that only look like them; symbols at random. */
const KNOWN = 0.5
const LIKE = 0.35
/** Shares of texts with a second word, and of texts that begin with a capital. */
const SECOND = 0.15
const CAPITAL = 0.1

/** Draws texts that resemble `texts`; never a word of `excluded`. */
function textSource(texts, excluded, random) {
  const words = [...new Set(texts.flatMap((text) => text.split(' ')))].filter((word) => !excluded.has(word))
  const symbols = [...new Set(texts.join('').replaceAll(' ', ''))].sort()
  const known = new Set(symbols)
  const pick = (list) => list[random.below(list.length)]
  const following = new Map()
  for (const word of words) {
    const path = [START, START, ...word, END]
    for (let i = 2; i < path.length; i++) {
      const key = path[i - 2] + path[i - 1]
      following.set(key, [...(following.get(key) ?? []), path[i]])
    }
  }
  /** A word by the pairs of symbols that precede each symbol in the set. */
  const alike = () => {
    for (;;) {
      let [before, last, word] = [START, START, '']
      for (let next = pick(following.get(before + last)); next !== END; next = pick(following.get(before + last))) {
        word += next
        ;[before, last] = [last, next]
      }
      if (word.length < LONGEST && !excluded.has(word)) return word
    }
  }
  const jumble = () => Array.from({ length: 2 + random.below(5) }, () => pick(symbols)).join('')
  return () => {
    for (;;) {
      const kind = random.uniform()
      let text = kind < KNOWN ? pick(words) : kind < KNOWN + LIKE ? alike() : jumble()
      if (random.uniform() < SECOND) text += ` ${random.uniform() < KNOWN ? pick(words) : alike()}`
      if (random.uniform() < CAPITAL) text = text[0].toUpperCase() + text.slice(1)
      const allowed = text.split(' ').every((word) => !excluded.has(word))
      if (allowed && [...text].every((symbol) => symbol === ' ' || known.has(symbol))) return text
    }
  }
}

/**
 * `count` samples {text, font, strokes}, a function of the seed. `leftOut`: families of fonts of which nothing is used;
 * `excluded`: words that are not written.
 */
export function handWords({ fonts: folder, leftOut, texts, excluded, count, seed }) {
  const out = new Set(leftOut.flatMap((family) => families[family] ?? [family]))
  const fonts = readFonts(folder).filter(({ name }) => !out.has(name))
  const random = createRandom(seed, 'words by hand')
  const next = textSource(texts, excluded, random)
  return Array.from({ length: count }, () => {
    const text = next()
    return { text, font: 'many hands', strokes: writeByHand(text, fonts, random) }
  })
}
