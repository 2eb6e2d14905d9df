// First values of parameters: ranges, moments, orthogonality, and nothing but (seed, name) in them.
import t from 'tap'
import {
  constant,
  normal,
  orthogonal,
  uniform,
  withForgetBias,
  zeros,
  type Initializer
} from '../../src/graph/initializers.js'
import { createRandom } from '../../src/random.js'

function fill(initialize: Initializer, ...shape: number[]): Float32Array {
  const values = new Float32Array(shape.reduce((a, b) => a * b))
  initialize(values, shape, createRandom(3, 'a'))
  return values
}

t.test('simple ones', async (t) => {
  t.same([...fill(zeros, 3)], [0, 0, 0])
  t.same([...fill(constant(2), 2)], [2, 2])
  const values = fill(uniform(0.1), 100, 20)
  t.ok(values.every((value) => Math.abs(value) <= 0.1))
  t.ok(Math.max(...values) > 0.09 && Math.min(...values) < -0.09)
  const spread = Math.sqrt(fill(normal(0.5), 5000).reduce((sum, value) => sum + value * value, 0) / 5000)
  t.ok(Math.abs(spread - 0.5) < 0.03)
  t.same([...fill(withForgetBias(1, constant(0.5)), 8)], [0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.5])
})

t.test('orthogonal: every block has orthonormal rows', async (t) => {
  const [hidden, gain] = [24, 1.5]
  const values = fill(orthogonal(gain), 4 * hidden, hidden)
  const row = (i: number) => values.subarray(i * hidden, (i + 1) * hidden)
  let worst = 0
  for (let gate = 0; gate < 4; gate++) {
    for (let i = 0; i < hidden; i++) {
      for (let j = 0; j <= i; j++) {
        const [a, b] = [row(gate * hidden + i), row(gate * hidden + j)]
        const dot = a.reduce((sum, value, k) => sum + value * b[k]!, 0)
        worst = Math.max(worst, Math.abs(dot - (i === j ? gain * gain : 0)))
      }
    }
  }
  t.ok(worst < 1e-6, `within 1e-6 (${worst})`)
})

t.test('the same seed and name give the same values', async (t) => {
  for (const initialize of [uniform(1), normal(1), orthogonal(1)])
    t.same(fill(initialize, 6, 3), fill(initialize, 6, 3))
})
