// A composed piece: the steps or events that a model draws, as notes.

import { decodeEvents, encodePiece, EVENT_STEPS, secondsOfEvents } from '../../data/music/events.js'
import { PERCUSSION, type Piece } from '../../data/music/notes.js'
import {
  pieceOfRoll,
  pieceOfVoices,
  REST,
  rollOfPiece,
  stepsPerQuarter,
  type RollGrid
} from '../../data/music/rolls.js'
import { pieceOfPerformance } from '../../data/music/time.js'
import { expected } from '../../errors.js'
import type { Values } from '../../settings/index.js'
import type { TaskConfig } from '../define-task.js'
import type { LoadedModel } from '../runs/load.js'
import { DEFAULT_GRID, stepOf, voicesOf } from './data.js'
import { composeEvents } from './generate-events.js'
import { composeSteps, type ComposeOptions } from './generate.js'
import { harmonise } from './harmonise.js'
import type { MusicNetwork, musicNetworkSettings } from './settings.js'
import { END, LOWEST, VOICES, type Step } from './steps.js'
import type { compositionSettings } from './use-settings.js'

/** A model of music that was loaded from a file. */
export type LoadedMusic = LoadedModel<TaskConfig<typeof musicNetworkSettings>>

/** The settings of a composed piece, and the pieces that it begins with or harmonises. */
export interface CompositionRequest extends Values<typeof compositionSettings> {
  /** A piece that the composed one continues. */
  readonly prompt?: Piece | undefined
  /** A piece whose highest notes are the soprano of the composed one. */
  readonly harmonise?: Piece | undefined
}

/** A composed piece and its length. */
export interface Composition {
  readonly piece: Piece
  /** Number of steps of the piece; of the form events, steps of 10 ms. */
  readonly steps: number
  /** Number of those steps that are the prompt's. */
  readonly promptSteps: number
  readonly seconds: number
  /** Ticks of the piece in a step. */
  readonly ticksPerStep: number
  /** Notes that the model did not release, which end after 5 seconds or with the piece; only of the form events. */
  readonly hanging?: number
}

const NAME = 'a composed piece'

/** Default number of bars. */
const BARS = 16

/** Default length of a performance in seconds. */
const SECONDS = 30

/** Returns steps as a piece of notes. */
export function pieceOfSteps(
  steps: readonly Step[],
  { form, grid, tempo }: { form: MusicNetwork['form']; grid: RollGrid; tempo: number }
): Piece {
  const pitchOf = (key: number) => (key === END ? REST : key + LOWEST)
  const options = { name: NAME, grid, microsecondsPerQuarter: Math.round(6e7 / tempo) }
  const roll = steps.map((step) => step.map(pitchOf))
  return form === 'voices'
    ? pieceOfVoices(roll, options)
    : pieceOfRoll(
        roll.map((step) => step.toReversed()),
        options
      )
}

/** Throws ERR_CORPUS_EMPTY unless a piece has a note with a pitch. */
function checkPitched(piece: Piece): void {
  if (piece.notes.some(({ channel }) => channel !== PERCUSSION)) return
  throw expected(
    'ERR_CORPUS_EMPTY',
    `at least one note with a pitch in ${piece.name}`,
    'none',
    'give a piece with notes'
  )
}

/** Returns the channels of a piece in their order; those of a piece that `compose` made are its voices from the highest down. */
function voicesOfPiece(piece: Piece, grid: RollGrid): Step[] {
  const channels = [...new Set(piece.notes.map(({ channel }) => channel))].sort((one, other) => one - other)
  if (channels.length !== VOICES || channels.includes(PERCUSSION))
    return rollOfPiece(piece, grid).roll.map((pitches, i) => {
      if (pitches.length <= VOICES)
        return voicesOf([...pitches.toReversed(), ...Array<number>(VOICES).fill(REST)].slice(0, VOICES))
      const what = `at most ${VOICES} notes in step ${i} of ${piece.name}`
      throw expected('ERR_INVALID_ARGUMENT', what, `${pitches.length}`, 'give a piece of four voices')
    })
  const rolls = channels.map((own) => {
    const notes = piece.notes.filter(({ channel }) => channel === own)
    return rollOfPiece({ ...piece, notes }, grid).roll
  })
  const length = Math.max(...rolls.map(({ length }) => length))
  return Array.from({ length }, (_, i) => voicesOf(rolls.map((roll) => roll[i]?.at(-1) ?? REST)))
}

/** Returns the steps of a prompt. */
function promptSteps(prompt: Piece | undefined, form: MusicNetwork['form'], grid: RollGrid): Step[] {
  if (prompt === undefined) return []
  checkPitched(prompt)
  return form === 'voices' ? voicesOfPiece(prompt, grid) : rollOfPiece(prompt, grid).roll.map(stepOf)
}

/** Returns the events of a prompt. */
function promptEvents(prompt: Piece | undefined): Int32Array {
  if (prompt === undefined) return new Int32Array(0)
  checkPitched(prompt)
  return encodePiece(prompt).ids
}

