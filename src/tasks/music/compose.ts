// `gatecell compose`: a piece drawn from a model, as a MIDI file, a piano roll and sound.

import { counted, expected } from '../../errors.js'
import { duration } from '../../format.js'
import { decodeEvents, EVENT_STEPS, secondsOfEvents } from '../../data/music/events.js'
import { encodeMidi } from '../../data/music/midi/encode.js'
import type { Piece as MidiPiece } from '../../data/music/notes.js'
import { pieceOfRoll, pieceOfVoices, REST, stepsPerQuarter, type RollGrid } from '../../data/music/rolls.js'
import { encodeWav, synthesise } from '../../data/music/synthesiser.js'
import { performanceOf, pieceOfPerformance } from '../../data/music/time.js'
import { renderPianoRoll } from '../../plot/piano-roll.js'
import type { TaskConfig } from '../define-task.js'
import type { LoadedModel } from '../runs/load.js'
import type { RecordOf, VerbCode } from '../verb.js'
import {
  promptEvents,
  promptSteps,
  refuse,
  secondsToCompose,
  sopranoOf,
  stepsToCompose,
  type ComposeInput
} from './compose-input.js'
import { DEFAULT_GRID } from './data.js'
import { composeEvents } from './generate-events.js'
import { composeSteps } from './generate.js'
import { harmonise } from './harmonise.js'
import type { musicNetworkSettings, MusicNetwork } from './settings.js'
import { END, LOWEST, type Step } from './steps.js'
import type { composeRecords } from './use-settings.js'

/** A model of music that was loaded from a file. */
export type LoadedMusic = LoadedModel<TaskConfig<typeof musicNetworkSettings>>

type ComposeRecord = RecordOf<typeof composeRecords>

const NAME = 'a composed piece'

/** Returns steps as a piece of notes. */
export function pieceOfSteps(
  steps: readonly Step[],
  { form, grid, tempo }: { form: MusicNetwork['form']; grid: RollGrid; tempo: number }
): MidiPiece {
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

/** A composed piece and its length. */
interface Composed {
  readonly piece: MidiPiece
  /** Number of steps of the piece. */
  readonly steps: number
  /** Number of those steps that are the prompt's. */
  readonly given: number
  readonly seconds: number
  readonly ticksPerStep: number
  /** Notes that the model did not release, in the form events. */
  readonly hanging?: number
}

async function composeGrid(loaded: LoadedMusic, input: ComposeInput, signal: AbortSignal): Promise<Composed> {
  const { model, config } = loaded
  const { form } = config.network as { form: Exclude<MusicNetwork['form'], 'events'> }
  const grid = input.grid ?? config.network.grid ?? DEFAULT_GRID
  const { temperature, topP, seed, tempo, particles } = input
  const finish = (all: readonly Step[], prompt: number): Composed => {
    const kept = input.onlyNew ? all.slice(prompt) : all
    const piece = pieceOfSteps(kept, { form, grid, tempo })
    const seconds = (kept.length * 60) / tempo / stepsPerQuarter[grid]
    const given = input.onlyNew ? 0 : prompt
    return { piece, steps: kept.length, given, seconds, ticksPerStep: piece.ticksPerQuarter / stepsPerQuarter[grid] }
  }
  if (input.harmonise) {
    refuse(input, ['steps', 'bars', 'seconds', 'prompt'], 'next to "harmonise", whose soprano is the whole piece')
    if (form !== 'voices')
      throw expected('ERR_INVALID_OPTION', 'a model of the form voices to harmonise', form, 'train one of voices')
    const soprano = await sopranoOf(input.harmonise, grid, signal)
    return finish(await harmonise(model, soprano, { particles, seed, temperature, topP, signal }), 0)
  }
  const count = stepsToCompose(input, grid)
  const prompt = await promptSteps(input, { form, grid }, signal)
  const [steps] = await composeSteps(model, [{ prompt, count, seed }], { form, temperature, topP, signal })
  return finish(steps!, prompt.length)
}

async function composePerformance({ model }: LoadedMusic, input: ComposeInput, signal: AbortSignal): Promise<Composed> {
  if (input.harmonise)
    throw expected('ERR_INVALID_OPTION', 'a model of the form voices to harmonise', 'events', 'train one of voices')
  const { temperature, topP, seed, tempo } = input
  const seconds = secondsToCompose(input)
  const prompt = await promptEvents(input, signal)
  const [ids] = await composeEvents(model, [{ prompt, seconds, seed }], { temperature, topP, signal })
  const begin = secondsOfEvents(prompt)
  const { notes, hanging } = decodeEvents(ids!)
  const kept = input.onlyNew
    ? notes.filter((note) => note.begin >= begin).map((note) => ({ ...note, begin: note.begin - begin, end: note.end - begin })) // prettier-ignore
    : notes
  const piece = pieceOfPerformance(kept, { name: NAME, microsecondsPerQuarter: Math.round(6e7 / tempo) })
  const given = input.onlyNew ? 0 : Math.round(begin * EVENT_STEPS)
  const steps = Math.round(secondsOfEvents(ids!) * EVENT_STEPS) - (input.onlyNew ? Math.round(begin * EVENT_STEPS) : 0)
  const ticksPerStep = (piece.ticksPerQuarter * tempo) / 60 / EVENT_STEPS
  return { piece, steps, given, seconds: steps / EVENT_STEPS, ticksPerStep, hanging }
}

/** Returns the code of `compose`; `load` loads the model. */
export function composeCode(
  load: VerbCode<LoadedMusic, ComposeInput, ComposeRecord>['load']
): VerbCode<LoadedMusic, ComposeInput, ComposeRecord> {
  return {
    load,
    async *run(loaded, input, { signal }) {
      const compose = loaded.config.network.form === 'events' ? composePerformance : composeGrid
      const { piece, steps, given, seconds, ticksPerStep, hanging } = await compose(loaded, input, signal)
      if (input.out) yield file('out', 'audio/midi', encodeMidi(piece))
      if (input.svg) yield { event: 'file', name: 'svg', type: 'image/svg+xml', content: renderPianoRoll(piece) }
      if (input.wav) yield file('wav', 'audio/wav', encodeWav(synthesise(performanceOf(piece))))
      yield {
        event: 'compose',
        steps,
        prompt_steps: given,
        notes: piece.notes.length,
        seconds,
        ...(hanging !== undefined && { hanging }),
        piece: piece.notes.map(({ pitch, begin, end }) => ({
          pitch,
          begin: Math.round(begin / ticksPerStep),
          steps: Math.max(1, Math.round((end - begin) / ticksPerStep))
        }))
      }
    },
    show(record) {
      if (record.event === 'file') return {}
      const { steps, prompt_steps: given, notes, seconds, hanging } = record
      const after = given > 0 ? ` after ${counted(given, 'given step')}` : ''
      const closed = hanging ? `; ${counted(hanging, 'note')} without a release ended` : ''
      return {
        lines: [
          `composed ${counted(steps - given, 'step')}${after}: ${counted(notes, 'note')}, ${duration(seconds)} of music${closed}`
        ]
      }
    }
  }
}

function file(name: string, type: string, bytes: Uint8Array): ComposeRecord {
  return { event: 'file', name, type, content: Buffer.from(bytes).toString('base64'), encoding: 'base64' }
}
