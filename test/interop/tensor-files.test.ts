// Files of tensors of PyTorch and NumPy: what they hold, and what is refused.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { openTensorFile } from '../../src/interop/index.js'
import { writeSafetensors } from '../../src/index.js'
import { npyHeader, npyOf } from '../data/features/npy-files.js'
import { describe, golden, goldenPath, openBytesOf } from './files.js'
import { zipOf } from './zips.js'

const bytesOf = (name: string) => readFileSync(goldenPath(name))

t.test('files of PyTorch and NumPy hold what Python wrote', async (t) => {
  const { lstm, views, text, arrays } = golden
  const named = (prefix: string) => Object.fromEntries(Object.entries(text).map(([name, one]) => [prefix + name, one]))
  const cases = [
    ['lstm.pt', 'pytorch', lstm],
    ['views.pt', 'pytorch', views],
    ['checkpoint.pt', 'pytorch', named('module.')],
    ['text.safetensors', 'safetensors', text],
    ['arrays.npz', 'npz', arrays],
    ['compressed.npz', 'npz', arrays],
    ['fortran.npy', 'npy', { '': arrays['fortran'] }]
  ] as const
  for (const [name, format, tensors] of cases) {
    const file = await openTensorFile(goldenPath(name))
    t.equal(file.format, format)
    t.same(await describe(file), tensors, name)
    await file.close()
  }
})

t.test('files that hold something else are refused with the line that saves it properly', async (t) => {
  const refused: [name: string, message: RegExp][] = [
    [
      'module.pt',
      /the Python object torch\.nn\.modules\.rnn\.LSTM: .* torch\.save\(model\.state_dict\(\), "module\.pt"\)/
    ],
    [
      'old.pt',
      /the format before PyTorch 1\.6: .*torch\.save\(torch\.load\("old\.pt", weights_only=True\), 'new\.pt'\)/
    ],
    ['script.pt', /a TorchScript module: save only the tensors/],
    ['objects.npz', /elements that are plain numbers, .* "a\.npy" of .*objects\.npz but received "\|O"/],
    ['expected.json', /a safetensors, PyTorch \(\.pt\), Keras, NPY or NPZ file/]
  ]
  for (const [name, message] of refused)
    await t.rejects(openTensorFile(goldenPath(name)), { code: 'ERR_FILE_FORMAT', message }, name)
  await t.rejects(openBytesOf(Uint8Array.of(0x80, 4, 0x95)), { message: /received a pickle of Python/ })
  await t.rejects(openBytesOf(new Uint8Array(0)), { message: /received an empty file/ })
  await t.rejects(openTensorFile('absent.pt'), { code: 'ERR_FILE_NOT_FOUND' })
})

t.test('archives: entries are compared with the file and with each other', async (t) => {
  const array = npyOf(npyHeader('<f4', [2]), new Uint8Array(8))
  const whole = zipOf([{ name: 'a.npy', data: array }])
  t.same([...(await openBytesOf(whole)).tensors.keys()], ['a'])
  t.same(
    [...(await openBytesOf(zipOf([{ name: 'a.npy', data: array }], { wide: true }))).tensors.keys()],
    ['a'],
    'zip64'
  )
  const changed = (at: number, value: number) => {
    const bytes = Buffer.from(whole)
    bytes[at] = value
    return bytes
  }
  const directory = whole.indexOf(Buffer.from('PK\x01\x02'))
  const end = whole.indexOf(Buffer.from('PK\x05\x06'))
  const bad: [bytes: Uint8Array, message: RegExp][] = [
    [whole.subarray(0, -1), /the directory of an archive at the end/],
    [Buffer.concat([whole, Buffer.alloc(3)]), /the directory of an archive at the end/],
    [changed(directory + 8, 1), /without encryption/],
    [changed(directory + 10, 12), /stored or compressed with deflate .* method 12/],
    [changed(directory + 42, 5), /the header of an entry/],
    [changed(30, 0x62), /the name of the directory/],
    [changed(8, 8), /the method of the directory/],
    [changed(22, 7), /the size of the directory/],
    [changed(directory - 1, 1), /the checksum/],
    [changed(end + 4, 1), /an archive of one part/],
    [changed(end + 10, 9), /one part/],
    [
      zipOf([
        { name: 'a.npy', data: array },
        { name: 'a.npy', data: array }
      ]),
      /each name once/
    ],
    [zipOf([{ name: 'a.npy', data: array }], { repeated: true }), /an entry after the one before it/],
    [zipOf([{ name: 'a.npy', data: Buffer.alloc(2 ** 25), deflate: true }]), /at most \d+ bytes of compressed data/],
    [zipOf([{ name: 'a.npy', data: array, deflate: true, size: array.length + 1 }]), /bytes of compressed data/],
    [
      zipOf([
        { name: 'a.npy', data: array },
        { name: 'notes.txt', data: array }
      ]),
      /only arrays/
    ],
    [zipOf([{ name: 'a/data.txt', data: array }]), /an archive without one data\.pkl/]
  ]
  for (const [bytes, message] of bad)
    await t.rejects((async () => await (await openBytesOf(bytes)).tensors.get('a')!.read())(), {
      code: 'ERR_FILE_FORMAT',
      message
    })
})

