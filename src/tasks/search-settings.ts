// Settings of the search for texts and of draws of them, for the tasks whose decoder writes a text: translation and captions.

import { expected } from '../errors.js'
import type { SamplerSettings } from '../generate/settings.js'
import { field, setting, type Group } from '../settings/index.js'
import { PRUNE } from './search.js'

/** The words and defaults in which the searches of tasks differ. */
export interface SearchWords {
  /** The texts that are found, in the plural, such as "translations". */
  readonly texts: string
  /** The input that a text belongs to, such as "sentence". */
  readonly source: string
  /** Default width of the beam. */
  readonly beam: number
  /** Default exponent of the length penalty. */
  readonly lengthPenalty: number
}

/** Returns the declarations of the settings of a search. */
export function searchGroup({ texts, source, beam, lengthPenalty }: SearchWords) {
  return {
    beam: setting.integer({ min: 1, max: 128, default: beam, help: 'width of the beam search; 1: greedy' }),
    best: setting.integer({
      min: 1,
      max: 128,
      default: 1,
      help: `${texts} of each ${source}, at most the width of the beam`
    }),
    lengthPenalty: setting.number({
      min: 0,
      max: 10,
      default: lengthPenalty,
      help: `exponent of the length penalty (Wu et al. 2016): a larger one prefers longer ${texts}; 0: no penalty`
    }),
    coveragePenalty: setting.number({
      min: 0,
      max: 100,
      default: 0,
      help: `factor of the coverage penalty (Wu et al. 2016): a larger one prefers ${texts} that attend to all of the ${source}; 0: no penalty`
    }),
    prune: setting.number({
      min: 0,
      max: 1e6,
      default: PRUNE,
      argument: '<nats>',
      help: `do not follow ${texts} that are less probable than the best one of their length by more than so many nats`
    })
  } satisfies Group
}

/** Returns the declarations of the settings of draws. */
export function drawGroup({ texts }: Pick<SearchWords, 'texts'>) {
  return {
    sample: setting.flag({ default: false, help: `draw ${texts} instead of searching for the best ones` }),
    temperature: setting.number({
      min: 0,
      max: 1e6,
      argument: '<t>',
      absent: true,
      defaultText: '1',
      help: 'divisor of the logits of draws: 1 as learned, lower is safer, 0 takes the most probable symbol'
    }),
    topK: setting.integer({
      min: 0,
      max: 2 ** 24,
      argument: '<k>',
      absent: true,
      defaultText: '0',
      help: 'draw from the k most probable symbols; 0: from all'
    }),
    topP: setting.number({
      above: 0,
      max: 1,
      argument: '<p>',
      absent: true,
      defaultText: '1',
      help: 'draw from the most probable symbols that sum to p'
    }),
    seed: setting.integer({ min: 0, absent: true, defaultText: '0', help: 'seed of the draws' })
  } satisfies Group
}

/** Returns the settings of the draws; null for a search. Throws ERR_INVALID_OPTION for settings of draws without draws. */
export function drawsOf(
  given: { readonly sample: boolean } & Partial<SamplerSettings>
): Partial<SamplerSettings> | null {
  const { sample, temperature, topK, topP, seed } = given
  const settings = Object.entries({ temperature, topK, topP, seed }).filter(([, value]) => value !== undefined)
  if (sample) return Object.fromEntries(settings)
  if (settings.length === 0) return null
  const names = settings.map(([name]) => name).join(', ')
  const remedy = 'choose sample or leave these out'
  throw expected('ERR_INVALID_OPTION', `sample next to ${names}`, 'a search for the best', remedy)
}

/** Returns the declaration of the list of the texts of an input in a record. */
export function foundTexts({ texts }: Pick<SearchWords, 'texts'>) {
  return field.list(
    {
      text: field.text('the text'),
      nats: field.number('negative log probability', 'nats'),
      score: field.number('log probability divided by the length penalty', 'nats'),
      ended: field.boolean('whether it ends with the end token; false if it was cut off')
    },
    `the ${texts}, best first`
  )
}

/** Returns the lines of the texts of an input: the text itself, or with `best` above 1 each text after its nats. */
export function foundLines(found: readonly { readonly text: string; readonly nats: number }[], best: number): string[] {
  return best === 1 ? found.map(({ text }) => text) : found.map(({ text, nats }) => `${nats.toFixed(2)}  ${text}`)
}
