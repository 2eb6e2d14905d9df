// safetensors: files are read back bit for bit as they were written, and their bytes are canonical.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { asFloat32 } from '../../src/io/float32.js'
import {
  dtypeBits,
  openSafetensors,
  writeSafetensors,
  type WritableTensor,
  type TensorData
} from '../../src/io/safetensors/file.js'
import { readHeaders } from '../../src/io/checkpoint.js'
import { makeFile, tensor } from './safetensors-files.js'

const headerOf = async (file: string) => (await readHeaders(file)).header
const folder = t.testdir({})
const golden = join(import.meta.dirname ?? '', '../golden/dtypes.safetensors')
const path = (name: string): string => join(folder, name)
const bytes = (data: TensorData): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

const arrays = fc.oneof(
  fc.float32Array({ maxLength: 40 }),
  fc.float64Array({ maxLength: 20 }),
  fc.int32Array({ maxLength: 40 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.bigInt64Array({ maxLength: 10 })
)
const files = fc.tuple(
  fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 40 }), arrays, { maxKeys: 6 }),
  fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), { maxKeys: 4 })
)
const named = (tensors: Record<string, TensorData>): WritableTensor[] =>
  Object.entries(tensors).map(([name, data]) => ({ name, shape: [data.length], data }))

t.test('reads back what it wrote, bit for bit, and the order given does not matter', async () => {
  await fc.assert(
    fc.asyncProperty(files, async ([tensors, metadata]) => {
      await writeSafetensors(path('a'), named(tensors), metadata)
      await writeSafetensors(path('b'), named(tensors).reverse(), metadata)
      const file = await openSafetensors(path('a'))
      let same = readFileSync(path('a')).equals(readFileSync(path('b')))
      same &&= file.header.dataBegin % 8 === 0
      same &&= file.header.tensors.size === Object.keys(tensors).length
      for (const [key, value] of Object.entries(metadata)) same &&= file.header.metadata.get(key) === value
      for (const [name, data] of Object.entries(tensors)) {
        const read = await file.read(name)
        same &&= read.constructor === data.constructor && bytes(read).equals(bytes(data))
      }
      await file.close()
      return same
    }),
    { numRuns: 60 }
  )
})

t.test('the exact bytes of a small file', async (t) => {
  await writeSafetensors(path('small'), [{ name: 'w', shape: [1, 2], data: Float32Array.of(1, -2) }], { k: 'v' })
  const json = '{"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(88n)
  const expected = Buffer.concat([start, Buffer.from(json.padEnd(88)), Buffer.from('0000803f000000c0', 'hex')])
  t.equal(readFileSync(path('small')).toString('latin1'), expected.toString('latin1'))
})

