// Trainings on ink: what reading and writing by hand have in common. A task brings its defaults, its samples and batches, its
// network and its measure.

import { callback, filled, list, number, optional, type Fields } from '../../check/index.js'
import type { InkAugmentation } from '../../data/ink/augment.js'
import { checkReadInkOptions } from '../../data/ink/read.js'
import { medianSize, type InkNormalisation } from '../../data/ink/normalise.js'
import type { Ink } from '../../data/ink/strokes.js'
import { vocabularyFromConfig, type Vocabulary } from '../../data/text/vocabulary.js'
import type { GatecellError } from '../../errors.js'
import type { Model } from '../../model.js'
import type { EpochSource } from '../../data/batching/source.js'
import { checkSameData } from '../runs/fingerprint.js'
import type { LoadedModel } from '../runs/load.js'
import type { TaskModel } from '../runs/model-file.js'
import { defaultsOf, givenFields, type Group, type Values } from '../../settings/index.js'
import { runFields, type Application, type Opened, type RunData, type RunOf, type RunOptions } from '../runs/run.js'
import { checkResumed, chooseTraining, given, settleTraining } from '../runs/settings.js'
import { checkAugmentation, type InkConfig } from './config.js'
import { inkSplitSettings, type InkSettings, type InkTraining } from './settings.js'
import { openInk, type InkSets, type InkSource, type InkSplit } from '../../data/ink/split.js'
import { markOfInk } from './samples.js'

