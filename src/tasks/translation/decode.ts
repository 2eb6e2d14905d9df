// The search for translations: sentences of about equal length are encoded together, and the hypotheses of all of them are rows of one plan.

import { paddedLength } from '../../data/batching/buckets.js'
import { beamSearchTogether } from '../../generate/decode/beam-together.js'
import type { Hypothesis } from '../../generate/decode/beam-types.js'
import { drawTogether } from '../../generate/decode/draw-together.js'
import { beginDecoder, sessionTemplates } from '../../generate/decoder-session.js'
import { partOfModel } from '../../generate/model-part.js'
import { stepTogether } from '../../generate/session.js'
import type { SamplerSettings } from '../../generate/settings.js'
import type { Model } from '../../model.js'
import { packSources } from './batches.js'
import type { TranslationConfig } from './config.js'
import { decoderPart, encoderPart } from './model.js'
import type { TranslationSymbols } from './symbols.js'

/** Settings of the draws of translations, those of a stream of tokens. */
export interface DecodingDraws extends Partial<SamplerSettings> {
  /** Number of each source, from 0 to 2^24, which with the seed determines its draws, whatever other sources there are. */
  readonly numbers: readonly number[]
}

/** Options of the search for translations. */
export interface SentenceSearch {
  /** Width of the beam search, from 1 on; 1 is greedy. */
  readonly beam: number
  /** Most translations of a sentence that are returned, at most `beam`; default 1. */
  readonly best?: number
  /** Exponent of the length penalty, 0 to 100, see `BeamOptions`; default 1. 0 has no effect. */
  readonly lengthPenalty?: number
  /** Factor of the coverage penalty, 0 to 100, see `BeamOptions`; default 0, which has no effect. A network without attention has none. */
  readonly coveragePenalty?: number
  /** Most symbols of a translation; default: twice those of the source and ten more. */
  readonly longest?: number
  /** Draws `best` translations, at least 1, instead of searching for them. */
  readonly draws?: DecodingDraws
  readonly signal?: AbortSignal | undefined
}

/** Most rows of a plan: the hypotheses of all sentences that are translated at once. */
const ROWS = 256

/** Most symbols of the sources of all rows, padding included, because each row has the output of the encoder for all of them. */
const ROW_SYMBOLS = 2 ** 16

/**
 * Returns the places of sources of these lengths that are translated at once, the shortest sources first: at most 256 hypotheses, and at most 65,536
 * symbols of the sources of all of them, unless a single source has more.
 */
export function sourceGroups(lengths: readonly number[], beam: number): number[][] {
  const order = Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]!)
  const groups: number[][] = []
  for (const i of order) {
    const last = groups.at(-1)
    const rows = beam * ((last?.length ?? 0) + 1)
    if (last && rows <= ROWS && rows * paddedLength(lengths[i]!) <= ROW_SYMBOLS) last.push(i)
    else groups.push([i])
  }
  return groups
}

/** The tensor of the decoder with the weights of its attention. */
const ATTENTION = 'attention.weights'

/** Returns the most symbols of a translation of a source of `length` symbols. */
const mostSymbols = (length: number) => 2 * length + 10

/** A function that returns the best translations of each source, the best one first. Throws ERR_ABORTED if the signal aborts. */
export type Decoding = (sources: readonly Int32Array[], options: SentenceSearch) => Promise<Hypothesis[][]>

/** Returns the function that translates with a model, from ids of the source vocabulary to ids of the target vocabulary. */
export function createDecoding(model: Model, config: TranslationConfig, { target }: TranslationSymbols): Decoding {
  const reversed = config.network.attention === 'none'
  const encoder = sessionTemplates(partOfModel(model, encoderPart(config)))
  const decoder = sessionTemplates(partOfModel(model, decoderPart(config)), {
    inputs: { tokens: [target.idOf('begin')] },
    outputs: ['logits', ...(reversed ? [] : [ATTENTION])]
  })
  const end = target.idOf('end')
  const sessionsOf = async (sources: readonly Int32Array[], signal: AbortSignal | undefined) => {
    const source = paddedLength(sources.reduce((most, { length }) => Math.max(most, length), 0))
    const inputs = sources.map((own) => ({ ...packSources([own], { source, batch: 1 }, reversed) }))
    const encoded = await stepTogether(
      sources.map(() => encoder({ source })),
      inputs,
      { signal }
    )
    return encoded.map((outputs, i) => beginDecoder(decoder({ source }), { ...outputs, ...inputs[i] }))
  }
  const search = async (sources: readonly Int32Array[], own: readonly number[], options: SentenceSearch) => {
    const { beam, best = 1, lengthPenalty = 1, coveragePenalty = 0, longest, draws, signal } = options
    const sessions = await sessionsOf(sources, signal)
    const maxLengths = sources.map(({ length }) => longest ?? mostSymbols(length))
    if (draws) {
      const numbers = own.map((i) => draws.numbers[i]!)
      return drawTogether(sessions, { ...draws, end, count: best, maxLengths, numbers, signal })
    }
    const covers = coveragePenalty > 0 && !reversed
    return beamSearchTogether(sessions, {
      end,
      ends: 'leading',
      width: beam,
      best: Math.min(best, beam),
      lengthPenalty,
      ...(covers && { coveragePenalty, attention: ATTENTION, sourceLengths: sources.map(({ length }) => length) }),
      maxLengths,
      signal
    })
  }
  return async (sources, options) => {
    const found: Hypothesis[][] = Array.from(sources, () => [])
    for (const own of sourceGroups(
      sources.map(({ length }) => length),
      options.draws ? (options.best ?? 1) : options.beam
    )) {
      const results = await search(
        own.map((i) => sources[i]!),
        own,
        options
      )
      for (const [row, i] of own.entries()) found[i] = results[row]!
    }
    return found
  }
}