t.test('reads into views of shared memory, and refuses wrong targets', async (t) => {
  const data = Float32Array.from({ length: 1000 }, (_, index) => index / 3)
  await writeSafetensors(path('shared'), [{ name: 'w', shape: [10, 100], data }])
  const file = await openSafetensors(path('shared'))
  const shared = new SharedArrayBuffer(8192)
  const view = new Float32Array(shared, 64, 1000)
  await file.readInto('w', view)
  t.ok(bytes(view).equals(bytes(data)))
  await t.rejects(file.readInto('w', new Float32Array(999)), { code: 'ERR_INVALID_SHAPE' })
  await t.rejects(file.readInto('w', new Int32Array(1000)), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(file.readInto('w', undefined as never), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(file.read('x'), { code: 'ERR_INVALID_ARGUMENT' })
  await file.close()
  await writeSafetensors(path('shared'), [{ name: 'w', shape: [1000], data: view }])
  t.ok(readFileSync(path('shared')).subarray(-4000).equals(bytes(data)), 'and writes from them')
})

t.test('all dtypes of the format can be listed and read', async (t) => {
  const header: Record<string, unknown> = {}
  let end = 0
  // 8 elements of any size are whole bytes.
  for (const [dtype, bits] of Object.entries(dtypeBits)) {
    header[dtype] = { dtype, shape: [2, 4], data_offsets: [end, end + bits] }
    end += bits
  }
  writeFileSync(path('dtypes'), makeFile(header, end))
  const file = await openSafetensors(path('dtypes'))
  for (const [dtype, bits] of Object.entries(dtypeBits)) t.equal((await file.read(dtype)).byteLength, bits, dtype)
  await file.close()
})

t.test('names of the prototype are names like others', async (t) => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString']
  const tensors = names.map((name, index) => ({ name, shape: [1], data: Float32Array.of(index) }))
  await writeSafetensors(path('names'), tensors)
  const file = await openSafetensors(path('names'))
  for (const [index, name] of names.entries()) t.equal((await file.read(name))[0], index)
  t.equal(file.header.metadata.get('toString'), undefined)
  await file.close()
})

t.test('files of PyTorch: every dtype, a tensor of rank 12, scalars, no elements', async (t) => {
  const file = await openSafetensors(golden)
  const { tensors, metadata } = file.header
  t.match(metadata.get('torch'), /^2\./)
  t.same(tensors.get('rank12')!.shape, [1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1])
  t.same([...(await file.read('rank12'))], [0, 1, 2, 3])
  t.same([...(await file.read('scalar'))], [2.5])
  t.same([tensors.get('empty')!.shape, (await file.read('empty')).length], [[3, 0], 0])
  const found = new Set([...tensors.values()].map(({ dtype }) => dtype))
  // PyTorch has no 6-bit floats.
  t.same([...found].sort(), Object.keys(dtypeBits).filter((dtype) => !dtype.startsWith('F6_')).sort()) // prettier-ignore
  t.same([...(await file.read('torch.complex64'))], [1, 2, -0, -3])
  t.same([...(await file.read('torch.uint64'))], [0n, 1n, 100n])
  t.same([...(await file.read('torch.float4_e2m1fn_x2'))], [0x21, 0x43])
  await file.close()
})

t.test('other floats become float32 as in PyTorch', async (t) => {
  const file = await openSafetensors(golden)
  for (const name of ['f16', 'bf16', 'f64']) {
    const { dtype } = file.header.tensors.get(name)!
    const values = asFloat32(name, dtype, await file.read(name))
    const expected = (await file.read(`${name}.as_f32`)) as Float32Array
    t.ok(values.length === expected.length && values.length > 1000)
    const wrong = [...values.keys()].filter((i) => !Object.is(values[i], expected[i]))
    t.same(wrong, [], name)
  }
  await file.close()
  // Every float16 is a sign, and a fraction times a power of 2.
  const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits)
  const valueOf = (bits: number) => {
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
    const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
    const value = exponent < 31 ? size : fraction === 0 ? Infinity : NaN
    return bits < 0x8000 ? value : -value
  }
  t.ok(asFloat32('all', 'F16', all).every((value, bits) => Object.is(value, valueOf(bits))))
  const beyond = Float64Array.of(0, 3.4028235677973366e38)
  t.throws(() => asFloat32('head', 'F64', beyond), { code: 'ERR_UNSUPPORTED', message: /"head".*3\.40282356/ })
  t.throws(() => asFloat32('w', 'F8_E4M3', new Uint8Array(1)), {
    code: 'ERR_UNSUPPORTED',
    message: /F8_E4M3 for tensor "w"/
  })
  t.throws(() => asFloat32('w', 'F16', new Float32Array(1)), { code: 'ERR_UNSUPPORTED' })
})

t.test('more tensors than 65,536, and a dtype of the future', async (t) => {
  const count = 70_000
  const fields = (i: number) => `"layer.${i}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`
  writeFileSync(path('many'), makeFile(`{${Array.from({ length: count }, (_, i) => fields(i)).join(',')}}`, count))
  t.equal((await headerOf(path('many'))).tensors.size, count)
  writeFileSync(path('future'), makeFile({ w: tensor(0, 4, [1], 'F31') }, 4))
  const sentence = /"w".*"F31", which is not supported yet: update gatecell/
  await t.rejects(headerOf(path('future')), { code: 'ERR_FILE_FORMAT', message: sentence })
  const damaged = await headerOf(path('future')).catch((error: Error) => error.message)
  t.notMatch(damaged, /damaged/)
})

t.test('the writer refuses what the reader would', async (t) => {
  const data = Float32Array.of(1)
  const bad: Record<string, [WritableTensor[], string]> = {
    'a wrong shape': [[{ name: 'a', shape: [2], data }], 'ERR_INVALID_SHAPE'],
    'a fraction': [[{ name: 'a', shape: [0.5, 2], data }], 'ERR_INVALID_ARGUMENT'],
    'a name twice': [
      [
        { name: 'a', shape: [1], data },
        { name: 'a', shape: [1], data }
      ],
      'ERR_INVALID_ARGUMENT'
    ],
    'the name of the metadata': [[{ name: '__metadata__', shape: [1], data }], 'ERR_INVALID_ARGUMENT'],
    'half a character': [[{ name: '\ud800', shape: [1], data }], 'ERR_INVALID_ARGUMENT'],
    'a wrong dtype': [[{ name: 'a', shape: [1], data, dtype: 'BF16' }], 'ERR_INVALID_ARGUMENT'],
    'no typed array': [[{ name: 'a', shape: [1], data: [1] as never }], 'ERR_INVALID_ARGUMENT']
  }
  for (const [name, [tensors, code]] of Object.entries(bad)) {
    await t.rejects(writeSafetensors(path('refused'), tensors), { code }, name)
  }
  t.notOk(
    readdirSync(folder).some((name) => name.includes('refused')),
    'and leaves nothing behind'
  )
})
