// The measure of a model of numbers: the share of sequences whose next term is right in all digits, in each family.

import { counted } from '../../errors.js'
import { duration, percent } from '../../format.js'
import type { JsonObject } from '../../io/json.js'
import type { Model } from '../../model.js'
import type { TaskMeasurement } from '../task.js'
import { decodedWidth, decodeNumbers } from './predict.js'
import { complement } from './digits.js'
import { familyNames, type MemberPart } from './families.js'
import { measuredSequences, type MemberSample } from './samples.js'

/** Number of sequences of a measurement. */
export const MEASURED = 1000

/** Number of sequences of a batch of a measurement. */
export const MEASURED_BATCH = 100

/** Shares of right next terms. */
export interface NumbersScores {
  /** Of all sequences. */
  readonly exact: number
  /** By family. */
  readonly families: Readonly<Record<string, number>>
  /** Share of sequences whose family is the most probable one. */
  readonly family: number
}

/** Returns the share of sequences whose next term has all digits right. Throws ERR_ABORTED if the signal aborts. */
async function scoreNumbers(
  model: Model,
  samples: readonly MemberSample[],
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: (done: number) => void } = {}
): Promise<NumbersScores> {
  const sorted = samples.toSorted((one, other) => decodedWidth(one.terms) - decodedWidth(other.terms))
  const right = new Map<string, boolean[]>(familyNames.map((name) => [name, []]))
  let named = 0
  for (let at = 0; at < sorted.length; at += MEASURED_BATCH) {
    onProgress?.(at / sorted.length)
    const batch = sorted.slice(at, at + MEASURED_BATCH)
    const width = Math.max(...batch.map(({ terms }) => decodedWidth(terms)))
    const { digits, families } = await decodeNumbers(model, batch, { width, signal })
    batch.forEach(({ member, next, family }, b) => {
      right.get(member.family)!.push(digits[b]!.toReversed().join('') === complement(next, width))
      if (families[b]!.every((value) => value <= families[b]![family]!)) named++
    })
  }
  const shareOf = (values: readonly boolean[]) => values.filter(Boolean).length / Math.max(1, values.length)
  return {
    exact: shareOf([...right.values()].flat()),
    families: Object.fromEntries([...right].map(([name, values]) => [name, shareOf(values)])),
    family: named / Math.max(1, samples.length)
  }
}

/** Measures a model on sequences of a part that it has not seen, and on sequences whose parameters are three to ten times larger. */
export async function measureNumbers(
  model: Model,
  part: MemberPart,
  options: { signal: AbortSignal | undefined; onProgress?: (done: number) => void }
): Promise<TaskMeasurement> {
  const begin = performance.now()
  const score = async (range: 'trained' | 'larger', first: number) =>
    await scoreNumbers(model, measuredSequences({ part, range, count: MEASURED }), {
      ...options,
      onProgress: (done) => options.onProgress?.((first + done) / 2)
    })
  const [trained, larger] = [await score('trained', 0), await score('larger', 1)]
  const seconds = (performance.now() - begin) / 1000
  const row = (name: string, one: number, other: number) => `${name.padEnd(12)}${percent(one).padStart(9)}${percent(other).padStart(15)}` // prettier-ignore
  return {
    values: { exact: trained.exact, exact_larger: larger.exact },
    facts: { part, sequences: MEASURED, ...factsOf(trained, ''), ...factsOf(larger, '_larger'), seconds },
    lines: [
      `${percent(trained.exact)} of ${counted(MEASURED, 'unseen sequence')} (${part}) continued with all digits right, in ${duration(seconds)}`,
      '',
      `${''.padEnd(12)}as trained  3-10 x larger`,
      ...familyNames.map((name) => row(name, trained.families[name]!, larger.families[name]!)),
      row('all', trained.exact, larger.exact),
      row('family named', trained.family, larger.family)
    ]
  }
}

function factsOf({ families, family }: NumbersScores, suffix: string): JsonObject {
  const named = Object.entries(families).map(([name, share]) => [`exact_${name}${suffix}`, share])
  const worst = Math.min(...Object.values(families))
  return {
    ...Object.fromEntries(named),
    [`worst_family${suffix}`]: worst,
    [`family_named${suffix}`]: family
  } as JsonObject
}
