// Music: training of models of pieces, composing, and MIDI files.

export { decodeMidi, type MidiReading, type MidiRepairs } from '../../data/music/midi/decode.js'
export { encodeMidi } from '../../data/music/midi/encode.js'
export type { KeyRepairs } from '../../data/music/midi/keys.js'
export type { Meter, Note, PedalSpan, Piece, PieceParts, TempoChange } from '../../data/music/notes.js'
export type { RollGrid } from '../../data/music/rolls.js'
export { pieceToWav } from '../../data/music/sound.js'
export type { SynthesisOptions } from '../../data/music/synthesiser.js'
export type { DefinedRun, DefinedRunOptions, TaskConfig } from '../define-task.js'
export type { TaskMeasurement } from '../task.js'
export type { Composition } from './composition.js'
export {
  loadComposer,
  prepareMusicRun,
  type CompositionOptions,
  type LoadedComposer,
  type MusicConfig,
  type MusicRun,
  type MusicRunOptions
} from './load.js'
export { MUSIC_TASK, type MusicNetwork } from './settings.js'
export type * from '../runs/public.js'
