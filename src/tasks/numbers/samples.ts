// Sequences with their next terms, and batches of them: endless ones for training, fixed ones for measurements.

import { integer, open } from '../../check/index.js'
import type { Batch, BatchSource, EpochSource } from '../../data/batching/source.js'
import { createRandom, shuffle, type Random } from '../../random.js'
import { CONTEXT, packNumbers, widthOf, type NumberSample } from './digits.js'
import {
  drawMember,
  families,
  familyNames,
  termsOf,
  type FamilyName,
  type Member,
  type MemberPart,
  type ParameterRange
} from './families.js'

/** A sequence of a known family. */
export interface MemberSample extends NumberSample {
  readonly member: Member
  readonly next: bigint
}

/** Returns the first `count` terms of a member and the term after them. */
export function sampleOf(member: Member, count: number): MemberSample {
  const all = termsOf(member, count + 1)
  return { member, terms: all.slice(0, count), next: all[count]!, family: familyNames.indexOf(member.family) }
}

/** Shares of the families in the training. Rules with more terms take longer to learn. */
const SHARES: Readonly<Record<FamilyName, number>> = {
  arithmetic: 1,
  geometric: 2,
  alternating: 1,
  quadratic: 2,
  cubic: 6,
  fibonacci: 1,
  interleaved: 1
}

function drawFamily(random: Random): FamilyName {
  const total = familyNames.reduce((sum, name) => sum + SHARES[name], 0)
  let left = random.uniform() * total
  return familyNames.find((name) => (left -= SHARES[name]) < 0) ?? familyNames.at(-1)!
}

/** Draws a sequence for training: most have five or six terms, a quarter any number from the fewest of the family on. */
function drawSample(random: Random): MemberSample {
  const family = drawFamily(random)
  const member = drawMember(random, family, { part: 'train' })
  const { fewest } = families[family]
  const count = random.below(4) > 0 ? CONTEXT - random.below(2) : fewest + random.below(CONTEXT + 1 - fewest)
  return sampleOf(member, count)
}

/**
 * Digits that the batches of a group have in addition to those that their numbers need. They repeat the sign, so that the network reads wider
 * numbers than those of the training.
 */
const SPARE = [0, 1, 0, 2, 1, 0, 2, 9]

/** Digits of the shape for which the memory of a training is estimated: more than nearly all batches have, which are 4 to 18 digits wide. */
const ESTIMATED_WIDTH = 24

/** Steps of an epoch of the training, which has no end of its own. */
export const STEPS_PER_EPOCH = 1000

const readCursor = open<{ step: number }>({ step: integer(0) })

/**
 * Returns the batches of a training. Sequences are drawn in groups of eight batches and sorted by width, so that the numbers of a batch are of
 * about equal width. A batch is a function of the seed and its position.
 */
export function trainingBatches({ batch, seed }: { batch: number; seed: number }): EpochSource {
  return {
    dims: { length: ESTIMATED_WIDTH, batch },
    stepsPerEpoch: STEPS_PER_EPOCH,
    *batches(cursor) {
      for (let { step } = readCursor(cursor ?? { step: 0 }, 'the cursor'); ;) {
        const random = createRandom(seed, `numbers ${Math.floor(step / SPARE.length)}`)
        const samples = Array.from({ length: SPARE.length * batch }, () => drawSample(random))
        const widths = new Map(samples.map((sample) => [sample, widthOf([...sample.terms, sample.next])]))
        samples.sort((one, other) => widths.get(one)! - widths.get(other)!)
        const [order, spare] = [shuffle(SPARE.map((_, i) => i), random), shuffle([...SPARE], random)] // prettier-ignore
        for (let i = step % SPARE.length; i < SPARE.length; i++) {
          const own = samples.slice(order[i]! * batch, (order[i]! + 1) * batch)
          const length = widths.get(own.at(-1)!)! + spare[i]!
          step++
          yield { ...batchOf(own, length), epoch: Math.floor((step - 1) / STEPS_PER_EPOCH), cursor: { step } }
        }
      }
    }
  }
}

function batchOf(samples: readonly MemberSample[], length: number): Omit<Batch, 'epoch' | 'cursor'> {
  const inputs = { ...packNumbers(samples, length) }
  return { inputs, dims: { length, batch: samples.length }, count: length * samples.length, reset: true }
}

/** The sequences of a measurement. */
export interface MeasuredSequences {
  readonly part: MemberPart
  readonly range?: ParameterRange
  /** Number of sequences; the families take turns. */
  readonly count: number
}

/** Seed of the sequences that measure, which are the same for every model. */
const MEASURE_SEED = 1997
/** Number of terms before the one that is asked for; a geometric sequence has fewer, because its rule shows after three. */
const MEASURED_TERMS = 5
const MEASURED_GEOMETRIC_TERMS = 4

/** Returns sequences to measure, the same ones for every call. */
export function measuredSequences({ part, range = 'trained', count }: MeasuredSequences): MemberSample[] {
  const random = createRandom(MEASURE_SEED, `${part} ${range}`)
  const seen = new Set<string>()
  const samples: MemberSample[] = []
  while (samples.length < count) {
    const family = familyNames[samples.length % familyNames.length]!
    const member = drawMember(random, family, { part, range })
    const name = `${family} ${member.parameters.join(' ')}`
    if (seen.has(name)) continue
    seen.add(name)
    samples.push(sampleOf(member, family === 'geometric' ? MEASURED_GEOMETRIC_TERMS : MEASURED_TERMS))
  }
  return samples
}

/** Returns sequences as batches of about equal width, each once. */
export function measuredBatches(samples: readonly MemberSample[], batch: number): BatchSource & EpochSource {
  const sorted = samples.toSorted(
    (one, other) => widthOf([...one.terms, one.next]) - widthOf([...other.terms, other.next])
  )
  const parts = Array.from({ length: Math.ceil(sorted.length / batch) }, (_, i) => sorted.slice(i * batch, (i + 1) * batch)) // prettier-ignore
  const length = widthOf(sorted.flatMap(({ terms, next }) => [...terms, next]))
  return {
    dims: { length, batch: Math.min(batch, sorted.length) },
    stepsPerEpoch: parts.length,
    *batches() {
      for (const [i, own] of parts.entries()) {
        const width = widthOf(own.flatMap(({ terms, next }) => [...terms, next]))
        yield { ...batchOf(own, width), epoch: 0, cursor: { step: i + 1 } }
      }
    }
  }
}
