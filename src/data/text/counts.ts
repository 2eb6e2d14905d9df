// Counts of code points over many files. The counts of a file that proves not to be text can be taken back.

const CODE_POINTS = 0x110000

/** Counts of the code points of a corpus. */
export interface SymbolCounts {
  /** Counts the first `length` code points of `buffer`. */
  add(buffer: Int32Array, length: number): void
  /** Returns whether the code point occurred since the last commit. */
  seen(codePoint: number): boolean
  /** Keeps, or takes back, the counts since the last commit. */
  commit(): void
  rollback(): void
  /** Returns all committed counts, by code point in increasing order. */
  all(): Map<number, number>
}

/** Returns counts that are all zero. */
export function symbolCounts(): SymbolCounts {
  const committed = new Map<number, number>()
  const current = new Float64Array(CODE_POINTS)
  let touched: number[] = []
  const clear = (): void => {
    for (const codePoint of touched) current[codePoint] = 0
    touched = []
  }
  return {
    add(buffer, length) {
      for (let at = 0; at < length; at++) {
        const codePoint = buffer[at]!
        if (current[codePoint]!++ === 0) touched.push(codePoint)
      }
    },
    seen: (codePoint) => current[codePoint]! > 0,
    commit() {
      for (const codePoint of touched) committed.set(codePoint, (committed.get(codePoint) ?? 0) + current[codePoint]!)
      clear()
    },
    rollback: clear,
    all: () => new Map([...committed].sort(([a], [b]) => a - b))
  }
}
