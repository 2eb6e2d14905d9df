// Hints: sentences about a training that works, but worse than it could.

/** A hint of a training. */
export interface Hint {
  /** Identifier of the kind of hint, for programs. */
  readonly hint: string
  /** Observation, cause and remedy: one sentence without a period at its end. */
  readonly message: string
}
