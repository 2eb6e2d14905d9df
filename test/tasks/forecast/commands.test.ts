// The commands of the task: a tiny training to a checked figure, and the uses of its model.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadForecaster, readSeries } from '../../../src/tasks/forecast/index.js'
import type { TotalScores } from '../../../src/tasks/forecast/totals.js'
import { inProcess } from '../../cli/in-process.js'
import { csvOf, monthly } from './samples.js'

const values = monthly(120)
const spiked = values.map((value, i) => (i === 100 ? 2 * value : i === 50 ? NaN : value))
const price = values.map((_, i) => Math.sin(i))
const cwd = t.testdir({
  'sales.csv': csvOf({ sales: values }),
  'spiked.csv': csvOf({ sales: spiked }),
  'two.csv': csvOf({ sales: values, price, other: monthly(120, 2) }),
  'short.csv': csvOf({ sales: values.subarray(0, 20) }),
  'words.csv': csvOf({ sales: values }).replace(/(?<=2003-05-01,).*/, 'many'),
  'huge.csv': csvOf({ sales: values }).replace(/(?<=2003-05-01,).*/, '1e200'),
  'back.csv': csvOf({ sales: values }).replace('2003-05-01', '2001-05-01'),
  'one.csv': csvOf({ sales: values.subarray(0, 1) }),
  'same.csv': csvOf({ sales: values.map(() => 5) }),
  'bytes.csv': String.fromCharCode(...Array.from({ length: 32 }, (_, i) => i)).repeat(40)
})
const run = async (line: string) =>
  await inProcess(
    line.split(' ').filter((word) => word !== ''),
    undefined,
    cwd
  )
const columns = '--time date --target sales'
const tiny = '--hidden 4 --members 1 --epochs 4 --batch 4 --threads 1 --device cpu'

t.test('a tiny training, to a checked figure', async (t) => {
  const { records, code, stderr } = await run(
    `train forecast sales.csv --out tiny.safetensors ${columns} ${tiny} --json`
  )
  t.equal(code, 0, stderr)
  t.match(records[0], { task: 'forecast', table: { target: 'sales' }, epochs_chosen: Number })
  t.match((records[0]!['series'] as object[])[0], { name: 'sales', season: 12, horizon: 12, values: 96 })
  const [measured] = (await run('evaluate tiny.safetensors sales.csv --json')).records
  t.match(measured, { event: 'evaluate', task: 'forecast', values: 156 })
  const figures = measured as Record<'mase' | 'crps' | 'coverage', number>
  t.ok(figures.mase > 0.1 && figures.mase < 0.45, `MASE ${figures.mase}`)
  t.ok(figures.crps < figures.mase)
  t.ok(figures.coverage > 0.5 && figures.coverage < 1, `coverage ${figures.coverage}`)
  const [series] = measured!['series'] as { baselines: Record<string, { mase: number }> }[]
  for (const [name, { mase }] of Object.entries(series!.baselines)) t.ok(mase > 0.1, `${name} ${mase}`)
  const { stdout } = await run('evaluate tiny.safetensors sales.csv')
  t.match(
    stdout,
    /^sales: 156 forecast values, season 12, horizon 12\n.*MASE.*\n {2}this model +0\.\d{3}.*\n {2}its linear part only +0\.\d{3}/
  )
})

t.test('patience is refused before the search, because no series validates', async (t) => {
  const { code, stderr } = await run(`train forecast sales.csv --out none.safetensors ${columns} ${tiny} --patience 3`)
  t.equal(code, 2, stderr)
  t.match(stderr, /Expected no patience for a training of forecasts.* but received 3.*ERR_INVALID_OPTION/)
})

t.test('a run in two parts has the same bits', async (t) => {
  const train = `train forecast sales.csv ${columns} ${tiny.replace('--epochs 4', '')} --json`
  const [whole, parts] = ['whole.safetensors', 'parts.safetensors']
  await run(`${train} --out ${whole} --steps 12`)
  await run(`${train} --out ${parts} --steps 5`)
  const { code, stderr } = await run(`${train} --out ${parts} --steps 12 --resume`)
  t.equal(code, 0, stderr)
  const forecast = async (file: string) => (await run(`forecast ${file} sales.csv --json`)).records
  t.same(await forecast(whole), await forecast(parts))
  t.match(
    (await run(`${train} --out ${parts} --steps 14 --resume --holdout 0`)).stderr,
    /holdout 0\.2, with which the run began/
  )
})

