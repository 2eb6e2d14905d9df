// A writer learns, is compared with models without a memory, and writes in a style and by a seed; unknown symbols are refused.

import { join } from 'node:path'
import t from 'tap'
import { parseXml } from '../../src/data/ink/formats/xml.js'
import { readCheckpoint, readCheckpointInfo, writeCheckpoint } from '../../src/io/checkpoint.js'
import { stateGroups, type CheckpointGroup } from '../../src/io/checkpoint-groups.js'
import { createRandom } from '../../src/random.js'
import {
  loadWriter,
  fitMemoryless,
  measureMemoryless,
  prepareSynthesisRun,
  type SynthesisRunOptions
} from '../../src/tasks/handwriting-synthesis/index.js'
import { createWriting } from '../../src/tasks/handwriting-synthesis/use/writing.js'
import { syntheticInk, syntheticLetters } from '../../src/data/ink/synthetic.js'
import { inkSvg } from '../../src/plot/ink.js'
import { inkPoints } from '../../src/data/ink/strokes.js'
import { inkOf, inkSamples, ndjson } from '../ink-samples.js'

const folder = t.testdir({ 'ink.ndjson': ndjson(inkSamples(80)) })
const data = [join(folder, 'ink.ndjson')]
const network = { hidden: 16, layers: 2, gaussians: 3, window: 2 }
const training = { batch: 8, learningRate: 5e-3, steps: 150, validEvery: 50 }
const base = { data, network, training, threads: 1 } satisfies Partial<SynthesisRunOptions>
const out = (name: string) => join(folder, `${name}.safetensors`)

