// A training of a text model from files to files: its corpus, network, batches and validation.

import { createBatches } from '../../data/batches.js'
import { openCorpus, type Corpus, type CorpusOptions } from '../../data/corpus.js'
import type { Tokens } from '../../data/tokens.js'
import { vocabularyFromConfig, type Vocabulary } from '../../data/vocabulary.js'
import { GatecellError } from '../../errors.js'
import type { Device } from '../../graph/opcodes.js'
import { crc32c } from '../../io/crc32c.js'
import { tokenSource } from '../../train/data.js'
import type { Summary } from '../../train/reports.js'
import type { Trainer } from '../../train/trainer.js'
import { fitRun, readyRun, type FitRunOptions, type Run, type RunOptions } from '../run.js'
import { openRunFiles, readRun, type RunFiles, type RunMode } from '../run-files.js'
import { checkUnchanged, chooseTraining, given } from '../training.js'
import {
  textConfigFromJson,
  type TextConfig,
  type TextData,
  type TextNetwork,
  type TextSplit,
  type TextTraining
} from './config.js'
import { defaultLearningRate, networkDefaults, trainingDefaults, validDefault } from './defaults.js'
import { evaluateText, segmentSource, type TextMeasure } from './evaluate.js'
import { loadTextModel } from './load.js'
import { TEXT_TASK, textModel } from './model.js'

export interface TextRunOptions extends RunOptions {
  /** Files, folders, patterns, - for standard input. */
  data: readonly string[]
  /** The model's file. */
  out: string
  /** Where the files exist: refuse (default), resume, replace. */
  mode?: RunMode
  vocabulary?: 'character' | 'byte'
  /** Characters that are rarer share one <unk>. */
  minCount?: number
  network?: Partial<TextNetwork>
  training?: Partial<TextTraining>
  split?: Partial<TextSplit>
  /** Files that validate instead of a share. */
  validFiles?: readonly string[]
  /** Where it trains; default 'cpu'. On 'cuda' the default precision is bf16. */
  device?: Device
  /** Reading the corpus. */
  corpus?: Pick<CorpusOptions, 'cacheDir' | 'memoryBytes' | 'onSkip' | 'onProgress' | 'signal' | 'stdin'>
}

export interface TextRun extends Run<TextResult> {
  readonly vocabulary: Vocabulary
  readonly config: TextConfig
  readonly corpus: Pick<Corpus, 'train' | 'valid' | 'test' | 'files' | 'cached'>
}

export interface TextResult {
  summary: Summary
  /** The best weights on the validation text, as one stream; null without one or after an abort. */
  valid: TextMeasure | null
  /** Whether `valid` counts the whole validation text, or its first 2^20 symbols. */
  whole: boolean
}

/** How much of a long validation text is looked at: on the way, and at the end. */
const WATCHED_SYMBOLS = 2 ** 18
const MEASURED_SYMBOLS = 2 ** 20
const FINGERPRINT_SYMBOLS = 2 ** 16

/**
 * Makes a training ready. Throws what reading the data throws (see openCorpus), ERR_CORPUS_EMPTY for less than one batch,
 * ERR_FILE_EXISTS, ERR_FILE_WRITE, ERR_FILE_FORMAT, ERR_INVALID_OPTION where a resumed run is told otherwise than it began.
 */
