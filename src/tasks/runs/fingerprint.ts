// Fingerprint of the training data. It is stored in the checkpoint; resuming on different data is refused.

import { expected } from '../../errors.js'
import { integer, open, type Check } from '../../check/index.js'

/** Fingerprint of the training data. */
export interface DataFingerprint {
  /** Number of symbols or samples to train on. */
  readonly train: number
  /** Number of symbols or samples to validate. */
  readonly valid: number
  /** CRC-32 (that of zlib) of their contents. */
  readonly fingerprint: number
}

/** Checks a fingerprint. Throws ERR_INVALID_ARGUMENT. */
export const checkDataFingerprint: Check<DataFingerprint> = open<DataFingerprint>({
  train: integer(0),
  valid: integer(0),
  fingerprint: integer(0, 2 ** 32 - 1)
})

/** Description of the data for the error of `checkSameData`. */
export interface DataDescription {
  /** Name of the data, for example 'the ink'. */
  readonly data: string
  /** Name of the elements that are counted, for example 'samples'. */
  readonly counted: string
  /** Description of the data that were received. */
  readonly found: string
  /** Name of the options that choose the training and validation data, for example 'split'. */
  readonly cut: string
}

/**
 * Throws ERR_INVALID_OPTION if the data of a resumed run are not those with which it began. `before` is the stored fingerprint; undefined, for
 * a new run, accepts any data.
 */
export function checkSameData(
  before: DataFingerprint | undefined,
  now: DataFingerprint,
  described: DataDescription
): void {
  if (!before) return
  if (before.train === now.train && before.valid === now.valid && before.fingerprint === now.fingerprint) return
  const { data, counted, found, cut } = described
  throw expected(
    'ERR_INVALID_OPTION',
    `${data} that the run began with (${before.train} ${counted} to train on and ${before.valid} to validate)`,
    found,
    `resume with the same files and ${cut}`
  )
}
