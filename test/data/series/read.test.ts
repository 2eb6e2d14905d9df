// Time series from CSV files: forms of dates, steps, roles of columns, gaps, and the files of the data sets.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { readSeries, type ReadSeriesOptions } from '../../../src/data/series/read.js'
import { seasonOf, type GridStep } from '../../../src/data/series/series.js'
import { timesAfter } from '../../../src/data/series/times.js'

/** Reads series from a text. */
const read = (text: string | Uint8Array, options: Partial<ReadSeriesOptions> = {}) =>
  readSeries('-', { target: ['y'], stdin: Readable.from([Buffer.from(text)]), ...options })

/** Reads one series with the time column t. */
async function one(text: string, options: Partial<ReadSeriesOptions> = {}) {
  const all = await read(text, { time: 't', ...options })
  return all[0]!
}

const step = (unit: GridStep['unit'], count = 1) => ({ unit, count })
const rows = (times: string[]) => ['t,y', ...times.map((time, i) => `${time},${i * i + 1}`)].join('\n')

t.test('forms of dates and their steps', async (t) => {
  const forms: [times: string[], step: GridStep, texts: string[]][] = [
    [['1871', '1872', '1874'], step('year'), ['1871', '1872', '1873', '1874']],
    [['1949-11', '1949-12', '1950-01'], step('month'), ['1949-11', '1949-12', '1950-01']],
    [['2024-01-31', '2024-02-29', '2024-03-31'], step('month'), ['2024-01', '2024-02', '2024-03']],
    [['2023-02-01', '2023-03-01'], step('month'), ['2023-02', '2023-03']],
    [['2024-Q1', '2024-Q2', '2024-Q4'], step('month', 3), ['2024-01', '2024-04', '2024-07', '2024-10']],
    [['19580329', '19580405', '19580412'], step('week'), ['1958-03-29', '1958-04-05', '1958-04-12']],
    [['2024/02/28', '2024/02/29', '2024/03/01'], step('day'), ['2024-02-28', '2024-02-29', '2024-03-01']],
    [['1.2.2024', '11.2.2024', '21.2.2024'], step('day', 10), ['2024-02-01', '2024-02-11', '2024-02-21']],
    [['2024-01-01 22:00', '2024-01-01 23:00', '2024-01-02 00:00'], step('hour'), ['2024-01-01T22:00:00', '2024-01-01T23:00:00', '2024-01-02T00:00:00']], // prettier-ignore
    [['2024-01-01T00:00', '2024-01-01T00:15', '2024-01-01T00:30'], step('minute', 15), ['2024-01-01T00:00:00', '2024-01-01T00:15:00', '2024-01-01T00:30:00']], // prettier-ignore
    [['2024-01-01T00:00:00.0Z', '2024-01-01T00:00:00.5Z'], step('second', 0.5), ['2024-01-01T00:00:00+00:00', '2024-01-01T00:00:00.500+00:00']], // prettier-ignore
    [['0099', '0100', '0101'], step('year'), ['0099', '0100', '0101']],
    [['2024-W01', '2024-W02', '2024-W03'], step('week'), ['2024-01-01', '2024-01-08', '2024-01-15']]
  ]
  for (const [times, wanted, texts] of forms) {
    const found = await one(rows(times))
    t.strictSame(found.step, wanted, times[0]!)
    t.strictSame(found.times, texts, times[0]!)
    t.equal(found.values.length, texts.length)
    t.equal(found.missing, texts.length - times.length)
    t.strictSame(timesAfter(found, 2).length, 2)
    const newestFirst = await one(['t,y', ...rows(times).split('\n').slice(1).reverse()].join('\n'))
    t.strictSame(newestFirst, found, 'the newest row first')
  }
  const format = await one(rows(['31/01/2024', '01/02/2024', '02/02/2024']), { dateFormat: 'dd/MM/yyyy' })
  t.strictSame(format.times, ['2024-01-31', '2024-02-01', '2024-02-02'])
  const seconds = await one(rows(['1700000000', '1700003600', '1700007200']), { dateFormat: 'X' })
  t.strictSame(seconds.step, step('hour'))
  t.equal(seconds.times[0], '2023-11-14T22:13:20+00:00')
})

