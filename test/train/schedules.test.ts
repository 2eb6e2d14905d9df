// Learning-rate factors over a run.
import t from 'tap'
import {
  afterValidation,
  checkSchedule,
  scheduleFactor,
  type PlateauState,
  type Schedule
} from '../../src/train/schedules.js'
import { readGolden } from '../golden.js'

const plateau = { factor: 1, bad: 0 }
function factors(schedule: Schedule, steps: number): number[] {
  const full = checkSchedule(schedule, true)
  const at = (step: number) => ({ step, done: step / steps, share: 1 / steps, plateau })
  return Array.from({ length: steps }, (_, step) => scheduleFactor(full, at(step)))
}

t.test('constant, with and without a rise', async (t) => {
  t.same(factors({ kind: 'constant' }, 4), [1, 1, 1, 1])
  t.same(factors({ kind: 'constant', warmup: 4 }, 6), [0.25, 0.5, 0.75, 1, 1, 1])
  t.same(factors({ kind: 'constant', warmup: 0.5 }, 8), [0.25, 0.5, 0.75, 1, 1, 1, 1, 1], 'a share of the run')
})

t.test('cosine', async (t) => {
  const rates = factors({ kind: 'cosine', final: 0.1 }, 100)
  t.equal(rates[0], 1)
  t.ok(Math.abs(rates[50]! - 0.55) < 1e-12, 'half way in the middle')
  t.ok(rates[99]! > 0.1 && rates[99]! < 0.101, 'ends at `final`')
  t.ok(rates.every((rate, i) => i === 0 || rate < rates[i - 1]!))
  const rising = factors({ kind: 'cosine', warmup: 10 }, 100)
  t.ok(rising[0]! < 0.11 && rising[9]! > 0.9 && rising[60]! < rising[20]!)
})

t.test('plateau', async (t) => {
  const schedule = checkSchedule({ kind: 'plateau', factor: 0.5, patience: 1, minimum: 0.2 }, false)
  let state = { factor: 1, bad: 0 }
  const after = [true, false, false, false, true, false, false, false, false].map((gained) => {
    state = afterValidation(schedule, state, gained, 0)
    return scheduleFactor(schedule, { step: 0, done: 0, share: 0, plateau: state })
  })
  t.same(after, [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2])
})

interface Golden {
  steps: number
  losses: number[]
  cosine: number[]
  warmup: number[]
  warmupThenCosine: number[]
  plateau: Record<'absolute' | 'default', number[]>
  step: number[]
  exponential: number[]
}
const golden = readGolden<Golden>('schedules')
const close = (found: number[], expected: number[]) => found.every((rate, i) => Math.abs(rate - expected[i]!) <= 1e-9)

t.test('the factors of torch.optim.lr_scheduler', async (t) => {
  const { steps } = golden
  t.ok(close(factors({ kind: 'cosine', final: 0.02 }, steps), golden.cosine), 'CosineAnnealingLR')
  t.ok(close(factors({ kind: 'constant', warmup: 4 }, steps), golden.warmup), 'LinearLR')
  t.ok(close(factors({ kind: 'step', every: 6 }, steps), golden.step), 'StepLR')
  t.ok(close(factors({ kind: 'step', every: 1, factor: 0.9 }, steps), golden.exponential), 'ExponentialLR')
  const rising = factors({ kind: 'step', every: 6, warmup: 4 }, steps)
  t.ok(
    close(
      rising,
      golden.step.map((rate, i) => rate * golden.warmup[i]!)
    ),
    'a warm-up multiplies any schedule'
  )
})

t.test(
  'cosine with warm-up is the product of both, where SequentialLR begins the cosine after the warm-up',
  async (t) => {
    const { steps, cosine, warmup, warmupThenCosine } = golden
    const found = factors({ kind: 'cosine', warmup: 4 }, steps)
    t.ok(
      close(
        found,
        cosine.map((rate, i) => rate * warmup[i]!)
      )
    )
    t.notOk(close(found, warmupThenCosine))
  }
)

t.test('plateau is ReduceLROnPlateau with the same threshold', async (t) => {
  for (const [name, threshold] of [
    ['absolute', 0],
    ['default', 1e-4]
  ] as const) {
    const schedule = checkSchedule({ kind: 'plateau', threshold }, false)
    let state: PlateauState = { factor: 1, bad: 0 }
    let best = Infinity
    const rates = golden.losses.map((loss) => {
      const rate = scheduleFactor(schedule, { step: 0, done: 0, share: 0, plateau: state })
      state = afterValidation(schedule, state, loss < best, loss)
      best = Math.min(best, loss)
      return rate
    })
    t.ok(close(rates, golden.plateau[name]), name)
  }
  t.notSame(golden.plateau.absolute, golden.plateau.default)
})

t.test('refusals', async (t) => {
  const refused: [Schedule, boolean][] = [
    [{ kind: 'linear' as 'cosine' }, true],
    [{ kind: 'step', every: 0 }, true],
    [{ kind: 'plateau', threshold: -1 }, true],
    [{ kind: 'cosine' }, false],
    [{ kind: 'constant', warmup: 0.1 }, false],
    [{ kind: 'constant', warmup: -1 }, true],
    [{ kind: 'cosine', final: 2 }, true],
    [{ kind: 'plateau', patience: 0.5 }, true]
  ]
  for (const [schedule, bounded] of refused) {
    t.throws(() => checkSchedule(schedule, bounded), { code: 'ERR_INVALID_ARGUMENT' }, JSON.stringify(schedule))
  }
})
