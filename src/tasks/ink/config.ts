// The part of a configuration that all networks for ink share, in a run and in a model file. It includes the normalisation of the ink,
// so that a served model sees the ink as it was in the training.

import { nullable, open, optional, type Check, type Fields } from '../../check/index.js'
import { augmentationFromJson, type InkAugmentation } from '../../data/ink/augment.js'
import { normalisationFromJson, type InkNormalisation } from '../../data/ink/normalise.js'
import type { InkSplit } from '../../data/ink/split.js'
import type { VocabularyConfig } from '../../data/text/vocabulary.js'
import { checkFromReader, valuesCheck, type Group, type Values } from '../../settings/index.js'
import { checkDataFingerprint, type DataFingerprint } from '../runs/fingerprint.js'
import { checkVocabularyConfig } from '../runs/vocabulary.js'
import type { InkSettings, InkTraining } from './settings.js'

/** The configuration that all networks for ink share. N: settings of the network. */
export interface InkConfig<N> {
  /** The vocabulary of the texts, without the special tokens of the network; null for a network without texts. */
  readonly vocabulary: VocabularyConfig | null
  readonly network: N
  readonly normalisation: InkNormalisation
  /** Variations of the ink in training. */
  readonly augmentation: InkAugmentation
  /** Choice of the samples that validate. */
  readonly split: InkSplit
  /** Settings of the training; models that were not made by a training may lack them. */
  readonly training?: InkTraining
  /** Fingerprint of the training data: of coordinates, times, strokes and texts. */
  readonly data?: DataFingerprint
}

/** Checks a normalisation of ink. Throws ERR_INVALID_ARGUMENT. */
export const checkNormalisation = checkFromReader(normalisationFromJson)
/** Checks the variations of ink. Throws ERR_INVALID_ARGUMENT. */
export const checkAugmentation = checkFromReader(augmentationFromJson)

/** Returns the normalisation in a configuration that a caller passes. Throws ERR_INVALID_ARGUMENT. */
export const readNormalisation: Check<InkNormalisation> = (value, name) => {
  return open<{ normalisation: InkNormalisation }>({ normalisation: checkNormalisation })(value, name).normalisation
}

/** Returns the checks of a configuration whose network has the settings `network`. */
export function inkConfigFields<G extends Group>(
  network: G,
  { training, split }: InkSettings
): Fields<InkConfig<Values<G>>> {
  return {
    vocabulary: nullable(checkVocabularyConfig),
    network: valuesCheck(network),
    normalisation: checkNormalisation,
    augmentation: checkAugmentation,
    split: valuesCheck(split),
    training: optional(valuesCheck(training)),
    data: optional(checkDataFingerprint)
  }
}
