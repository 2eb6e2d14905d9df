// Figures of composed pieces next to those of the data: notes in the best key, polyphony, density, repeated bars, runs copied from training, faults
// of voice leading.

import { decodeEvents, EVENT_STEPS } from '../../data/music/events.js'
import { stepsPerQuarter } from '../../data/music/rolls.js'
import { grouped, percent } from '../../format.js'
import { createCopyIndex } from '../../metrics/music/copies.js'
import { bestKey, noteDensity, polyphonyOf, repeatedBars, type SoundingNote } from '../../metrics/music/pieces.js'
import { voiceLeading } from '../../metrics/music/voices.js'
import type { Model } from '../../model.js'
import { seedAt } from '../../random.js'
import type { StepPiece } from './batches.js'
import { pieceOfSteps } from './composition.js'
import { DEFAULT_GRID, type MusicParts } from './data.js'
import { composeEvents } from './generate-events.js'
import { composeSteps, type ComposeOptions } from './generate.js'
import type { MusicNetwork } from './settings.js'
import { END } from './steps.js'

/** Most steps and seconds of a piece that is composed; data pieces are cut to them. */
const [MOST_STEPS, MOST_SECONDS] = [512, 60]

/** Figures of a set of pieces: means over the pieces that have notes, and the longest copied run of all, the only figure if no piece has notes. */
export interface MusicFigures {
  /** Share of the notes in the best key. */
  readonly in_key?: number
  /** Mean number of notes that sound, over the time in which any does. */
  readonly polyphony?: number
  /** Notes per second in the form events, per quarter in the others. */
  readonly density?: number
  /** Share of the bars of four quarters that repeat an earlier bar; absent in the form events, whose pieces have no bars. */
  readonly repeated_bars?: number
  /** Notes of the longest run that the training pieces contain, in any key. */
  readonly longest_copy: number
  /** Parallels, crossings and leaps for each hundred changes, in the form voices. */
  readonly faults?: number
}

/** A piece as its notes, in quarters or seconds, and in the form voices as its steps. */
interface JudgedPiece {
  readonly notes: readonly SoundingNote[]
  readonly steps: StepPiece
}

/** Options of `composedFigures`. */
export interface FigureOptions extends Omit<ComposeOptions, 'network'> {
  /** Number of pieces to compose, from 1 on. */
  readonly pieces: number
  readonly seed: number
}

type Form = Pick<MusicNetwork, 'form' | 'grid' | 'lookback'>

function judgedSteps(steps: StepPiece, { form, grid = DEFAULT_GRID }: Form): JudgedPiece {
  const { notes, ticksPerQuarter } = pieceOfSteps(steps, { form, grid, tempo: 100 })
  const inQuarters = notes.map(({ pitch, begin, end }) => ({
    pitch,
    begin: begin / ticksPerQuarter,
    end: end / ticksPerQuarter
  }))
  return { notes: inQuarters, steps }
}

function judgedEvents(ids: readonly number[], seconds = Infinity): JudgedPiece {
  const { notes } = decodeEvents(ids)
  const cut = notes
    .filter(({ begin }) => begin < seconds)
    .map((note) => ({ ...note, end: Math.min(note.end, seconds) }))
  return { notes: cut, steps: [] }
}

const idsOf = (piece: StepPiece) => piece.slice(0, -1).map(([id]) => id!)

/** Returns a piece of the data in the form that figures take; `isCut`: at most as long as a composed piece can be. */
function judged(piece: StepPiece, form: Form, isCut: boolean): JudgedPiece {
  if (form.form === 'events') return judgedEvents(idsOf(piece), isCut ? MOST_SECONDS : Infinity)
  return judgedSteps(isCut ? piece.slice(0, MOST_STEPS) : piece, form)
}

const mean = (values: readonly number[]) => {
  const finite = values.filter((value) => !Number.isNaN(value))
  return finite.reduce((sum, value) => sum + value, 0) / finite.length
}

function faultsOf(steps: StepPiece): number {
  const voices = steps.map((step) => step.map((key) => (key === END ? -1 : key)))
  const { changes, parallelFifths, parallelOctaves, crossings, leaps } = voiceLeading(voices)
  return (100 * (parallelFifths + parallelOctaves + crossings + leaps)) / Math.max(1, changes)
}

function figuresOf(
  pieces: readonly JudgedPiece[],
  { form }: Form,
  index: ReturnType<typeof createCopyIndex>
): MusicFigures {
  const over = (own: (piece: JudgedPiece) => number) => mean(pieces.map(own))
  const sounds = pieces.some(({ notes }) => notes.length > 0)
  return {
    ...(sounds && {
      in_key: over(({ notes }) => bestKey(notes).share),
      polyphony: over(({ notes }) => polyphonyOf(notes)),
      density: over(({ notes }) => noteDensity(notes)),
      ...(form !== 'events' && { repeated_bars: over(({ notes }) => repeatedBars(notes, 4)) })
    }),
    longest_copy: pieces.reduce((most, { notes }) => Math.max(most, index.longestRun(notes)), 0),
    ...(sounds && form === 'voices' && { faults: over(({ steps }) => faultsOf(steps)) })
  }
}

