// The ink of an evaluation: the part that the training held back, or all, and of it the samples that are asked for.

import { parseWhere } from '../../data/ink/filter.js'
import { openInk } from '../../data/ink/split.js'
import type { Ink } from '../../data/ink/strokes.js'
import type { Values } from '../../settings/index.js'
import type { InkConfig } from './config.js'
import type { InkReading } from './reading.js'
import type { chooseInkSettings } from './settings.js'

/** Reads the ink and returns the chosen samples. */
export async function chooseInk(
  data: readonly string[],
  { part, valid: share, where }: Values<typeof chooseInkSettings>,
  config: InkConfig<unknown>,
  { read }: InkReading
): Promise<readonly Ink[]> {
  const split = part === 'all' ? { valid: 0, where: null } : config.split
  const sets = await openInk({ data, read }, { ...split, valid: share ?? split.valid })
  const chosen = part === 'valid' ? sets.valid : sets.train
  return where === undefined ? chosen : chosen.filter(parseWhere(where))
}
