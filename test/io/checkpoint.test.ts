// Checkpoints: the same content gives the same bytes, every damage is noticed, foreign files and other tasks are
// refused, and a process killed at any moment leaves the last whole one.
import { spawn } from 'node:child_process'
import { promises, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { GatecellError } from '../../src/errors.js'
import {
  openCheckpoint,
  readCheckpoint,
  readCheckpointInfo,
  readHeaders,
  writeCheckpoint,
  writeCheckpointSync,
  type Checkpoint
} from '../../src/io/checkpoint.js'
import { crc32c } from '../../src/io/crc32c.js'
import { openSafetensors, writeSafetensors } from '../../src/io/safetensors/file.js'
import { compiledProgram } from '../compiled.js'
import { rounds } from '../amounts.js'

const folder = t.testdir({})
const path = (name: string): string => join(folder, name)
const damaged = { code: 'ERR_FILE_FORMAT' }
const kills = rounds(3, 5, 100)

const floats = (length: number, factor: number): Float32Array =>
  Float32Array.from({ length }, (_, index) => Math.fround((index - length / 2) * factor))

const small: Checkpoint = {
  task: 'text',
  config: { hidden: 2, vocabulary: { kind: 'character', symbols: '\n aé' } },
  progress: { step: 12, best: 1.5, cursor: { epoch: 0, step: 12 } },
  weights: [
    { name: 'lstm.weight_ih_l0', shape: [4, 3], data: floats(12, 0.1) },
    { name: 'bias', shape: [2], data: floats(2, 7) }
  ],
  moment1: [{ name: 'bias', shape: [2], data: floats(2, 1e-3) }],
  moment2: [{ name: 'bias', shape: [2], data: floats(2, 1e-6) }],
  moment3: [{ name: 'bias', shape: [2], data: floats(2, 1e-5) }],
  average: [{ name: 'bias', shape: [2], data: floats(2, 6) }],
  state: [{ name: 'h', shape: [1, 2], data: floats(2, 0.5) }]
}

t.test('reads back what it wrote; both ways of writing give the same bytes in any order', async (t) => {
  await writeCheckpoint(path('a'), small)
  writeCheckpointSync(path('b'), {
    ...small,
    weights: [...small.weights].reverse(),
    progress: { cursor: { step: 12, epoch: 0 }, best: 1.5, step: 12 }
  })
  t.ok(readFileSync(path('a')).equals(readFileSync(path('b'))))
  const read = await readCheckpoint(path('a'), { task: 'text' })
  t.equal(read.task, 'text')
  t.strictSame(read.config, small.config)
  t.strictSame(read.progress, small.progress)
  t.equal(read.parameters, 14)
  for (const group of ['weights', 'moment1', 'moment2', 'moment3', 'average', 'state'] as const) {
    t.equal(read[group].size, small[group]!.length)
    for (const { name, shape, data } of small[group]!)
      t.strictSame(read[group].get(name), { dtype: 'F32', shape, data }, name)
  }
  const info = await readCheckpointInfo(path('a'))
  t.equal(info.tensors.get('optimizer.moment1.bias')?.group, 'moment1')
  t.equal(info.tensors.get('state.h')?.key, 'h')
  const file = await openSafetensors(path('a'))
  t.strictSame([...file.header.metadata.keys()], ['checksum', 'config', 'format', 'progress', 'task'])
  await file.close()
})

t.test('the checksums are the CRC-32C of header and data', async (t) => {
  await writeCheckpoint(path('a'), small)
  const { checksum, fileBytes } = await readCheckpointInfo(path('a'))
  const file = readFileSync(path('a'))
  const dataBegin = 8 + Number(file.readBigUInt64LE())
  const header = file.toString('latin1', 0, dataBegin).replace(checksum, 'crc32c:00000000-00000000')
  const hex = (crc: number): string => crc.toString(16).padStart(8, '0')
  const [first, second] = [crc32c(Buffer.from(header, 'latin1')), crc32c(file.subarray(dataBegin))]
  t.equal(checksum, `crc32c:${hex(first)}-${hex(second)}`)
  t.equal(fileBytes, file.length)
})

t.test('tensors go where the caller says', async (t) => {
  await writeCheckpoint(path('a'), small)
  const arena = new Float32Array(new SharedArrayBuffer(256), 64, 12)
  const read = await readCheckpoint(path('a'), {
    place: ({ group, key }) => (group !== 'weights' ? null : key === 'bias' ? undefined : arena)
  })
  t.equal(read.weights.get('lstm.weight_ih_l0')?.data, arena)
  t.strictSame([...arena], [...small.weights[0]!.data] as number[])
  t.equal(read.moment1.size + read.moment2.size + read.state.size, 0)
  const file = await openCheckpoint(path('a'))
  await t.rejects(
    file.load(() => new Float32Array(5)),
    { code: 'ERR_INVALID_SHAPE', message: /5/ }
  )
  await t.rejects(
    file.load(() => new Float64Array(12)),
    { code: 'ERR_INVALID_ARGUMENT' }
  )
  await file.close()
})

t.test('every truncation and every flipped bit is noticed', async (t) => {
  await writeCheckpoint(path('a'), small)
  const file = readFileSync(path('a'))
  const notices = async (bytes: Uint8Array): Promise<boolean> => {
    writeFileSync(path('mutant'), bytes)
    try {
      await readCheckpoint(path('mutant'))
      return false
    } catch (error) {
      return error instanceof GatecellError && error.code === 'ERR_FILE_FORMAT'
    }
  }
  t.notOk(await notices(file))
  let missed = 0
  for (let length = 0; length < file.length; length++) if (!(await notices(file.subarray(0, length)))) missed++
  t.equal(missed, 0, `${file.length} truncations`)
  const step = rounds(23, 13, 1) // bits between two that are flipped
  for (let bit = 0; bit < file.length * 8; bit += step) {
    const flipped = Buffer.from(file)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    if (!(await notices(flipped))) missed++
  }
  t.equal(missed, 0, `${file.length * 8} bits, each ${step}.`)
  t.ok(await notices(Buffer.concat([file, Buffer.alloc(1)])), 'a byte more')
})

t.test('damage of the header is noticed before any tensor is read', async (t) => {
  await writeCheckpoint(path('a'), small)
  const file = readFileSync(path('a'))
  file[file.indexOf('hidden')]! ^= 1
  writeFileSync(path('a'), file)
  await t.rejects(readCheckpointInfo(path('a')), { ...damaged, message: /checksum/ })
})

t.test('foreign files, other versions and other tasks are refused', async (t) => {
  const weights = [{ name: 'w', shape: [1], data: Float32Array.of(1) }]
  await writeSafetensors(path('foreign'), weights, { format: 'pt' })
  await t.rejects(readCheckpoint(path('foreign')), { ...damaged, message: /another program/ })
  await writeSafetensors(path('foreign'), weights)
  await t.rejects(readCheckpointInfo(path('foreign')), { ...damaged, message: /another program/ })
  await writeSafetensors(path('foreign'), weights, { format: 'gatecell/2' })
  await t.rejects(readCheckpointInfo(path('foreign')), { ...damaged, message: /update gatecell/ })
  await writeSafetensors(path('foreign'), weights, { format: 'gatecell/1' })
  await t.rejects(readCheckpointInfo(path('foreign')), { ...damaged, message: /checksum/ })
  await writeCheckpoint(path('a'), small)
  await t.rejects(readCheckpoint(path('a'), { task: 'music' }), { code: 'ERR_WRONG_TASK', message: /music.*text/ })
  await t.rejects(readCheckpoint(path('missing')), { code: 'ERR_FILE_NOT_FOUND' })
})

t.test('a moment without its weight is refused when read, as when written', async (t) => {
  const moment1 = [{ name: 'nothing', shape: [2], data: floats(2, 1) }]
  const bad: Checkpoint[] = [
    { ...small, moment1 },
    { ...small, weights: [{ name: 'state.x', shape: [1], data: floats(1, 1) }] },
    { ...small, weights: [{ name: 'optimizer.x', shape: [1], data: floats(1, 1) }] },
    { ...small, progress: { loss: NaN } },
    { ...small, config: { rate: Infinity } }
  ]
  for (const checkpoint of bad) {
    await t.rejects(writeCheckpoint(path('refused'), checkpoint), { code: 'ERR_INVALID_ARGUMENT' })
    t.throws(() => writeCheckpointSync(path('refused'), checkpoint), { code: 'ERR_INVALID_ARGUMENT' })
  }
  t.notOk(readdirSync(folder).some((name) => name.includes('refused')))
})

t.test('any configuration comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), async (config) => {
      if (JSON.stringify(config).includes('__proto__')) return true
      const plain = JSON.parse(JSON.stringify(config)) as Checkpoint['config']
      await writeCheckpoint(path('config'), { ...small, config: plain })
      const { config: read } = await readCheckpointInfo(path('config'))
      await writeCheckpoint(path('again'), { ...small, config: read })
      return readFileSync(path('config')).equals(readFileSync(path('again')))
    }),
    { numRuns: rounds(15, 40) }
  )
})