t.test('a forecast, a session, and the values that nobody expected', async (t) => {
  const { records } = await run('forecast tiny.safetensors sales.csv --json')
  const [record] = records as { steps: { time: string; median: number; quantiles: number[] }[] }[]
  t.equal(record!.steps.length, 12)
  t.match(record!.steps[0], { time: '2010-01' })
  for (const { quantiles, median } of record!.steps) {
    t.ok(quantiles.every((value, i) => i === 0 || value >= quantiles[i - 1]!))
    t.equal(quantiles[4], median)
  }
  const { stdout } = await run('forecast tiny.safetensors sales.csv --csv next.csv --svg fan.svg')
  t.match(stdout, /^sales\ntime +median +10 % +90 %\n2010-01 +\d/)
  t.equal(readFileSync(join(cwd, 'next.csv'), 'utf8').split('\n').length, 14)

  t.match(readFileSync(join(cwd, 'fan.svg'), 'utf8'), /^<svg [^]*sales: forecast of the next 12 values[^]*<\/svg>\s*$/)

  using loaded = await loadForecaster(join(cwd, 'tiny.safetensors'))
  const read = async (rows: number) => {
    writeFileSync(join(cwd, 'part.csv'), csvOf({ sales: values.subarray(0, rows) }))
    return (await readSeries(join(cwd, 'part.csv'), { target: ['sales'], time: 'date' }))[0]!
  }
  using session = loaded.session(await read(110))
  for (let i = 110; i < 120; i++) session.update(values[i]!)
  t.equal(session.count, 120)
  t.same(
    [...session.forecast.median],
    record!.steps.map(({ median }) => median),
    'value by value or at once'
  )
  t.throws(() => session.update(Infinity), { code: 'ERR_INVALID_ARGUMENT' })
  session.update(NaN)
  t.ok(session.forecast.median.every(Number.isFinite), 'a missing value')

  const [found] = (await run('anomalies tiny.safetensors spiked.csv --json')).records
  const scores = found!['values'] as { time: string; score: number; probability: number }[]
  const worst = scores.toSorted((one, other) => Math.abs(other.score) - Math.abs(one.score))[0]!
  t.match(worst, { time: '2008-05' })
  t.ok(worst.score > 5 && worst.probability < 1e-6)
  t.notOk(
    scores.some(({ time }) => time === '2004-03'),
    'a missing value has no score'
  )
  t.match(
    (await run('anomalies tiny.safetensors spiked.csv --threshold 5')).stdout,
    /with a score of 5 or more\n {2}2008-05/
  )
})

t.test('draws: paths of the next values and their sum', async (t) => {
  const [record] = (await run('forecast tiny.safetensors sales.csv --samples 50 --seed 3 --json')).records as {
    steps: { quantiles: number[]; draws: number[] }[]
    sum: number[]
  }[]
  t.ok(record!.steps.every(({ draws }) => draws.length === 50 && draws.every(Number.isFinite)))
  const sums = record!.steps[0]!.draws.map((_, i) => record!.steps.reduce((sum, { draws }) => sum + draws[i]!, 0))
  t.ok(record!.sum[0]! < record!.sum[4]! && record!.sum[4]! < record!.sum[8]!)
  t.ok(record!.sum[0]! > Math.min(...sums) && record!.sum[8]! < Math.max(...sums))
  const { stdout } = await run('forecast tiny.safetensors sales.csv --samples 20 --csv paths.csv')
  t.match(stdout, /\nsum +\d/)
  const [header, ...rows] = readFileSync(join(cwd, 'paths.csv'), 'utf8').trim().split('\n')
  t.match(header, /^series,time,q0\.1,.*,q0\.9,draw1,.*,draw20$/)
  t.ok(rows.length === 12 && rows.every((row) => row.split(',').length === 31))

  const measured = (await run('evaluate tiny.safetensors sales.csv --samples 60 --json')).records[0]!
  const { totals } = (measured['series'] as { totals: TotalScores & { independent: TotalScores } }[])[0]!
  t.ok(totals.crps > 0 && totals.crps < 0.4, `CRPS of sums ${totals.crps}`)
  t.ok(totals.coverage >= totals.independent.coverage, 'dependent draws have the wider range')
  t.match(
    (await run('evaluate tiny.safetensors sales.csv --samples 60')).stdout,
    /sums over the horizon +\d\.\d{3} .*\n {2}of independent draws/
  )
})

