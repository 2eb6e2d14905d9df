// Piano rolls: music in equal steps of time, each with the pitches that sound, as JSON files of three sets and as pieces.
//
// The format is that of Boulanger-Lewandowski, Bengio and Vincent ("Modeling temporal dependencies in high-dimensional sequences",
// ICML 2012), written as JSON: {"train": [...], "valid": [...], "test": [...]}, each a list of sequences of steps of MIDI numbers.

import { expected, show, type GatecellError } from '../../errors.js'
import { parseStrictJson, type StrictJson } from '../../io/json.js'
import { readWholeText } from '../files/whole-text.js'
import { createPiece, endOf, PERCUSSION, type Note, type Piece } from './notes.js'

/** Steps of time, each with the pitches that sound: integers from 0 to 127, rising. */
export type Roll = readonly (readonly number[])[]

/** A sound that no voice has: the voice rests. */
export const REST = -1

/** Steps of time, each with one pitch a voice from the highest voice down, REST where a voice is silent. All steps have as many voices. */
export type VoiceRoll = readonly (readonly number[])[]

/** The sets of a file. */
export interface RollSets {
  readonly train: readonly Roll[]
  readonly valid: readonly Roll[]
  readonly test: readonly Roll[]
}

/** The length of a step, as a part of a whole note. */
export type RollGrid = 'quarter' | '8th' | '16th' | '32nd'

/** Steps of a quarter note for each grid. */
export const stepsPerQuarter: Readonly<Record<RollGrid, number>> = { quarter: 1, '8th': 2, '16th': 4, '32nd': 8 }

/** Largest file of rolls, unpacked, in bytes. */
const MAX_BYTES = 2 ** 27
/** Most steps of a file, and of the roll of a piece. */
const MAX_STEPS = 2 ** 22
const SETS = ['train', 'valid', 'test'] as const

function rollError(where: string, what: string, found: unknown): GatecellError {
  const remedy = 'write {"train": [[[60, 64], ...], ...], "valid": [...], "test": [...]}'
  const value = found instanceof Map ? 'an object' : show(found)
  return expected('ERR_FILE_FORMAT', `${what} as ${where}`, value, remedy)
}

function listOf(value: StrictJson | undefined, where: string, what: string): readonly StrictJson[] {
  if (Array.isArray(value)) return value
  throw rollError(where, what, value)
}

/** Returns a number of a step. */
function pitchOf(value: StrictJson, where: string, least: number): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= 127) return value as number
  throw rollError(where, `a pitch from ${least} to 127`, value)
}

/** Parses a file into sets of sequences of steps; `step` makes a step from its numbers. */
function parseSets(text: string, name: string, step: (numbers: number[], where: string) => number[], least: number) {
  const file = parseStrictJson(text, name)
  if (!(file instanceof Map)) throw rollError(name, 'an object with train, valid and test', file)
  const other = [...file.keys()].find((key) => !SETS.some((set) => set === key))
  if (other !== undefined) throw rollError(`a name in ${name}`, 'train, valid or test', other)
  let steps = 0
  const sets = SETS.map((set) => {
    const sequences = listOf(file.get(set), `"${set}" in ${name}`, 'a list of sequences')
    return sequences.map((sequence, i) => {
      const at = `sequence ${i} of "${set}" in ${name}`
      const list = listOf(sequence, at, 'a list of steps')
      steps += list.length
      if (steps > MAX_STEPS) throw rollError(name, `at most ${MAX_STEPS} steps`, steps)
      if (list.length === 0) throw rollError(at, 'at least one step', 'none')
      return list.map((one, j) => {
        const where = `step ${j} of ${at}`
        return step(
          listOf(one, where, 'a list of pitches').map((value) => pitchOf(value, where, least)),
          where
        )
      })
    })
  })
  return { train: sets[0]!, valid: sets[1]!, test: sets[2]! }
}

/** Returns pitches rising, each once. */
const asSet = (pitches: readonly number[]): number[] => [...new Set(pitches)].sort((a, b) => a - b)

/**
 * Parses a file of piano rolls. A step is a set: pitches may be in any order, and one that occurs twice counts once. Throws ERR_FILE_FORMAT for
 * other JSON, for a sequence without steps, and for more than 4,194,304 steps.
 */
export function parseRolls(text: string, name: string): RollSets {
  return parseSets(text, name, asSet, 0)
}

/** Parses a file whose steps all have `voices` pitches, REST (-1) where a voice is silent. Throws ERR_FILE_FORMAT as `parseRolls` does. */
export function parseVoiceRolls(text: string, name: string, voices = 4): RollSets {
  const step = (numbers: number[], where: string): number[] => {
    if (numbers.length === voices) return numbers
    throw rollError(where, `${voices} pitches`, numbers.length)
  }
  return parseSets(text, name, step, REST)
}

/** Reads a file of piano rolls (.json or .json.gz). Throws as `parseRolls` and `readWholeText` do. */
export async function readRolls(path: string, signal?: AbortSignal): Promise<RollSets> {
  return parseRolls(await readWholeText(path, { maxBytes: MAX_BYTES, signal }), path)
}