t.test(`a process that is killed at any moment leaves a whole checkpoint (${kills} times)`, async (t) => {
  const target = path('killed')
  const program = compiledProgram('test/io/child')
  let seen = 0
  for (let round = 0; round < kills; round++) {
    const running = spawn(process.execPath, [program, 'writeForEver', target], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => running.stdout.once('data', resolve))
    const ended = new Promise((resolve) => running.once('exit', resolve))
    setTimeout(() => running.kill('SIGKILL'), (round * 7.3) % 40)
    await ended
    const { progress, weights } = await readCheckpoint(target)
    const data = weights.get('w')!.data as Float32Array
    if (data.every((value) => value === progress['step'])) seen++
  }
  t.equal(seen, kills)
  await writeCheckpoint(target, small)
  const left = readdirSync(folder).filter((name) => name.startsWith('.killed'))
  t.strictSame(left, [], 'and the next write removes what they left')
})

t.test('header and contents of a file are read from one opening', async (t) => {
  const [one, other] = [path('one'), path('other')]
  await writeCheckpoint(one, small)
  await writeSafetensors(other, small.weights)
  const info = await readCheckpointInfo(one)
  const open = promises.open
  promises.open = async (...values) => {
    const handle = await open(...values)
    renameSync(other, one) // a file of another program takes its place
    return handle
  }
  t.teardown(() => (promises.open = open))
  t.same((await readHeaders(one)).checkpoint, info)
  promises.open = open
  const { header, checkpoint } = await readHeaders(one)
  t.equal(checkpoint, null)
  t.equal(header.tensors.size, small.weights.length)
})