t.test('covariates, several targets, and every output', async (t) => {
  for (const output of ['gaussian', 'student', 'negative-binomial']) {
    const data = `--time date --target sales,other --known price --season 12 --horizon sales=6,other=3 --output ${output}`
    const { code, stderr } = await run(`train forecast two.csv --out ${output}.safetensors ${data} ${tiny} --json`)
    t.equal(code, 0, stderr)
    const [measured] = (await run(`evaluate ${output}.safetensors two.csv --json`)).records
    t.equal((measured!['series'] as object[]).length, 2)
    t.ok((measured!['mase'] as number) < 0.7, `${output}: MASE ${measured!['mase'] as number}`)
    const { records } = await run(`forecast ${output}.safetensors two.csv --json --only other`)
    t.match(records, [{ series: 'other', steps: [{}, {}, {}] }])
  }
})

t.test('pictures of anomalies and of several series', async (t) => {
  await run('anomalies tiny.safetensors spiked.csv --svg anomalies.svg')
  t.match(readFileSync(join(cwd, 'anomalies.svg'), 'utf8'), /<circle [^>]*><title>2008-05: \d+, expected [^]*<\/svg>/)
  const { code, stderr } = await run('forecast gaussian.safetensors two.csv --svg two.svg')
  t.equal(code, 0, stderr)
  const svg = readFileSync(join(cwd, 'two.svg'), 'utf8')
  for (const name of ['sales', 'other']) t.ok(svg.includes(`>${name}: forecast of the next`), name)
})

t.test('a constant series', async (t) => {
  const { code, stderr } = await run(`train forecast same.csv --out same.safetensors ${columns} ${tiny}`)
  t.equal(code, 0, stderr)
  const [record] = (await run('forecast same.safetensors same.csv --samples 3 --json')).records as {
    steps: { median: number; draws: number[] }[]
  }[]
  for (const { median, draws } of record!.steps)
    for (const one of [median, ...draws]) t.ok(Math.abs(one - 5) < 1e-6, String(one))
  t.match((await run('evaluate same.safetensors same.csv --samples 3')).stdout, /this model +- +0\.00/)
})

t.test('bad input gets one sentence', async (t) => {
  const cases: readonly (readonly [line: string, message: RegExp])[] = [
    [
      `train forecast short.csv --out n.safetensors ${columns}`,
      /at least 24 values of "sales" to train on, .* but received 16 of 20/
    ],
    ['train forecast sales.csv --out n.safetensors', /Expected the columns to forecast but received none/],
    [
      `train forecast sales.csv --out n.safetensors ${columns} --season twelve`,
      /a number of steps from 1 to 4096 as season/
    ],
    ['train forecast sales.csv --out n.safetensors --time date --target profit', /profit/],
    [`train forecast words.csv --out n.safetensors ${columns}`, /a number in column "sales" at line 42 of words.csv/],
    [
      `train forecast huge.csv --out n.safetensors ${columns}`,
      /a number from -1e\+150 to 1e\+150 in column "sales" at line 42 of huge.csv but received "1e200": take a larger unit/
    ],
    [`train forecast back.csv --out n.safetensors ${columns}`, /at line 42 of back.csv/],
    [`train forecast one.csv --out n.safetensors ${columns}`, /at least two rows/],
    [`train forecast bytes.csv --out n.safetensors ${columns}`, /bytes.csv/],
    ['evaluate tiny.safetensors short.csv', /values of "sales" after the time 2007-12/],
    [
      'forecast tiny.safetensors sales.csv --only profit',
      /Expected a series of sales.csv: "sales" but received "profit"/
    ],
    ['forecast negative-binomial.safetensors sales.csv', /price|other/]
  ]
  for (const [line, message] of cases) {
    const found = await run(line)
    t.not(found.code, 0, line)
    t.match(found.stderr, message)
    t.equal(found.stderr.trim().split('\n').length, 1, found.stderr)
  }
})
