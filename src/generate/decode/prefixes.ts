// The sequences of a beam search: a tree in which equal sequences are one object, and the selection of the best candidates.

import type { Scorer } from '../scorers.js'

/** A sequence of tokens as a node of a tree: its last token and the sequence before it. The root is the empty sequence. */
export class Prefix {
  readonly length: number
  #children: Map<number, Prefix> | null = null
  #state: unknown

  constructor(
    readonly parent: Prefix | null,
    readonly token: number
  ) {
    this.length = parent ? parent.length + 1 : 0
  }

  /** Returns this sequence followed by `token`: the same object at every call. */
  child(token: number): Prefix {
    const children = (this.#children ??= new Map<number, Prefix>())
    let child = children.get(token)
    if (!child) children.set(token, (child = new Prefix(this, token)))
    return child
  }

  /** Returns the child for `token` if it exists, without creating it. */
  known(token: number): Prefix | undefined {
    return this.#children?.get(token)
  }

  /**
   * Returns the state of `scorer` after this sequence. It is computed once and kept, so all calls on one tree must have the same scorer.
   */
  state<S>(scorer: Scorer<S>): S {
    if (!this.parent) return scorer.start
    return (this.#state ??= scorer.next(this.parent.state(scorer), this.token)) as S
  }

  /** Returns the tokens from the first one to the last one. */
  tokens(): Int32Array {
    return path(this)
  }

  /** Removes this sequence from the tree, and the sequences before it that have no other children, up to one that `keeps` accepts. */
  release(keeps: (prefix: Prefix) => boolean): void {
    if (!this.parent || (this.#children?.size ?? 0) > 0 || keeps(this)) return
    this.parent.#children!.delete(this.token)
    this.parent.release(keeps)
  }
}

function path(end: Prefix): Int32Array {
  const tokens = new Int32Array(end.length)
  for (let at = end; at.parent; at = at.parent) tokens[at.length - 1] = at.token
  return tokens
}

/**
 * A candidate of the next beam: `prefix` followed by `token`, or `prefix` itself if `token` is null. A node of the tree is made only for
 * candidates that are kept.
 */
export interface Candidate {
  readonly prefix: Prefix
  readonly token: number | null
  readonly score: number
}

/** Returns the sequence of a candidate, and makes its node if the tree does not have it. */
export function grown({ prefix, token }: Candidate): Prefix {
  return token === null ? prefix : prefix.child(token)
}

/** Compares candidates: the higher score comes first, equal scores are in the order of their tokens, so that no tie depends on chance. */
function order(a: Candidate, b: Candidate): number {
  return a.score === b.score ? before(tokensOf(a), tokensOf(b)) : b.score - a.score
}

function tokensOf({ prefix, token }: Candidate): number[] {
  return token === null ? [...prefix.tokens()] : [...prefix.tokens(), token]
}

function before(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** The `width` candidates with the highest scores among all that were added. It holds at most twice as many at any time. */
export class Best<C extends Candidate> {
  #kept: C[] = []
  #floor = -Infinity

  constructor(readonly width: number) {}

  /** Returns whether a candidate with this score can be among the best. */
  admits(score: number): boolean {
    return score >= this.#floor && score > -Infinity
  }

  /** Adds a candidate if its score can be among the best. */
  add(candidate: C): void {
    if (!this.admits(candidate.score)) return
    if (this.#kept.push(candidate) < 2 * this.width) return
    this.#floor = this.take().at(-1)!.score
  }

  /** Returns the best candidates, the highest score first. */
  take(): C[] {
    return (this.#kept = this.#kept.sort(order).slice(0, this.width))
  }
}
