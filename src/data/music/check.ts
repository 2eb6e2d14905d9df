// The check of pieces that callers pass.

import { anything, list, open, optional, string, type Check } from '../../check/index.js'
import { expected } from '../../errors.js'
import {
  createPiece,
  endOf,
  type Meter,
  type Note,
  type PedalSpan,
  type Piece,
  type PieceParts,
  type TempoChange
} from './notes.js'
import { MAX_SECONDS, timeMapOf } from './time.js'

// The numbers are checked by createPiece.
const note = open<Note>({
  pitch: anything,
  begin: anything,
  end: anything,
  velocity: anything,
  channel: anything,
  program: anything
})
const readParts = open<PieceParts>({
  name: string,
  notes: list(note),
  ticksPerQuarter: anything,
  tempo: optional(list(open<TempoChange>({ tick: anything, microsecondsPerQuarter: anything }))),
  meters: optional(list(open<Meter>({ tick: anything, numerator: anything, denominator: anything }))),
  pedals: optional(list(open<PedalSpan>({ begin: anything, end: anything, channel: anything })))
})

/**
 * Checks a piece or its parts, and returns the piece that `createPiece` makes of them. Throws ERR_INVALID_ARGUMENT, also for a piece of more than a
 * day, because pieces become steps and events of equal length.
 */
export const checkPiece: Check<Piece> = (value, name) => {
  const piece = createPiece(readParts(value, name))
  const end = piece.pedals.reduce((last, pedal) => Math.max(last, pedal.end), endOf(piece.notes))
  const seconds = timeMapOf(piece).seconds(end)
  if (seconds <= MAX_SECONDS) return piece
  const found = `${Math.round(seconds)} seconds`
  throw expected('ERR_INVALID_ARGUMENT', `at most ${MAX_SECONDS} seconds as ${name}`, found, 'divide the piece')
}