export interface InkRunOptions<N> extends InkSource, RunOptions {
  network?: Partial<N>
  training?: Partial<InkTraining>
  normalisation?: Partial<Omit<InkNormalisation, 'unit'>>
  /** 0: none, 1: the task's own; or the settings themselves. */
  augmentation?: number | InkAugmentation
  /** Strength of the variations along the line, where `augmentation` is a number; default 0. */
  lineAugmentation?: number
  split?: Partial<InkSplit>
  /** Takes samples that cannot be used, which are left out then; without it they end the run. */
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

export interface InkSourceOptions {
  batch: number
  seed?: number
  /** Epochs at the beginning in which batches of short samples come first; default 0. */
  shortFirst?: number
  /** Shuffled, varied, without end; false: one pass in order of length, as it is. */
  train: boolean
  /** Columns of the texts: of the longest one of all sources of a model, so that its plans are few; 0 without texts. */
  columns: number
}

export interface Samples<S> {
  readonly train: readonly S[]
  readonly valid: readonly S[]
}

export interface InkRunData<S> extends RunData {
  readonly samples: Samples<S>
}

/** N: the network's settings; C: the configuration; S: a sample, made ready; M: the measure of a trained model. */
export interface InkTask<N, C extends InkConfig<N>, S, M> extends TaskModel<C> {
  readonly networkDefaults: N
  readonly trainingDefaults: Omit<InkTraining, 'validEvery'>
  normalisationDefaults(network: N): Omit<InkNormalisation, 'unit'>
  /** ERR_INVALID_OPTION for settings that do not go together. */
  check?(network: N, normalisation: Omit<InkNormalisation, 'unit'>): void
  readonly augmentationDefault: InkAugmentation
  augmentation(strength: number, line?: number): InkAugmentation
  /** Returns the vocabulary of the texts, which the configuration stores; null for a network that uses no texts. */
  vocabulary(ink: InkSets): Vocabulary | null
  /** Returns the vocabulary of the network: that of the texts with its special tokens. */
  encoding(texts: Vocabulary): Vocabulary
  samples(
    ink: readonly Ink[],
    vocabulary: Vocabulary | null,
    how: Pick<InkConfig<N>, 'normalisation'>,
    onBad?: (error: GatecellError) => void
  ): S[]
  /** The whole configuration; `old`: of the run that is resumed. */
  complete(config: InkConfig<N>, train: readonly S[], old: C | null): C
  /** Symbols of a sample's text, as they are counted for the columns. */
  columns(sample: S): number
  source(samples: readonly S[], config: C, options: InkSourceOptions): EpochSource
  load(path: string): Promise<LoadedModel<C>>
  measure(model: Model, config: C, samples: readonly S[], options: { signal: AbortSignal | undefined }): Promise<M>
}

export type InkRun<C extends InkConfig<unknown>, S, M> = RunOf<C, InkRunData<S>, M>

const splitDefaults = defaultsOf(inkSplitSettings)

/** The application that a task on ink is. Opening it throws what reading the ink and making samples of it throws. */
export function inkApplication<N extends object, C extends InkConfig<N>, S, M>(
  task: InkTask<N, C, S, M>
): Application<InkRunOptions<N>, C, InkRunData<S>, M> {
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
  const { training: told, ...settings } = chooseSettings(task, options, old)
  const { onBad } = options
  const ink = await openInk({ ...options, read: { ...options.read, ...given({ onBad }) } }, settings.split)
  const data = markOfInk(ink)
  const found = `other ink (${data.train} and ${data.valid})`
  checkSameData(old?.data, data, { data: 'the ink', counted: 'samples', found, cut: 'split' })
  const texts = old ? old.vocabulary && vocabularyFromConfig(old.vocabulary) : task.vocabulary(ink)
  const vocabulary = texts && task.encoding(texts)
  const normalisation = { ...settings.normalisation, unit: old?.normalisation.unit ?? medianSize(ink.train) }
  const train = task.samples(ink.train, vocabulary, { normalisation }, onBad)
  const valid = task.samples(ink.valid, vocabulary, { normalisation }, onBad)
  const described = { vocabulary: texts?.config ?? null, ...settings, normalisation, data }
  const plain = task.complete(described, train, old)
  const columns = [...train, ...valid].reduce((most, sample) => Math.max(most, task.columns(sample)), 0)
  const { batch, seed, shortFirst = 0 } = told
  const source = task.source(train, plain, { batch, seed, shortFirst, train: true, columns })
  return {
    config: { ...plain, training: settleTraining<InkTraining>(told, source.stepsPerEpoch) },
    data: { vocabulary, samples: { train, valid } },
    source,
    validation: valid.length > 0 ? task.source(valid, plain, { batch, train: false, columns }) : null,
    counts: { samples: { train: train.length, valid: valid.length } },
    measured: valid.length
  }
}

/** Settings of the run: what the caller says, else what a resumed run began with, else the defaults. */
function chooseSettings<N extends object, C extends InkConfig<N>, S, M>(
  task: InkTask<N, C, S, M>,
  options: InkRunOptions<N>,
  old: C | null
) {
  const said = {
    network: given(options.network),
    normalisation: given(options.normalisation),
    split: given(options.split),
    training: given(options.training),
    augmentation: askedAugmentation(task, options)
  }
  if (old) checkResumed(said, old)
  const network: N = { ...task.networkDefaults, ...old?.network, ...said.network }
  const normalisation = { ...task.normalisationDefaults(network), ...old?.normalisation, ...said.normalisation }
  task.check?.(network, normalisation)
  const named = typeof said.split.where === 'string' || (options.validFiles?.length ?? 0) > 0
  return {
    network,
    normalisation,
    augmentation: said.augmentation ?? old?.augmentation ?? task.augmentationDefault,
    split: { ...splitDefaults, ...(named && { valid: 0 }), ...old?.split, ...said.split },
    training: chooseTraining<InkTraining>(said.training, old?.training, task.trainingDefaults)
  }
}

/** The augmentation that the caller asks for; undefined: none was named. */
function askedAugmentation<N>(
  task: { augmentation(strength: number, line?: number): InkAugmentation },
  { augmentation: asked, lineAugmentation: line }: InkRunOptions<N>
): InkAugmentation | undefined {
  if (typeof asked === 'object') return asked
  return asked === undefined && line === undefined ? undefined : task.augmentation(asked ?? 1, line)
}
