// `gatecell compose`: a piece drawn from a model, as a MIDI file, a piano roll and sound.

import { counted } from '../../errors.js'
import { duration } from '../../format.js'
import { decodeMidi } from '../../data/music/midi/decode.js'
import { encodeMidi } from '../../data/music/midi/encode.js'
import type { Piece as MidiPiece } from '../../data/music/notes.js'
import {
  pieceOfRoll,
  pieceOfVoices,
  REST,
  rollOfPiece,
  stepsPerQuarter,
  type RollGrid
} from '../../data/music/rolls.js'
import { encodeWav, synthesise } from '../../data/music/synthesiser.js'
import { performanceOf } from '../../data/music/time.js'
import { renderPianoRoll } from '../../plot/piano-roll.js'
import type { Values } from '../../settings/index.js'
import { readBytes } from '../contents.js'
import type { TaskConfig } from '../define-task.js'
import type { LoadedModel } from '../runs/load.js'
import type { RecordOf, VerbCode } from '../verb.js'
import { DEFAULT_GRID, stepOf } from './data.js'
import { composeSteps } from './generate.js'
import type { musicNetworkSettings, MusicNetwork } from './settings.js'
import { END, LOWEST, type Step } from './steps.js'
import type { composeRecords, composeSettings } from './use-settings.js'

/** A model of music that was loaded from a file. */
export type LoadedMusic = LoadedModel<TaskConfig<typeof musicNetworkSettings>>

type ComposeInput = Values<typeof composeSettings>
type ComposeRecord = RecordOf<typeof composeRecords>

/** Largest prompt in bytes. */
const MOST_PROMPT_BYTES = 2 ** 24

/** Bars of a piece, if the input has no length. */
const BARS = 16

/** Returns steps as a piece of notes. */
export function pieceOfSteps(
  steps: readonly Step[],
  { form, grid, tempo }: { form: MusicNetwork['form']; grid: RollGrid; tempo: number }
): MidiPiece {
  const pitchOf = (key: number) => (key === END ? REST : key + LOWEST)
  const options = { name: 'a composed piece', grid, microsecondsPerQuarter: Math.round(6e7 / tempo) }
  const roll = steps.map((step) => step.map(pitchOf))
  return form === 'voices'
    ? pieceOfVoices(roll, options)
    : pieceOfRoll(
        roll.map((step) => step.toReversed()),
        options
      )
}

/** Returns the steps of a prompt. */
async function promptOf({ prompt }: ComposeInput, grid: RollGrid, signal: AbortSignal): Promise<Step[]> {
  if (prompt === undefined) return []
  const { bytes, name } = await readBytes(prompt, { maxBytes: MOST_PROMPT_BYTES, signal })
  return rollOfPiece(decodeMidi(bytes, name).piece, grid).roll.map(stepOf)
}

/** Returns the code of `compose`; `load` loads the model. */
export function composeCode(
  load: VerbCode<LoadedMusic, ComposeInput, ComposeRecord>['load']
): VerbCode<LoadedMusic, ComposeInput, ComposeRecord> {
  return {
    load,
    async *run({ model, config: { network } }, input, { signal }) {
      const { form } = network
      const grid = input.grid ?? network.grid ?? DEFAULT_GRID
      const { bars = BARS, temperature, seed, tempo } = input
      const prompt = await promptOf(input, grid, signal)
      const count = input.steps ?? bars * 4 * stepsPerQuarter[grid]
      const steps = await composeSteps(model, { form, prompt, count, seed, temperature, signal })
      const piece = pieceOfSteps(steps, { form, grid, tempo })
      if (input.out) yield file('out', 'audio/midi', encodeMidi(piece))
      if (input.svg) yield { event: 'file', name: 'svg', type: 'image/svg+xml', content: renderPianoRoll(piece) }
      if (input.wav) yield file('wav', 'audio/wav', encodeWav(synthesise(performanceOf(piece))))
      const ticks = piece.ticksPerQuarter / stepsPerQuarter[grid]
      yield {
        event: 'compose',
        steps: steps.length,
        prompt_steps: prompt.length,
        notes: piece.notes.length,
        seconds: (steps.length * 60) / tempo / stepsPerQuarter[grid],
        piece: piece.notes.map(({ pitch, begin, end }) => ({
          pitch,
          begin: begin / ticks,
          steps: (end - begin) / ticks
        }))
      }
    },
    show(record) {
      if (record.event === 'file') return {}
      const { steps, prompt_steps: given, notes, seconds } = record
      const after = given > 0 ? ` after ${counted(given, 'given step')}` : ''
      return {
        lines: [
          `composed ${counted(steps - given, 'step')}${after}: ${counted(notes, 'note')}, ${duration(seconds)} of music`
        ]
      }
    }
  }
}

function file(name: string, type: string, bytes: Uint8Array): ComposeRecord {
  return { event: 'file', name, type, content: Buffer.from(bytes).toString('base64'), encoding: 'base64' }
}
