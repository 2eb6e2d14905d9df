// Damaged files of tensors give an error of gatecell or tensors, and nothing else, and take little memory.
import fc from 'fast-check'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { describePickle } from '../../src/interop/bytes/pickle.js'
import { GatecellError } from '../../src/index.js'
import { importModel } from '../../src/interop/index.js'
import { rounds } from '../amounts.js'
import { goldenPath, openBytesOf } from './files.js'
import { zipOf } from './zips.js'

const files = ['lstm.pt', 'views.pt', 'checkpoint.pt', 'arrays.npz', 'compressed.npz', 'fortran.npy', 'text.safetensors']
  .map((name) => readFileSync(goldenPath(name))) // prettier-ignore

/** Reads all tensors of a file; errors of gatecell are right. */
async function readAll(bytes: Uint8Array): Promise<void> {
  try {
    const { tensors } = await openBytesOf(bytes)
    for (const { read } of tensors.values()) await read()
  } catch (error) {
    if (!(error instanceof GatecellError)) throw error
  }
}

const edits = fc.record({
  file: fc.nat(files.length - 1),
  changes: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999999, noNaN: true }), fc.nat(255)), { maxLength: 4 }),
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }))
})

t.test('files with changed bytes, and parts of files', async () => {
  await fc.assert(
    fc.asyncProperty(edits, async ({ file, changes, cut }) => {
      const bytes = Buffer.from(files[file]!)
      for (const [place, value] of changes) bytes[Math.floor(place * bytes.length)] = value
      await readAll(cut === null ? bytes : bytes.subarray(0, Math.floor(cut * bytes.length)))
    }),
    { numRuns: rounds(300, 2000, 1_000_000) }
  )
})

t.test('changed ONNX files', async (t) => {
  const whole = readFileSync(goldenPath('text.onnx'))
  const path = `${t.testdir()}/changed.onnx`
  await fc.assert(
    fc.asyncProperty(edits, async ({ changes, cut }) => {
      const bytes = Buffer.from(whole)
      // Most of the file are weights: changes are among the nodes and names before them, and at random.
      for (const [i, [place, value]] of changes.entries())
        bytes[Math.floor(place * (i % 2 === 0 ? 900 : bytes.length))] = value
      writeFileSync(path, cut === null ? bytes : bytes.subarray(0, Math.floor(cut * bytes.length)))
      try {
        const imported = await importModel(path)
        imported.dispose()
      } catch (error) {
        if (!(error instanceof GatecellError)) throw error
      }
    }),
    { numRuns: rounds(200, 1000, 200_000) }
  )
})

t.test('changed files of Keras', async (t) => {
  const wholes = ['text.h5', 'both-concat.h5', 'lstm.keras', 'repeated.keras'].map((name) => readFileSync(goldenPath(`../keras/${name}`))) // prettier-ignore
  const path = `${t.testdir()}/changed`
  const place = fc.double({ min: 0, max: 0.999999, noNaN: true })
  const changed = fc.record({
    file: fc.nat(wholes.length - 1),
    changes: fc.array(fc.tuple(place, fc.nat(255)), { maxLength: 6 }),
    copies: fc.array(fc.tuple(place, place), { maxLength: 2 }),
    cut: fc.option(place, { freq: 8 })
  })
  await fc.assert(
    fc.asyncProperty(changed, async ({ file, changes, copies, cut }) => {
      const bytes = Buffer.from(wholes[file]!)
      const at = (part: number) => Math.floor(part * bytes.length)
      for (const [where, value] of changes) bytes[at(where)] = value
      // Addresses and sizes of one structure in the place of those of another one.
      for (const [from, to] of copies) bytes.copy(bytes, at(to) & ~7, at(from) & ~7, (at(from) & ~7) + 8)
      const whole = cut === null ? bytes : bytes.subarray(0, at(cut))
      await readAll(whole)
      writeFileSync(path, whole)
      try {
        const imported = await importModel(path)
        imported.dispose()
      } catch (error) {
        if (!(error instanceof GatecellError)) throw error
      }
    }),
    { numRuns: rounds(200, 1000, 200_000) }
  )
})

const tokens = [
  '}', ']', ')', '(', 't', '\x85', '\x86', '\x87', 'ctorch\nFloatStorage\n', 'ccollections\nOrderedDict\n', 'ctorch._utils\n_rebuild_tensor_v2\n',
  'q\0', 'q\x01', 'h\0', 'h\x01', 'X\x01\0\0\0a', 'X\x07\0\0\0storage', 'K\x02', 'M\x01\x02', 'J\xff\xff\xff\xff', '\x8a\x02\x01\x80', 'G\x3f\xf0\0\0\0\0\0\0',
  'N', '\x88', '\x89', 'Q', 'R', 'b', 's', 'u', 'a', 'e'
] // prettier-ignore

t.test('pickles of random opcodes', async () => {
  const options = {
    where: 'a file',
    names: new Set(['torch.FloatStorage', 'collections.OrderedDict', 'torch._utils._rebuild_tensor_v2'])
  }
  const refuse = (name: string) => new GatecellError('ERR_FILE_FORMAT', name)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(tokens.length - 1), { maxLength: 60 }), async (picked) => {
      const pickle = Buffer.from(`\x80\x02}${picked.map((i) => tokens[i]).join('')}.`, 'latin1')
      try {
        describePickle(pickle, { ...options, refuse })
      } catch (error) {
        if (!(error instanceof GatecellError)) throw error
      }
      await readAll(zipOf([{ name: 'a/data.pkl', data: pickle }, { name: 'a/data/a', data: new Uint8Array(8) }])) // prettier-ignore
    }),
    { numRuns: rounds(300, 2000, 1_000_000) }
  )
})

t.test('files that declare much take little memory', async (t) => {
  const deep = Buffer.from(`\x80\x02${'}'.repeat(2 ** 23 - 3)}`, 'latin1')
  const numbers = Buffer.from(`\x80\x02(${'G\x3f\xf0\0\0\0\0\0\0'.repeat(900_000)}t.`, 'latin1')
  const hostile = [deep, numbers].map((pickle) => zipOf([{ name: 'a/data.pkl', data: pickle }]))
  for (const bytes of hostile) {
    const before = process.memoryUsage().rss
    await readAll(bytes)
    const grown = process.memoryUsage().rss - before
    t.ok(grown <= bytes.length + 2 ** 24 + 2 ** 24, `${grown} bytes more`)
  }
})
