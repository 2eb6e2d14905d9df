// Ready features: NPY and safetensors files by construction, and hostile ones.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openArrays } from '../../../src/data/features/arrays.js'
import { allFeatures, openFeatureSet, onlyFeatures } from '../../../src/data/features/features.js'
import { bytesInMemory, openBytes } from '../../../src/data/files/byte-reader.js'
import { writeSafetensors } from '../../../src/index.js'
import { rounds } from '../../amounts.js'
import { npyHeader, npyOf, npyOfFloats } from './npy-files.js'

const folder = t.testdir()
const at = (name: string) => join(folder, name)
const open = async (bytes: Uint8Array) => await openArrays(bytesInMemory(bytes, 'a.npy'))
const bytesOf = (array: Float32Array | Float64Array | Uint16Array) => new Uint8Array(array.buffer)
/** Returns shape and values of the only array of an NPY file. */
async function valuesOf(bytes: Uint8Array) {
  const { shape, read } = onlyFeatures(await open(bytes))
  return { shape, values: [...(await read())] }
}

t.test('the types and versions of NumPy', async (t) => {
  const all = [0.5, -2, 3, 0, 1, 65504]
  const f4 = bytesOf(Float32Array.from(all))
  const half = Uint16Array.from([0x3800, 0xc000, 0x4200, 0, 0x3c00, 0x7bff])
  const cases: [descr: string, data: Uint8Array, values: number[]][] = [
    ['<f4', f4, all],
    ['<f8', bytesOf(Float64Array.from(all)), all],
    ['<f2', bytesOf(half), all],
    ['|u1', Uint8Array.of(0, 1, 2, 128, 254, 255), [0, 1, 2, 128, 254, 255]]
  ]
  for (const [descr, data, values] of cases)
    for (const version of [1, 2, 3])
      t.same(await valuesOf(npyOf(npyHeader(descr, [3, 2]), data, { version })), { shape: [3, 2], values }, descr)
  const other = `{"shape": (3, 2,), 'fortran_order':False , "descr":"<f4"}`
  t.same((await valuesOf(npyOf(other, f4))).values, all, 'other quotes and another order')
  t.same((await valuesOf(npyOf(npyHeader('<f4', [1, 6], 'True'), f4))).values, all, 'one line has no order')
})

