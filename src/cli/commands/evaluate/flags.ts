// Options of `gatecell evaluate`, as commander passes them.

import type { EngineFlags } from '../../options/engine.js'
import type { InkFlags } from '../../options/ink.js'

/** Parts of the data of a training. */
export const parts = ['all', 'train', 'valid', 'test'] as const

export interface EvaluateFlags extends InkFlags, EngineFlags {
  part: (typeof parts)[number]
  valid?: number
  test?: number
  cacheDir?: string
  where?: string
  reader?: string
  count: number
  bias: number
  seed: number
  unseen?: string[]
  json?: true
}
