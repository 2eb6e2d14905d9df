// Handwriting synthesis: a network learns to write synthetic handwriting and writes a word into an SVG file.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadWriter, prepareSynthesisRun } from 'gatecell/handwriting-synthesis'
import { inkPoints, syntheticInk } from 'gatecell/ink'
import { inkSvg } from 'gatecell/plot'

const folder = mkdtempSync(join(tmpdir(), 'gatecell-'))
const [data, out] = [join(folder, 'ink.ndjson'), join(folder, 'writer.safetensors')]
const samples = syntheticInk(2000).map(({ text, strokes }) => JSON.stringify({ text, strokes: inkPoints(strokes) }))
writeFileSync(data, samples.join('\n'))

const run = await prepareSynthesisRun({
  data: [data],
  out,
  network: { hidden: 96, layers: 2, gaussians: 8, window: 5 },
  training: { learningRate: 6e-3, steps: Number(process.argv[2] ?? 900) },
  split: { valid: 0.05 }
})
const { valid } = await run.fit()
console.log(`${valid!.nats.toFixed(2)} nats a point; a mixture without a memory: ${valid!.mixture.toFixed(2)}`)
run.dispose()

const writer = await loadWriter(out)
const { ink, finished } = await writer.write({ text: 'gatecell', bias: 1, seed: 0 })
writeFileSync('gatecell.svg', inkSvg(ink.strokes, { title: 'gatecell', moving: true, pointsPerSecond: 40 }))
console.log(`gatecell.svg: ${ink.strokes.length} strokes, ${finished ? 'finished' : 'cut off'}`)
writer.dispose()
