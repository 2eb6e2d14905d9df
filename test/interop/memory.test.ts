// Hostile files are refused, or opened, with at most their size and 16 MiB of memory: measured as the peak of a process.
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { compiledProgram, plainEnvironment } from '../compiled.js'
import { messageField, integerField, textField, type Message } from '../../src/io/protobuf.js'
import { goldenPath } from './files.js'
import { zipOf, type MadeEntry } from './zips.js'

const MIB = 2 ** 20
const latin = (text: string) => Buffer.from(text, 'latin1')
const flat = (message: Message) => Buffer.concat(message)
const pickle = (body: string | Buffer) => zipOf([{ name: 'a/data.pkl', data: typeof body === 'string' ? latin(body) : body }]) // prettier-ignore
const safetensors = (json: string, data = 0) => {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, latin(json), Buffer.alloc(data)])
}
const npy = (shape: string, bytes: number) => {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape},), }`
  return Buffer.concat([latin('\x93NUMPY\x01\0'), Buffer.of(text.length, 0), latin(text), Buffer.alloc(bytes)])
}
const onnx = (graph: Message) => flat([...integerField(1, 8), ...messageField(7, graph), ...messageField(8, [...textField(1, ''), ...integerField(2, 17)])]) // prettier-ignore
const times = (count: number, piece: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => piece(i)).join('')
const key = (i: number) => `X\x04\0\0\0${String(i).padStart(4, '0')}`
/** A tensor of a storage with 1 element, as torch.save describes it, kept as number 0. */
const tensor = 'ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0aX\x03\0\0\0cpuK\x01tQK\0K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRq\0' // prettier-ignore

/** One 4-byte float tensor of raw data. `type` is that of ONNX. */
const initializer = (type: number, count: number, width: number) =>
  messageField(5, [...integerField(1, count), ...integerField(2, type), ...textField(8, 'w'), ...messageField(9, [Buffer.alloc(count * width)])]) // prettier-ignore

const many: MadeEntry[] = Array.from({ length: 8192 }, (_, i) => ({ name: `a/data/${i}`, data: Buffer.alloc(0) }))

const hostile: Record<string, () => Buffer> = {
  'dictionaries.pt': () => pickle(`\x80\x02${'}'.repeat(2 * MIB - 3)}.`),
  'lists of one item.pt': () => pickle(`\x80\x02(${']Na'.repeat(600_000)}t.`),
  'numbers.pt': () => pickle(`\x80\x02(${'G\x3f\xf0\0\0\0\0\0\0'.repeat(200_000)}t.`),
  'wide texts.pt': () => pickle(`\x80\x02(${`X\xf0\0\0\0${'a'.repeat(237)}\xe2\x82\xac`.repeat(8000)}t.`),
  'tensors.pt': () =>
    zipOf([{ name: 'a/data.pkl', data: latin(`\x80\x02}(${key(0)}${tensor}${times(9_000, (i) => `${key(i + 1)}h\0`)}u.`) }, { name: 'a/data/a', data: Buffer.alloc(4) }]), // prettier-ignore
  'entries.pt': () => zipOf([...many.slice(1), { name: 'a/data.pkl', data: latin(`\x80\x02${'}'.repeat(60_000)}.`) }]), // prettier-ignore
  'packed pickle.pt': () => zipOf([{ name: 'a/data.pkl', data: latin(`\x80\x02${'}'.repeat(2 * MIB)}.`), deflate: true }]), // prettier-ignore
  'a large zero.npz': () => zipOf([{ name: 'a.npy', data: npy(`${40 * MIB}`, 40 * MIB), deflate: true }]),
  'zeros.npz': () => zipOf([{ name: 'a.npy', data: npy(`${15 * MIB}`, 15 * MIB), deflate: true }]),
  'many zeros.npz': () => {
    const data = npy('4000', 4000)
    return zipOf(Array.from({ length: 4096 }, (_, i) => ({ name: `${i}.npy`, data, deflate: true })))
  },
  'arrays.safetensors': () => safetensors(`{"__metadata__":{},"a":[${'[],'.repeat(2.6 * MIB)}[]]}`),
  'zeros.safetensors': () => safetensors(`{"a":[${'0,'.repeat(4 * MIB - 100)}0]}`),
  'escapes.safetensors': () => safetensors(`{"__metadata__":{"a":"${'\\n'.repeat(4 * MIB - 100)}"}}`),
  'a long header.safetensors': () => safetensors(`{"__metadata__":{"a":"${'a'.repeat(9 * MIB)}"}}`),
  'tensors.safetensors': () => safetensors(`{${times(70_000, (i) => `"${i}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]},`).slice(0, -1)}}`, 70_000), // prettier-ignore
  'names.onnx': () => onnx(messageField(1, [Buffer.from(times(130_000, () => '\x0a\x00'))])),
  'wide names.onnx': () => onnx(messageField(1, Array.from({ length: 1000 }, () => flat(textField(1, `${'a'.repeat(4000)}€`))))), // prettier-ignore
  'nodes.onnx': () => onnx(Array.from({ length: 8193 }, () => flat(messageField(1, [])))),
  'attributes.onnx': () => onnx(messageField(1, Array.from({ length: 40_000 }, (_, i) => flat(messageField(5, [...textField(1, `${i}`), ...integerField(20, 7)]))))), // prettier-ignore
  'integers.onnx': () => onnx(initializer(7, 2 * MIB, 8)),
  'floats.onnx': () => onnx([...initializer(1, 8 * MIB, 4), ...textField(2, 'x')]),
  'doubles.onnx': () => onnx(initializer(11, 2 * MIB, 8))
}

t.test(
  'memory is bounded by the size of the file and 16 MiB',
  { skip: process.platform === 'linux' ? false : 'needs /proc' },
  async (t) => {
    // prettier-ignore
    const folder = t.testdir()
    const first = join(folder, 'first.pt')
    writeFileSync(first, readFileSync(goldenPath('lstm.pt')))
    const paths = Object.entries(hostile).map(([name, make]) => {
      const path = join(folder, name)
      writeFileSync(path, make())
      return path
    })
    const flags = ['--expose-gc', '--max-semi-space-size=1']
    const output = execFileSync(process.execPath, [...flags, compiledProgram('test/interop/memory-child'), first, ...paths], { encoding: 'utf8', env: plainEnvironment() }) // prettier-ignore
    const results = JSON.parse(output) as { path: string; grown: number; refused: boolean }[]
    for (const { path, grown, refused } of results) {
      const { size } = statSync(path)
      const more = ((grown - size) / MIB).toFixed(1)
      t.ok(grown <= size + 16 * MIB, `${basename(path)}: ${more} MiB beyond its ${(size / MIB).toFixed(1)} MiB${refused ? ', refused' : ''}`) // prettier-ignore
    }
  }
)
