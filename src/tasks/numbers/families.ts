// The families of integer sequences that the task learns, and the drawing of their members. A member is a family with parameters; a
// checksum of both decides its part, so that the parameters of a tested sequence never occur in training.

import { crc32c } from '../../io/crc32c.js'
import type { Random } from '../../random.js'

/** A family of sequences. */
interface Family {
  /** Largest magnitude of each parameter in training, without the one that `choices` has. */
  readonly bounds: readonly number[]
  /** Values of a last parameter that is drawn from a list; default: there is none. */
  readonly choices?: readonly number[]
  /** Fewest terms from which the rule can be found; with so few, some families are as likely as others. */
  readonly fewest: number
  /** Relation between the terms, for people. */
  readonly rule: string
  /** Returns true for parameters whose sequence another family contains as well; they are not drawn for this family. */
  belongsElsewhere?(parameters: readonly number[]): boolean
  /** Returns the first `count` terms. */
  terms(parameters: readonly number[], count: number): bigint[]
}

/** Returns terms of which each follows from the ones before it; the first ones are `start`. */
function recurrence(start: readonly bigint[], count: number, next: (terms: readonly bigint[]) => bigint): bigint[] {
  const terms = start.slice(0, count)
  while (terms.length < count) terms.push(next(terms))
  return terms
}

/** Returns the terms of a polynomial from its value and differences at the start. */
function polynomial(differences: readonly number[], count: number): bigint[] {
  const now = differences.map(BigInt)
  return Array.from({ length: count }, () => {
    const term = now[0]!
    for (let k = 0; k + 1 < now.length; k++) now[k]! += now[k + 1]!
    return term
  })
}

/** Factors of the geometric family. */
const RATIOS = [2, 3, 4, 5, -1, -2, -3]

const definitions = {
  arithmetic: {
    bounds: [1000, 1000],
    fewest: 2,
    rule: 'the same step each time',
    terms: polynomial
  },
  geometric: {
    bounds: [1000],
    choices: RATIOS,
    fewest: 2,
    rule: `each term times a factor from ${RATIOS.join(', ')}`,
    belongsElsewhere: ([start]) => start === 0,
    terms: ([start, ratio], count) => recurrence([BigInt(start!)], count, (terms) => terms.at(-1)! * BigInt(ratio!))
  },
  alternating: {
    bounds: [1000, 1000, 1000],
    fewest: 4,
    rule: 'two steps in turn',
    belongsElsewhere: ([, one, other]) => one === other,
    terms: ([start, ...steps], count) =>
      recurrence([BigInt(start!)], count, (terms) => terms.at(-1)! + BigInt(steps[(terms.length - 1) % 2]!))
  },
  quadratic: {
    bounds: [1000, 300, 100],
    fewest: 4,
    rule: 'a polynomial of degree 2: the second difference stays the same',
    belongsElsewhere: ([, , second]) => second === 0,
    terms: polynomial
  },
  cubic: {
    bounds: [1000, 300, 100, 100],
    fewest: 5,
    rule: 'a polynomial of degree 3: the third difference stays the same',
    belongsElsewhere: ([, , , third]) => third === 0,
    terms: polynomial
  },
  fibonacci: {
    bounds: [1000, 1000],
    fewest: 4,
    rule: 'each term is the sum of the two before it',
    belongsElsewhere: ([one, other]) => one === 0 && other === 0,
    terms: (start, count) => recurrence(start.map(BigInt), count, (terms) => terms.at(-1)! + terms.at(-2)!)
  },
  interleaved: {
    bounds: [1000, 1000, 1000, 1000],
    fewest: 5,
    rule: 'two arithmetic sequences in turn',
    belongsElsewhere: ([, , one, other]) => one === other,
    terms: ([one, other, ...steps], count) =>
      recurrence([BigInt(one!), BigInt(other!)], count, (terms) => terms.at(-2)! + BigInt(steps[terms.length % 2]!))
  }
} satisfies Readonly<Record<string, Family>>

/** Name of a family. */
export type FamilyName = keyof typeof definitions

/** The families by name. */
export const families: Readonly<Record<FamilyName, Family>> = definitions

/** Names of the families, in the order of their numbers in the network's output. */
export const familyNames = Object.keys(definitions) as readonly FamilyName[]

/** Parts of the members: training, validation, test. */
export type MemberPart = 'train' | 'valid' | 'test'

/** A family with parameters. */
export interface Member {
  readonly family: FamilyName
  readonly parameters: readonly number[]
}

/** Sizes of parameters: as in training, or from three to ten times larger. */
export type ParameterRange = 'trained' | 'larger'

const encoder = new TextEncoder()

/** Returns the part of a member: of 16 members one is in the test and one in the validation. */
export function partOf({ family, parameters }: Member): MemberPart {
  const share = crc32c(encoder.encode(`${family} ${parameters.join(' ')}`)) % 16
  return share === 0 ? 'test' : share === 1 ? 'valid' : 'train'
}

/** Returns the first `count` terms of a member, an integer from 0 on. */
export function termsOf({ family, parameters }: Member, count: number): bigint[] {
  return families[family].terms(parameters, count)
}

/**
 * Draws a parameter. Half of them are uniform within the bound, the other half have a uniform number of digits, so that small numbers are
 * frequent. Larger ones are uniform from three to ten times the bound, of either sign.
 */
function drawParameter(random: Random, bound: number, range: ParameterRange): number {
  if (range === 'larger') return (3 * bound + random.below(7 * bound + 1)) * (random.below(2) === 0 ? 1 : -1)
  const most = random.below(2) === 0 ? bound : Math.floor(bound ** random.uniform())
  return random.below(2 * most + 1) - most
}

/** Draws a member of a family that is in a part. */
export function drawMember(
  random: Random,
  family: FamilyName,
  { part, range = 'trained' }: { part: MemberPart; range?: ParameterRange }
): Member {
  const { bounds, choices, belongsElsewhere } = families[family]
  for (;;) {
    const parameters = bounds.map((bound) => drawParameter(random, bound, range))
    if (choices) parameters.push(choices[random.below(choices.length)]!)
    const member = { family, parameters }
    if (!belongsElsewhere?.(parameters) && partOf(member) === part) return member
  }
}
