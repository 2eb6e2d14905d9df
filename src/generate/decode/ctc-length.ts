// The number of steps that connectionist temporal classification needs, for pipelines that must name, skip or refuse a sample.

import { integers } from '../../check/index.js'

/**
 * Returns the fewest steps in which CTC can emit `labels`: one per label, and one for a blank between equal neighbours. A sample with fewer
 * steps has no alignment; `ctcLoss` refuses it. Throws ERR_INVALID_ARGUMENT unless the labels are integers from 0 on.
 *
 * @example
 * ctcNeeds([3, 3, 1]) // 4: three labels and a blank between the two equal ones
 */
export function ctcNeeds(labels: ArrayLike<number>): number {
  const ids = integers(0)(labels, 'the labels')
  let needs = ids.length
  for (let i = 1; i < ids.length; i++) if (ids[i] === ids[i - 1]) needs++
  return needs
}
