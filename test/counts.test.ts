// Counts that multiply into allocations have an upper bound: these calls once ended the process.
import { join } from 'node:path'
import t from 'tap'
import { createEvaluation, openEventLog, tokensOf } from '../src/index.js'
import { fitMemoryless } from '../src/tasks/handwriting-synthesis/index.js'

t.test('counts without a bound are refused', async (t) => {
  const code = 'ERR_INVALID_ARGUMENT'
  const folder = join(t.testdir(), 'log')
  for (const count of [2 ** 31, 2 ** 53, Infinity, NaN]) {
    t.throws(() => createEvaluation(tokensOf([1, 2, 3]), { length: 5, batch: count }), { code }, `batch ${count}`)
    t.throws(() => fitMemoryless([new Float32Array(12)], count), { code }, `gaussians ${count}`)
  }
  for (const count of [Infinity, NaN, 2 ** 53, -1])
    t.throws(() => openEventLog(folder, { resumeStep: count }), { code }, `resumeStep ${count}`)
})
