// The layout of the table of `Loop.runRows`: the constants of native/include/gatecell/row_table.h, with which a test compares them.

/** Places of the words before the rows. */
export const rowHead = {
  interrupt: 0,
  microseconds: 1,
  ends: 2,
  rows: 3,
  logits: 4,
  token: 5,
  stream: 6,
  alternatives: 7,
  elapsed: 8
} as const
/** Number of words before the rows. */
export const ROWS_HEAD = 9

/** Places of the words of a row. Numbers of 64 bits and lists have two words. */
export const rowWord = {
  left: 0,
  ended: 1,
  made: 2,
  notify: 3,
  seed: 4,
  step: 6,
  temperature: 8,
  topK: 9,
  topP: 10,
  minP: 11,
  repetition: 12,
  presence: 13,
  frequency: 14,
  alternatives: 15,
  forced: 16,
  stops: 18,
  bias: 20,
  counts: 22
} as const
/** Number of words of a row. */
export const ROW_WORDS = 24

/** Values of the word `ended` of a row. */
export const rowEnd = { live: 0, full: 1, stopped: 2, bad: 3 } as const

/** Most rows of a table. */
export const MOST_ROWS = 4096
/** Most alternatives of a token. */
export const MOST_ALTERNATIVES = 64
/** The bit of the count of a token that was read. */
export const COUNT_READ = 2 ** 30
