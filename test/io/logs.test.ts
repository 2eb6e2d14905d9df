// The three logs of a training: TensorBoard's event file, read back by a decoder that was written from the format's
// description, JSON lines, and the loss curve as SVG.
import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { crc32c } from '../../src/io/crc32c.js'
import { renderLossCurve, writeLossCurve } from '../../src/plot/loss-curve.js'
import { openJsonLog, readJsonLog } from '../../src/io/logs/jsonl.js'
import type { JsonObject } from '../../src/io/json.js'
import { openEventLog } from '../../src/io/logs/tfevents.js'
import { compiledProgram } from '../compiled.js'
import { prlimit, runWithLimit } from './limited.js'

type Fields = Map<number, (bigint | Buffer)[]>

/** Protobuf wire format: field numbers to values; varints as bigint, the rest as bytes. */
function decodeMessage(bytes: Buffer): Fields {
  const fields: Fields = new Map()
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const take = (length: number): Buffer => bytes.subarray(at, (at += length))
    const sizes: Record<number, () => bigint | Buffer> = {
      0: varint,
      1: () => take(8),
      2: () => take(Number(varint())),
      5: () => take(4)
    }
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), sizes[tag & 7]!()])
  }
  return fields
}

/** TFRecord: length, masked CRC of the length, data, masked CRC of the data. */
function decodeRecords(file: Buffer): Fields[] {
  const check = (bytes: Buffer, masked: number): void => {
    const turned = BigInt(masked) - 0xa282ead8n + (1n << 32n)
    const crc = Number((((turned & 0xffffffffn) >> 17n) | (turned << 15n)) & 0xffffffffn)
    if (crc !== crc32c(bytes)) throw new Error('wrong checksum')
  }
  const records: Fields[] = []
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at))
    check(file.subarray(at, at + 8), file.readUInt32LE(at + 8))
    const data = file.subarray(at + 12, at + 12 + length)
    check(data, file.readUInt32LE(at + 12 + length))
    records.push(decodeMessage(data))
    at += length + 16
  }
  return records
}

const bytesOf = (fields: Fields, number: number): Buffer => fields.get(number)![0] as Buffer

t.test('an event file holds the version, then the scalars', async (t) => {
  const folder = join(t.testdir({}), 'made', 'on the way')
  const log = openEventLog(folder, { now: () => 1234.5 })
  t.match(log.path, /events\.out\.tfevents\.0000001234\./)
  log.scalar('loss/train', 1.5, 0)
  log.scalar('Verlust/gültig', -2.25e-3, 2 ** 40, 99.25)
  log.scalar('loss/train', NaN, 127)
  log.close()
  const [version, ...events] = decodeRecords(fs.readFileSync(log.path))
  t.equal(bytesOf(version!, 1).readDoubleLE(), 1234.5)
  t.equal(bytesOf(version!, 3).toString(), 'brain.Event:2')
  const decoded = events.map((event) => {
    const value = decodeMessage(bytesOf(decodeMessage(bytesOf(event, 5)), 1))
    return [
      bytesOf(value, 1).toString(),
      bytesOf(value, 2).readFloatLE(),
      event.get(2)![0],
      bytesOf(event, 1).readDoubleLE()
    ]
  })
  t.strictSame(decoded, [
    ['loss/train', 1.5, 0n, 1234.5],
    ['Verlust/gültig', Math.fround(-2.25e-3), 2n ** 40n, 99.25],
    ['loss/train', NaN, 127n, 1234.5]
  ])
})

t.test('a resumed run says so; files of one second do not meet', async (t) => {
  const folder = t.testdir({})
  const now = (): number => 10
  const first = openEventLog(folder, { now })
  const second = openEventLog(folder, { now, resumeStep: 300 })
  t.not(first.path, second.path)
  const [, start] = decodeRecords(fs.readFileSync(second.path))
  t.equal(start!.get(2)![0], 300n)
  t.strictSame(decodeMessage(bytesOf(start!, 7)).get(1), [1n], 'SessionLog with status START')
  t.throws(() => first.scalar('x', 1, -1), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => first.scalar('x', 1, 0.5), { code: 'ERR_INVALID_ARGUMENT' })
  first.close()
  second.close()
})

