// Composing: the steps that follow given ones, drawn from a model. The notes of a step are drawn one after the other from a session; each draw
// sees those before it.

import { createSession } from '../../generate/session.js'
import type { Session } from '../../generate/session-types.js'
import { probabilities } from '../../generate/probabilities.js'
import { throwIfAborted } from '../../graph/abort.js'
import type { Model } from '../../model.js'
import { createRandom, type Random } from '../../random.js'
import { packKeys } from './keys-model.js'
import type { MusicNetwork } from './settings.js'
import { END, KEYS, packParts, NOTE_SYMBOLS, VOICES, type Step } from './steps.js'

/** Most notes of a step that is composed. */
export const MOST_NOTES = 11

/** Options of `composeSteps`. */
export interface ComposeOptions {
  readonly form: MusicNetwork['form']
  /** Steps that the composed ones continue. */
  readonly prompt: readonly Step[]
  /** Number of steps to compose. */
  readonly count: number
  readonly seed: number
  /** Divisor of the logits; 0 takes the most probable notes. */
  readonly temperature: number
  readonly signal?: AbortSignal | undefined
}

const single = Int32Array.of(1)

/** Returns the index of a draw from probabilities that add up to 1. */
function draw(chances: Float64Array, random: Random): number {
  let left = random.uniform()
  const found = chances.findIndex((chance) => (left -= chance) < 0)
  return found >= 0 ? found : chances.findLastIndex((chance) => chance > 0)
}

/** The state of a composition. */
interface Composer {
  /** Reads a step that is given. */
  read(steps: readonly Step[], at: number): Promise<void>
  /** Draws the step after those before `at`. */
  next(steps: readonly Step[], at: number): Promise<Step>
}

/** Composes steps whose notes are drawn one by one, the end mark included where `ends`. */
function noteComposer(model: Model, { form, seed, temperature, signal }: ComposeOptions): Composer & Disposable {
  const ends = form === 'notes'
  const slots = ends ? MOST_NOTES + 1 : VOICES
  const inputsOf = (steps: readonly Step[], at: number) => {
    const {
      targets: _,
      lengths: __,
      ...inputs
    } = packParts([{ steps, first: at, count: 1 }], { length: 1, slots, batch: 1, ends })
    return inputs
  }
  let session = createSession(model, { dims: { slots }, inputs: { lengths: single }, outputs: ['logits'] })
  const replace = (other: Session) => {
    session.dispose()
    session = other
  }
  return {
    async read(steps, at) {
      await session.step(inputsOf(steps, at), { signal })
    },
    async next(steps, at) {
      const random = createRandom(seed, `step ${at}`)
      const own: number[] = []
      for (let slot = 0; ; slot++) {
        // The LSTM reads only the steps before, so its state after each of these sessions is the same.
        const draft = session.fork()
        const { logits } = await draft.step(inputsOf([...steps.slice(0, at), own], at), { signal })
        const scores = (logits as Float32Array).slice(slot * NOTE_SYMBOLS, (slot + 1) * NOTE_SYMBOLS)
        const symbol = draw(probabilities(scores, { temperature, topK: 0, topP: 1 }), random)
        const isLast = ends ? symbol === END || slot + 1 === MOST_NOTES : slot + 1 === VOICES
        if (!ends || symbol !== END) own.push(symbol)
        if (!isLast) {
          draft.dispose()
          continue
        }
        replace(draft)
        return own
      }
    },
    [Symbol.dispose]: () => session.dispose()
  }
}

/** Composes steps whose keys are drawn independently. */
function keyComposer(model: Model, { seed, temperature, signal }: ComposeOptions): Composer & Disposable {
  const session = createSession(model, { inputs: { lengths: single }, outputs: ['logits'] })
  const step = async (steps: readonly Step[], at: number) => {
    const { before } = packKeys([{ steps: [...steps.slice(0, at), []], first: at, count: 1 }], { length: 1, batch: 1 })
    return (await session.step({ before }, { signal }))['logits'] as Float32Array
  }
  return {
    async read(steps, at) {
      await step(steps, at)
    },
    async next(steps, at) {
      const logits = await step(steps, at)
      const random = createRandom(seed, `step ${at}`)
      const own: number[] = []
      for (let key = KEYS - 1; key >= 0; key--) {
        const chance = temperature === 0 ? Number(logits[key]! > 0) : 1 / (1 + Math.exp(-logits[key]! / temperature))
        if (random.uniform() < chance) own.push(key)
      }
      return own
    },
    [Symbol.dispose]: () => session.dispose()
  }
}

/** Returns the prompt followed by `count` steps drawn from the model. Throws ERR_ABORTED if the signal aborts. */
export async function composeSteps(model: Model, options: ComposeOptions): Promise<Step[]> {
  const { form, prompt, count, signal } = options
  using composer = form === 'keys' ? keyComposer(model, options) : noteComposer(model, options)
  const steps = [...prompt]
  for (let at = 0; at < prompt.length; at++) await composer.read(steps, at)
  for (let at = prompt.length; at < prompt.length + count; at++) {
    throwIfAborted(signal)
    steps.push(await composer.next(steps, at))
  }
  return steps
}
