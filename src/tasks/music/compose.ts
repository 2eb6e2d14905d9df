// `gatecell compose`: a piece drawn from a model, as a MIDI file, a piano roll and sound.

import { decodeMidi } from '../../data/music/midi/decode.js'
import { encodeMidi } from '../../data/music/midi/encode.js'
import type { Piece } from '../../data/music/notes.js'
import { pieceToWav } from '../../data/music/sound.js'
import { counted } from '../../errors.js'
import { duration } from '../../format.js'
import { renderPianoRoll } from '../../plot/piano-roll.js'
import type { Content, Values } from '../../settings/index.js'
import { readBytes } from '../contents.js'
import type { RecordOf, VerbCode } from '../verb.js'
import { composePiece, type LoadedMusic } from './composition.js'
import type { composeRecords, composeSettings } from './use-settings.js'

type ComposeInput = Values<typeof composeSettings>
type ComposeRecord = RecordOf<typeof composeRecords>

/** Largest prompt in bytes. */
const MOST_PROMPT_BYTES = 2 ** 24

async function readPiece(content: Content | undefined, signal: AbortSignal): Promise<Piece | undefined> {
  if (content === undefined) return undefined
  const { bytes, name } = await readBytes(content, { maxBytes: MOST_PROMPT_BYTES, signal })
  return decodeMidi(bytes, name).piece
}

/** Returns the code of `compose`; `load` loads the model. */
export function composeCode(
  load: VerbCode<LoadedMusic, ComposeInput, ComposeRecord>['load']
): VerbCode<LoadedMusic, ComposeInput, ComposeRecord> {
  return {
    load,
    async *run(loaded, input, { signal }) {
      const [prompt, harmonise] = [await readPiece(input.prompt, signal), await readPiece(input.harmonise, signal)]
      const composed = await composePiece(loaded, { ...input, prompt, harmonise }, signal)
      const { piece, steps, promptSteps, seconds, ticksPerStep, hanging } = composed
      if (input.out) yield file('out', 'audio/midi', encodeMidi(piece))
      if (input.svg) yield { event: 'file', name: 'svg', type: 'image/svg+xml', content: renderPianoRoll(piece) }
      if (input.wav) yield file('wav', 'audio/wav', pieceToWav(piece))
      yield {
        event: 'compose',
        steps,
        prompt_steps: promptSteps,
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
