// Composing: the steps that follow given ones, drawn from a model, for several pieces at the same time as the rows of one plan. The notes of a step
// are drawn one after the other; each draw sees those before it.

import { createSession, stepTogether } from '../../generate/session.js'
import type { Session } from '../../generate/session-types.js'
import { probabilities } from '../../generate/probabilities.js'
import { throwIfAborted } from '../../graph/abort.js'
import type { Model } from '../../model.js'
import { createRandom, type Random } from '../../random.js'
import { packKeys } from './keys-model.js'
import { packSteps } from './forms.js'
import type { MusicInputs, MusicNetwork } from './settings.js'
import { KEYS, END, NOTE_SYMBOLS, VOICES, type Step } from './steps.js'

/** Most notes of a step that is composed. */
const MOST_NOTES = 11

/** A piece that is composed. */
export interface Draft {
  /** Steps that the composed ones continue. */
  readonly prompt: readonly Step[]
  /** Number of steps to compose. */
  readonly count: number
  readonly seed: number
}

/** Options of composing. */
export interface ComposeOptions {
  readonly network: MusicInputs & { readonly form: Exclude<MusicNetwork['form'], 'events'> }
  /** Divisor of the logits; 0 takes the most probable notes. */
  readonly temperature: number
  /** Notes are drawn from the smallest set whose probabilities add up to this value, above 0 and at most 1; not in the form keys. */
  readonly topP: number
  readonly signal?: AbortSignal | undefined
}

/** A piece while it is composed. */
export interface ComposedRow {
  session: Session
  steps: Step[]
  readonly seed: number
}

const single = Int32Array.of(1)

/** Returns the index of a draw from probabilities that add up to 1. */
export function drawn(chances: Float64Array, random: Random): number {
  let left = random.uniform()
  const found = chances.findIndex((chance) => (left -= chance) < 0)
  return found >= 0 ? found : chances.findLastIndex((chance) => chance > 0)
}

/** Returns the inputs of the last step of `steps`; the form keys reads only the steps before it. */
function inputsOf(steps: readonly Step[], network: ComposeOptions['network']) {
  const { form } = network
  const part = { steps, first: steps.length - 1, count: 1 }
  if (form === 'keys') {
    const { keys: _, counted: __, lengths: ___, ...inputs } = packKeys([part], { length: 1, batch: 1 }, network)
    return inputs
  }
  const ends = form === 'notes'
  const packed = packSteps([part], { length: 1, slots: ends ? MOST_NOTES + 1 : VOICES, batch: 1, ends }, network)
  const { targets: _, lengths: __, ...inputs } = packed
  return inputs
}

/** Returns the session of a piece that has no steps. */
export function beginPiece(model: Model, { form }: Pick<ComposeOptions['network'], 'form'>): Session {
  const dims: Record<string, number> = form === 'keys' ? {} : { slots: form === 'notes' ? MOST_NOTES + 1 : VOICES }
  return createSession(model, { dims, inputs: { lengths: single }, outputs: ['logits'] })
}

/** Returns the logarithm of the probability of a symbol. */
function logarithmOf(logits: Float32Array, symbol: number): number {
  return Math.log(probabilities(logits, { temperature: 1, topK: 0, topP: 1 })[symbol]!)
}

/**
 * Returns the probabilities of symbols. Temperature and `topP` apply only to the choice among the symbols of the set `isIn`; the probability of the
 * set as a whole and those of the other symbols stay as the model has them. So the settings choose more probable notes, and not fewer or longer ones.
 * Temperature 0 gives the most probable of all symbols the probability 1. Symbols that cannot follow have the probability 0 at every temperature.
 */
export function chancesWithin(
  isIn: (symbol: number) => boolean,
  logits: Float32Array,
  { temperature, topP }: Pick<ComposeOptions, 'temperature' | 'topP'>
): Float64Array {
  const plain = probabilities(logits, { temperature: temperature === 0 ? 0 : 1, topK: 0, topP: 1 })
  if (temperature === 0 || (temperature === 1 && topP === 1)) return plain
  const share = plain.reduce((sum, chance, symbol) => sum + (isIn(symbol) ? chance : 0), 0)
  if (share === 0) return plain
  // A high temperature would make symbols probable that cannot follow.
  const own = probabilities(
    logits.map((score, symbol) => (isIn(symbol) && plain[symbol]! > 0 ? score : -Infinity)),
    { temperature, topK: 0, topP }
  )
  return plain.map((chance, symbol) => (isIn(symbol) ? share * own[symbol]! : chance))
}

/**
 * Draws the next step of each row, note by note, and adds it to the row. Each step begins with the notes `given`; returned is the logarithm of their
 * probability for each row.
 */