t.test('learns to write from a text', async (t) => {
  const run = await prepareSynthesisRun({ ...base, out: out('writer') })
  const { valid } = await run.fit()
  run.dispose()
  t.ok(valid!.nats < valid!.mixture && valid!.mixture < valid!.gaussian, JSON.stringify(valid))
  using writer = await loadWriter(out('writer'))
  const once = await writer.write({ text: 'lv', seed: 3 })
  const points = (result: typeof once) => inkPoints(result.ink.strokes)
  t.same(points(await writer.write({ text: 'lv', seed: 3 })), points(once), 'the same seed gives the same ink')
  t.notSame(points(await writer.write({ text: 'lv', seed: 4 })), points(once))
  t.ok(
    points(once)
      .flat()
      .every((point) => point.length === 3 && point.every(Number.isFinite))
  )
  await t.rejects(() => writer.write({ text: 'lqv' }), { code: 'ERR_UNKNOWN_SYMBOL', message: /'q'/ })
  await t.rejects(() => writer.write({}), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(() => writer.write({ text: 'l', bias: -1 }), { code: 'ERR_INVALID_ARGUMENT' })
  const long = { text: 'lvzt'.repeat(300), points: 100_000 }
  let turns = 0
  const ticks = setInterval(() => turns++, 1)
  await t.rejects(writer.write({ ...long, signal: AbortSignal.timeout(60) }), { code: 'ERR_ABORTED' })
  clearInterval(ticks)
  t.ok(turns > 0, 'the event loop runs while it writes')
  // A busy machine may write nothing in 60 ms, which is an error: then longer.
  const partly = (ms: number) =>
    writer.write({ ...long, signal: AbortSignal.timeout(ms), partial: true }).catch((error: { code?: string }) => {
      if (error.code !== 'ERR_ABORTED') throw error
    })
  let stopped = await partly(60)
  for (let ms = 120; !stopped && ms < 60_000; ms *= 2) stopped = await partly(ms)
  t.ok(stopped && !stopped.finished && stopped.ink.strokes.length > 0, 'what was written so far')
  await t.rejects(writer.write({ text: 'l'.repeat(5000) }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /4096 characters/
  })
  for (const points of [NaN, Infinity, 0, 1.5, 2 ** 18])
    await t.rejects(writer.write({ text: 'l', points }), { code: 'ERR_INVALID_ARGUMENT' })
  const style = await writer.style(inkOf(inkSamples(1)[0]!))
  const styled = await writer.write({ text: 'lv', seed: 3, style: JSON.parse(JSON.stringify(style)) as typeof style })
  t.notSame(points(styled), points(once), 'a style is part of the state')
  const foreign = { ...style, checksum: 'another' }
  const endless = { ...style, last: [0, Infinity, 0] as const }
  await t.rejects(writer.write({ text: 'l', style: endless }), {
    code: 'ERR_INVALID_ARGUMENT',
    message: /^Expected a number as style\.last\[1\] in the options of write but received Infinity/
  })
  await t.rejects(() => writer.write({ text: 'l', style: foreign }), { code: 'ERR_INVALID_ARGUMENT', message: /style/ })
  for (const moving of [false, true])
    t.equal(parseXml(inkSvg(once.ink.strokes, { moving, title: 'a <b> & "c"' }), 'picture').name, 'svg')
})

t.test('learns to draw without a text', async (t) => {
  const run = await prepareSynthesisRun({ ...base, out: out('drawer'), text: false })
  t.equal(run.config.vocabulary, null)
  const { valid } = await run.fit()
  run.dispose()
  t.ok(valid!.nats < valid!.gaussian)
  using writer = await loadWriter(out('drawer'))
  const { ink } = await writer.write({ points: 20 })
  t.ok(ink.strokes.length > 0)
  await t.rejects(() => writer.write({ text: 'l' }), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('a text that misses its end is taken back to its likeliest end', async (t) => {
  // Of each point: whether the pen lifts after it, the symbol under the window (of two symbols and the end), the logit of the end.
  const write = (points: [up: number, symbol: number, logit: number][]) => {
    const writing = createWriting({ ...createRandom(1), uniform: () => 0.999 }, 0, 3)
    writing.take({
      count: points.length,
      values: { points: Float32Array.from(points.flatMap(([up]) => [1, 1, up])) },
      outputs: {
        finish: Float32Array.from(points.flatMap(([, , logit]) => [0, logit])),
        phi: Float32Array.from(points.flatMap(([, symbol]) => [0, 1, 2].map((i) => (i === symbol ? 1 : 0))))
      }
    })
    writing.endAtLikeliest()
    return { finished: writing.finished, points: writing.points.length }
  }
  const text = [[0, 0, -9], [1, 0, 5], [0, 1, -9]] as [number, number, number][] // prettier-ignore
  t.same(write([...text, [1, 1, -1], [0, 2, 3], [1, 2, -2], [0, 2, -9]]), { finished: true, points: 4 })
  t.same(write([...text, [1, 1, -2], [0, 2, 3], [1, 2, -1], [0, 2, -9]]), { finished: true, points: 6 })
  t.same(write([...text, [0, 1, -1], [0, 2, 3]]), { finished: false, points: 5 }, 'no lift from the last symbol on')
  t.same(write([...text, [1, 1, 9], [0, 2, 3]]), { finished: true, points: 4 }, 'an end that was drawn')
})

t.test('synthetic ink', async (t) => {
  const ink = syntheticInk(50, { seed: 2, least: 2, most: 4 })
  t.same(syntheticInk(50, { seed: 2, least: 2, most: 4 }), ink)
  const letters = new Set(syntheticLetters)
  for (const { text, strokes } of ink) {
    t.ok([...text!].length >= 2 && [...text!].length <= 4 && [...text!].every((letter) => letters.has(letter)))
    // i and t are drawn with two strokes, and every letter with a few points and not with a hundred.
    t.equal(strokes.length, text!.length + text!.replace(/[^it]/g, '').length)
    t.ok(strokes.every(({ x }) => x.length >= 2 && x.length < 30))
  }
})

t.test('baselines', async (t) => {
  const random = createRandom(1, 'points')
  const rows = (count: number) =>
    Float32Array.from({ length: 3 * count }, (_, i) =>
      i % 3 === 2 ? (random.uniform() < 0.2 ? 1 : 0) : random.normal()
    )
  const { gaussian, mixture } = measureMemoryless(fitMemoryless([rows(4000)], 4), [rows(4000)])
  // Two standard normals, a bit that is set once in five, and one end of the writing in 4000 points.
  const bit = (p: number) => -p * Math.log(p) - (1 - p) * Math.log(1 - p)
  const expected = Math.log(2 * Math.PI) + 1 + bit(0.2) + 0.2 * bit(1 / 800)
  t.ok(Math.abs(gaussian - expected) < 0.06, `${gaussian} ${expected}`)
  t.ok(Math.abs(mixture - gaussian) < 0.06, 'one Gaussian needs no mixture')
})

t.test('a run whose files have the former name of the task resumes', async (t) => {
  const short = (steps: number) => ({ ...base, training: { ...training, steps, validEvery: 10 }, out: out('former') })
  const first = await prepareSynthesisRun(short(20))
  await first.fit()
  first.dispose()
  for (const path of [out('former'), join(folder, 'former.last.safetensors')]) {
    const { config, progress, tensors: _, ...loaded } = await readCheckpoint(path)
    const group = (name: CheckpointGroup) =>
      [...loaded[name]].map(([name, { shape, data }]) => ({ name, shape, data: data as Float32Array }))
    const states = Object.fromEntries(stateGroups.map((name) => [name, group(name)]))
    await writeCheckpoint(path, { task: 'handwriting', config, progress, weights: group('weights'), ...states })
  }
  const second = await prepareSynthesisRun({ ...short(30), mode: 'resume' })
  t.equal(second.resumed?.step, 20)
  await second.fit()
  second.dispose()
  t.equal((await readCheckpointInfo(out('former'))).task, 'handwriting-synthesis')
})
