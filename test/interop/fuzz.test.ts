// Damaged files of ONNX and Keras give an error of gatecell or a model, and nothing else. test/fuzz has the parsers of bytes.
import fc from 'fast-check'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { GatecellError } from '../../src/index.js'
import { importModel } from '../../src/interop/index.js'
import { rounds } from '../amounts.js'
import { goldenPath } from './files.js'

const edits = fc.record({
  changes: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999999, noNaN: true }), fc.nat(255)), { maxLength: 4 }),
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }))
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
      writeFileSync(path, whole)
      try {
        const imported = await importModel(path)
        imported.dispose()
      } catch (error) {
        if (!(error instanceof GatecellError)) throw error
      }
    }),
    { numRuns: rounds(100, 300, 200_000) }
  )
})
