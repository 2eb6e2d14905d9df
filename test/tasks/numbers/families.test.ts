// The families of integer sequences: their terms, their parts, and the drawing of members.

import t from 'tap'
import { createRandom } from '../../../src/random.js'
import {
  drawMember,
  families,
  familyNames,
  partOf,
  termsOf,
  type FamilyName
} from '../../../src/tasks/numbers/families.js'

/** Terms that are right by hand: family, parameters, terms. */
const KNOWN: readonly (readonly [FamilyName, readonly number[], readonly number[]])[] = [
  ['arithmetic', [6, 1], [6, 7, 8, 9, 10]],
  ['arithmetic', [1, -3], [1, -2, -5, -8, -11]],
  ['geometric', [2, 2], [2, 4, 8, 16, 32]],
  ['geometric', [1, -3], [1, -3, 9, -27, 81]],
  ['alternating', [1, 5, -2], [1, 6, 4, 9, 7, 12]],
  ['quadratic', [1, 3, 2], [1, 4, 9, 16, 25, 36]],
  ['cubic', [0, 1, 6, 6], [0, 1, 8, 27, 64, 125]],
  ['fibonacci', [1, 1], [1, 1, 2, 3, 5, 8, 13]],
  ['interleaved', [1, 10, 2, -1], [1, 10, 3, 9, 5, 8, 7]]
]

t.test('terms', (t) => {
  for (const [family, parameters, terms] of KNOWN)
    t.strictSame(termsOf({ family, parameters }, terms.length), terms.map(BigInt), `${family} ${parameters.join(', ')}`)
  t.strictSame(termsOf({ family: 'fibonacci', parameters: [3, 4] }, 1), [3n], 'fewer terms than the start has')
  t.end()
})

t.test('members of a part', (t) => {
  const random = createRandom(1, 'members')
  for (const family of familyNames) {
    const { bounds } = families[family]
    for (const part of ['train', 'valid', 'test'] as const) {
      for (let i = 0; i < 50; i++) {
        const member = drawMember(random, family, { part })
        t.equal(partOf(member), part)
        t.ok(bounds.every((bound, k) => Math.abs(member.parameters[k]!) <= bound))
        const larger = drawMember(random, family, { part, range: 'larger' }).parameters
        t.ok(bounds.every((bound, k) => Math.abs(larger[k]!) >= 3 * bound && Math.abs(larger[k]!) <= 10 * bound))
      }
    }
  }
  t.end()
})

t.test('no member of a family is one of another', (t) => {
  const others: Readonly<Partial<Record<FamilyName, readonly number[]>>> = {
    geometric: [0, 2],
    alternating: [1, 2, 2],
    quadratic: [1, 2, 0],
    cubic: [1, 2, 3, 0],
    fibonacci: [0, 0],
    interleaved: [1, 5, 3, 3]
  }
  for (const [name, parameters] of Object.entries(others)) {
    const { belongsElsewhere } = families[name as FamilyName]
    t.equal(belongsElsewhere!(parameters), true, name)
  }
  t.end()
})
