// Damaged ONNX files give an error of gatecell or a model, and nothing else. test/fuzz has the parsers of bytes.
import fc from 'fast-check'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { GatecellError } from '../../src/index.js'
import { importOnnx } from '../../src/interop/index.js'
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
        const imported = await importOnnx(path)
        imported.dispose()
      } catch (error) {
        if (!(error instanceof GatecellError)) throw error
      }
    }),
    { numRuns: rounds(100, 300, 200_000) }
  )
})
