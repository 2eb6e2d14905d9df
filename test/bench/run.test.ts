// Whole runs at the tiniest shapes: every workload gives rows of the shape that --json promises. No time is judged.
import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  createRecord,
  compareRuns,
  readMachineFile,
  saveMachineFile,
  type MachineFile
} from '../../src/bench/report/machine-file.js'
import { probeKinds } from '../../src/bench/machine/measure.js'
import { ctcOf, mixtureOf, reader, writer } from '../../src/bench/workloads/losses.js'
import { characterModel, characterSteps, foldsEmbedding } from '../../src/bench/workloads/networks.js'
import { runPoint } from '../../src/bench/run-point.js'
import { findWorkloads, workloads } from '../../src/bench/registry.js'
import type { BenchRow, Workload } from '../../src/bench/workload.js'
import { createReport } from '../../src/bench/report/lines.js'
import { renderRoofline } from '../../src/bench/report/roofline.js'
import { createLimits } from '../../src/bench/machine/limits.js'
import type { Rival, Task } from '../../src/bench/rivals/types.js'
import { runBench } from '../../src/bench/run.js'
import type { Plan } from '../../src/graph/plan.js'
import { machineInfo } from '../../src/index.js'

const none = {
  threads: [],
  precisions: [],
  hidden: [],
  batch: [],
  layers: [],
  length: undefined,
  device: 'cpu' as const
}
const tiny = { ...none, threads: [1], hidden: [16], batch: [2], layers: [1], length: 3 }
const variants = ['bidirectional', 'lengths', 'peephole', 'layer-norm']
const measured = [
  'train-char',
  'train-translation',
  'layer',
  ...variants,
  'sequence',
  'step',
  'sample',
  'gemm',
  'gates'
]
const seconds = 0.02

async function run(chosen: readonly Workload[], choice: Parameters<typeof runBench>[0]['choice']) {
  const record = createRecord()
  const lines: string[] = []
  const report = createReport((line = '') => lines.push(line))
  for await (const event of runBench({ workloads: chosen, choice, seconds, rivals: false })) {
    record.add(event)
    report(event)
  }
  return { file: record.file(), lines }
}

t.test('the kinds of measurement are those of the header', async (t) => {
  const header = readFileSync(new URL('../../native/include/gatecell/gatecell.h', import.meta.url), 'utf8')
  const found = [...header.matchAll(/\bGC_PROBE_([A-Z0-9_]+) = (\d+)/g)]
  const camel = (name: string) => name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  t.same(probeKinds, Object.fromEntries(found.map(([, name, number]) => [camel(name!), Number(number)])))
})

t.test('each workload gives rows with the promised fields', async (t) => {
  const { file, lines } = await run(findWorkloads(measured), tiny)
  t.same([...new Set(file.rows.map(({ workload }) => workload))], measured)
  for (const row of file.rows) {
    const { workload, shape, threads, precision, isa } = row
    const rate = row['gflops'] ?? row['gbs'] ?? row['gcells']
    t.ok(
      ['B', 'T', 'H', 'layers'].every((name) => Number.isInteger(shape[name])),
      `${workload}: shape`
    )
    t.match({ threads, precision, isa }, { threads: 1, precision: 'f32', isa: machineInfo().isaUsed })
    const [low, median, high] = [row['p10_us'], row['median_us'], row['p90_us']] as number[]
    t.ok(low! > 0 && low! <= median! && median! <= high!, `${workload}: times`)
    t.ok(row['p99_us'] === null ? ['gemm', 'gates'].includes(workload) : (row['p99_us'] as number) >= median!)
    t.ok((row['samples'] as number) >= 5 && (rate as number) > 0, `${workload}: rate`)
    t.ok(Math.abs((row['share_of_limit'] as number) / ((rate as number) / (row['limit'] as number)) - 1) < 1e-9)
    t.ok((row['traffic_bytes'] as number) > 0)
  }
  t.ok(file.limits.some(({ limit, unit, value }) => limit === 'f32 multiply-add' && unit === 'GFLOP/s' && value > 0))
  t.ok(file.limits.every(({ p10, p90 }) => p10 <= p90))
  for (const name of measured)
    t.ok(
      lines.some((line) => line.startsWith(name)),
      `${name} has a heading`
    )

  for (const name of variants) {
    const row = file.rows.find(({ workload }) => workload === name)!
    const [own, plain, of] = [row['median_us'], row['plain_us'], row['of_plain']] as number[]
    t.ok(Math.abs(own! / plain! - of!) < 1e-9, `${name} beside the plain layer`)
  }

  const translation = file.rows.find(({ workload }) => workload === 'train-translation')!
  t.ok((translation['output_us'] as number) > 0 && lines.some((line) => line.includes('output layer and loss')))

  const sample = file.rows.find(({ workload }) => workload === 'sample')!
  const [whole, steps, added] = [sample['median_us'], sample['steps_us'], sample['added_us']] as number[]
  t.ok(steps! > 0 && Math.abs(whole! - steps! - added!) < 1e-6, 'what sampling adds to its steps')
  t.ok((sample['executed_gbs'] as number) < (sample['gbs'] as number), 'the folded embedding is told apart')

  const path = `${t.testdir()}/machine.json`
  await saveMachineFile(path, file)
  const again = await readMachineFile(path)
  t.same(again, JSON.parse(JSON.stringify(file)))
  const changes = compareRuns(again, file)
  t.equal(changes.length, file.rows.length)
  t.ok(changes.every(({ ratio }) => ratio === 1))

  const svg = await renderRoofline(file)
  t.match(svg, /^<svg /)
  for (const name of ['train-char', 'step', 'gemm']) t.match(svg, name)
  const gates = { ...file, rows: file.rows.filter(({ workload }) => workload === 'gates') }
  t.equal(gates.rows.length, 1)
  await t.rejects(renderRoofline(gates), { code: 'ERR_INVALID_ARGUMENT' }, 'a roofline needs a workload that computes')
})