export async function prepareTextRun(options: TextRunOptions): Promise<TextRun> {
  const files = await openRunFiles(options.out, options.mode ?? 'new')
  const resume = files.resumable === null ? null : await readRun(files.resumable, TEXT_TASK)
  const old = resume && textConfigFromJson(resume.config, files.resumable!)
  const settings = chooseSettings(options, old)
  const corpus = await openCorpus(options.data, {
    ...options.corpus,
    vocabulary: old ? vocabularyFromConfig(old.vocabulary) : (options.vocabulary ?? 'character'),
    ...settings.split,
    ...(options.minCount !== undefined && { minCount: options.minCount }),
    ...(options.validFiles && { validFiles: options.validFiles })
  })
  try {
    const { vocabulary, train, valid, test } = corpus
    const { training, network, split } = settings
    const batches = createBatches(train, training)
    const { stepsPerEpoch } = batches
    const data = describeData(train, valid)
    if (old?.data) checkSameData(old.data, data)
    const validation = valid.length > 0 ? segmentSource(valid.slice(0, Math.min(valid.length, WATCHED_SYMBOLS))) : null
    const validEvery = training.validEvery ?? Math.min(1000, stepsPerEpoch)
    const config: TextConfig = {
      vocabulary: vocabulary.config,
      network,
      split,
      training: { ...training, validEvery },
      data
    }
    const run = readyRun(
      {
        task: TEXT_TASK,
        config,
        vocabulary,
        counts: { symbols: { train: train.length, valid: valid.length, test: test.length } },
        files,
        resume,
        source: tokenSource(batches),
        stepsPerEpoch,
        validation,
        model: (modelOptions) => textModel(config, modelOptions)
      },
      options
    )
    return {
      ...run,
      vocabulary,
      config,
      corpus,
      fit: (fitOptions = {}) => fitText(run.trainer, files, valid, fitOptions),
      dispose() {
        run.dispose()
        corpus.close()
      }
    }
  } catch (error) {
    corpus.close()
    throw error
  }
}

async function fitText(trainer: Trainer, files: RunFiles, valid: Tokens, options: FitRunOptions): Promise<TextResult> {
  const { signal, onMeasure } = options
  const summary = await fitRun(trainer, files, options)
  if (summary.stopped === 'abort' || valid.length === 0) return { summary, valid: null, whole: true }
  const measured = valid.slice(0, Math.min(valid.length, MEASURED_SYMBOLS))
  onMeasure?.(measured.length)
  using best = await loadTextModel(files.model)
  return {
    summary,
    valid: await evaluateText(best.model, measured, { signal }),
    whole: measured.length === valid.length
  }
}

/** Settings of the run: what the caller says, else what a resumed run began with, else the defaults. */
function chooseSettings(options: TextRunOptions, old: TextConfig | null) {
  const said = { network: given(options.network), split: given(options.split), training: given(options.training) }
  if (old) checkSameRun(options, said, old)
  const hidden = said.network.hidden ?? old?.network.hidden ?? networkDefaults.hidden
  const network: TextNetwork = { ...networkDefaults, hidden, embedding: hidden, ...old?.network, ...said.network }
  const defaults = options.device === 'cuda' ? { ...trainingDefaults, precision: 'bf16' as const } : trainingDefaults
  const optimizer = said.training.optimizer ?? old?.training?.optimizer ?? defaults.optimizer
  const learningRate = defaultLearningRate(optimizer, network)
  const training = chooseTraining<TextTraining>(said.training, old?.training, { ...defaults, learningRate })
  const valid = (options.validFiles?.length ?? 0) > 0 ? 0 : validDefault
  return { network, training, split: { valid, test: 0, ...old?.split, ...said.split } }
}

/** What a resumed run cannot change: the network, the data and what its moments and cursor mean. */
function checkSameRun(
  options: TextRunOptions,
  said: { network: object; split: object; training: Partial<TextTraining> },
  old: TextConfig
): void {
  const { batch, length, optimizer, seed, precision } = said.training
  const now = {
    ...said.network,
    ...said.split,
    ...given({ batch, length, optimizer, seed, precision }),
    ...given({ vocabulary: options.vocabulary })
  }
  const before: Record<string, unknown> = {
    ...old.network,
    ...old.split,
    ...old.training,
    vocabulary: old.vocabulary.kind
  }
  checkUnchanged(now, before)
}

function checkSameData(before: TextData, now: TextData): void {
  if (before.train === now.train && before.valid === now.valid && before.fingerprint === now.fingerprint) return
  const other =
    before.train === now.train && before.valid === now.valid
      ? 'another text of that length'
      : `${now.train} and ${now.valid}`
  throw new GatecellError(
    'ERR_INVALID_OPTION',
    `Expected the text that the run began with (${before.train} symbols to train on and ${before.valid} to validate) but received ${other}: resume with the same files and shares`
  )
}

function describeData(train: Tokens, valid: Tokens): TextData {
  const ids = new Int32Array(Math.min(train.length, FINGERPRINT_SYMBOLS))
  train.read(0, ids.length, ids)
  return { train: train.length, valid: valid.length, fingerprint: crc32c(new Uint8Array(ids.buffer)) }
}
