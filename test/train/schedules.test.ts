// Learning-rate factors over a run.
import t from 'tap'
import { afterValidation, checkSchedule, scheduleFactor, type Schedule } from '../../src/train/schedules.js'

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
    state = afterValidation(schedule, state, gained)
    return scheduleFactor(schedule, { step: 0, done: 0, share: 0, plateau: state })
  })
  t.same(after, [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2])
})

t.test('refusals', async (t) => {
  const refused: [Schedule, boolean][] = [
    [{ kind: 'step' as 'cosine' }, true],
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