t.test('what sample is compared with are the steps that it runs', async (t) => {
  using model = characterModel({ H: 16, layers: 2 }, { threads: 1, precision: 'f32', device: 'cpu' }, false)
  const steps = characterSteps(model, { H: 16, layers: 2 })
  const stream = model.stream()
  for (let i = 0; i < 3; i++) stream.feed([0])
  t.equal(steps.run(new Int32Array(3)), 3)
  const states = Object.entries(steps.plan.states)
  t.equal(states.length, 4)
  // The same symbol three times through the same weights: the same states, to the bit.
  for (const [name, values] of states) t.same(values, stream.state[name], name)
  const layers = (plan: Pick<Plan, 'explain'>) => plan.explain().nodes.filter(({ op }) => op === 'lstm')
  t.ok(foldsEmbedding(steps.plan))
  t.same(layers(steps.plan), layers(model.plan({ batch: 1, length: 1 }, { purpose: 'predict' })))
  const ops = steps.plan.explain().nodes.map(({ op }) => op)
  t.notOk(ops.includes('linear') || ops.includes('sample'), 'neither head nor draw')
})

t.test('precisions, threads and layers as asked', async (t) => {
  const choice = { ...tiny, threads: [1, 2], precisions: ['f32', 'bf16', 'int8'] as const, layers: [1, 2] }
  const points = (name: string) => findWorkloads([name])[0]!.points!({ ...choice, engineThreads: 2 })
  const names = points('step').map(({ precision, threads, shape }) => `${precision} ${threads} ${shape['layers']}`)
  t.equal(names.length, 2 * 3 * 2)
  t.equal(new Set(names).size, 12)
  t.same([...new Set(points('layer').map(({ precision }) => precision))], ['f32', 'bf16'])
  // One thread is run above; limits of a second number of threads take longer than all points.
  const { file } = await run(findWorkloads(['step', 'layer']), { ...choice, threads: [2] })
  const ran = file.rows.map(({ workload, precision, threads, shape }) => [
    workload,
    precision,
    threads,
    shape['layers']
  ])
  t.same(ran, [
    ...choice.precisions.flatMap((precision) => [1, 2].map((layers) => ['step', precision, 2, layers])),
    ['layer', 'f32', 2, 1],
    ['layer', 'bf16', 2, 1]
  ])
  await t.rejects(run(findWorkloads(['layer']), { ...tiny, precisions: ['int8'] }), { code: 'ERR_INVALID_OPTION' })
})

t.test('the shapes that figures are given for', async (t) => {
  const choice = { ...none, engineThreads: 2 }
  const shapes = (name: string) =>
    findWorkloads([name])[0]!.points!(choice).map(({ shape: { B, T, H }, threads }) => [B, T, H, threads])
  t.same(shapes('train-char'), [
    [64, 64, 128, 2],
    [64, 64, 256, 2],
    [64, 64, 512, 2],
    [32, 64, 1024, 2]
  ])
  t.same(
    shapes('layer'),
    [256, 512, 1024].map((H) => [32, 64, H, 2])
  )
  t.equal(shapes('sequence').length, 12)
  t.equal(shapes('step').length, 2 * 2 * 5)
  t.same([...new Set(shapes('step').map(([, , , threads]) => threads))], [1, 2])
  t.same([...new Set(shapes('sample').map(([, , , threads]) => threads))], [1], 'streams have one thread')
})

