// Sentences to score with their references, for all figures of translations.

import { expected } from '../../errors.js'

/** Version of sacreBLEU whose figures ours are equal to; part of the signatures. */
export const SACREBLEU_VERSION = '2.6.0'

/**
 * Returns the number of references as signatures have it: that of every sentence, or "var" if sentences have different numbers. Throws
 * ERR_INVALID_SHAPE unless each hypothesis has a list of at least one reference, and ERR_CORPUS_EMPTY if there is no hypothesis.
 */
export function referenceNumber(hypotheses: readonly string[], references: readonly (readonly string[])[]): string {
  if (hypotheses.length === 0)
    throw expected('ERR_CORPUS_EMPTY', 'at least one translation to score', 'none', 'translate at least one sentence')
  if (references.length !== hypotheses.length) {
    const what = `${hypotheses.length} lists of references, one for each translation,`
    throw expected('ERR_INVALID_SHAPE', what, String(references.length), 'pass lists of the same length')
  }
  const bare = references.findIndex(({ length }) => length === 0)
  if (bare >= 0)
    throw expected('ERR_INVALID_SHAPE', `at least one reference of sentence ${bare}`, 'none', 'leave the sentence out')
  const numbers = new Set(references.map(({ length }) => length))
  return numbers.size === 1 ? String([...numbers][0]) : 'var'
}
