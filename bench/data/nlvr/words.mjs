// The words of NLVR's sentences: spelled alike, and read one after the other.

/** Misspellings and other spellings of the data set; what remains is singular, lower case, without marks. */
const SPELLING = [
  [/[.,]/g, ' '],
  [/\s+/g, ' '],
  [/\batleast\b|^ tleast\b|^ t least\b/g, ' at least'],
  [/^ ll\b/g, ' all'],
  [/\bsquere\b/g, 'square'],
  [/\bcirlce\b/g, 'circle'],
  [/\btraingle\b/g, 'triangle'],
  [/\bbule\b/g, 'blue'],
  [/\bablue\b/g, 'a blue'],
  [/\ba sthe\b/g, 'as the'],
  [/\bblccks?\b/g, 'block'],
  [/\bblacks\b/g, 'black'],
  [/\b(yellow|blue) black\b(?! (block|item|square|circle|triangle))/g, '$1 block'],
  [/\bblock block\b/g, 'black block'],
  [/\bbellow\b/g, 'below'],
  [/\btocuhing\b/g, 'touching'],
  [/\bcolou?r(s|ed)?\b/g, 'color'],
  [/\battach\b/g, 'attached'],
  [/\bthan contains\b/g, 'that contains'],
  [/\b(objects?|items)\b|\b(?<=yellow |black |another )one\b/g, 'item'],
  [/\b(circle|square|triangle|block|tower|edge|wall|side|corner|base)s\b/g, '$1'],
  [/\bboxes\b/g, 'box'],
  [/\bgrey (box|square)\b/g, 'box'],
  [/\b(having|have|has|ha|contains?)\b/g, 'has'],
  [/\bare\b/g, 'is'],
  [/\bsingle\b/g, 'one'],
  [/\s+/g, ' ']
]
const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven']

/** @param {string} sentence */
export function wordsOf(sentence) {
  return SPELLING.reduce((text, [found, right]) => text.replace(found, right), ` ${sentence.toLowerCase()} `)
    .trim()
    .split(' ')
    .map((word) => (NUMBERS.includes(word) ? String(NUMBERS.indexOf(word)) : word))
}

/** Reads words. Patterns are words with alternatives `a|b`; those that may lack end in `?`. */
export class Words {
  /** @param {string[]} words */
  constructor(words) {
    this.words = words
    this.at = 0
  }

  get done() {
    return this.at === this.words.length
  }

  /** Steps over the first pattern that fits; was there one? */
  take(...patterns) {
    const end = patterns.map((pattern) => this.#end(pattern)).find((place) => place > this.at)
    if (end === undefined) return false
    this.at = end
    return true
  }

  /** Steps over one word of a list and returns it. */
  one(list) {
    return list.includes(this.words[this.at]) ? this.words[this.at++] : undefined
  }

  number() {
    return /^\d$/.test(this.words[this.at] ?? '') ? Number(this.words[this.at++]) : undefined
  }

  /** The value of the first reader that has one; nothing is read where none has. */
  try(...readers) {
    const start = this.at
    for (const read of readers) {
      const value = read()
      if (value !== undefined && value !== false) return value
      this.at = start
    }
    return undefined
  }

  /** Returns the values of `read` until it has nothing more. */
  many(read) {
    const values = []
    for (let next = read(); next; next = read()) values.push(next)
    return values
  }

  #end(pattern) {
    let place = this.at
    for (const part of pattern.split(' ')) {
      const optional = part.endsWith('?')
      const fits = (optional ? part.slice(0, -1) : part).split('|').includes(this.words[place])
      if (!fits && !optional) return -1
      if (fits) place++
    }
    return place
  }
}