export async function nextNotes(
  rows: readonly ComposedRow[],
  options: ComposeOptions,
  given: readonly number[] = []
): Promise<number[]> {
  const { network, temperature, topP, signal } = options
  const { form } = network
  const ends = form === 'notes'
  const likelihoods = rows.map(() => 0)
  let open = rows.map((row, index) => {
    const own = [...given]
    const random = createRandom(row.seed, `step ${row.steps.length}`)
    row.steps.push(own)
    return { row, index, own, random }
  })
  for (let slot = given.length; open.length > 0; slot++) {
    // The LSTM reads only the steps before, so its state after each of these sessions is the same.
    const drafts = open.map(({ row }) => row.session.fork())
    const inputs = open.map(({ row }) => inputsOf(row.steps, network))
    const outputs = await stepTogether(drafts, inputs, { signal })
    open = open.filter(({ row, index, own, random }, i) => {
      const logits = outputs[i]!['logits'] as Float32Array
      const scores = (at: number) => logits.slice(at * NOTE_SYMBOLS, (at + 1) * NOTE_SYMBOLS)
      if (slot === given.length)
        likelihoods[index] = given.reduce((sum, key, at) => sum + logarithmOf(scores(at), key), 0)
      const held = form === 'voices' ? row.steps.at(-2)?.[slot] : undefined
      const symbol = drawn(
        chancesWithin((one) => one !== held, scores(slot), { temperature, topP }),
        random
      )
      const isLast = ends ? symbol === END || slot + 1 === MOST_NOTES : slot + 1 === VOICES
      if (!ends || symbol !== END) own.push(symbol)
      if (isLast) {
        row.session.dispose()
        row.session = drafts[i]!
      } else drafts[i]!.dispose()
      return !isLast
    })
  }
  return likelihoods
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)

/**
 * Returns the probabilities of keys that are independent. A temperature below 1 makes probable keys more probable, and the number of keys that is
 * expected stays as the model has it; otherwise chords would lose their notes, because each key by itself is improbable. Temperature 0 takes
 * the most probable keys, as many as are expected.
 */
export function keyChances(logits: Float32Array, temperature: number): number[] {
  const chancesWith = (shift: number, divisor: number) =>
    Array.from(logits, (score) => 1 / (1 + Math.exp(-(score + shift) / divisor)))
  const plain = chancesWith(0, 1)
  if (temperature === 1) return plain
  const expected = sumOf(plain)
  if (temperature === 0) {
    const least = logits.toSorted().at(-Math.round(expected)) ?? Infinity
    return Array.from(logits, (score) => Number(Math.round(expected) > 0 && score >= least))
  }
  // The sum rises with the shift. The bounds are beyond the scores of any key.
  const most = Math.max(...logits.map(Math.abs)) + 40 * Math.max(temperature, 1)
  let [low, high] = [-most, most]
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2
    if (sumOf(chancesWith(middle, temperature)) < expected) low = middle
    else high = middle
  }
  return chancesWith((low + high) / 2, temperature)
}

/** Draws the keys of the next step of each row independently. */
async function nextKeys(rows: readonly ComposedRow[], { network, temperature, signal }: ComposeOptions): Promise<void> {
  const sessions = rows.map(({ session }) => session)
  const inputs = rows.map(({ steps }) => inputsOf([...steps, []], network))
  const outputs = await stepTogether(sessions, inputs, { signal })
  rows.forEach(({ steps, seed }, i) => {
    const logits = outputs[i]!['logits'] as Float32Array
    const random = createRandom(seed, `step ${steps.length}`)
    const chances = keyChances(logits, temperature)
    const own: number[] = []
    for (let key = KEYS - 1; key >= 0; key--) if (random.uniform() < chances[key]!) own.push(key)
    steps.push(own)
  })
}

/** Returns each prompt followed by steps drawn from the model. Throws ERR_ABORTED if the signal aborts. */
export async function composeSteps(model: Model, drafts: readonly Draft[], options: ComposeOptions): Promise<Step[][]> {
  const { network, signal } = options
  const rows = drafts.map(({ seed }): ComposedRow => ({ session: beginPiece(model, network), steps: [], seed }))
  try {
    for (const [i, { prompt }] of drafts.entries())
      for (const step of prompt) {
        rows[i]!.steps.push(step)
        await rows[i]!.session.step(inputsOf(rows[i]!.steps, network), { signal })
      }
    const isOpen = ({ steps }: ComposedRow, i: number) => steps.length < drafts[i]!.prompt.length + drafts[i]!.count
    for (let open = rows.filter(isOpen); open.length > 0; open = rows.filter(isOpen)) {
      throwIfAborted(signal)
      await (network.form === 'keys' ? nextKeys(open, options) : nextNotes(open, options))
    }
    return rows.map(({ steps }) => steps)
  } finally {
    for (const { session } of rows) session.dispose()
  }
}
