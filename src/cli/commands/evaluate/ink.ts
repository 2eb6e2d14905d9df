// What gatecell evaluate takes of ink: the part that the training held back, or all, and of it the samples that are asked for.

import type { Ink } from '../../../data/ink/strokes.js'
import { GatecellError } from '../../../errors.js'
import type { InkConfig } from '../../../tasks/ink/config.js'
import { openInk } from '../../../data/ink/split.js'
import { parseWhere } from '../../../data/ink/filter.js'
import type { EvaluateFlags } from './flags.js'
import type { InkReading } from '../../options/ink.js'

/** ERR_INVALID_OPTION for a part that a training on ink does not make. */
export function checkPart({ part }: EvaluateFlags): void {
  if (part === 'test')
    throw new GatecellError(
      'ERR_INVALID_OPTION',
      'Expected all, train or valid for --part of ink but received "test": ink has no part that tests'
    )
}

export async function chooseInk(
  data: string[],
  flags: EvaluateFlags,
  config: InkConfig<unknown>,
  { read }: InkReading
): Promise<readonly Ink[]> {
  const split = flags.part === 'all' ? { valid: 0, where: null } : config.split
  const { valid = split.valid } = flags
  const sets = await openInk({ data, read }, { ...split, valid })
  const part = flags.part === 'valid' ? sets.valid : sets.train
  return flags.where === undefined ? part : part.filter(parseWhere(flags.where))
}
