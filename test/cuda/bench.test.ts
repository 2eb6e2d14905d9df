// gatecell bench on the device: rows as on the processor but without shares; with auto the choice next to both measured times.
import t from 'tap'
import { createRecord } from '../../src/bench/report/machine-file.js'
import { findWorkloads } from '../../src/bench/registry.js'
import { createReport } from '../../src/bench/report/lines.js'
import { runBench } from '../../src/bench/run.js'
import type { Device } from '../../src/graph/opcodes.js'
import { library } from './device.js'

if (library.file !== null) process.env['GATECELL_CUDA_LIBRARY'] = library.file
const { skip } = library
const onGpu = [
  'train-char',
  'layer',
  'bidirectional',
  'lengths',
  'peephole',
  'layer-norm',
  'sequence',
  'step',
  'sample'
]

async function run(names: readonly string[], device: Device, more: object = {}) {
  const record = createRecord(device)
  const lines: string[] = []
  const report = createReport((line = '') => lines.push(line))
  const choice = { threads: [1, 2], precisions: [], hidden: [8], batch: [2], layers: [1], length: 2, device, ...more }
  const workloads = findWorkloads(names, device)
  for await (const event of runBench({ workloads, choice, seconds: 0.01, rivals: false })) {
    record.add(event)
    report(event)
  }
  return { file: record.file(), lines }
}

t.test('every workload that has layers runs on the device, once for all threads', { skip }, async (t) => {
  t.same(
    findWorkloads([], 'cuda').map(({ name }) => name),
    onGpu
  )
  const { file, lines } = await run([], 'cuda')
  t.same([...new Set(file.rows.map(({ workload }) => workload))], onGpu)
  t.match(file.machine, { gpu: /\S/ })
  t.ok(lines.some((line) => line.startsWith('GPU: ')))
  // layer-norm has only float32.
  for (const name of ['own product, bf16', 'copy', 'launch in a graph', 'shortest run'])
    t.ok(
      file.limits.some(({ limit, isa, value }) => limit === name && isa === 'cuda' && value > 0),
      name
    )
  for (const row of file.rows) {
    t.match(row, { isa: 'cuda', threads: 1, limit: null, share_of_limit: null }, row.workload)
    t.ok((row['median_us'] as number) > 0)
  }
})

t.test('precisions of the device', { skip }, async (t) => {
  const { file } = await run(['step'], 'cuda', { precisions: ['f32', 'tf32', 'bf16', 'int8'] })
  t.same(
    file.rows.map(({ precision }) => precision),
    ['f32', 'tf32', 'bf16']
  )
  await t.rejects(run(['step'], 'cuda', { precisions: ['int8'] }), { code: 'ERR_INVALID_OPTION' })
  t.throws(() => findWorkloads(['gemm'], 'cuda'), { code: 'ERR_INVALID_OPTION', message: /sample/ })
})

t.test('auto beside both', { skip }, async (t) => {
  const { file, lines } = await run(['sample', 'train-char'], 'auto', { threads: [1] })
  for (const row of file.rows) {
    const { chosen, right, workload } = row
    const [cpu, cuda, own] = [row['cpu_us'], row['cuda_us'], row['median_us']] as number[]
    t.ok(cpu! > 0 && cuda! > 0 && own! > 0, workload)
    t.equal(right, cpu! <= cuda! === (chosen === 'cpu') ? 'yes' : 'no')
    t.match(row, { isa: 'auto', why: /\S/ })
    t.notOk('steps_us' in row, 'nothing else is compared')
  }
  t.ok(lines.some((line) => line.includes('auto chose ')))
  t.ok(lines.some((line) => /the choice was (right|WRONG)/.test(line)))
  const rivals = runBench({
    workloads: findWorkloads(['sample'], 'auto'),
    choice: { threads: [], precisions: [], hidden: [8], batch: [], layers: [1], length: 2, device: 'auto' },
    seconds: 0.01,
    rivals: true
  })
  await t.rejects(
    async () => {
      for await (const _ of rivals);
    },
    { code: 'ERR_INVALID_OPTION' }
  )
})
