// A composer from its file: pieces that a model of music draws.

import { optional, options as optionsOf, signal as signalOf } from '../../check/index.js'
import { checkPiece } from '../../data/music/check.js'
import type { PieceParts } from '../../data/music/notes.js'
import type { RollGrid } from '../../data/music/rolls.js'
import { givenFields, withDefaults } from '../../settings/index.js'
import type { CheckpointFile } from '../../io/checkpoint.js'
import type { DefinedRun, DefinedRunOptions, TaskConfig } from '../define-task.js'
import type { LoadedModel, LoadOptions } from '../runs/load.js'
import { composePiece, type Composition, type CompositionRequest } from './composition.js'
import type { musicNetworkSettings } from './settings.js'
import { musicEntry } from './task.js'
import { compositionSettings } from './use-settings.js'

/** Configuration of a model of music, which its file stores. */
export type MusicConfig = TaskConfig<typeof musicNetworkSettings>

/** Options of `LoadedComposer.compose`. */
export interface CompositionOptions {
  /** A piece that the composed one continues, such as one that `decodeMidi` returns. It is cut into the steps of the model. Default: none. */
  prompt?: PieceParts
  /** Whether the prompt is left out of the piece. Default: false. */
  onlyNew?: boolean
  /** A piece whose highest notes are the soprano, below which the form voices composes three voices. Default: none. */
  harmonise?: PieceParts
  /** Harmonisations that are drawn next to each other to find one that prepares the soprano, from 1 to 256; default 16. */
  particles?: number
  /** Steps to compose, from 1 to 100,000; not in the form events. */
  steps?: number
  /** Bars of 4/4 to compose, from 1 to 10,000; not in the form events. Default: 16, if there are neither steps nor seconds. */
  bars?: number
  /** Seconds to compose, above 0 and at most 36,000, the only length of the form events, whose default is 30. */
  seconds?: number
  /** Length of a step; default: that of the training. Not in the form events. */
  grid?: RollGrid
  /** Divisor of the logits, from 0 to 1,000,000; 0 takes the most probable notes. Default: 1. */
  temperature?: number
  /** Notes are drawn from the most probable ones whose probabilities add up to this share, above 0 and at most 1; default 1. */
  topP?: number
  /** Seed of the draws, an integer from 0 to 2^53 - 1; default 0. */
  seed?: number
  /** Quarter notes a minute of the piece, from 20 to 400; default 100. */
  tempo?: number
  signal?: AbortSignal | undefined
}

/** A composer: a model of music that was loaded from a file. */
export interface LoadedComposer extends LoadedModel<MusicConfig> {
  /**
   * Composes a piece on the engine's thread. Throws ERR_INVALID_ARGUMENT for invalid options, ERR_INVALID_OPTION for options that the form of the
   * model does not have and for several lengths, ERR_CORPUS_EMPTY for a prompt without notes, and ERR_ABORTED soon after `signal` aborts.
   */
  compose(options?: CompositionOptions): Promise<Composition>
}

const readOptions = optionsOf<CompositionOptions>({
  ...givenFields(compositionSettings),
  prompt: optional(checkPiece),
  harmonise: optional(checkPiece),
  signal: optional(signalOf)
})

/**
 * Loads a composer. Throws ERR_FILE_NOT_FOUND if the file does not exist, ERR_FILE_FORMAT if it is damaged, and ERR_WRONG_TASK if it is a model
 * of another task.
 *
 * @example
 * using composer = await loadComposer('bach.safetensors')
 * const { piece, seconds } = await composer.compose({ bars: 4, temperature: 0.9, seed: 3 })
 * writeFileSync('piece.mid', encodeMidi(piece))
 * const { piece: longer } = await composer.compose({ prompt: piece, bars: 4 })
 * console.log(`${seconds} seconds, then ${longer.notes.length} notes`)
 */
export async function loadComposer(
  source: string | CheckpointFile,
  options: LoadOptions = {}
): Promise<LoadedComposer> {
  const loaded = await musicEntry.load(source, options)
  return {
    ...loaded,
    async compose(given) {
      const { signal, ...own } = readOptions(given, 'the options of compose')
      return await composePiece(
        loaded,
        { ...withDefaults(compositionSettings, {}), ...own } as CompositionRequest,
        signal
      )
    }
  }
}

/** Options of a training of a model of music. Settings that are not given have the defaults of the task. */
export interface MusicRunOptions extends DefinedRunOptions<typeof musicNetworkSettings> {
  /** Names of MIDI files or of folders with them, or of one JSON file of piano rolls. */
  data: readonly string[]
}

/** A training of a model of music that is ready to start. */
export type MusicRun = DefinedRun<typeof musicNetworkSettings>

/**
 * Prepares the training of a model of music: reads the pieces, makes the network and locks the files; `fit` of the result trains. Throws
 * ERR_INVALID_ARGUMENT for invalid options, ERR_FILE_NOT_FOUND and ERR_FILE_FORMAT for data, ERR_CORPUS_EMPTY for data without a piece,
 * ERR_INVALID_OPTION for settings that contradict the form or a run that is resumed, and, for files, ERR_FILE_EXISTS, ERR_FILE_WRITE and ERR_BUSY.
 */
export async function prepareMusicRun(options: MusicRunOptions): Promise<MusicRun> {
  return await musicEntry.prepareRun(options)
}
