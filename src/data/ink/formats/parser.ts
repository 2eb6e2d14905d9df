// The interface between the reader of ink files and the parsers of the formats: a parser takes text piece by piece and returns samples.

import { expected, type GatecellError } from '../../../errors.js'
import type { InkDraft } from '../strokes.js'

/** Maximum length of one sample in JSON, one line of UNIPEN or one element of XML, in characters; every sample within `inkLimits` is shorter. */
export const MAX_CHARACTERS = 2 ** 24

/** The options of every parser of an ink format. */
export interface InkParserOptions {
  /** Name of the file, for messages. */
  readonly name: string
  /** Whether y grows downwards. Default: as the format defines. */
  readonly yDown?: boolean | undefined
  /** Level of the hierarchy whose segments are the samples, such as WORD in UNIPEN. Default: the first level of the file. */
  readonly level?: string | undefined
}

/** A parser of one file. */
export interface InkParser {
  /** Parses the next piece of text and returns the samples that it completes. Throws ERR_FILE_FORMAT. */
  write(text: string): Iterable<InkDraft>
  /** Ends the text and returns the remaining samples. Throws ERR_FILE_FORMAT if the text is unfinished or has no sample. */
  end(): Iterable<InkDraft>
  /** Files that may contain the text of the sample, in order of preference; the reader opens them before it calls `end`. */
  readonly companions?: readonly string[]
  /** Takes the content and the name of the first companion that exists. */
  accompany?(text: string, companion: string): void
}

/** Returns the ERR_FILE_FORMAT for a place of an ink file: `where` is "name" or "line 3 of name". */
export function inkFormatError(
  where: string,
  what: string,
  found: string,
  remedy = 'correct it, or leave it out'
): GatecellError {
  return expected('ERR_FILE_FORMAT', `${what} in ${where}`, found, remedy)
}

/** Returns the first 40 characters of a text in quotes, for a message. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text)
}

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i
/** Maximum length of a number: without a bound, the pattern takes time in proportion to the square of the number of digits. */
const MAX_NUMBER_LENGTH = 64

/** Returns the value of a decimal number, NaN if `token` is not one. */
export function parseNumber(token: string): number {
  return token.length <= MAX_NUMBER_LENGTH && NUMBER.test(token) ? Number(token) : NaN
}
