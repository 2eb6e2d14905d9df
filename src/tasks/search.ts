// The search for texts with the sessions of decoders, of many inputs at a time: a beam search, or draws.

import { integer, object, optional } from '../check/index.js'
import { beamSearchTogether } from '../generate/decode/beam-together.js'
import type { Hypothesis } from '../generate/decode/beam-types.js'
import { drawTogether } from '../generate/decode/draw-together.js'
import type { Session } from '../generate/session-types.js'
import { settingFields, type SamplerSettings } from '../generate/settings.js'

/** Settings of the draws of texts, those of a stream of tokens. */
export interface TextDraws extends Partial<SamplerSettings> {
  /** Number of the first input, from 0 to 2^53 - 1; default 0. With the seed it determines the draws, however many inputs come at once. */
  readonly first?: number
}

/** Checks the settings of draws. */
export const checkDraws = object<TextDraws>({ ...settingFields, first: optional(integer(0)) })

/** Settings of the draws of sequences. */
export interface SequenceDraws extends Partial<SamplerSettings> {
  /** Number of each input, from 0 to 2^24, which with the seed determines its draws, whatever other inputs there are. */
  readonly numbers: readonly number[]
}

/** Numbers of inputs; those of more inputs begin again. */
const NUMBERS = 2 ** 24

/** Returns the draws of the inputs at `places` of a call. */
export function numberedDraws({ first = 0, ...settings }: TextDraws, places: readonly number[]): SequenceDraws {
  return { ...settings, numbers: places.map((place) => (first + place) % NUMBERS) }
}

/** A search for sequences, or draws of them. */
export interface SequenceSearch {
  /** Width of the beam search, from 1 on; 1 is greedy. */
  readonly beam: number
  /** Most sequences of an input that are returned, at most `beam`; default 1. */
  readonly best?: number
  /** Exponent of the length penalty, 0 to 100, see `BeamOptions`; default 0, which has no effect. */
  readonly lengthPenalty?: number
  /** Factor of the coverage penalty, 0 to 100, see `BeamOptions`; default 0, which has no effect. A network without attention has none. */
  readonly coveragePenalty?: number
  /** Most nats by which the score of a hypothesis is below the best one, 0 to 1e6, see `BeamOptions`; default 3. */
  readonly prune?: number
  /** Draws `best` sequences, at least 1, instead of searching for them. */
  readonly draws?: SequenceDraws
  readonly signal?: AbortSignal | undefined
}

/** Default of `prune`; docs/translation.md has BLEU with it and without. */
export const PRUNE = 3

/** The sessions of decoders that a search steps, and the bounds of their sequences. */
export interface Searched {
  /** The session of each input, at its beginning; all of one model. */
  readonly sessions: readonly Session[]
  /** The number of each input among those of `draws.numbers`. */
  readonly places: readonly number[]
  /** Token that ends a sequence. */
  readonly end: number
  /** Most tokens of the sequence of each input. */
  readonly maxLengths: readonly number[]
  /** The output with the weights of the attention, and the steps of the source of each input; null without attention. */
  readonly attention: { readonly name: string; readonly lengths: readonly number[] } | null
}

/** Returns the best sequences of each input, or drawn ones, the best one first. Throws ERR_ABORTED if the signal aborts. */
export async function searchTogether(searched: Searched, options: SequenceSearch): Promise<Hypothesis[][]> {
  const { sessions, places, end, maxLengths, attention } = searched
  const { beam, best = 1, lengthPenalty = 0, coveragePenalty = 0, prune = PRUNE, draws, signal } = options
  if (draws) {
    const numbers = places.map((place) => draws.numbers[place]!)
    return await drawTogether(sessions, { ...draws, end, count: best, maxLengths, numbers, signal })
  }
  const covered = coveragePenalty > 0 ? attention : null
  return await beamSearchTogether(sessions, {
    end,
    ends: 'leading',
    width: beam,
    best: Math.min(best, beam),
    lengthPenalty,
    prune,
    ...(covered && { coveragePenalty, attention: covered.name, sourceLengths: covered.lengths }),
    maxLengths,
    signal
  })
}

/** Returns the most rows of a plan that an input needs: its hypotheses, or its draws. */
export function searchRows({ beam, best = 1, draws }: SequenceSearch): number {
  return draws ? best : beam
}
