// The text task as a library: measures, writing, runs and their files.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tokensOf } from '../../src/data/text/tokens.js'
import { vocabularyFromText } from '../../src/data/text/vocabulary.js'
import { GatecellError } from '../../src/errors.js'
import type { JsonObject } from '../../src/io/json.js'
import { openRunLog } from '../../src/tasks/runs/log.js'
import { segmentSource } from '../../src/tasks/text/training/evaluate.js'
import {
  ALPHABET,
  evaluateText,
  learnAlphabet,
  loadTextModel,
  prepareTextRun,
  textConfigFromJson,
  textModel,
  writeText
} from '../../src/tasks/text/index.js'
import { evaluate } from '../../src/train/evaluate.js'
import type { Report } from '../../src/train/reports.js'
import { story } from '../cli/command.js'

const text = story(5000)
const vocabulary = vocabularyFromText(text)
const network = {
  embedding: 8,
  hidden: 12,
  layers: 2,
  dropout: 0.5,
  variational: false,
  recurrentDropout: 0.25,
  zoneout: 0.125
}
const config = { vocabulary: vocabulary.config, network, split: { valid: 0.1, test: 0 } }
const threads = 1

t.test('the measure is that of one stream', async (t) => {
  using model = textModel(config, { seed: 3, threads })
  const ids = vocabulary.encode(text.slice(0, 700))
  const stream = model.stream()
  let sum = 0
  for (let at = 0; at + 1 < ids.length; at++) {
    const logits = stream.step(ids[at]!)
    let total = 0
    for (const logit of logits) total += Math.exp(logit)
    sum += Math.log(total) - logits[ids[at + 1]!]!
  }
  const measure = await evaluateText(model, tokensOf(ids))
  t.equal(measure.tokens, 699)
  t.ok(Math.abs(measure.nats - sum / 699) < 1e-5, `${measure.nats} and ${sum / 699}`)
  t.equal(measure.bits, measure.nats / Math.LN2)
  const shares: number[] = []
  await evaluateText(model, tokensOf(ids), { onProgress: (share) => shares.push(share) })
  t.same(shares, [0, 1 / 3, 2 / 3])
  await t.rejects(evaluateText(model, tokensOf([1])), { code: 'ERR_CORPUS_EMPTY' })
  const [bias] = [...model.parameters].slice(-1)
  const values = bias!.data.slice()
  model.parameters.set(
    bias!.name,
    values.map(() => NaN)
  )
  await t.rejects(evaluateText(model, tokensOf(ids)), { code: 'ERR_NOT_FINITE', message: /weights of the model/ })
  model.parameters.set(bias!.name, values)
  await t.rejects(evaluateText(model, tokensOf(ids), { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})

t.test('segments are close to it', async (t) => {
  using model = textModel(config, { seed: 3, threads })
  const tokens = tokensOf(vocabulary.encode(text))
  const source = segmentSource(tokens)
  t.equal(source.dims.batch, 19)
  const exact = await evaluateText(model, tokens)
  const near = await evaluate(model, source)
  t.equal(near.count, exact.tokens)
  t.ok(Math.abs(near.loss - exact.nats) < 1e-3, `${near.loss} and ${exact.nats}`)
})

t.test('the alphabet', async (t) => {
  const reports: Report[] = []
  const { recited, loss } = await learnAlphabet({ onReport: (report) => reports.push(report) })
  t.equal(recited, ALPHABET)
  t.ok(loss < 0.5)
  t.ok(reports.length > 1)
})

t.test('writing', async (t) => {
  using model = textModel(config, { seed: 5, threads })
  const whole = writeText(model, vocabulary, { prompt: 'the cell', seed: 7 }).text(200)
  const writer = writeText(model, vocabulary, { prompt: 'the cell', seed: 7 })
  let pieces = ''
  for await (const piece of writer.pieces({ length: 120 })) pieces += piece
  pieces += writer.text(80)
  t.equal(pieces, whole, 'in pieces or at once')
  t.equal(writer.count, 200)
  t.not(writeText(model, vocabulary, { prompt: 'the cell', seed: 8 }).text(200), whole)
  t.equal(writeText(model, vocabulary).text(20), writeText(model, vocabulary, { prompt: '\n' }).text(20))
  t.throws(() => writeText(model, vocabulary, { prompt: 'Ω' }), { code: 'ERR_UNKNOWN_SYMBOL' })
  t.throws(() => writer.text(-1), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(writer.pieces({ length: 5, signal: AbortSignal.abort() }).next(), { code: 'ERR_ABORTED' })
})

t.test('the prompt is in the state, whatever it is', async (t) => {
  using model = textModel(config, { seed: 5, threads })
  const logits = (prompt: string) => {
    const writer = writeText(model, vocabulary, { prompt })
    writer.text(0)
    return [...writer.stream.logits]
  }
  t.strictSame(logits('the cell'), logits('the cell'))
  t.notSame(logits('the cell'), logits('she cell'), 'its first symbol, too')
})

t.test('a run from text to text', async (t) => {
  const cwd = t.testdir({ 'story.txt': text })
  const out = join(cwd, 'm.safetensors')
  const options = {
    data: [join(cwd, 'story.txt')],
    out,
    network: { hidden: 12, layers: 1 },
    training: { batch: 4, length: 16, steps: 40, validEvery: 20 },
    threads
  }
  const run = await prepareTextRun(options)
  t.ok(run.memory.parameters > 0 && run.memory.step > 0 && run.memory.validation > 0)
  t.throws(() => readFileSync(out), 'nothing is written before fit')
  const samples: string[] = []
  const { summary, valid } = await run.fit({
    onReport: () => samples.push(writeText(run.model, run.vocabulary).text(10)) as unknown as void
  })
  run.dispose()
  t.equal(summary.step, 40)
  t.ok(valid!.whole)
  t.ok(samples.length >= 2, 'the model writes between its steps')

  using loaded = await loadTextModel(out)
  t.equal(loaded.info.parameters, loaded.model.parameterCount)
  t.equal(loaded.write({ prompt: 'it' }).text(30).length, 30)
  const tokens = tokensOf(vocabulary.encode(text.slice(4500)))
  t.equal((await evaluateText(loaded.model, tokens)).nats, valid!.nats)
  t.same(textConfigFromJson(loaded.info.config, out), loaded.config)

  await t.rejects(prepareTextRun(options), { code: 'ERR_FILE_EXISTS' })
  const changed = { ...options, mode: 'resume' as const, network: { hidden: 13 } }
  await t.rejects(prepareTextRun(changed), { code: 'ERR_INVALID_OPTION' })
  await t.rejects(prepareTextRun({ ...options, mode: 'force', data: [join(cwd, 'none')] }), {
    code: 'ERR_FILE_NOT_FOUND'
  })
  t.ok(readFileSync(out).length > 0, 'what exists stays until everything is ready')
})

t.test('an aborted run saves where it stands', async (t) => {
  const cwd = t.testdir({ 'story.txt': text })
  const options = {
    data: [join(cwd, 'story.txt')],
    out: join(cwd, 'm'),
    network: { hidden: 8, layers: 1 },
    training: { batch: 4, length: 16, steps: 1_000_000, validEvery: 10 },
    threads
  }
  const run = await prepareTextRun(options)
  const controller = new AbortController()
  const { summary, valid } = await run.fit({ signal: controller.signal, onReport: () => controller.abort() })
  run.dispose()
  t.equal(summary.stopped, 'abort')
  t.equal(valid, null)
  const again = await prepareTextRun({ ...options, mode: 'resume' })
  t.same(again.resumed, { path: join(cwd, 'm.last.safetensors'), step: summary.step, remakes: false })
  again.dispose()
})

t.test('configurations that are none', async (t) => {
  using model = textModel(config, { threads })
  const good = model.config
  t.same(textConfigFromJson(good, 'm'), config)
  const bad: [string, JsonObject][] = [
    ['network', { ...good, network: 3 }],
    ['hidden', { ...good, network: { ...network, hidden: 0 } }],
    ['hidden', { ...good, network: { ...network, hidden: 2 ** 40 } }],
    ['layers', { ...good, network: { ...network, layers: 1.5 } }],
    ['dropout', { ...good, network: { ...network, dropout: '0' } }],
    ['variational', { ...good, network: { ...network, variational: null } }],
    ['recurrentDropout', { ...good, network: { ...network, recurrentDropout: 1 } }],
    ['zoneout', { ...good, network: { ...network, zoneout: -0.1 } }],
    ['split', { ...good, split: [] }],
    ['valid', { ...good, split: { valid: -1, test: 0 } }],
    ['vocabulary', { ...good, vocabulary: null }],
    ['vocabulary', { ...good, vocabulary: { kind: 'word' } }],
    ['training', { ...good, training: 'hard' }],
    ['data', { ...good, data: false }]
  ]
  for (const [name, json] of bad) {
    t.throws(() => textConfigFromJson(json, 'm'), { code: 'ERR_FILE_FORMAT', message: new RegExp(name) }, name)
  }
})

t.test('logs of a resumed run leave out what was lost', async (t) => {
  const folder = t.testdir()
  const report = (step: number, loss: number) =>
    ({ step, loss, epoch: 0, gradNorm: 1, learningRate: 1, seconds: 1, waiting: 0.5 }) as Report
  const first = await openRunLog(folder, {})
  first.report({ ...report(10, 3), tokensPerSecond: 5 })
  first.report({ ...report(20, 2), tokensPerSecond: 5 })
  await first.close()
  writeFileSync(join(folder, 'metrics.jsonl'), '{"event":"rep', { flag: 'a' })
  const second = await openRunLog(folder, { resumeStep: 10 })
  second.report({ ...report(20, 1), tokensPerSecond: 5 })
  await second.close()
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n')
  const losses = lines.map((line) => (JSON.parse(line) as JsonObject).loss)
  t.same(losses, [3, 1])
  t.match(readFileSync(join(folder, 'curve.svg'), 'utf8'), /training/)
  const fresh = await openRunLog(folder, {})
  await fresh.close()
  t.equal(readFileSync(join(folder, 'metrics.jsonl'), 'utf8'), '', 'a new run begins a new log')
  await t.rejects(openRunLog(join(folder, 'metrics.jsonl'), {}), GatecellError)
})
