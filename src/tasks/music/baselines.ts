// Baselines without a network for models of music: an interpolated trigram of events, and for voices the repetition of the last pitch. Both take
// their probabilities from counts of the training part.

import { EVENT_SYMBOLS } from '../../data/music/event-state.js'
import type { StepPiece } from './batches.js'
import { NOTE_SYMBOLS, VOICES } from './steps.js'

/** Counts of the symbols after one context. */
interface Counts {
  total: number
  readonly symbols: Map<number, number>
}

/** Longest context of the n-gram of events. */
const CONTEXT = 2

/**
 * Returns the nats of all events of `pieces` by a trigram with Witten-Bell smoothing (Witten and Bell 1991): each order is interpolated with
 * the shorter one by the number of different symbols after its context. The ends of pieces count as events, as they do for a model.
 */
export function trigramNats(train: readonly StepPiece[], pieces: readonly StepPiece[]): number {
  const tables = Array.from({ length: CONTEXT + 1 }, () => new Map<number, Counts>())
  const walk = (all: readonly StepPiece[], take: (contexts: readonly number[], symbol: number) => void) => {
    for (const piece of all) {
      let [before, prior] = [EVENT_SYMBOLS, EVENT_SYMBOLS]
      for (const step of piece) {
        const symbol = step[0]!
        take([0, before, before * (EVENT_SYMBOLS + 1) + prior], symbol)
        ;[before, prior] = [symbol, before]
      }
    }
  }
  walk(train, (contexts, symbol) => {
    contexts.forEach((context, order) => {
      const counts = tables[order]!.get(context) ?? { total: 0, symbols: new Map<number, number>() }
      counts.total++
      counts.symbols.set(symbol, (counts.symbols.get(symbol) ?? 0) + 1)
      tables[order]!.set(context, counts)
    })
  })
  let nats = 0
  walk(pieces, (contexts, symbol) => {
    const chance = contexts.reduce((shorter, context, order) => {
      const counts = tables[order]!.get(context)
      if (!counts) return shorter
      const kinds = counts.symbols.size
      return ((counts.symbols.get(symbol) ?? 0) + kinds * shorter) / (counts.total + kinds)
    }, 1 / EVENT_SYMBOLS)
    nats -= Math.log(chance)
  })
  return nats
}

/**
 * Returns the nats of all notes of `pieces` in voices if a voice repeats its last pitch with the probability that it did so in training, and
 * otherwise takes another one with the probabilities of the voice's pitches.
 */
export function repetitionNats(train: readonly StepPiece[], pieces: readonly StepPiece[]): number {
  const pitches = Array.from({ length: VOICES }, () => new Float64Array(NOTE_SYMBOLS).fill(1))
  const repeated = Array.from({ length: VOICES }, () => ({ same: 1, all: 2 }))
  for (const piece of train)
    piece.forEach((step, t) =>
      step.forEach((symbol, voice) => {
        pitches[voice]![symbol]!++
        if (t === 0) return
        repeated[voice]!.all++
        if (piece[t - 1]![voice] === symbol) repeated[voice]!.same++
      })
    )
  const totals = pitches.map((counts) => counts.reduce((sum, count) => sum + count, 0))
  let nats = 0
  for (const piece of pieces)
    piece.forEach((step, t) =>
      step.forEach((symbol, voice) => {
        const last = piece[t - 1]?.[voice]
        const { same, all } = repeated[voice]!
        const own = pitches[voice]!
        const other = last === undefined ? totals[voice]! : totals[voice]! - own[last]!
        const change = (last === undefined ? 1 : 1 - same / all) * (own[symbol]! / other)
        nats -= Math.log(last === symbol ? same / all : change)
      })
    )
  return nats
}