t.test('a rival is measured in turns and becomes a row; one that fails is said to', async (t) => {
  const tasks: Task[] = []
  const rival = (name: string, fails: boolean): Rival => ({
    name,
    version: '1.2.3',
    settings: 'scripted',
    async open(task) {
      tasks.push(task)
      if (fails) throw new Error('out of luck')
      return [9, 3].map((us) => ({ note: `${us} us`, burst: async () => [us * 1000, us * 1000], close() {} }))
    },
    close: async () => {}
  })
  const idle: Rival = { ...rival('idle', false), open: async () => [] }
  const [point] = findWorkloads(['layer'])[0]!.points!({ ...tiny, engineThreads: 1 })
  const isa = machineInfo().isaUsed
  const rivals = [rival('broken', true), idle, rival('quick', false)]
  const rows: BenchRow[] = []
  for await (const row of runPoint(point!, { isa, limits: createLimits(isa, 0.01), rivals, seconds })) rows.push(row)
  t.same(tasks[0], {
    mode: 'layer',
    sizes: { B: 2, T: 3, H: 16, layers: 1 },
    threads: 1,
    precision: 'f32',
    device: 'cpu'
  })
  t.equal(rows.length, 3)
  t.match(rows[0], { rival: 'broken', version: '1.2.3', problem: 'out of luck' })
  t.notOk('rival' in rows[1]!)
  const own = rows[1]!['median_us'] as number
  t.match(rows[2], {
    workload: 'layer',
    rival: 'quick',
    variant: '3 us',
    rival_us: 3000,
    rival_samples: 10,
    median_us: own,
    ratio: 3000 / own
  })
  const lines: string[] = []
  const report = createReport((line = '') => lines.push(line))
  for (const row of rows) report({ kind: 'row', row })
  t.ok(lines.some((line) => line.includes('quick 1.2.3 (3 us)')) && lines.some((line) => line.includes('out of luck')))
})

t.test('the losses beside their training step', async (t) => {
  t.same([reader.T, writer.T], [200, 200])
  const small = [ctcOf({ ...reader, B: 2, T: 20, H: 16, L: 4 }), mixtureOf({ ...writer, B: 2, T: 20, H: 16 })]
  t.same(
    small.map(({ name }) => name),
    findWorkloads(['ctc', 'mixture']).map(({ name }) => name)
  )
  const { file } = await run(small, { ...tiny, threads: [1] })
  t.same(
    file.rows.map(({ workload, threads }) => [workload, threads]),
    [
      ['ctc', 1],
      ['mixture', 1]
    ]
  )
  for (const row of file.rows) {
    const [loss, step, share] = [row['loss_us'], row['step_us'], row['share_of_step']] as number[]
    t.ok(loss! > 0 && step! > 0 && Math.abs(share! - loss! / step!) < 1e-12, `${row.workload}: ${share}`)
  }
})

t.test('workloads by name', async (t) => {
  t.same(findWorkloads([]), workloads)
  t.throws(() => findWorkloads(['layer', 'nothing']), { code: 'ERR_INVALID_OPTION', message: /train-char/ })
})

t.test('machine files of others are refused', async (t) => {
  const dir = t.testdir({
    list: '[]',
    other: '{"format":"gatecell-bench/2","machine":{},"limits":[],"rows":[]}',
    rows: '{"format":"gatecell-bench/1","machine":{},"limits":[],"rows":[{"workload":"step"}]}'
  })
  for (const name of ['list', 'other', 'rows']) {
    await t.rejects(readMachineFile(`${dir}/${name}`), { code: 'ERR_FILE_FORMAT' }, name)
  }
  await t.rejects(readMachineFile(`${dir}/none`), { code: 'ERR_FILE_NOT_FOUND' })
})

t.test('runs are compared point by point', async (t) => {
  const row = (H: number, median_us: number, more = {}): BenchRow => ({
    workload: 'step',
    shape: { B: 1, T: 1, H, layers: 1 },
    threads: 1,
    precision: 'f32',
    isa: 'avx2',
    median_us,
    share_of_limit: null,
    ...more
  })
  const file = (...rows: BenchRow[]) =>
    ({ format: 'gatecell-bench/1', machine: {}, limits: [], rows }) as unknown as MachineFile
  const rivalRow = row(128, 5, { rival: 'other', rival_us: 50 })
  const changes = compareRuns(file(row(128, 10), row(256, 40)), file(row(256, 50), row(512, 7), rivalRow))
  t.match(changes, [{ before_us: 40, after_us: 50, ratio: 1.25, share_before: null, share_after: null }])
  t.equal(changes.length, 1)
})
