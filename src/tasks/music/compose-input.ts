// The input of `compose`: its MIDI files as steps or events, and the length to compose.

import { encodePiece } from '../../data/music/events.js'
import { decodeMidi } from '../../data/music/midi/decode.js'
import { PERCUSSION, type Piece as MidiPiece } from '../../data/music/notes.js'
import { REST, rollOfPiece, stepsPerQuarter, type RollGrid } from '../../data/music/rolls.js'
import { expected } from '../../errors.js'
import type { Content, Values } from '../../settings/index.js'
import { readBytes } from '../contents.js'
import { stepOf, voicesOf } from './data.js'
import { VOICES, type Step } from './steps.js'
import type { composeSettings } from './use-settings.js'

/** The input of `compose`. */
export type ComposeInput = Values<typeof composeSettings>

/** Largest prompt in bytes. */
const MOST_PROMPT_BYTES = 2 ** 24

/** Default number of bars. */
const BARS = 16

/** Default length of a performance in seconds. */
const SECONDS = 30

async function readPiece(content: Content, signal: AbortSignal): Promise<MidiPiece> {
  const { bytes, name } = await readBytes(content, { maxBytes: MOST_PROMPT_BYTES, signal })
  const { piece } = decodeMidi(bytes, name)
  if (piece.notes.some(({ channel }) => channel !== PERCUSSION)) return piece
  throw expected('ERR_CORPUS_EMPTY', `at least one note with a pitch in ${name}`, 'none', 'give a piece with notes')
}

/** Returns the channels of a piece in their order; those of a piece that `compose` wrote are its voices from the highest down. */
function voicesOfPiece(piece: MidiPiece, grid: RollGrid): Step[] {
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

/** Returns the steps of a prompt. Throws ERR_FILE_FORMAT, ERR_CORPUS_EMPTY without notes, ERR_INVALID_ARGUMENT for more notes than voices. */
export async function promptSteps(
  { prompt }: ComposeInput,
  { form, grid }: { form: string; grid: RollGrid },
  signal: AbortSignal
): Promise<Step[]> {
  if (prompt === undefined) return []
  const piece = await readPiece(prompt, signal)
  return form === 'voices' ? voicesOfPiece(piece, grid) : rollOfPiece(piece, grid).roll.map(stepOf)
}

/** Returns the events of a prompt. Throws ERR_FILE_FORMAT and ERR_CORPUS_EMPTY. */
export async function promptEvents({ prompt }: ComposeInput, signal: AbortSignal): Promise<Int32Array> {
  return prompt === undefined ? new Int32Array(0) : encodePiece(await readPiece(prompt, signal)).ids
}

/** Returns the soprano of a piece: the highest key of each step, END where there is none. Throws ERR_FILE_FORMAT and ERR_CORPUS_EMPTY. */
export async function sopranoOf(content: Content, grid: RollGrid, signal: AbortSignal): Promise<number[]> {
  const { roll } = rollOfPiece(await readPiece(content, signal), grid)
  return roll.map((pitches) => voicesOf([pitches.at(-1) ?? REST])[0]!)
}

/** Throws ERR_INVALID_OPTION if one of the settings `names` has a value; `why` completes the message. */
export function refuse(
  input: ComposeInput,
  names: readonly ('steps' | 'bars' | 'seconds' | 'grid' | 'prompt')[],
  why: string
): void {
  const found = names.find((name) => input[name] !== undefined)
  if (found) throw expected('ERR_INVALID_OPTION', `no "${found}" ${why}`, 'a value of it', 'leave it out')
}

/** Returns the number of steps to compose. Throws ERR_INVALID_OPTION for several lengths. */
export function stepsToCompose(input: ComposeInput, grid: RollGrid): number {
  const { steps, bars = BARS, seconds, tempo } = input
  if (steps !== undefined) refuse(input, ['bars', 'seconds'], 'next to "steps"')
  else if (input.bars !== undefined) refuse(input, ['seconds'], 'next to "bars"')
  if (steps !== undefined) return steps
  if (seconds === undefined) return bars * 4 * stepsPerQuarter[grid]
  return Math.max(1, Math.round((seconds * tempo * stepsPerQuarter[grid]) / 60))
}

/** Returns the seconds to compose in the form events. Throws ERR_INVALID_OPTION for a length in steps or bars, which performances do not have. */
export function secondsToCompose(input: ComposeInput): number {
  refuse(input, ['steps', 'bars', 'grid'], 'for a model of events')
  return input.seconds ?? SECONDS
}
