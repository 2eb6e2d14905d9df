// CSV files without a usable time series: one sentence with file, line and a code, and never a crash.
import fc from 'fast-check'
import { Readable } from 'node:stream'
import t from 'tap'
import { GatecellError } from '../../../src/errors.js'
import { readSeries, type ReadSeriesOptions } from '../../../src/data/series/read.js'
import { rounds } from '../../amounts.js'

const read = (text: string | Uint8Array, options: Partial<ReadSeriesOptions> = {}) =>
  readSeries('-', { target: ['y'], stdin: Readable.from([Buffer.from(text)]), ...options })

const dated = (...times: string[]) => ['t,y', ...times.map((time, i) => `${time},${i}`)].join('\n')

t.test('one sentence for each fault', async (t) => {
  const time = { time: 't' } as const
  const faults: [name: string, text: string | Uint8Array, options: Partial<ReadSeriesOptions>, code: string, message: RegExp][] = [ // prettier-ignore
    ['text', 'y\n1\nabc\n', {}, 'ERR_FILE_FORMAT', /a number in column "y" at line 3 of - but received "abc"/],
    ['NaN', 'y\n1\nNaN\n', {}, 'ERR_FILE_FORMAT', /line 3 of - but received "NaN": .*leave the cell empty/],
    ['an infinite number', 'y\n1\n1e999\n', {}, 'ERR_FILE_FORMAT', /"1e999"/],
    ['hexadecimal', 'y\n1\n0x10\n', {}, 'ERR_FILE_FORMAT', /"0x10"/],
    ['a decimal comma', 'y;z\n1,5;2', {}, 'ERR_FILE_FORMAT', /"1,5": name the comma as the decimal sign/],
    ['thousands', 'y;z\n1.234,5;2', { decimal: ',' }, 'ERR_FILE_FORMAT', /"1.234,5"/],
    ['one row', 'y\n1\n', {}, 'ERR_FILE_FORMAT', /at least two rows of a series at line 2/],
    ['a constant', 'y\n5\n5\n5', {}, 'ERR_FILE_FORMAT', /values that change in column "y" at line 2 of -/],
    ['empty cells', 'y,z\n,1\n,2', {}, 'ERR_FILE_FORMAT', /a value in column "y" at line 2/],
    ['an empty file', '', {}, 'ERR_CORPUS_EMPTY', /a header and rows in -/],
    ['blanks', '\n\n \n', {}, 'ERR_CORPUS_EMPTY', /empty/],
    ['only a header', 'y\n', {}, 'ERR_CORPUS_EMPTY', /rows after the header at line 1/],
    ['no header', '1,2\n3,4', {}, 'ERR_FILE_FORMAT', /a header .* at line 1/],
    ['another column', 'a,b\n1,2', {}, 'ERR_INVALID_ARGUMENT', /a column "y" in the header of - but received "a", "b"/],
    ['two columns', 'y,y\n1,2', {}, 'ERR_INVALID_ARGUMENT', /two of that name/],
    ['two roles', 'y,z\n1,2', { known: ['y'] }, 'ERR_INVALID_ARGUMENT', /one role/],
    ['no target', 'y\n1', { target: [] }, 'ERR_INVALID_ARGUMENT', /at least one target/],
    ['few cells', 'y,z\n1,2\n3\n', {}, 'ERR_FILE_FORMAT', /2 cells, as in the header, at line 3 of - but received 1/],
    ['open quotes', 'y,z\n1,"2\n3,4\n', {}, 'ERR_FILE_FORMAT', /a closing quote at line \d/],
    ['text after quotes', 'y,z\n1,"2"3\n', {}, 'ERR_FILE_FORMAT', /a delimiter after a closing quote at line 2/],
    ['a quote in a cell', 'y,z\n1,2"3\n', {}, 'ERR_FILE_FORMAT', /quotes around a whole cell at line 2/],
    ['a long cell', `y,z\n1,"${'x'.repeat(2 ** 20 + 64)}"\n`, {}, 'ERR_FILE_FORMAT', /a record of at most/],
    ['a long header', 'x'.repeat(2 ** 21), {}, 'ERR_FILE_FORMAT', /header of at most/],
    ['many columns', `y${',x'.repeat(5000)}\n`, {}, 'ERR_FILE_FORMAT', /at most 4096 columns/],
    ['bytes', Uint8Array.of(121, 10, 0xff, 0xfe, 10), {}, 'ERR_CORPUS_BINARY', /UTF-8/],
    ['an ambiguous date', dated('01/02/03'), time, 'ERR_FILE_FORMAT', /column "t" at line 2 .*"01\/02\/03": pass its format/],
    ['six digits', dated('010203'), time, 'ERR_FILE_FORMAT', /"010203"/],
    ['a time without a date', dated('09:24'), time, 'ERR_FILE_FORMAT', /"09:24"/],
    ['a date that is none', dated('2024-02-30'), time, 'ERR_FILE_FORMAT', /"2024-02-30"/],
    ['no date', dated(''), time, 'ERR_FILE_FORMAT', /received ""/],
    ['another format', dated('2024-01-01'), { ...time, dateFormat: 'dd/MM/yyyy' }, 'ERR_FILE_FORMAT', /of the form dd\/MM\/yyyy/],
    ['a format without a year', dated('01/02'), { ...time, dateFormat: 'dd/MM' }, 'ERR_INVALID_ARGUMENT', /a format with a year/],
    ['a zone', dated('2024'), { ...time, zone: 'Europe/Entenhausen' }, 'ERR_INVALID_ARGUMENT', /a time zone/],
    ['a second row', dated('2024-01-01', '2024-01-02', '2024-01-02', '2024-01-03'), time, 'ERR_FILE_FORMAT', /one row for each time at line 4 .* line 3/],
    ['an earlier row', dated('2024-01-01', '2024-01-03', '2024-01-02', '2024-01-04'), time, 'ERR_FILE_FORMAT', /after the one at line 3 at line 4 of - but received an earlier one/],
    ['a second row of a month', dated('2024-01-05', '2024-02-04', '2024-03-05', '2024-04-04', '2024-04-30', '2024-06-01'), time, 'ERR_FILE_FORMAT', /a second one after line 5/],
    ['off the grid', dated('2024-01-01', '2024-01-08', '2024-01-15', '2024-01-18'), time, 'ERR_FILE_FORMAT', /one row each week.* at line 5/],
    ['a far year', dated('2024-01-01T00:00:00', '2024-01-01T00:00:01', '2204-01-01T00:00:00'), time, 'ERR_FILE_FORMAT', /at line 4 .*correct the date/],
    ['some offsets', dated('2024-01-01T00:00', '2024-01-01T01:00Z'), time, 'ERR_FILE_FORMAT', /in all rows or in none/],
    ['an unnamed series', 'y,s\n1,a\n2,\n', { series: ['s'] }, 'ERR_FILE_FORMAT', /the name of a series in column "s" at line 3/],
    ['a long name', `y,s\n1,${'a'.repeat(300)}\n`, { series: ['s'] }, 'ERR_FILE_FORMAT', /at most 200 characters/],
    ['a year', 't,a,b,c,d\nx,1,2,3,4', { wide: true }, 'ERR_FILE_FORMAT', /a year of four digits/]
  ] // prettier-ignore
  for (const [name, text, options, code, message] of faults)
    await t.rejects(read(text, options), { code, message }, name)
  await t.rejects(readSeries('/nowhere.csv', { target: ['y'] }), { code: 'ERR_FILE_NOT_FOUND' })
  await t.rejects(read('y\n1', { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
  await t.rejects(read('y\n1', { more: 1 } as object), { code: 'ERR_INVALID_ARGUMENT' })
})

const base = 'date;shop;y;price\n2024-01-01;a;1;2\n2024-01-02;a;3;"4"\n2024-01-04;b;5;6\r\n2024-01-05;b;;7\n'
const pieces = ['"', ';', ',', '\n', '\r', '', 'NaN', '1e9', '-', '2024-13-01', '9999', '\ufeff', '\0', ' ', 'é', '2024-W53', '24:00', '0'] // prettier-ignore

t.test('damaged files', async (t) => {
  const edit = fc.record({ at: fc.nat(base.length), cut: fc.nat(8), text: fc.constantFrom(...pieces) })
  const damage = (edits: { at: number; cut: number; text: string }[]) =>
    edits.reduce((text, { at, cut, text: piece }) => text.slice(0, at) + piece + text.slice(at + cut), base)
  const property = fc.asyncProperty(fc.array(edit, { maxLength: 4 }), fc.boolean(), async (edits, dates) => {
    const options = { series: ['shop'], known: ['price'], ...(dates && { time: 'date' }) }
    try {
      for (const { values, times, missing } of await read(damage(edits), options)) {
        if (values.length !== times.length || missing >= values.length) return false
        if (Number.isNaN(values[0])) return false
      }
      return true
    } catch (error) {
      return error instanceof GatecellError && /^Expected .* but received .*\.$/s.test(error.message)
    }
  })
  await fc.assert(property, { numRuns: rounds(150, 600, 6000) })
  t.pass('every damaged file is a series or one sentence')
})
