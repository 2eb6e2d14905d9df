// A training that does not fit is refused with both figures before the work begins; it was killed in the middle of it.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { memoryLimits } from '../../../src/tasks/runs/memory-limit.js'
import { prepareTextRun } from '../../../src/tasks/text/index.js'
import { gatecell, story } from '../../cli/command.js'

const cwd = t.testdir({ 'story.txt': story(3000) })
const prepare = (limits?: { group?: number; addressSpace?: number }) =>
  prepareTextRun({
    data: [join(cwd, 'story.txt')],
    out: join(cwd, 'm.safetensors'),
    network: { hidden: 64, layers: 1 },
    training: { batch: 4, length: 16, steps: 1 },
    threads: 1,
    ...(limits && { memoryLimits: { group: null, addressSpace: null, addressed: 1e9, ...limits } })
  })

t.test('a control group, an address space', async (t) => {
  const run = await prepare({})
  const { total, measurement } = run.memory
  t.equal(typeof run.memory.device, 'string')
  run.dispose()
  const left = () => readdirSync(cwd)
  const refused = (needed: RegExp) => ({ code: 'ERR_OUT_OF_MEMORY', message: needed })
  await t.rejects(
    prepare({ group: 20e6 }),
    refused(/at most 20 MB, the limit of its control group, but received one that needs \d+ MB: raise the limit/)
  )
  await t.rejects(prepare({ group: Math.floor(total / 2) }), { code: 'ERR_OUT_OF_MEMORY' })
  await t.rejects(
    prepare({ addressSpace: 1e9 + measurement - 1 }),
    refused(/at most 100\d MB, the limit of its address space \(ulimit -v\), but received one that needs 100\d MB/)
  )
  t.same(left(), ['story.txt'], 'nothing is written, and the locks are released')
  for (const limits of [{ group: 2 * total }, { addressSpace: 1e9 + measurement }, undefined]) {
    const fits = await prepare(limits)
    fits.dispose()
  }
})

t.test('the limits of this process', { skip: process.platform !== 'linux' }, async (t) => {
  const { addressed } = memoryLimits()
  t.ok(addressed > process.memoryUsage.rss())
  const { code, stderr } = await gatecell(
    [
      'train',
      'text',
      join(cwd, 'story.txt'),
      '--out',
      join(cwd, 'm.safetensors'),
      '--hidden',
      '4000',
      '--threads',
      '1'
    ],
    // Room for Node itself, and not for gigabytes of weights.
    { shell: `ulimit -v ${Math.round((addressed + 1e9) / 1024)}` }
  )
  t.equal(code, 1, stderr)
  t.match(stderr, /\(ERR_OUT_OF_MEMORY\)/)
  t.same(readdirSync(cwd), ['story.txt'])
})
