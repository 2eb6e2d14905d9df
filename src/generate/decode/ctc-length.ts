// What connectionist temporal classification asks of a sample, for pipelines that must name, skip or refuse one.

import { integers } from '../../check/index.js'

/**
 * Returns the fewest steps in which CTC can emit `labels`: one per label, and one for a blank between equal neighbours. A sample with fewer
 * steps has no alignment at all; `ctcLoss` refuses it. Throws ERR_INVALID_ARGUMENT unless the labels are integers from 0 on.
 */
export function ctcNeeds(labels: ArrayLike<number>): number {
  const ids = integers(0)(labels, 'the labels')
  let needs = ids.length
  for (let i = 1; i < ids.length; i++) if (ids[i] === ids[i - 1]) needs++
  return needs
}
