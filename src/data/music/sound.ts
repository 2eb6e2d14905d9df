// A piece as the bytes of a sound file.

import { checkPiece } from './check.js'
import type { PieceParts } from './notes.js'
import { encodeWav, synthesise, type SynthesisOptions } from './synthesiser.js'
import { performanceOf, sustained } from './time.js'

/**
 * Returns a piece as a WAV file of 16-bit samples: a simple sound, for a quick preview. The pedal counts, percussion is silent. Throws
 * ERR_INVALID_ARGUMENT for a piece or options that are not valid.
 *
 * @example
 * using composer = await loadComposer('bach.safetensors')
 * const { piece } = await composer.compose({ bars: 4, seed: 1 })
 * writeFileSync('piece.wav', pieceToWav(piece, { maxSeconds: 60 }))
 */
export function pieceToWav(piece: PieceParts, options: SynthesisOptions = {}): Uint8Array {
  return encodeWav(synthesise(performanceOf(sustained(checkPiece(piece, 'the piece'))), options))
}
