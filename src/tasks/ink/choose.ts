// The ink of an evaluation: a part of the split of the training, or all, and of it the samples that a filter chooses.

import { parseFilter } from '../../data/ink/filter.js'
import { openInk } from '../../data/ink/split.js'
import type { Ink } from '../../data/ink/strokes.js'
import type { Values } from '../../settings/index.js'
import type { InkConfig } from './config.js'
import type { InkReading } from './reading.js'
import type { chooseInkSettings } from './settings.js'

/** Reads ink and returns the samples of the chosen part that the filter `where` accepts. Throws the errors of `readInk` and of filters. */
export async function chooseInk(
  data: readonly string[],
  { part, valid: share, where }: Values<typeof chooseInkSettings>,
  config: InkConfig<unknown>,
  { read }: InkReading
): Promise<readonly Ink[]> {
  const split = part === 'all' ? { valid: 0, where: null } : config.split
  const sets = await openInk({ data, read }, { ...split, valid: share ?? split.valid })
  const chosen = part === 'valid' ? sets.valid : sets.train
  return where === undefined ? chosen : chosen.filter(parseFilter(where))
}
