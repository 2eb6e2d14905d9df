// The contract between the reader of ink files and the parsers of the formats: text goes in piece by piece, samples come out.

import { GatecellError } from '../../../errors.js'
import type { InkDraft } from '../strokes.js'

/** Longest text of one sample in JSON, of one line of UNIPEN, of one element of XML: beyond any sample within `inkLimits`. */
export const MOST_CHARACTERS = 2 ** 24

export interface InkParserOptions {
  /** The file's name, for messages. */
  readonly name: string
  /** Whether y grows downwards. Default: as the format defines it. */
  readonly yDown?: boolean | undefined
  /** The level of a hierarchy whose segments are the samples, as WORD in UNIPEN. Default: the first one of the file. */
  readonly level?: string | undefined
}

export interface InkParser {
  /** Parses the next piece of text; returns the samples that it completes. */
  write(text: string): Iterable<InkDraft>
  /** Ends the text; returns the samples that are left. */
  end(): Iterable<InkDraft>
  /** Files next to this one that may hold the text of the sample, the best first; read before `end` is called. */
  readonly companions?: readonly string[]
  /** Takes the content of the first companion that exists, and its name. */
  accompany?(text: string, companion: string): void
}

/** Returns ERR_FILE_FORMAT in the house's form. */
export function formatError(
  where: string,
  expected: string,
  found: string,
  remedy = 'correct it, or leave it out'
): GatecellError {
  return new GatecellError('ERR_FILE_FORMAT', `Expected ${expected} in ${where} but found ${found}: ${remedy}.`)
}

/** Returns the beginning of a piece of text, quoted for a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text)
}

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i
/** Longest token that is a number: without a bound, a pattern takes time in the square of the length of the digits. */
const LONGEST_NUMBER = 64

/** Returns the number that `token` is, NaN if it is none. */
export function parseNumber(token: string): number {
  return token.length <= LONGEST_NUMBER && NUMBER.test(token) ? Number(token) : NaN
}
