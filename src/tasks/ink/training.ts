// The common part of the trainings on ink. A task supplies its defaults, its samples and batches, its network and its measure.

import type { CheckpointFile } from '../../io/checkpoint.js'
import { callback, filled, list, number, optional, type Fields } from '../../check/index.js'
import type { InkAugmentation } from '../../data/ink/augment.js'
import { checkReadInkOptions } from '../../data/ink/read.js'
import { medianSize, type InkNormalisation } from '../../data/ink/normalise.js'
import type { Ink } from '../../data/ink/strokes.js'
import { vocabularyFromConfig, type Vocabulary } from '../../data/text/vocabulary.js'
import type { GatecellError } from '../../errors.js'
import type { Model } from '../../model.js'
import { paddedLength } from '../../data/batching/buckets.js'
import type { EpochSource } from '../../data/batching/source.js'
import { checkSameData } from '../runs/fingerprint.js'
import type { LoadedModel } from '../runs/load.js'
import type { TaskModel } from '../runs/model-file.js'
import { defaultsOf, givenFields, type Group, type Values } from '../../settings/index.js'
import { runFields } from '../runs/run-types.js'
import type { Opened, RunData, RunOf, TrainableTask, TrainingRunOptions } from '../runs/run-types.js'
import { checkResumed, chooseTraining, given, settleTraining } from '../runs/settings.js'
import { checkAugmentation, type InkConfig } from './config.js'
import { inkSplitSettings, type InkSettings, type InkTraining } from './settings.js'
import { openInk, type InkSets, type InkSource, type InkSplit } from '../../data/ink/split.js'
import { fingerprintOfInk } from './samples.js'

/** Options of a training on ink. N: settings of the network. Settings that are not given have the defaults of the task. */
export interface InkRunOptions<N> extends InkSource, TrainingRunOptions {
  /** Settings of the network. */
  network?: Partial<N>
  /** Settings of the training. */
  training?: Partial<InkTraining>
  /** Normalisation of the ink, without its unit, which is measured on the training data. */
  normalisation?: Partial<Omit<InkNormalisation, 'unit'>>
  /** Strength of the variations of the ink in training, from 0 (none) to 10, or the settings of the variations. */
  augmentation?: number | InkAugmentation
  /** Strength of the variations along the line, from 0 to 10, if `augmentation` is a number; default 0. */
  lineAugmentation?: number
  /** Choice of the samples that validate. */
  split?: Partial<InkSplit>
  /** Called with the error of each sample that cannot be used, which is left out. Without it the first such error ends the run. */
  onBad?: (error: GatecellError) => void
}

const strength = number(0, 10)

/** Returns the checks of the options of a training on ink with these settings. */
export function inkRunFields<G extends InkRunGroup>(settings: G): Fields<InkRunOptions<Values<G['network']>>> {
  return {
    ...runFields,
    ...givenFields(settings as InkRunGroup),
    data: list(filled),
    validFiles: optional(list(filled)),
    read: optional(checkReadInkOptions),
    augmentation: optional((value, name) => {
      return typeof value === 'object' ? checkAugmentation(value, name) : strength(value, name)
    }),
    onBad: optional(callback())
  }
}

/** Settings of a training on ink, with those of its network. */
type InkRunGroup = InkSettings & { readonly network: Group }

/** Options of batches of samples of ink. */
export interface InkSourceOptions {
  /** Number of samples of a batch. */
  batch: number
  /** Seed of the order and the variations; default 0. */
  seed?: number
  /** Number of epochs at the beginning in which batches of short samples come first; default 0. */
  shortFirst?: number
  /** true: shuffled and varied epochs without end. false: one pass in the order of the lengths, without variation. */
  train: boolean
  /**
   * Most symbols of a text. It is that of all samples of a run, so that the batches of training and validation have few different shapes and
   * the model few plans. 0 for a network without texts.
   */
  maxTargetLength: number
}

/** Returns the options of a dataset of samples that the tasks share. */
export function inkDatasetOptions<S extends { readonly steps: number }>(
  samples: readonly S[],
  { batch, seed = 0, shortFirst = 0, train }: InkSourceOptions
) {
  const longest = samples.reduce((most, { steps }) => Math.max(most, steps), 1)
  return {
    batch,
    seed,
    shuffle: train,
    repeat: train,
    shortFirst: train ? shortFirst : 0,
    last: 'pad',
    dims: { length: paddedLength(longest) },
    growing: true,
    lengthOf: ({ steps }: S) => steps
  } as const
}

/** Samples to train on and to validate. */
export interface Samples<S> {
  readonly train: readonly S[]
  readonly valid: readonly S[]
}

/** Data of a run on ink. S: a prepared sample. */
export interface InkRunData<S> extends RunData {
  readonly samples: Samples<S>
}

/**
 * The parts of a training on ink that differ between tasks. N: settings of the network; C: the configuration; S: a prepared sample; M: the
 * measure of a trained model.
 */
