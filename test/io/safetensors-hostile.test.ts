// safetensors: every file that is not exactly one well-formed file is refused with a typed error.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { GatecellError } from '../../src/errors.js'
import { readHeaders } from '../../src/io/checkpoint.js'
import {
  dtypeBits,
  encodeSafetensorsHeader,
  openSafetensors,
  parseSafetensorsHeader
} from '../../src/io/safetensors/file.js'
import { makeFile, tensor } from './safetensors-files.js'
import { rounds } from '../amounts.js'

const headerOf = async (file: string) => (await readHeaders(file)).header
const folder = t.testdir({})
const path = (name: string): string => join(folder, name)

function parse(file: Buffer): ReturnType<typeof parseSafetensorsHeader> {
  const length = Number(file.readBigUInt64LE())
  return parseSafetensorsHeader(file.subarray(8, 8 + length), file.length, 'test')
}

const hostile: Record<string, Buffer> = {
  'an empty file': Buffer.alloc(0),
  'seven bytes': Buffer.alloc(7),
  'a header larger than the file': makeFile('{}', 0, 3n),
  'a header of 2^63 bytes': makeFile('{}', 100, 1n << 63n),
  'a header of 2^64 - 1 bytes': makeFile('{}', 100, (1n << 64n) - 1n),
  'a header of no bytes': makeFile('', 100),
  'an array as the header': makeFile('[]'),
  'a space before the header': makeFile(' {}'),
  'a byte order mark before the header': makeFile('\xef\xbb\xbf{}'),
  'no UTF-8': makeFile('{"\xff":1}'),
  'an overlong slash': makeFile('{"\xc0\xaf":1}'),
  'text after the header': makeFile('{} x'),
  'a name twice': makeFile(`{"a":${JSON.stringify(tensor(0, 4))},"a":${JSON.stringify(tensor(0, 4))}}`, 4),
  'metadata twice': makeFile('{"__metadata__":{},"__metadata__":{}}'),
  'a number as metadata': makeFile({ __metadata__: { a: 1 } }),
  'a list as metadata': makeFile({ __metadata__: [] }),
  'a hole': makeFile({ a: tensor(0, 4), b: tensor(8, 12) }, 12),
  'a hole in front': makeFile({ a: tensor(4, 8) }, 8),
  'an overlap': makeFile({ a: tensor(0, 8), b: tensor(4, 12) }, 12),
  'the same bytes twice': makeFile({ a: tensor(0, 4), b: tensor(0, 4) }, 4),
  'a byte too much': makeFile({ a: tensor(0, 4) }, 5),
  'a byte too few': makeFile({ a: tensor(0, 4) }, 3),
  'data without a tensor': makeFile({}, 4),
  'end before begin': makeFile({ a: tensor(8, 4, [0]) }, 8),
  'a shape that is too large': makeFile({ a: tensor(0, 4, [2]) }, 4),
  'a shape that is too small': makeFile({ a: tensor(0, 8, [1]) }, 8),
  'a shape whose product overflows to the right size': makeFile({ a: tensor(0, 4, [2 ** 32, 2 ** 32, 1]) }, 4),
  'a shape of 2^53 bytes': makeFile({ a: tensor(0, 4, [2 ** 51]) }, 4),
  'a negative size': makeFile({ a: tensor(0, 4, [-1]) }, 4),
  'a fraction as a size': makeFile('{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4),
  'a string as a size': makeFile({ a: tensor(0, 4, ['1']) }, 4),
  'an offset beyond 2^53': makeFile('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9007199254740993]}}', 4),
  'three offsets': makeFile({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4, 4] } }, 4),
  'no shape': makeFile({ a: { dtype: 'F32', data_offsets: [0, 4] } }, 4),
  'a fourth field': makeFile({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4], more: 1 } }, 4),
  'an unknown dtype': makeFile({ a: tensor(0, 4, [1], 'F31') }, 4),
  'a dtype of the prototype': makeFile({ a: tensor(0, 4, [1], 'toString') }, 4),
  'a number as a dtype': makeFile({ a: { dtype: 1, shape: [1], data_offsets: [0, 4] } }, 4),
  'a number as a tensor': makeFile({ a: 1 }),
  'half a byte': makeFile({ a: tensor(0, 2, [3], 'F4') }, 2),
  'a zip (PyTorch)': Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(200, 7)]),
  'a picture': Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(200, 7)])
}