/** Composes pieces whose lengths are distributed as those of the data. */
async function composed(model: Model, pieces: readonly StepPiece[], form: Form, options: FigureOptions) {
  const { pieces: count, seed, temperature, topP, signal } = options
  // Lengths at equal distances of their order are distributed as those of the data.
  const at = (lengths: readonly number[], i: number) =>
    lengths.toSorted((one, other) => one - other)[Math.floor(((i + 0.5) * lengths.length) / count)]!
  if (form.form === 'events') {
    const lengths = pieces.map((piece) => Math.max(...judged(piece, form, true).notes.map(({ end }) => end)))
    const drafts = Array.from({ length: count }, (_, i) => ({
      prompt: new Int32Array(0),
      seconds: Math.max(1 / EVENT_STEPS, at(lengths, i)),
      seed: seedAt(seed, i)
    }))
    return (await composeEvents(model, drafts, { temperature, topP, signal })).map((ids) => judgedEvents(ids))
  }
  const lengths = pieces.map(({ length }) => Math.min(length, MOST_STEPS))
  const drafts = Array.from({ length: count }, (_, i) => ({ prompt: [], count: at(lengths, i), seed: seedAt(seed, i) }))
  const network = { ...form, form: form.form }
  const steps = await composeSteps(model, drafts, { network, temperature, topP, signal })
  return steps.map((own) => judgedSteps(own, form))
}

/** Names of the figures that a composed piece should share with the data. */
const COMPARED = { in_key: 'notes in the best key', polyphony: 'notes that sound', repeated_bars: 'repeated bars' }

/** Returns the compared figure that differs most from that of the data, and by which share; null if pieces have no notes. */
function largestDifference(own: MusicFigures, data: MusicFigures): { name: string; share: number } | null {
  const shares = Object.entries(COMPARED).flatMap(([key, name]) => {
    const [value, expected] = [own[key as keyof typeof COMPARED], data[key as keyof typeof COMPARED]]
    return value === undefined || !expected ? [] : [{ name, share: Math.abs(value / expected - 1) }]
  })
  return shares.toSorted((one, other) => other.share - one.share)[0] ?? null
}

/**
 * Returns the figures of pieces that the model composes, and those of `pieces`, which were not trained on. Throws ERR_ABORTED if the signal aborts.
 */
export async function composedFigures(
  model: Model,
  { parts, pieces }: { parts: MusicParts; pieces: readonly StepPiece[] },
  form: Form,
  options: FigureOptions
): Promise<{ composed: MusicFigures; data: MusicFigures; difference: number | null; lines: string[] }> {
  const index = createCopyIndex(parts.train.map((piece) => judged(piece, form, false).notes))
  const own = figuresOf(await composed(model, pieces, form, options), form, index)
  const data = figuresOf(
    pieces.map((piece) => judged(piece, form, true)),
    form,
    index
  )
  const lines = figureLines(own, data, form, options.pieces)
  const largest = largestDifference(own, data)
  if (largest) lines.push(`largest difference from the data: ${percent(largest.share)}, ${largest.name}`)
  return { composed: own, data, difference: largest?.share ?? null, lines }
}

function figureLines(own: MusicFigures, data: MusicFigures, { form, grid = DEFAULT_GRID }: Form, pieces: number) {
  const unit = form === 'events' ? 'second' : 'quarter'
  const number = (value: number) => value.toFixed(2)
  const cell = (value: number | undefined, show: (value: number) => string) =>
    (value === undefined ? '-' : show(value)).padStart(9)
  const row = (name: string, key: keyof MusicFigures, show: (value: number) => string) =>
    own[key] === undefined && data[key] === undefined
      ? []
      : [`${name.padEnd(34)} ${cell(own[key], show)} ${cell(data[key], show)}`]
  const bar = 4 * stepsPerQuarter[grid]
  return [
    `${`figures of ${pieces} composed pieces`.padEnd(34)} ${'composed'.padStart(9)} ${'data'.padStart(9)}`,
    ...row('notes in the best key', 'in_key', percent),
    ...row('notes that sound', 'polyphony', number),
    ...row(`notes a ${unit}`, 'density', number),
    ...row(`repeated bars of ${bar} steps`, 'repeated_bars', percent),
    ...row('longest run copied from training', 'longest_copy', (value) => `${grouped(value)}`),
    ...row('faults of voices, per 100 changes', 'faults', number)
  ]
}
