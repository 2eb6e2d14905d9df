// The measure of a text model per character and per byte of its text, by which models over different vocabularies are compared.

import type { TextSize } from '../../../data/text/parts.js'
import { nats as shown, percent } from '../../../format.js'
import type { TextMeasure } from './evaluate.js'

/**
 * The measure of a text model per unit of text, which does not depend on the vocabulary: the bits of all symbols divided by the characters or
 * bytes of the text that they stand for.
 */
export interface TextBits {
  /** Bits per Unicode code point; null if the text is not UTF-8. */
  bitsPerCharacter: number | null
  /** Bits per byte of the text in UTF-8. */
  bitsPerByte: number
}

/**
 * Returns the bits of a measure per character and per byte of a text of the given size: bits per symbol times symbols per character or byte.
 * White space between words and the spelling of unknown words cost nothing in a vocabulary of words, so that its values are too small to be
 * compared with those of others.
 */
export function bitsOfText({ bits }: Pick<TextMeasure, 'bits'>, { tokens, characters, bytes }: TextSize): TextBits {
  return {
    bitsPerCharacter: characters === null ? null : (bits * tokens) / characters,
    bitsPerByte: (bits * tokens) / bytes
  }
}

/** Returns the values of both measures by the names of the task's measures. */
export function measureValues({ nats, bits, bitsPerCharacter, bitsPerByte }: TextMeasure & TextBits) {
  return {
    nats,
    bits,
    ...(bitsPerCharacter !== null && { bits_per_character: bitsPerCharacter }),
    bits_per_byte: bitsPerByte
  }
}

/** Returns the measure in words: "1.512 nats, 2.181 bits a symbol; 2.181 bits a character, 2.179 bits a byte". */
export function bitsInWords({ nats, bits, bitsPerCharacter, bitsPerByte }: TextMeasure & TextBits): string {
  const characters = bitsPerCharacter === null ? '' : `${shown(bitsPerCharacter)} bits a character, `
  return `${shown(nats)} nats, ${shown(bits)} bits a symbol; ${characters}${shown(bitsPerByte)} bits a byte`
}

/** Returns the share of unknown symbols of a text in words; '' if there are none. */
export function unknownInWords({ unknown, tokens }: TextSize): string {
  return unknown === 0 ? '' : `, ${percent(unknown / tokens)} of them unknown`
}

/** Returns the size of a text as text, for records. */
export function textFacts({ characters, bytes, unknown }: TextSize) {
  return { characters, bytes, unknown }
}