/** Returns the soprano of a piece: the highest key of each step, END where there is none. */
function sopranoOf(piece: Piece, grid: RollGrid): number[] {
  checkPitched(piece)
  return rollOfPiece(piece, grid).roll.map((pitches) => voicesOf([pitches.at(-1) ?? REST])[0]!)
}

/** Throws ERR_INVALID_OPTION if one of the settings `names` has a value; `why` completes the message. */
function refuse(
  request: CompositionRequest,
  names: readonly ('steps' | 'bars' | 'seconds' | 'grid' | 'prompt')[],
  why: string
): void {
  const found = names.find((name) => request[name] !== undefined)
  if (found) throw expected('ERR_INVALID_OPTION', `no "${found}" ${why}`, 'a value of it', 'leave it out')
}

/** Returns the number of steps to compose. Throws ERR_INVALID_OPTION for several lengths. */
function stepsToCompose(request: CompositionRequest, grid: RollGrid): number {
  const { steps, bars = BARS, seconds, tempo } = request
  if (steps !== undefined) refuse(request, ['bars', 'seconds'], 'next to "steps"')
  else if (request.bars !== undefined) refuse(request, ['seconds'], 'next to "bars"')
  if (steps !== undefined) return steps
  if (seconds === undefined) return bars * 4 * stepsPerQuarter[grid]
  return Math.max(1, Math.round((seconds * tempo * stepsPerQuarter[grid]) / 60))
}

type Signal = AbortSignal | undefined

async function composeGrid(loaded: LoadedMusic, request: CompositionRequest, signal: Signal): Promise<Composition> {
  const { model, config } = loaded
  const network = config.network as ComposeOptions['network']
  const { form } = network
  const grid = request.grid ?? config.network.grid ?? DEFAULT_GRID
  const { temperature, topP, seed, tempo, particles, onlyNew } = request
  const finish = (all: readonly Step[], prompt: number): Composition => {
    const kept = onlyNew ? all.slice(prompt) : all
    const piece = pieceOfSteps(kept, { form, grid, tempo })
    const seconds = (kept.length * 60) / tempo / stepsPerQuarter[grid]
    const given = onlyNew ? 0 : prompt
    const ticksPerStep = piece.ticksPerQuarter / stepsPerQuarter[grid]
    return { piece, steps: kept.length, promptSteps: given, seconds, ticksPerStep }
  }
  if (request.harmonise) {
    refuse(request, ['steps', 'bars', 'seconds', 'prompt'], 'next to "harmonise", whose soprano is the whole piece')
    if (form !== 'voices')
      throw expected('ERR_INVALID_OPTION', 'a model of the form voices to harmonise', form, 'train one of voices')
    const soprano = sopranoOf(request.harmonise, grid)
    return finish(await harmonise(model, soprano, { network, particles, seed, temperature, topP, signal }), 0)
  }
  const count = stepsToCompose(request, grid)
  const prompt = promptSteps(request.prompt, form, grid)
  const [steps] = await composeSteps(model, [{ prompt, count, seed }], { network, temperature, topP, signal })
  return finish(steps!, prompt.length)
}

async function composePerformance(
  { model }: LoadedMusic,
  request: CompositionRequest,
  signal: Signal
): Promise<Composition> {
  if (request.harmonise)
    throw expected('ERR_INVALID_OPTION', 'a model of the form voices to harmonise', 'events', 'train one of voices')
  refuse(request, ['steps', 'bars', 'grid'], 'for a model of events')
  const { temperature, topP, seed, tempo, onlyNew, seconds = SECONDS } = request
  const prompt = promptEvents(request.prompt)
  const [ids] = await composeEvents(model, [{ prompt, seconds, seed }], { temperature, topP, signal })
  const begin = secondsOfEvents(prompt)
  const { notes, hanging } = decodeEvents(ids!)
  const kept = onlyNew
    ? notes.filter((note) => note.begin >= begin).map((note) => ({ ...note, begin: note.begin - begin, end: note.end - begin })) // prettier-ignore
    : notes
  const piece = pieceOfPerformance(kept, { name: NAME, microsecondsPerQuarter: Math.round(6e7 / tempo) })
  const given = Math.round(begin * EVENT_STEPS)
  const steps = Math.round(secondsOfEvents(ids!) * EVENT_STEPS) - (onlyNew ? given : 0)
  const ticksPerStep = (piece.ticksPerQuarter * tempo) / 60 / EVENT_STEPS
  return { piece, steps, promptSteps: onlyNew ? 0 : given, seconds: steps / EVENT_STEPS, ticksPerStep, hanging }
}

/**
 * Returns a piece that is drawn from a model. Throws ERR_INVALID_OPTION for settings that the form of the model does not have, ERR_CORPUS_EMPTY
 * for a prompt without notes, ERR_INVALID_ARGUMENT for a prompt with more notes in a step than the model has, and ERR_ABORTED if `signal` aborts.
 */
export async function composePiece(
  loaded: LoadedMusic,
  request: CompositionRequest,
  signal: Signal
): Promise<Composition> {
  const compose = loaded.config.network.form === 'events' ? composePerformance : composeGrid
  return await compose(loaded, request, signal)
}
