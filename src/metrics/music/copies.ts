// Copies in a piece of music: the longest run of its notes that occurs in one of other pieces, transposed or not.
//
// A run is compared by the intervals between consecutive notes. All runs of the other pieces are in one suffix automaton (Blumer et al., "The
// smallest automaton recognizing the subwords of a text", 1985), which takes memory in proportion to the notes and finds the longest match in
// one pass over a piece.

import type { SoundingNote } from './pieces.js'

/** The symbol between two pieces: an interval that no two notes have. */
const SEPARATOR = 1000
const NONE = -1

/** Returns the intervals between consecutive notes by begin, then pitch. */
function intervalsOf(notes: readonly SoundingNote[]): number[] {
  const sorted = [...notes].sort((a, b) => a.begin - b.begin || a.pitch - b.pitch)
  return sorted.slice(1).map(({ pitch }, i) => pitch - sorted[i]!.pitch)
}

/** A suffix automaton whose edges are lists, because most states have one. */
class SuffixAutomaton {
  readonly #length: Int32Array
  readonly #link: Int32Array
  /** First edge of each state; of each edge its symbol, its target and the next edge of the state. */
  readonly #first: Int32Array
  readonly #symbol: Int16Array
  readonly #target: Int32Array
  readonly #next: Int32Array
  #states = 1
  #edges = 0
  #last = 0

  /** Makes an automaton for at most `size` symbols: it has at most twice as many states and three times as many edges. */
  constructor(size: number) {
    const [states, edges] = [2 * size + 2, 3 * size + 4]
    this.#length = new Int32Array(states)
    this.#link = new Int32Array(states).fill(NONE)
    this.#first = new Int32Array(states).fill(NONE)
    this.#symbol = new Int16Array(edges)
    this.#target = new Int32Array(edges)
    this.#next = new Int32Array(edges)
  }

  /** Returns the edge of a state, NONE if it has none with the symbol. */
  #edge(state: number, symbol: number): number {
    let edge = this.#first[state]!
    while (edge !== NONE && this.#symbol[edge] !== symbol) edge = this.#next[edge]!
    return edge
  }

  #addEdge(state: number, symbol: number, target: number): void {
    const edge = this.#edges++
    this.#symbol[edge] = symbol
    this.#target[edge] = target
    this.#next[edge] = this.#first[state]!
    this.#first[state] = edge
  }

  /** Adds a symbol to the end of the text. */
  add(symbol: number): void {
    const state = this.#states++
    this.#length[state] = this.#length[this.#last]! + 1
    let from = this.#last
    this.#last = state
    for (; from !== NONE && this.#edge(from, symbol) === NONE; from = this.#link[from]!)
      this.#addEdge(from, symbol, state)
    if (from === NONE) {
      this.#link[state] = 0
      return
    }
    const target = this.#target[this.#edge(from, symbol)]!
    const exact = this.#length[target] === this.#length[from]! + 1
    this.#link[state] = exact ? target : this.#split(from, symbol, target)
  }

  /** Splits a state whose shorter words now also end elsewhere. Returns the new state of these words. */
  #split(begin: number, symbol: number, target: number): number {
    const clone = this.#states++
    this.#length[clone] = this.#length[begin]! + 1
    this.#link[clone] = this.#link[target]!
    for (let edge = this.#first[target]!; edge !== NONE; edge = this.#next[edge]!)
      this.#addEdge(clone, this.#symbol[edge]!, this.#target[edge]!)
    this.#link[target] = clone
    for (let from = begin; from !== NONE; from = this.#link[from]!) {
      const edge = this.#edge(from, symbol)
      if (edge === NONE || this.#target[edge] !== target) break
      this.#target[edge] = clone
    }
    return clone
  }

  /** Returns the length of the longest part of `symbols` that the text contains. */
  longest(symbols: readonly number[]): number {
    let [state, length, most] = [0, 0, 0]
    for (const symbol of symbols) {
      let edge = this.#edge(state, symbol)
      while (edge === NONE && state !== 0) {
        state = this.#link[state]!
        length = this.#length[state]!
        edge = this.#edge(state, symbol)
      }
      if (edge === NONE) continue
      state = this.#target[edge]!
      most = Math.max(most, ++length)
    }
    return most
  }
}

/** The runs of a set of pieces. */
export interface CopyIndex {
  /** Returns the number of notes of the longest run that one of the pieces contains, in any key; rhythm does not count. */
  longestRun(notes: readonly SoundingNote[]): number
}

/** Makes the index of the runs of `pieces`, which takes about 60 bytes for each note. */
export function createCopyIndex(pieces: readonly (readonly SoundingNote[])[]): CopyIndex {
  const size = pieces.reduce((sum, notes) => sum + notes.length + 1, 0)
  const automaton = new SuffixAutomaton(size)
  for (const notes of pieces) {
    for (const interval of intervalsOf(notes)) automaton.add(interval)
    automaton.add(SEPARATOR)
  }
  return { longestRun: (notes) => (notes.length === 0 ? 0 : automaton.longest(intervalsOf(notes)) + 1) }
}