t.test('files that are refused, before their sizes are allocated', async (t) => {
  const data = new Uint8Array(24)
  const huge = [2 ** 31, 2 ** 31, 2 ** 31]
  const bad: [bytes: Uint8Array, message: RegExp][] = [
    [new Uint8Array(0), /an empty file/],
    [Buffer.from('PK\x03\x04............'), /an archive \(npz\)/],
    [Buffer.from('{"features": 1}........'), /another format/],
    [npyOf(npyHeader('<f4', [3, 2]), data).subarray(0, 11), /at least 12 bytes/],
    [npyOf(npyHeader('<f4', [3, 2]), data, { version: 4 }), /version 1, 2 or 3 of NPY in a\.npy but received 4/],
    [npyOf(npyHeader('<f4', [3, 2]), data, { length: 60_000 }), /a header of at most \d+ bytes/],
    [npyOf(npyHeader('<f4', [3, 2]), data, { version: 2, length: 2 ** 31 }), /a header of at most \d+ bytes/],
    [npyOf(npyHeader('<f4', [3, 3]), data), /36 bytes of elements, as in its header, in a\.npy but received 24/],
    [npyOf(npyHeader('<f4', [3, 1]), data), /12 bytes of elements/],
    [npyOf(npyHeader('<f4', huge), data), /bytes of elements/],
    [npyOf(npyHeader('<f4', [2 ** 31 + 1]), data), /a shape of integers/],
    [npyOf(npyHeader('>f4', [3, 2]), data), /little-endian, in a\.npy but received ">f4"/],
    [npyOf(npyHeader('|O8', [3]), data), /received "\|O8"/],
    [npyOf(npyHeader('<i8', [3]), data), /received "<i8"/],
    [npyOf(npyHeader('<f4', [3, 2], 'True'), data), /Fortran order: save numpy\.ascontiguousarray/],
    [npyOf(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }`, data), /of a plain array/],
    [npyOf(`{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'more': 1}`, data), /of a plain array/],
    [npyOf(`{'descr': '<f4', 'descr': '<f4', 'shape': (6,)}`, data), /of a plain array/],
    [npyOf(`{'descr': '<f4', 'fortran_order': False}`, data), /of a plain array/],
    [
      npyOf(`{'descr': __import__('os').system('id'), 'fortran_order': False, 'shape': (6,)}`, data),
      /of a plain array/
    ],
    [npyOf(`{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}`, data), /of a plain array/],
    [npyOf(`{'descr': '<f4', 'fortran_order': False, 'shape': (6 6,)}`, data), /a shape of integers/],
    [npyOf(`{'descr': '<f4', 'shape': 'False', 'fortran_order': False}`, data), /of a plain array/]
  ]
  for (const [bytes, message] of bad) await t.rejects(open(bytes), { code: 'ERR_FILE_FORMAT', message })
  for (const odd of [NaN, Infinity, 1e300]) {
    const file = onlyFeatures(await open(npyOf(npyHeader('<f8', [1, 2]), bytesOf(Float64Array.of(1, odd)))))
    await t.rejects(file.read(), { code: 'ERR_FILE_FORMAT', message: /finite numbers .* in a\.npy .* as element 1/ })
  }
})

t.test('damaged files give an error or numbers, and nothing else', async (t) => {
  const whole = npyOfFloats(
    Float32Array.from({ length: 24 }, (_, i) => i),
    [2, 3, 4]
  )
  let [state, refused] = [1, 0]
  const below = (n: number) => (state = (state * 48271) % 2147483647) % n
  for (let round = 0; round < rounds(300, 1000, 20_000); round++) {
    const bytes = Buffer.from(whole)
    for (let i = below(3); i >= 0; i--) bytes[below(below(2) ? 100 : bytes.length)] = below(256)
    try {
      const { shape, values } = await valuesOf(below(4) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes)
      t.equal(values.length, shape.reduce((all, side) => all * side, 1)) // prettier-ignore
    } catch (error) {
      t.equal((error as { code?: string }).code, 'ERR_FILE_FORMAT', (error as Error).message)
      refused++
    }
  }
  t.ok(refused > 100)
})

t.test('files on the disk are read part by part', async (t) => {
  const values = Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => i / 8)
  writeFileSync(at('all.npy'), npyOfFloats(values, [2, 3, 4]))
  const file = await openArrays(await openBytes(at('all.npy')))
  const found = allFeatures(file, { rows: 1, columns: 3, width: 4 })
  t.same(found.map(([name]) => name), [`${at('all.npy')}[0]`, `${at('all.npy')}[1]`]) // prettier-ignore
  t.same(await found[1]![1].read(), values.subarray(12))
  t.equal(allFeatures(file, { rows: 2, columns: 3, width: 4 }).length, 1, 'one picture of two rows')
  writeFileSync(at('all.npy'), new Uint8Array(10))
  await t.rejects(found[1]![1].read(), { code: 'ERR_FILE_FORMAT', message: /does not change while it is read/ })
  await file.close()
  await t.rejects(openBytes(folder), { code: 'ERR_FILE_NOT_FOUND' })
  await t.rejects(openBytes(at('none.npy')), { code: 'ERR_FILE_NOT_FOUND' })
})

t.test('features of many pictures by their names', async (t) => {
  const values = Float32Array.from({ length: 2 * 3 * 4 }, (_, i) => i)
  writeFileSync(at('set.npy'), npyOfFloats(values, [2, 3, 4]))
  writeFileSync(at('names.txt'), 'cat.png\r\nbirds/owl.png\n')
  const set = await openFeatureSet([at('set.npy')], { names: at('names.txt') })
  t.same(await set.find('birds/owl.png')!.read(), values.subarray(12))
  t.equal(set.find('dog.png'), undefined)
  await set.close()
  await writeSafetensors(at('set.safetensors'), [
    { name: 'cat', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    { name: 'dog.png', shape: [2, 2], data: Float64Array.of(5, 6, 7, 8) }
  ])
  const tensors = await openFeatureSet([at('set.safetensors')])
  t.same([...(await tensors.find('cat.png')!.read())], [1, 2, 3, 4], 'a name without the ending')
  t.same([...(await tensors.find('dog.png')!.read())], [5, 6, 7, 8])
  await tensors.close()
  const names = (text: string) => (writeFileSync(at('bad.txt'), text), at('bad.txt'))
  const wrong: [paths: string[], names: string | undefined, code: string, message: RegExp][] = [
    [['set.npy'], undefined, 'ERR_INVALID_OPTION', /a file with the names of the pictures/],
    [['set.safetensors'], 'cat\n', 'ERR_INVALID_OPTION', /one NPY file/],
    [['set.npy', 'set.npy'], 'a\nb\n', 'ERR_INVALID_OPTION', /one NPY file/],
    [['set.npy'], 'a\n', 'ERR_FILE_FORMAT', /2 names in .*bad\.txt, .* but received 1/],
    [['set.npy'], 'a\na\n', 'ERR_FILE_FORMAT', /another picture in line 2 of .*bad\.txt but received "a" again/],
    [['set.npy'], '\nb\n', 'ERR_FILE_FORMAT', /line 1 of .*bad\.txt but received an empty line/],
    [['names.txt'], 'a\n', 'ERR_FILE_FORMAT', /an NPY or safetensors file in .*names\.txt/]
  ]
  for (const [paths, text, code, message] of wrong) {
    const given = text === undefined ? {} : { names: names(text) }
    await t.rejects(openFeatureSet(paths.map(at), given), { code, message })
  }
})