/** Reads a file of rolls with a pitch for each of `voices` voices (.json or .json.gz). Throws as `parseVoiceRolls` and `readWholeText` do. */
export async function readVoiceRolls(path: string, voices = 4, signal?: AbortSignal): Promise<RollSets> {
  return parseVoiceRolls(await readWholeText(path, { maxBytes: MAX_BYTES, signal }), path, voices)
}

/** The options of `pieceOfRoll` and `pieceOfVoices`. */
export interface RollPieceOptions {
  readonly name: string
  readonly grid: RollGrid
  /** Default 600,000, 100 quarter notes a minute. */
  readonly microsecondsPerQuarter?: number
  /** Velocity of all notes, from 1 to 127; default 80. */
  readonly velocity?: number
  /** Instrument of General MIDI; default 0, a piano. */
  readonly program?: number
}

/** Ticks of a quarter note in pieces made of rolls: every grid divides it. */
const TICKS = 480

/** Returns the notes of lines: in each step the pitches of one channel. A pitch that continues in the next step is one long note. */
function notesOfLine(line: Roll, channel: number, options: RollPieceOptions): Note[] {
  const { grid, velocity = 80, program = 0 } = options
  const ticks = TICKS / stepsPerQuarter[grid]
  const notes: Note[] = []
  const begun = new Map<number, number>()
  for (let step = 0; step <= line.length; step++) {
    const sounding = line[step] ?? []
    for (const [pitch, begin] of begun) {
      if (sounding.includes(pitch)) continue
      notes.push({ pitch, begin: begin * ticks, end: step * ticks, velocity, channel, program })
      begun.delete(pitch)
    }
    for (const pitch of sounding) if (!begun.has(pitch)) begun.set(pitch, step)
  }
  return notes
}

function pieceOf(notes: Note[], { name, microsecondsPerQuarter = 600_000 }: RollPieceOptions): Piece {
  return createPiece({ name, notes, ticksPerQuarter: TICKS, tempo: [{ tick: 0, microsecondsPerQuarter }] })
}

/** Returns a roll as a piece on channel 0. A roll does not contain repetitions: a pitch of consecutive steps is one note. */
export function pieceOfRoll(roll: Roll, options: RollPieceOptions): Piece {
  return pieceOf(notesOfLine(roll, 0, options), options)
}

/** Returns the voices of a roll as a piece, a channel each; at most 9 voices, so that none is on the channel of percussion. */
export function pieceOfVoices(roll: VoiceRoll, options: RollPieceOptions): Piece {
  const voices = roll[0]?.length ?? 0
  if (voices > PERCUSSION)
    throw expected('ERR_INVALID_ARGUMENT', `at most ${PERCUSSION} voices`, `${voices}`, 'leave some out')
  const lines = Array.from({ length: voices }, (_, voice) =>
    roll.map((step) => (step[voice] === REST ? [] : [step[voice]!]))
  )
  const notes = lines.flatMap((line, voice) => notesOfLine(line, voice, options))
  return pieceOf(notes, options)
}

/** The roll of a piece, and the numbers of notes that are not in it. */
export interface PieceRoll {
  readonly roll: Roll
  /** Notes that begin between steps and end before the next one. */
  readonly lost: number
  /** Notes of percussion, which have no pitch. */
  readonly percussion: number
}

/** Part of a step by which a note may be late and still belong to it. */
const LATE = 0.25

/**
 * Returns the roll of a piece: a step has the pitches that sound a quarter of a step after its begin, and those that begin within a quarter of a
 * step of it. Percussion is left out. Throws ERR_OUT_OF_RANGE for more than 4,194,304 steps.
 */
export function rollOfPiece(piece: Piece, grid: RollGrid): PieceRoll {
  const ticks = piece.ticksPerQuarter / stepsPerQuarter[grid]
  const notes = piece.notes.filter(({ channel }) => channel !== PERCUSSION)
  const length = Math.ceil(endOf(notes) / ticks)
  if (length > MAX_STEPS)
    throw expected('ERR_OUT_OF_RANGE', `at most ${MAX_STEPS} steps in ${piece.name}`, `${length}`, 'divide the piece')
  const steps = Array.from({ length }, () => new Set<number>())
  let lost = 0
  for (const { pitch, begin, end } of notes) {
    const first = Math.max(0, Math.ceil(begin / ticks - LATE))
    const near = Math.abs(begin / ticks - first) <= LATE
    const past = Math.max(Math.ceil(end / ticks - LATE), near ? first + 1 : 0)
    for (let step = first; step < past; step++) steps[step]?.add(pitch)
    if (past <= first) lost++
  }
  const last = steps.findLastIndex((step) => step.size > 0)
  return {
    roll: steps.slice(0, last + 1).map((step) => asSet([...step])),
    lost,
    percussion: piece.notes.length - notes.length
  }
}
