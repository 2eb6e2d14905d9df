// The search for translations: sentences of about equal length are encoded together, and the hypotheses of all of them are rows of one plan.

import { paddedLength } from '../../data/batching/buckets.js'
import type { Hypothesis } from '../../generate/decode/beam-types.js'
import { beginDecoder, sessionTemplates } from '../../generate/decoder-session.js'
import { partOfModel } from '../../generate/model-part.js'
import { stepTogether } from '../../generate/session.js'
import type { Model } from '../../model.js'
import { ATTENTION_WEIGHTS } from '../attention-weights.js'
import { searchRows, searchTogether, type SequenceSearch } from '../search.js'
import { packSources } from './batches.js'
import type { TranslationConfig } from './config.js'
import { decoderPart, encoderPart } from './model.js'
import type { TranslationSymbols } from './symbols.js'

/** Options of the search for translations. */
export interface SentenceSearch extends SequenceSearch {
  /** Exponent of the length penalty, see `SequenceSearch`; default 1. */
  readonly lengthPenalty?: number
  /** Most symbols of a translation; default: twice those of the source and ten more. */
  readonly longest?: number
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
    outputs: ['logits', ...(reversed ? [] : [ATTENTION_WEIGHTS])]
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
  const search = async (sources: readonly Int32Array[], places: readonly number[], options: SentenceSearch) => {
    const { longest, lengthPenalty = 1, ...how } = options
    const lengths = sources.map(({ length }) => length)
    const searched = {
      sessions: await sessionsOf(sources, options.signal),
      places,
      end,
      maxLengths: lengths.map((length) => longest ?? mostSymbols(length)),
      attention: reversed ? null : { name: ATTENTION_WEIGHTS, lengths }
    }
    return await searchTogether(searched, { ...how, lengthPenalty })
  }
  return async (sources, options) => {
    const found: Hypothesis[][] = Array.from(sources, () => [])
    for (const own of sourceGroups(
      sources.map(({ length }) => length),
      searchRows(options)
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