t.test('pickles: other opcodes and names are refused, and so are tensors beyond their storage', async (t) => {
  const whole = bytesOf('lstm.pt')
  /** Returns the file with another pickle of the same tensors. */
  const pickled = (pickle: Uint8Array) =>
    zipOf([
      { name: 'a/data.pkl', data: pickle },
      { name: 'a/data/0', data: new Uint8Array(16) }
    ])
  const text = (word: string) =>
    Buffer.concat([Buffer.from('X'), Buffer.from(Uint32Array.of(word.length).buffer), Buffer.from(word)])
  const ints = (values: number[]) =>
    Buffer.concat([Buffer.from('('), ...values.map((value) => Buffer.from([0x4b, value])), Buffer.from('t')])
  const tensor = ({ key = '0', type = 'FloatStorage', count = 4, offset = 0, shape = [2, 2], strides = [2, 1] } = {}) =>
    Buffer.concat([
      Buffer.from('\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((', 'latin1'),
      ...[
        text('storage'),
        Buffer.from(`ctorch\n${type}\n`),
        text(key),
        text('cpu'),
        Buffer.from([0x4b, count, 0x74, 0x51])
      ],
      ...[Buffer.from([0x4b, offset]), ints(shape), ints(strides), Buffer.from('\x89)tRs.', 'latin1')]
    ])
  t.same([...(await openBytesOf(pickled(tensor()))).tensors.get('w')!.shape], [2, 2])
  const bad: [pickle: Uint8Array, message: RegExp][] = [
    [tensor({ offset: 1 }), /elements within the 4 of its storage for tensor "w" of a file but received 5/],
    [tensor({ shape: [2, 3], strides: [0, 1] }), /at most the 4 elements of its storage .* expanded/],
    [tensor({ shape: [2], strides: [2, 1] }), /a shape and strides/],
    [tensor({ key: '1' }), /a storage in the archive .* "1", which it lacks/],
    [tensor({ count: 5 }), /20 bytes in its storage for tensor "w" of a file but received 16/],
    [tensor({ type: 'QInt8Storage' }), /the Python object torch\.QInt8Storage/],
    [Buffer.from('\x80\x02cos\nsystem\n(X\x02\0\0\0idtR.', 'latin1'), /the Python object os\.system/],
    [Buffer.from('\x80\x02c__builtin__\neval\n)R.', 'latin1'), /the Python object __builtin__\.eval/],
    [Buffer.from('\x80\x04\x95', 'latin1'), /protocol 2 .* protocol 4/],
    [Buffer.from('\x80\x02\x82\x01', 'latin1'), /the opcodes of a state_dict .* opcode 0x82 at byte 2/],
    [Buffer.from('\x80\x02}', 'latin1'), /1 bytes at byte 3/],
    [Buffer.from('\x80\x02}}.', 'latin1'), /one value and the end/],
    [Buffer.from('\x80\x02t.', 'latin1'), /a mark before/],
    [Buffer.from('\x80\x02}q\x05.', 'latin1'), /numbered values in order/],
    [Buffer.from(`\x80\x02${'}'.repeat(70_000)}.`, 'latin1'), /values of at most 8388608 bytes/],
    [Buffer.from(`\x80\x02${'N'.repeat(300_000)}.`, 'latin1'), /at most 262144 opcodes/],
    [Buffer.from('\x80\x02}.', 'latin1'), /an object without tensors/],
    [Buffer.from('\x80\x02]q\0h\0a.', 'latin1'), /an object without tensors/]
  ]
  for (const [pickle, message] of bad)
    await t.rejects(openBytesOf(pickled(pickle)), { code: 'ERR_FILE_FORMAT', message })
  t.ok(whole.length > 0)
})

t.test('a dictionary that contains itself a thousand times is refused at once', async (t) => {
  const keys = Array.from({ length: 1000 }, (_, i) => Buffer.from([0x4d, i & 255, i >> 8, 0x68, 0, 0x73]))
  const own = Buffer.concat([Buffer.from('\x80\x02}q\0', 'latin1'), ...keys, Buffer.from('.')])
  await t.rejects(openBytesOf(zipOf([{ name: 'a/data.pkl', data: own }])), { message: /at most 65536 values/ })
})

t.test('a list that contains itself, in a dictionary of dictionaries, ends', async (t) => {
  const own = Buffer.from('\x80\x02}q\0X\x01\0\0\0ah\0s.', 'latin1')
  await t.rejects(openBytesOf(zipOf([{ name: 'a/data.pkl', data: own }])), { message: /without tensors/ })
})

t.test('safetensors of other types are read as their bits', async (t) => {
  const path = `${t.testdir()}/bits.safetensors`
  await writeSafetensors(path, [{ name: 'x', shape: [2], data: Uint8Array.of(1, 2), dtype: 'F8_E4M3' }])
  const file = await openTensorFile(path)
  t.same(await file.tensors.get('x')!.read(), Uint8Array.of(1, 2))
  await file.close()
})