export interface InkTask<N, C extends InkConfig<N>, S, M> extends TaskModel<C> {
  readonly networkDefaults: N
  readonly trainingDefaults: Omit<InkTraining, 'validEvery'>
  /** Returns the default normalisation for a network with these settings. */
  normalisationDefaults(network: N): Omit<InkNormalisation, 'unit'>
  /** Throws ERR_INVALID_OPTION for settings that do not go together. */
  check?(network: N, normalisation: Omit<InkNormalisation, 'unit'>): void
  readonly augmentationDefault: InkAugmentation
  /** Returns variations of these strengths. */
  augmentation(strength: number, line?: number): InkAugmentation
  /** Returns the vocabulary of the texts, which the configuration stores; null for a network that uses no texts. */
  vocabulary(ink: InkSets): Vocabulary | null
  /** Returns the vocabulary of the network: that of the texts with its special tokens. */
  encoding(texts: Vocabulary): Vocabulary
  /** Prepares samples. `onBad` takes the errors of those that cannot be used. */
  samples(
    ink: readonly Ink[],
    vocabulary: Vocabulary | null,
    how: Pick<InkConfig<N>, 'normalisation'>,
    onBad?: (error: GatecellError) => void
  ): S[]
  /** Returns the whole configuration. `old` is that of the run that is resumed, null for a new run. */
  complete(config: InkConfig<N>, train: readonly S[], old: C | null): C
  /** Returns the number of symbols of a sample's text, see `InkSourceOptions.maxTargetLength`. */
  targetLength(sample: S): number
  /** Returns batches of the samples. */
  source(samples: readonly S[], config: C, options: InkSourceOptions): EpochSource
  /** Loads a model from its file. */
  load(source: string | CheckpointFile): Promise<LoadedModel<C>>
  /** Measures a model on samples. Throws ERR_ABORTED if the signal aborts. */
  measure(model: Model, config: C, samples: readonly S[], options: { signal: AbortSignal | undefined }): Promise<M>
}

/** A training on ink that is ready to start, with its samples. */
export type InkRun<C extends InkConfig<unknown>, S, M> = RunOf<C, InkRunData<S>, M>

const splitDefaults = defaultsOf(inkSplitSettings)

/** Returns the trainable task that these parts make. Its `open` throws the errors of reading the ink and of preparing samples. */
export function trainableInkTask<N extends object, C extends InkConfig<N>, S, M>(
  task: InkTask<N, C, S, M>
): TrainableTask<InkRunOptions<N>, C, InkRunData<S>, M> {
  return {
    ...task,
    open: (options, old) => openSamples(task, options, old),
    measure: ({ model, config }, { samples }, options) => task.measure(model, config, samples.valid, options)
  }
}

async function openSamples<N extends object, C extends InkConfig<N>, S, M>(
  task: InkTask<N, C, S, M>,
  options: InkRunOptions<N>,
  old: C | null
): Promise<Opened<C, InkRunData<S>>> {
  const { training, ...settings } = chooseSettings(task, options, old)
  const { onBad } = options
  const ink = await openInk({ ...options, read: { ...options.read, ...given({ onBad }) } }, settings.split)
  const data = fingerprintOfInk(ink)
  const found = `other ink (${data.train} and ${data.valid})`
  checkSameData(old?.data, data, { data: 'the ink', counted: 'samples', found, cut: 'split' })
  const texts = old ? old.vocabulary && vocabularyFromConfig(old.vocabulary) : task.vocabulary(ink)
  const vocabulary = texts && task.encoding(texts)
  const normalisation = { ...settings.normalisation, unit: old?.normalisation.unit ?? medianSize(ink.train) }
  const train = task.samples(ink.train, vocabulary, { normalisation }, onBad)
  const valid = task.samples(ink.valid, vocabulary, { normalisation }, onBad)
  const described = { vocabulary: texts?.config ?? null, ...settings, normalisation, data }
  const plain = task.complete(described, train, old)
  const maxTargetLength = [...train, ...valid].reduce((most, sample) => Math.max(most, task.targetLength(sample)), 0)
  const { batch, seed, shortFirst = 0 } = training
  const source = task.source(train, plain, { batch, seed, shortFirst, train: true, maxTargetLength })
  return {
    config: { ...plain, training: settleTraining<InkTraining>(training, source.stepsPerEpoch) },
    data: { vocabulary, samples: { train, valid } },
    source,
    validation: valid.length > 0 ? task.source(valid, plain, { batch, train: false, maxTargetLength }) : null,
    counts: { samples: { train: train.length, valid: valid.length } },
    measured: valid.length
  }
}

/** Merges the settings of a run by precedence: the caller's options, the settings of the resumed run, the defaults. */
function chooseSettings<N extends object, C extends InkConfig<N>, S, M>(
  task: InkTask<N, C, S, M>,
  options: InkRunOptions<N>,
  old: C | null
) {
  const asked = {
    network: given(options.network),
    normalisation: given(options.normalisation),
    split: given(options.split),
    training: given(options.training),
    augmentation: askedAugmentation(task, options)
  }
  if (old) checkResumed(asked, old)
  const network: N = { ...task.networkDefaults, ...old?.network, ...asked.network }
  const normalisation = { ...task.normalisationDefaults(network), ...old?.normalisation, ...asked.normalisation }
  task.check?.(network, normalisation)
  const namesValidation = typeof asked.split.where === 'string' || (options.validFiles?.length ?? 0) > 0
  return {
    network,
    normalisation,
    augmentation: asked.augmentation ?? old?.augmentation ?? task.augmentationDefault,
    split: { ...splitDefaults, ...(namesValidation && { valid: 0 }), ...old?.split, ...asked.split },
    training: chooseTraining<InkTraining>(asked.training, old?.training, task.trainingDefaults)
  }
}

/** Returns the variations of the options; undefined if the options have none. */
function askedAugmentation<N>(
  task: { augmentation(strength: number, line?: number): InkAugmentation },
  { augmentation: asked, lineAugmentation: line }: InkRunOptions<N>
): InkAugmentation | undefined {
  if (typeof asked === 'object') return asked
  return asked === undefined && line === undefined ? undefined : task.augmentation(asked ?? 1, line)
}
