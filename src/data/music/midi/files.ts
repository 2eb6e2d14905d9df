// Pieces from MIDI files and folders of them.

import { expected } from '../../../errors.js'
import { createPace } from '../../files/pace.js'
import { resolveFiles, type OnSkip } from '../../files/resolve.js'
import { readWholeBytes } from '../../files/whole-bytes.js'
import { decodeMidi, type MidiReading } from './decode.js'

/** Largest MIDI file, in bytes; the largest piano pieces have half a million. */
const MAX_BYTES = 2 ** 24
/** Most notes of all files together; each takes about 100 bytes. */
const MAX_NOTES = 2 ** 24

/** The options of `readMidi`. */
export interface ReadMidiOptions {
  /** Receives the files of a folder that are left out because of their kind. */
  readonly onSkip?: OnSkip
  readonly signal?: AbortSignal
}

const MIDI_NAME = /\.(?:midi?|smf|kar)(?:\.gz)?$/i

/** Reads one MIDI file. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT with the byte, ERR_ABORTED. */
async function readMidiFile(path: string, signal?: AbortSignal): Promise<MidiReading> {
  return decodeMidi(await readWholeBytes(path, { maxBytes: MAX_BYTES, signal }), path)
}

/**
 * Reads the pieces of files, folders and patterns, in order; of folders only files named .mid, .midi, .smf or .kar (or these with .gz).
 * Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT with the byte, ERR_CORPUS_EMPTY if no piece has a note, ERR_OUT_OF_MEMORY for more than
 * 16,777,216 notes, ERR_ABORTED.
 */
export async function readMidi(names: readonly string[], options: ReadMidiOptions = {}): Promise<MidiReading[]> {
  const { onSkip, signal } = options
  const pace = createPace(signal)
  const readings: MidiReading[] = []
  let notes = 0
  for (const { path, named } of await resolveFiles(names, onSkip)) {
    if (!named && !MIDI_NAME.test(path)) continue
    const reading = await readMidiFile(path, signal)
    notes += reading.piece.notes.length
    readings.push(reading)
    if (notes > MAX_NOTES)
      throw expected('ERR_OUT_OF_MEMORY', `at most ${MAX_NOTES} notes`, `more at ${path}`, 'read fewer files at once')
    if (pace.due()) await pace.turn()
  }
  if (notes > 0) return readings
  throw expected('ERR_CORPUS_EMPTY', `notes in ${names.join(', ').slice(0, 200)}`, 'none', 'name MIDI files with notes')
}
