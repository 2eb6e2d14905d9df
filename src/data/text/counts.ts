// Counts of code points over many files, where the counts of a file that turns out to be no text can be taken back.

const CODE_POINTS = 0x110000

export interface SymbolCounts {
  /** Counts the first `length` code points of `buffer`. */
  add(buffer: Int32Array, length: number): void
  /** Whether the code point occurred since the last commit. */
  seen(codePoint: number): boolean
  /** Keeps, or takes back, what was added since the last commit. */
  commit(): void
  rollback(): void
  /** All committed counts, by code point in increasing order. */
  all(): Map<number, number>
}

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