t.test('hostile and foreign files are refused', async (t) => {
  for (const [name, file] of Object.entries(hostile)) {
    writeFileSync(path('hostile'), file)
    await t.rejects(headerOf(path('hostile')), { code: 'ERR_FILE_FORMAT' }, name)
  }
})

t.test('a header above the limit is refused before it is read', async (t) => {
  const length = 16 * 2 ** 20 + 8
  writeFileSync(path('large'), makeFile('{}'.padEnd(length)))
  await t.rejects(headerOf(path('large')), {
    code: 'ERR_FILE_FORMAT',
    message: /at most 16777216 bytes.*not supported yet/
  })
})

t.test('what is no file is refused', async (t) => {
  mkdirSync(path('folder'))
  for (const name of [
    path('missing'),
    path('folder'),
    path('folder/missing/x'),
    ...(process.platform === 'win32' ? [] : ['/dev/null'])
  ]) {
    await t.rejects(openSafetensors(name), { code: 'ERR_FILE_NOT_FOUND' }, name)
  }
})

t.test('every truncation is refused; a flipped bit of the header is, too, or leaves a whole file', async (t) => {
  const { bytes: header, tensors } = encodeSafetensorsHeader(
    [
      { name: 'a', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      { name: 'b', shape: [3], data: Uint8Array.of(1, 2, 3) }
    ],
    { k: 'v' }
  )
  const file = Buffer.concat([
    header,
    ...tensors.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  ])
  /** Whether the reader refuses the file with its typed error; a file that it takes must be whole. */
  const refuses = async (file: Buffer): Promise<boolean> => {
    writeFileSync(path('mutant'), file)
    try {
      const { tensors, dataBegin } = await headerOf(path('mutant'))
      const sizes = [...tensors.values()].map((tensor) =>
        tensor.shape.reduce((a, b) => a * b, dtypeBits[tensor.dtype] / 8)
      )
      t.equal(dataBegin + sizes.reduce((a, b) => a + b, 0), file.length)
      return false
    } catch (error) {
      return error instanceof GatecellError && error.code === 'ERR_FILE_FORMAT'
    }
  }
  t.notOk(await refuses(file))
  let taken = 0
  for (let length = 0; length < file.length; length++) if (!(await refuses(file.subarray(0, length)))) taken++
  t.equal(taken, 0, 'truncations')
  for (let bit = 0; bit < header.length * 8; bit++) {
    const flipped = Buffer.from(file)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    if (!(await refuses(flipped))) taken++
  }
  // Names, metadata and the kind of an integer can change without harm to the form; checkpoints have a checksum.
  t.ok(taken < header.length * 2, `${taken} flips of ${header.length * 8} were taken`)
})

t.test('random headers never do more than throw the typed error', async () => {
  const json = JSON.stringify({ __metadata__: { k: 'v' }, a: tensor(0, 16, [2, 2]), b: tensor(16, 24) })
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.nat(json.length),
          fc.nat(3),
          fc.constantFrom('', '0', '9', '{', '}', '[', ']', '"', ',', '-', 'e', '\\')
        ),
        {
          maxLength: 4
        }
      ),
      (edits) => {
        let text = json
        for (const [place, drop, put] of edits) text = text.slice(0, place) + put + text.slice(place + drop)
        try {
          parse(makeFile(text, 24))
          return true
        } catch (error) {
          return error instanceof GatecellError && error.code === 'ERR_FILE_FORMAT'
        }
      }
    ),
    { numRuns: rounds(1000, 3000) }
  )
})