t.test('folders that cannot be', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  t.throws(() => openEventLog(file), { code: 'ERR_FILE_WRITE' })
  t.throws(() => openEventLog(join(file, 'folder')), { code: 'ERR_FILE_WRITE' })
  t.throws(() => openJsonLog(join(file, 'log')), { code: 'ERR_FILE_WRITE' })
  t.throws(() => openJsonLog(join(file, '..')), { code: 'ERR_FILE_WRITE' })
})

t.test('a full disk', { skip: !fs.existsSync('/dev/full') && 'no /dev/full here' }, async (t) => {
  const log = openJsonLog('/dev/full')
  t.throws(() => log.write({ step: 1 }), { code: 'ERR_FILE_WRITE', message: /disk is full/ })
  log.close()
})

t.test('a line that does not fit is not written in part', { skip: !prlimit && 'no prlimit here' }, async (t) => {
  const folder = t.testdir({})
  const path = join(folder, 'log')
  t.equal(await runWithLimit(100_000, compiledProgram('test/io/child'), 'logTooMuch', path), 'ready\nERR_FILE_WRITE')
  const lines = fs.readFileSync(path, 'utf8').split('\n')
  t.equal(lines.pop(), '')
  t.ok(lines.length > 100)
  lines.forEach((line, step) => t.equal((JSON.parse(line) as { step: number }).step, step))
})

async function readAll(path: string): Promise<JsonObject[]> {
  const records: JsonObject[] = []
  for await (const record of readJsonLog(path)) records.push(record)
  return records
}

t.test('a JSON log goes on after its last finished line', async (t) => {
  const path = join(t.testdir({}), 'metrics.jsonl')
  const first = openJsonLog(path)
  first.write({ step: 1, loss: 2.5, text: 'a\nb\u2028c' })
  first.write({ step: 2, loss: NaN })
  first.close()
  fs.appendFileSync(path, `{"step":3,"loss":${'1'.repeat(10_000)}`)
  t.equal((await readAll(path)).length, 2, 'an unfinished line is not read')
  const second = openJsonLog(path)
  second.write({ step: 3, text: 'x'.repeat(200_000) })
  second.close()
  const expected = [
    { step: 1, loss: 2.5, text: 'a\nb\u2028c' },
    { step: 2, loss: null },
    { step: 3, text: 'x'.repeat(200_000) }
  ]
  t.strictSame(await readAll(path), expected)
  fs.writeFileSync(path, '{"step":')
  t.strictSame(await readAll(path), [])
  openJsonLog(path).close()
  t.equal(fs.statSync(path).size, 0)
  t.strictSame(await readAll(path), [])
})

t.test('logs that are none', async (t) => {
  const folder = t.testdir({ log: '{"a":1}\nnonsense\n' })
  await t.rejects(readAll(join(folder, 'log')), { code: 'ERR_FILE_FORMAT', message: /line 2/ })
  await t.rejects(readAll(join(folder, 'missing')), { code: 'ERR_FILE_NOT_FOUND' })
  await t.rejects(readAll(folder), { code: 'ERR_FILE_NOT_FOUND' })
})

t.test('the loss curve', async (t) => {
  const train = Array.from({ length: 5000 }, (_, step) => ({ step, loss: 4 - step / 2000 }))
  const valid = [
    { step: 1000, loss: 3.6 },
    { step: 4000, loss: NaN },
    { step: 4999, loss: 1.9 }
  ]
  const svg = await renderLossCurve({ train, valid, title: 'Shakespeare & <friends>' })
  t.match(svg, /^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/)
  t.match(svg, /Shakespeare &amp; &lt;friends&gt;/)
  for (const word of ['training', 'validation', 'steps', 'nats per symbol']) t.ok(svg.includes(`>${word}<`), word)
  t.notMatch(svg, /NaN|undefined/)
  t.ok(svg.length < 60_000, 'thousands of points are thinned out')
  const lines = [...svg.matchAll(/ d="(M[^"]+)"/g)].map((match) => match[1]!.split('L').length)
  t.ok(lines.includes(1000), 'a training line of 1000 points')
  t.ok(lines.includes(2), 'a validation line of 2 points')
  t.equal(await renderLossCurve({ train, valid, title: 'Shakespeare & <friends>' }), svg, 'the same each time')
  await t.rejects(renderLossCurve({ train: [], valid: [{ step: 1, loss: NaN }] }), { code: 'ERR_INVALID_ARGUMENT' })
  const path = join(t.testdir({}), 'loss.svg')
  await writeLossCurve(path, { train: [], valid, unit: 'bits' })
  t.match(fs.readFileSync(path, 'utf8'), />bits</)
})