t.test('seasons and later times', async (t) => {
  const seasons = (['year', 'month', 'week', 'day', 'hour', 'minute', 'second', 'row'] as const).map((unit) => seasonOf(step(unit))) // prettier-ignore
  t.strictSame(seasons, [1, 12, 52, 7, 24, 1, 1, 1])
  t.strictSame([seasonOf(step('month', 3)), seasonOf(step('month', 5)), seasonOf(step('hour', 48))], [4, 1, 1])
  t.strictSame(timesAfter(await one(rows(['1949-11', '1949-12'])), 2), ['1950-01', '1950-02'])
  t.strictSame(timesAfter(await one(rows(['2024-02-20', '2024-02-27'])), 1), ['2024-03-05'])
  t.strictSame(timesAfter((await read('y\n1\n2'))[0]!, 2), ['3', '4'])
  const zone = 'Europe/Berlin'
  const spring = await one(rows(['2024-03-31 00:00', '2024-03-31 01:00']), { zone })
  t.strictSame(spring.times.at(-1), '2024-03-31T01:00:00+01:00')
  t.strictSame(timesAfter(spring, 2, zone), ['2024-03-31T03:00:00+02:00', '2024-03-31T04:00:00+02:00'])
  t.strictSame(timesAfter(spring, 1), ['2024-03-31T02:00:00+01:00'], 'without the zone its offset stays')
  t.throws(() => timesAfter(spring, 1e9), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('days of 23 and 25 hours', async (t) => {
  const hours = (date: string, list: string[]) => list.map((hour) => `${date} ${hour}:00`)
  const zone = 'Europe/Berlin'
  const spring = await one(rows(hours('2024-03-31', ['00', '01', '03', '04'])), { zone })
  t.equal(spring.missing, 0)
  t.equal(spring.times[2], '2024-03-31T03:00:00+02:00')
  t.equal(
    (await one(rows(hours('2024-03-31', ['00', '01', '03', '04'])))).missing,
    1,
    'without a zone an hour is missing'
  )
  const autumn = await one(rows(hours('2024-10-27', ['01', '02', '02', '03'])), { zone })
  t.strictSame(autumn.times.map((time) => time.slice(11, 22)), ['01:00:00+02', '02:00:00+02', '02:00:00+01', '03:00:00+01']) // prettier-ignore
  const latest = await one(rows(hours('2024-10-27', ['03', '02', '02', '01'])), { zone })
  t.strictSame(latest.times, autumn.times, 'the newest row first')
  // Local midnights by their offsets are 23 hours apart, and a day each.
  const days = await one(rows(['2024-03-30T00:00+01:00', '2024-03-31T00:00+01:00', '2024-04-01T00:00+02:00']))
  t.strictSame(days.times, ['2024-03-30', '2024-03-31', '2024-04-01'])
  const utc = await one(rows(['2024-03-29T23:00Z', '2024-03-30T23:00Z', '2024-03-31T22:00Z']), { zone })
  t.strictSame(utc.times, days.times)
  await t.rejects(one(rows(hours('2024-03-31', ['01', '02'])), { zone }), { message: /line 3 of -.*daylight saving/ })
})

t.test('columns, gaps and several series', async (t) => {
  const text = `\ufeffday;shop;"sales; all";price;rain
2024-01-01;3;;1,5;0
2024-01-02;3;10;1,5;
2024-01-04;3;12;2;4
2024-01-05;3;;2,5;
2024-01-01;"7 ""new""";-3e1;1;1
2024-01-02;"7 ""new""";+.5;1;1`
  const options = { time: 'day', series: ['shop'], decimal: ',', known: ['price'], observed: ['rain'] } as const
  const [three, seven] = await read(text.replace('+.5', '0,5'), { ...options, target: ['sales; all'] })
  t.strictSame(three, {
    name: '3: sales; all',
    group: '3',
    target: 'sales; all',
    step: step('day'),
    times: ['2024-01-02', '2024-01-03', '2024-01-04'],
    values: Float64Array.of(10, NaN, 12),
    covariates: { price: Float64Array.of(1.5, NaN, 2, 2.5), rain: Float64Array.of(NaN, NaN, 4) },
    missing: 1
  })
  t.strictSame([seven!.group, [...seven!.values], seven!.times[0]], ['7 "new"', [-30, 0.5], '2024-01-01'])
  const two = await read('a\tb\n1\t2\n3\t5', { target: ['b', 'a'] })
  t.strictSame(two.map(({ name, times, values }) => [name, ...times, ...values]), [['b', '1', '2', 2, 5], ['a', '1', '2', 1, 3]]) // prettier-ignore
  const single = await read('y\n1\n\n3\n\n')
  t.strictSame([...single[0]!.values], [1, NaN, 3], 'a blank line in a file of one column is a missing value')
  t.strictSame([...(await read('y,z\r\n1,2\r\n\r\n3,4'))[0]!.values], [1, 3])
  t.strictSame([...(await read('y,z\r1,2\r3,4\r'))[0]!.values], [1, 3])
  t.strictSame([...(await read(gzipSync('y\n1\n3')))[0]!.values], [1, 3], 'gzip')
  t.equal((await read('y,__proto__\n1,2\n2,3', { observed: ['__proto__'] }))[0]!.covariates['__proto__']![1], 3)
  t.strictSame([...(await read('y\n5\n5', { constant: 'allow' }))[0]!.values], [5, 5])
})

t.test('a matrix of years', async (t) => {
  const months = 'JAN,FEB,MAR,APR,MAY,JUN,JUL,AUG,SEP,OCT,NOV,DEC'
  const matrix = `YEAR,${months}\n1950,1,2,3,4,5,6,7,8,9,10,11,12\n1951,13,14,,16,,,,,,,,`
  const [series] = await read(matrix, { wide: true, target: ['sea'] })
  t.strictSame([series!.name, series!.values.length, series!.missing, series!.times.at(-1)], ['sea', 16, 1, '1951-04'])
  const [quarters] = await read('y,a,b,c,d\n2000,1,2,3,4', { wide: true, target: [] })
  t.strictSame([quarters!.name, quarters!.step, ...quarters!.times], ['value', step('month', 3), '2000-01', '2000-04', '2000-07', '2000-10']) // prettier-ignore
  await t.rejects(read(matrix.replace('JAN,FEB', 'FEB,JAN'), { wide: true }), {
    message: /month 1 in column 2 at line 1/
  })
  await t.rejects(read('y,a\n2000,1', { wide: true }), { message: /12 months or 4 quarters/ })
  await t.rejects(read(matrix, { wide: true, known: ['JAN'] }), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(read(matrix, { wide: true, time: 'JAN' }), { code: 'ERR_INVALID_ARGUMENT' })
})

const folder = join(process.env['GATECELL_DATA'] ?? '', 'numbers/time-series')
const skip = existsSync(folder) ? false : 'GATECELL_DATA has no numbers/time-series'

t.test('the files of the data sets', { skip }, async (t) => {
  const files: [file: string, options: ReadSeriesOptions, step: GridStep, length: number, missing: number][] = [
    ['airline-passengers', { target: ['Passengers'], time: 'Month' }, step('month'), 144, 0],
    ['co2', { target: ['co2'], time: 'date' }, step('week'), 2284, 59],
    ['elnino', { target: ['sea'], wide: true }, step('month'), 732, 0],
    ['monthly-sunspots', { target: ['Sunspots'], time: 'Month' }, step('month'), 2820, 0],
    ['nile', { target: ['volume'], time: 'year' }, step('year'), 100, 0],
    ['sunspots', { target: ['SUNACTIVITY'], time: 'YEAR' }, step('year'), 309, 0]
  ]
  for (const [file, options, wanted, length, missing] of files) {
    const all = await readSeries(join(folder, `${file}.csv`), options)
    t.equal(all.length, 1)
    const { step, values, times, missing: gaps } = all[0]!
    t.strictSame([step, values.length, times.length, gaps], [wanted, length, length, missing], file)
  }
})
