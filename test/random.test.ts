// Philox against the known answers of Random123 (kat_vectors), and sequences by name.
import t from 'tap'
import { createRandom, philox4x32, seedAt } from '../src/random.js'

const hex = (words: Uint32Array): string[] => [...words].map((word) => word.toString(16).padStart(8, '0'))

t.test('known answers of Philox4x32-10', async (t) => {
  const rows = [
    [
      [0, 0, 0, 0],
      [0, 0],
      ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    ],
    [Array<number>(4).fill(0xffffffff), [0xffffffff, 0xffffffff], ['408f276d', '41c83b0e', 'a20bc7c6', '6d5451fd']],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      ['d16cfe09', '94fdcceb', '5001e420', '24126ea1']
    ]
  ] as const
  for (const [counter, key, answer] of rows) t.same(hex(philox4x32(counter, key, new Uint32Array(4))), answer)
})

t.test('a sequence is a function of seed and name', async (t) => {
  const draw = (seed: number, name: string) => Array.from({ length: 9 }, createRandom(seed, name).uint32)
  t.same(draw(7, 'a'), draw(7, 'a'))
  t.notSame(draw(7, 'a'), draw(8, 'a'))
  t.notSame(draw(7, 'a'), draw(7, 'b'))
  t.notSame(draw(7, 'a'), draw(7 + 2 ** 32, 'a'), 'all 53 bits of the seed count')
  t.equal(new Set(draw(7, 'a')).size, 9)
})

t.test('moments of uniform and normal', async (t) => {
  const random = createRandom(1, 'moments')
  const n = 20000
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / n
  const uniform = Array.from({ length: n }, random.uniform)
  const normal = Array.from({ length: n }, random.normal)
  t.ok(uniform.every((value) => value >= 0 && value < 1))
  t.ok(Math.abs(mean(uniform) - 0.5) < 0.01)
  t.ok(Math.abs(mean(uniform.map((value) => (value - 0.5) ** 2)) - 1 / 12) < 0.003)
  t.ok(Math.abs(mean(normal)) < 0.03)
  t.ok(Math.abs(mean(normal.map((value) => value ** 2)) - 1) < 0.05)
  const below = Array.from({ length: n }, () => random.below(3))
  t.same([...new Set(below)].sort(), [0, 1, 2])
})

t.test('refuses what is no seed', async (t) => {
  for (const seed of [-1, 1.5, NaN, 2 ** 53]) t.throws(() => createRandom(seed), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('consecutive seeds stay in the range of seeds', (t) => {
  const most = Number.MAX_SAFE_INTEGER
  t.same([seedAt(3, 0), seedAt(3, 2), seedAt(most, 0), seedAt(most, 1), seedAt(most - 1, 3)], [3, 5, most, 0, 1])
  t.end()
})
