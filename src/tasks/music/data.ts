// Pieces of music from files, as steps in three parts: to train on, to validate, to test. A file of piano rolls has its parts. MIDI files are
// divided by a checksum of their names, so that a file is in the same part whatever other files there are.

import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { readMidi } from '../../data/music/midi/files.js'
import { PERCUSSION } from '../../data/music/notes.js'
import { readRolls, readVoiceRolls, REST, rollOfPiece, type RollGrid } from '../../data/music/rolls.js'
import { performanceOf, sustained } from '../../data/music/time.js'
import { expected } from '../../errors.js'
import type { StepPiece } from './batches.js'
import { stepsOfPerformance, type Performance } from './performances.js'
import type { MusicNetwork } from './settings.js'
import { END, KEYS, LOWEST, type Step } from './steps.js'

/** Parts of the pieces. */
export type MusicPart = 'train' | 'valid' | 'test'

/** Pieces of each part. */
export type MusicParts = Readonly<Record<MusicPart, readonly StepPiece[]>>

/** Default length of a step of MIDI files. */
export const DEFAULT_GRID: RollGrid = '16th'

/** Returns the key of a pitch; pitches beyond the piano are moved by octaves. */
function keyOf(pitch: number): number {
  let key = pitch - LOWEST
  while (key < 0) key += 12
  while (key >= KEYS) key -= 12
  return key
}

/** Returns a set of pitches as a step of the form notes or keys. */
export function stepOf(pitches: readonly number[]): Step {
  return [...new Set(pitches.map(keyOf))].sort((one, other) => other - one)
}

/** Returns a pitch for each voice as a step of the form voices. */
export function voicesOf(pitches: readonly number[]): Step {
  return pitches.map((pitch) => (pitch === REST ? END : keyOf(pitch)))
}

const isRoll = (path: string) => /\.json(?:\.gz)?$/i.test(path)

function partsOf<R extends readonly (readonly number[])[]>(
  sets: Record<MusicPart, readonly R[]>,
  step: (pitches: readonly number[]) => Step
): MusicParts {
  return mapParts(sets, (roll) => roll.map(step))
}

/** Returns the checksum of a file's name modulo 10, which determines the part of the piece: 0 tests, 1 validates, 2 to 9 train. */
function tenthOf(path: string): number {
  const hash = createHash('sha1').update(basename(path)).digest('hex')
  return Number(BigInt(`0x${hash}`) % 10n)
}

/** Divides MIDI pieces into parts. If no checksum is that of the part that validates, the first piece to train on validates. */
function divided<P extends { readonly name: string }>(pieces: readonly P[]): Record<MusicPart, P[]> {
  const partOf = ({ name }: P): MusicPart => (['test', 'valid'] as const)[tenthOf(name)] ?? 'train'
  const own = (part: MusicPart) => pieces.filter((piece) => partOf(piece) === part)
  const [train, valid, test] = [own('train'), own('valid'), own('test')]
  if (valid.length === 0 && train.length > 1) valid.push(train.shift()!)
  return { train, valid, test }
}

/** Returns the parts with `own` of each piece. */
function mapParts<P, Q>(parts: Record<MusicPart, readonly P[]>, own: (piece: P) => Q): Record<MusicPart, Q[]> {
  return { train: parts.train.map(own), valid: parts.valid.map(own), test: parts.test.map(own) }
}

/** Pieces by part, and the numbers of notes of MIDI files that are in no step. */
export interface MusicReading {
  readonly parts: MusicParts
  /** Notes that are too short for the grid, and notes of percussion. */
  readonly leftOut: { readonly short: number; readonly percussion: number }
}

const NOTHING = { short: 0, percussion: 0 }

/**
 * Reads pieces as steps: a JSON file of piano rolls, of the form voices with four pitches in each step, or MIDI files, of the form events with an
 * event in each step. Throws ERR_INVALID_OPTION for files that do not have the form, and the errors of `readRolls`, `readVoiceRolls` and `readMidi`.
 */
export async function readMusic(
  files: readonly string[],
  { form, grid = DEFAULT_GRID }: Pick<MusicNetwork, 'form' | 'grid'>,
  signal?: AbortSignal
): Promise<MusicReading> {
  if (form === 'events') {
    const { parts, leftOut } = await readPerformances(files, signal)
    return { parts: mapParts(parts, stepsOfPerformance), leftOut }
  }
  const [path] = files
  if (files.length === 1 && isRoll(path!)) {
    const parts =
      form === 'voices'
        ? partsOf(await readVoiceRolls(path!, undefined, signal), voicesOf)
        : partsOf(await readRolls(path!, signal), stepOf)
    return { parts, leftOut: NOTHING }
  }
  if (form === 'voices') {
    const what = 'one JSON file with four pitches in each step for the form voices'
    throw expected('ERR_INVALID_OPTION', what, files.join(', ').slice(0, 200), 'choose the form notes for MIDI files')
  }
  const read = await readMidi(files, signal ? { signal } : {})
  const rolls = read.map(({ piece }) => ({ name: piece.name, ...rollOfPiece(piece, grid) }))
  const pieces = rolls.map(({ name, roll }) => ({ name, steps: roll.map(stepOf) }))
  return {
    parts: mapParts(divided(pieces.filter(({ steps }) => steps.length > 0)), ({ steps }) => steps),
    leftOut: {
      short: rolls.reduce((sum, { lost }) => sum + lost, 0),
      percussion: rolls.reduce((sum, { percussion }) => sum + percussion, 0)
    }
  }
}

/** Performances by part, and the number of notes of percussion, which were left out. */
export interface PerformanceReading extends Pick<MusicReading, 'leftOut'> {
  readonly parts: Readonly<Record<MusicPart, readonly Performance[]>>
}

/**
 * Reads MIDI files for the form events, as they sound: in seconds, with the pedal. Throws ERR_INVALID_OPTION for piano rolls, which have no
 * seconds, and the errors of `readMidi`.
 */
export async function readPerformances(files: readonly string[], signal?: AbortSignal): Promise<PerformanceReading> {
  const roll = files.find(isRoll)
  if (roll !== undefined)
    throw expected('ERR_INVALID_OPTION', 'MIDI files for the form events', roll, 'choose another form for piano rolls')
  const read = await readMidi(files, signal ? { signal } : {})
  const pieces = read.map(({ piece: { name, ...piece } }) => {
    const notes = performanceOf(sustained({ name, ...piece })).filter(({ channel }) => channel !== PERCUSSION)
    return { name, notes, percussion: piece.notes.length - notes.length }
  })
  return {
    parts: mapParts(divided(pieces.filter(({ notes }) => notes.length > 0)), ({ notes }) => notes),
    leftOut: { short: 0, percussion: pieces.reduce((sum, { percussion }) => sum + percussion, 0) }
  }
}

/** Returns the pieces of a part. Throws ERR_CORPUS_EMPTY if there is none. */
export function piecesOfPart<P>(
  parts: Readonly<Record<MusicPart, readonly P[]>>,
  part: MusicPart,
  files: readonly string[]
): readonly P[] {
  if (parts[part].length > 0) return parts[part]
  const what = `at least one piece in the part "${part}" of ${files.join(', ').slice(0, 200)}`
  throw expected('ERR_CORPUS_EMPTY', what, 'none', 'add pieces, or choose another part')
}
