// Pairs of sentences, one in each of two languages.

/** A sentence and its translation, as they are in a file. */
export interface SentencePair {
  readonly source: string
  readonly target: string
  /** Path of the file with the pair; of two files, that of the source. */
  readonly path: string
  /** Its line in this file, from 1. */
  readonly line: number
}

/** A sentence and all of its translations. */
export interface SentenceGroup {
  readonly source: string
  readonly targets: readonly string[]
}

/** Returns pairs grouped by equal sources: each source once, in the order of the first pairs, with its translations in the order of the pairs. */
export function groupBySource(pairs: readonly Pick<SentencePair, 'source' | 'target'>[]): SentenceGroup[] {
  const groups = new Map<string, string[]>()
  for (const { source, target } of pairs) {
    const targets = groups.get(source)
    if (targets) targets.push(target)
    else groups.set(source, [target])
  }
  return [...groups].map(([source, targets]) => ({ source, targets }))
}

/** White space of JavaScript and of Python, and characters without width: U+200B, U+FEFF, U+00AD. */
const BLANKS = /[\s\x1c-\x1f\x85]+/g
const WITHOUT_WIDTH = /[\u200b\ufeff\u00ad]/g
const APOSTROPHES = /[\u2018\u2019\u02bc]/g

/**
 * Returns a sentence as a network learns it: characters composed (NFC), each run of white space as one space, none at the ends, without
 * characters of no width, and with the apostrophe U+0027 for those of typography. References of a measurement stay as they are.
 */
export function plainSentence(text: string): string {
  return text.normalize('NFC').replace(WITHOUT_WIDTH, '').replace(BLANKS, ' ').replace(APOSTROPHES, "'").trim()
}
