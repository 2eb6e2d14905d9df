// Fingerprint of the training data. It is stored in the checkpoint; resuming on different data is refused.

import { GatecellError } from '../../errors.js'
import { integer, open, type Check } from '../../check/index.js'

export interface DataMark {
  /** Symbols or samples to train on, and to validate. */
  readonly train: number
  readonly valid: number
  /** CRC-32 (zlib's) of all that they hold. */
  readonly fingerprint: number
}

/** Checks a fingerprint. Throws ERR_INVALID_ARGUMENT. */
export const checkDataMark: Check<DataMark> = open<DataMark>({
  train: integer(0),
  valid: integer(0),
  fingerprint: integer(0, 2 ** 32 - 1)
})

/** How a refusal names the data: "the ink", of "samples", that came, and what else decides which data these are. */
export interface DataWords {
  readonly data: string
  readonly counted: string
  readonly found: string
  readonly cut: string
}

/** ERR_INVALID_OPTION for other data than those that the run began with; undefined: it begins now. */
export function checkSameData(before: DataMark | undefined, now: DataMark, words: DataWords): void {
  if (!before) return
  if (before.train === now.train && before.valid === now.valid && before.fingerprint === now.fingerprint) return
  const { data, counted, found, cut } = words
  throw new GatecellError(
    'ERR_INVALID_OPTION',
    `Expected ${data} that the run began with (${before.train} ${counted} to train on and ${before.valid} to validate) but received ${found}: resume with the same files and ${cut}`
  )
}
