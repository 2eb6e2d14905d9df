// What connectionist temporal classification asks of a sample, for pipelines that must name, skip or refuse one.

/**
 * Fewest steps in which CTC can emit `labels`: one a label, and a blank between equal neighbours. A sample with fewer
 * steps has no alignment at all; `ctcLoss` refuses it.
 */
export function ctcNeeds(labels: ArrayLike<number>): number {
  let needs = labels.length
  for (let i = 1; i < labels.length; i++) if (labels[i] === labels[i - 1]) needs++
  return needs
}
