// The search for translations: sentences of about equal length are encoded together, and the hypotheses of all of them are rows of one plan.

import { paddedLength } from '../../data/batching/buckets.js'
import { beamSearchTogether } from '../../generate/decode/beam-together.js'
import type { Hypothesis } from '../../generate/decode/beam.js'
import { partOfModel } from '../../generate/model-part.js'
import { createSession, stepTogether } from '../../generate/session.js'
import type { Session } from '../../generate/session-types.js'
import type { SessionModel } from '../../generate/session-kind.js'
import type { Dims, Model } from '../../model.js'
import { packSources } from './batches.js'
import type { TranslationConfig } from './config.js'
import { decoderPart, encoderPart } from './model.js'
import type { TranslationSymbols } from './symbols.js'

/** Options of a translation. */
export interface TranslationOptions {
  /** Width of the beam search, from 1 on; 1 is greedy. */
  readonly beam: number
  /** Most translations of a sentence that are returned, at most `beam`; default 1. */
  readonly best?: number
  /** Exponent of the length penalty, 0 to 100, see `BeamOptions`; default 1. 0 has no effect. */
  readonly lengthPenalty?: number
  readonly signal?: AbortSignal | undefined
}

/** Most rows of a plan: the hypotheses of all sentences that are translated at once. */
const ROWS = 128

/** Returns the most symbols of a translation of a source of `length` symbols. */
const mostSymbols = (length: number) => 2 * length + 10

/** A function that returns the best translations of each source, the best one first. Throws ERR_ABORTED if the signal aborts. */
export type Decoding = (sources: readonly Int32Array[], options: TranslationOptions) => Promise<Hypothesis[][]>

/** Returns a function that returns a new session of a part for sources of a padded length; inputs that `first` does not have, and states, are 0. */
function templates(part: SessionModel, first: Readonly<Record<string, readonly number[]>>, outputs?: string[]) {
  const made = new Map<number, Session>()
  return (source: number): Session => {
    let found = made.get(source)
    if (!found) {
      const dims: Dims = part.inputDimNames.includes('source') ? { source } : {}
      found = createSession(part, { dims, inputs: first, ...(outputs && { outputs }) })
      made.set(source, found)
    }
    return found.fork()
  }
}

/** Returns the session of a decoder after an encoder: outputs of the encoder that are inputs or states of the decoder become their values. */
function begun(session: Session, encoded: Readonly<Record<string, ArrayLike<number>>>): Session {
  const state = session.save()
  const taken = <V>(values: Readonly<Record<string, V>>) =>
    Object.fromEntries(Object.keys(values).map((name) => [name, (encoded[name] as V | undefined) ?? values[name]!]))
  session.restore({ ...state, states: taken(state.states), inputs: taken(state.inputs) })
  return session
}

/** Returns the function that translates with a model, from ids of the source vocabulary to ids of the target vocabulary. */
export function createDecoding(model: Model, config: TranslationConfig, { target }: TranslationSymbols): Decoding {
  const reversed = config.network.attention === 'none'
  const encoder = templates(partOfModel(model, encoderPart(config)), {})
  const decoder = templates(partOfModel(model, decoderPart(config)), { tokens: [target.idOf('begin')] }, ['logits'])
  const search = async (sources: readonly Int32Array[], options: TranslationOptions) => {
    const { beam, best = 1, lengthPenalty = 1, signal } = options
    const source = paddedLength(sources.reduce((most, { length }) => Math.max(most, length), 0))
    const inputs = sources.map((own) => ({ ...packSources([own], { source, batch: 1 }, reversed) }))
    const encoded = await stepTogether(
      sources.map(() => encoder(source)),
      inputs,
      { signal }
    )
    const sessions = encoded.map((outputs, i) => begun(decoder(source), { ...outputs, ...inputs[i] }))
    return await beamSearchTogether(sessions, {
      end: target.idOf('end'),
      ends: 'leading',
      width: beam,
      best: Math.min(best, beam),
      lengthPenalty,
      maxLengths: sources.map(({ length }) => mostSymbols(length)),
      signal
    })
  }
  return async (sources, options) => {
    const order = Array.from(sources.keys()).sort((a, b) => sources[a]!.length - sources[b]!.length)
    const found: Hypothesis[][] = Array.from(sources, () => [])
    const count = Math.max(1, Math.floor(ROWS / options.beam))
    for (let at = 0; at < order.length; at += count) {
      const own = order.slice(at, at + count)
      const results = await search(
        own.map((i) => sources[i]!),
        options
      )
      for (const [row, i] of own.entries()) found[i] = results[row]!
    }
    return found
  }
}
