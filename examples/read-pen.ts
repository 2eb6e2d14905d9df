// A live pen reader: a network learns to read synthetic handwriting, then reads a word while the pen moves, point by point.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadReader, prepareRecognitionRun } from 'gatecell/handwriting-recognition'
import { inkPoints, syntheticInk } from 'gatecell/ink'

const folder = mkdtempSync(join(tmpdir(), 'gatecell-'))
const [data, out] = [join(folder, 'ink.ndjson'), join(folder, 'reader.safetensors')]
const samples = syntheticInk(2000).map(({ text, strokes }) => JSON.stringify({ text, strokes: inkPoints(strokes) }))
writeFileSync(data, samples.join('\n'))

const run = await prepareRecognitionRun({
  data: [data],
  out,
  network: { hidden: 64, layers: 1, bidirectional: false }, // forwards only: it reads what has been written so far
  training: { learningRate: 8e-3, steps: Number(process.argv[2] ?? 800) },
  split: { valid: 0.05 }
})
const { valid } = await run.fit()
console.log(`letters of new words read wrongly: ${(100 * valid!.cer).toFixed(1)} %`)
run.dispose()

const reader = await loadReader(out)
const pen = reader.pen()
const [word] = syntheticInk(1, { seed: 7 })
for (const stroke of inkPoints(word!.strokes)) {
  for (const [x, y] of stroke) pen.down(x!, y!)
  pen.up()
  console.log(`after a stroke: "${pen.text}"`)
}
console.log(`written: "${word!.text}", read: "${pen.text}"`)
reader.dispose()
