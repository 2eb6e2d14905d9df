// A reader learns, resumes to the bit, reads while the pen moves, names what it cannot use, and can be looked into.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createInk } from '../../src/data/ink/strokes.js'
import { parseXml } from '../../src/data/ink/formats/xml.js'
import { inkFeatures, prepareStrokes } from '../../src/data/ink/features.js'
import type { GatecellError } from '../../src/errors.js'
import { editDistance } from '../../src/metrics/edit-distance.js'
import {
  labelInk,
  loadReader,
  prepareRecognitionRun,
  type RecognitionRunOptions
} from '../../src/tasks/handwriting-recognition/index.js'
import { vocabularyFromText } from '../../src/data/text/vocabulary.js'
import { logSoftmax } from '../../src/generate/scorers.js'
import { lexicon, textScorer } from '../../src/tasks/handwriting-recognition/use/scorers.js'
import { traceInk } from '../../src/tasks/handwriting-recognition/use/trace.js'
import { traceSvg } from '../../src/tasks/handwriting-recognition/use/trace-picture.js'
import { loadTextModel, prepareTextRun } from '../../src/tasks/text/index.js'
import { halfLife } from '../../src/introspect/memory.js'
import { inkOf, inkSamples, ndjson } from '../ink-samples.js'

const folder = t.testdir({ 'ink.ndjson': ndjson(inkSamples(120)) })
const data = [join(folder, 'ink.ndjson')]
const network = { hidden: 16, layers: 1, dropout: 0 }
const training = { batch: 8, learningRate: 2e-2, steps: 600, validEvery: 200 }
const base = { data, network, training, threads: 1, augmentation: 0.5 } satisfies Partial<RecognitionRunOptions>
const out = (name: string) => join(folder, `${name}.safetensors`)

t.test('learns to read', async (t) => {
  const run = await prepareRecognitionRun({ ...base, out: out('reader') })
  const { summary, valid } = await run.fit()
  run.dispose()
  t.notOk('special' in run.config.vocabulary, 'the file has the symbols without the blank')
  t.equal(summary.step, 600)
  t.ok(valid!.cer < 0.1, `character error rate ${valid!.cer}`)
  t.match(valid, { samples: 12, nats: Number, exact: Number })
  using reader = await loadReader(out('reader'))
  t.equal(reader.vocabulary.idOf('blank'), 0)
  t.equal(reader.vocabulary.size, reader.model.parameters.get('head.bias').shape[0])
  const ink = inkOf(inkSamples(130)[125]!)
  const [greedy] = await reader.read(ink)
  t.equal(greedy!.text, ink.text)
  t.equal((await reader.read(ink, { beam: 8 }))[0]!.text, ink.text)
  t.ok((await reader.read(ink, { beam: 8 }))[0]!.nats >= greedy!.nats - 1e-6, 'a beam sums over alignments')
  const { scorer: words, omitted } = lexicon(['  lv zzz ', '', 'q', 'lv'], reader.vocabulary)
  t.same(omitted, ['q'], 'words that cannot be spelled are named; blanks around words and between them are ignored')
  t.ok(['lv', 'zzz'].includes((await reader.read(ink, { scorer: words }))[0]!.text), 'a lexicon allows its words alone')
  t.throws(() => lexicon(['q'], reader.vocabulary), { code: 'ERR_UNKNOWN_SYMBOL' })
  t.throws(() => reader.pen(), { code: 'ERR_UNSUPPORTED', message: /network.bidirectional: false/ })
})

t.test('a resumed run gives the same bytes', async (t) => {
  const options = { ...base, network: { ...network, dropout: 0.3 } }
  const steps = (count: number) => ({
    ...options,
    training: { ...training, steps: count, validEvery: 5, schedule: 'constant' as const }
  })
  const whole = await prepareRecognitionRun({ ...steps(20), out: out('whole') })
  await whole.fit()
  whole.dispose()
  const half = await prepareRecognitionRun({ ...steps(11), out: out('half') })
  await half.fit()
  half.dispose()
  const rest = await prepareRecognitionRun({ ...steps(20), out: out('half'), mode: 'resume' })
  t.equal(rest.resumed!.step, 11)
  await rest.fit()
  rest.dispose()
  const tensors = (name: string) => {
    const bytes = readFileSync(join(folder, `${name}.last.safetensors`))
    return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)))
  }
  t.ok(tensors('whole').equals(tensors('half')), 'weights and moments')
  const other = { ...steps(30), out: out('half'), mode: 'resume' as const }
  await t.rejects(prepareRecognitionRun({ ...other, network: { hidden: 17 } }), { code: 'ERR_INVALID_OPTION' })
  // Layers and variations both have a dropout: each is held against its own.
  await t.rejects(prepareRecognitionRun({ ...other, augmentation: 1 }), { message: /Expected shear 0.075, .* 0.15/ })
  const { augmentation: _, ...silent } = other
  const again = await prepareRecognitionRun(silent)
  again.dispose()
  t.equal(again.config.augmentation.dropout, 0.05)
  writeFileSync(join(folder, 'other.ndjson'), ndjson(inkSamples(120, 3, 1)))
  const elsewhere = prepareRecognitionRun({ ...other, data: [join(folder, 'other.ndjson')] })
  await t.rejects(elsewhere, { code: 'ERR_INVALID_OPTION', message: /the ink that the run began with/ })
})

t.test('samples that cannot be used are named, refused or left out', async (t) => {
  const [good] = inkSamples(1)
  const bad = [{ strokes: good!.strokes }, { ...good!, text: 'v'.repeat(400) }, good!, { strokes: [], text: 'v' }]
  const file = join(folder, 'bad.ndjson')
  writeFileSync(file, ndjson([...inkSamples(20), ...bad]))
  const options = { ...base, data: [file], out: out('bad') }
  await t.rejects(prepareRecognitionRun(options), { code: 'ERR_INVALID_INK' })
  const codes: string[] = []
  const run = await prepareRecognitionRun({ ...options, onBad: (error: GatecellError) => void codes.push(error.code) })
  run.dispose()
  t.same(codes.sort(), ['ERR_INVALID_INK', 'ERR_INVALID_INK', 'ERR_TARGET_TOO_LONG'])
  t.throws(
    () =>
      labelInk(
        [
          createInk(
            [
              [
                [0, 0],
                [1, 1]
              ]
            ],
            { text: 'q' }
          )
        ],
        run.vocabulary!,
        run.config
      ),
    {
      code: 'ERR_UNKNOWN_SYMBOL'
    }
  )
  const invalid = { code: 'ERR_INVALID_ARGUMENT' }
  const { proxy, revoke } = Proxy.revocable(new Int32Array(1), {})
  revoke()
  const vocabulary = run.vocabulary!
  t.throws(() => labelInk(inkSamples(1).map(inkOf), { ...vocabulary, encode: () => proxy }, run.config), invalid)
  let reads = 0
  const changing = Object.defineProperty({ ...vocabulary }, 'encode', {
    get: () => (reads++ === 0 ? vocabulary.encode : 1)
  })
  t.equal(labelInk(inkSamples(1).map(inkOf), changing, run.config).length, 1, 'a method is read once')
})

t.test('splits by a field', async (t) => {
  const samples = inkSamples(30).map((sample, i) => ({ ...sample, comment: `x ${i % 5} y` }))
  const file = join(folder, 'fields.ndjson')
  writeFileSync(file, ndjson(samples))
  const options = { ...base, data: [file], out: out('fields') }
  const run = await prepareRecognitionRun({ ...options, split: { where: 'comment:2=3-4' } })
  t.equal(run.samples.valid.length, 12)
  t.ok(run.samples.valid.every(({ ink }) => /x [34] y/.test(ink.fields['comment']!)))
  run.dispose()
  await t.rejects(prepareRecognitionRun({ ...options, split: { where: 'writer=3' } }), { code: 'ERR_CORPUS_EMPTY' })
  await t.rejects(prepareRecognitionRun({ ...options, split: { where: 'what' } }), { code: 'ERR_INVALID_OPTION' })
})

t.test('reads while the pen moves what it reads of the whole', async (t) => {
  const run = await prepareRecognitionRun({ ...base, out: out('live'), network: { ...network, bidirectional: false } })
  await run.fit()
  run.dispose()
  using reader = await loadReader(out('live'))
  for (const sample of inkSamples(4, 3, 9)) {
    const pen = reader.pen()
    for (const stroke of sample.strokes) {
      for (const [x, y] of stroke) {
        pen.down(x!, y!)
        // A refused point leaves no trace.
        for (const bad of [NaN, Infinity, 1e12]) t.throws(() => pen.down(bad, y!), { code: 'ERR_INVALID_INK' })
      }
      pen.up()
    }
    const [whole] = await reader.read(inkOf(sample))
    t.equal(pen.text, whole!.text)
    t.ok(Math.abs(pen.best()[0]!.nats - whole!.nats) < 1e-6)
  }
})

t.test('a text model rates readings as text between two breaks', async (t) => {
  writeFileSync(join(folder, 'words.txt'), 'lv vl\nllv v\n'.repeat(40))
  const run = await prepareTextRun({
    data: [join(folder, 'words.txt')],
    out: out('text'),
    network: { hidden: 8, layers: 1 },
    training: { steps: 20, batch: 2, length: 8 },
    threads: 1
  })
  await run.fit()
  run.dispose()
  using text = await loadTextModel(out('text'))
  const reading = vocabularyFromText('lvx', { special: ['blank'] })
  const labelOf = (symbol: string) => reading.encode(symbol)[0]!
  const scorer = textScorer(text, reading, { weight: 0.5, insertion: 0.25 })
  const stream = text.model.stream()
  stream.feed(text.vocabulary.encode('\n'))
  const first = logSoftmax(stream.logits)
  stream.step(text.vocabulary.encode('l')[0]!)
  const second = logSoftmax(stream.logits)
  const at = (nats: Float64Array, symbol: string) => nats[text.vocabulary.encode(symbol)[0]!]!
  const near = (a: number, b: number) => Math.abs(a - b) < 1e-12
  t.ok(near(scorer.score(scorer.start, labelOf('l')), 0.5 * at(first, 'l') + 0.25))
  const after = scorer.next(scorer.start, labelOf('l'))
  t.ok(near(scorer.score(after, labelOf('v')), 0.5 * at(second, 'v') + 0.25))
  const ends = Math.log(Math.exp(at(second, '\n')) + Math.exp(at(second, ' ')))
  t.ok(near(scorer.end(after), 0.5 * ends), 'a line or a word ends')
  t.equal(scorer.score(after, labelOf('x')), -Infinity, 'what the text model does not know is not read')
  const plain = vocabularyFromText('lvx')
  const refused = { code: 'ERR_INVALID_ARGUMENT', message: /special token blank/ }
  t.throws(() => textScorer(text, plain, { weight: 1, insertion: 0 }), refused, 'labels need the blank')
  t.throws(() => lexicon(['lv'], plain), refused)
})

t.test('the trace is that of the network', async (t) => {
  using reader = await loadReader(out('reader'))
  const { model, config } = reader
  const ink = inkOf(inkSamples(3)[2]!)
  const traced = await traceInk(reader, ink)
  t.equal(traced.text, (await reader.read(ink))[0]!.text)
  t.equal(traced.letters.map(({ symbol }) => symbol).join(''), traced.text)
  t.same(
    traced.layers.map(({ name }) => name),
    ['l0', 'l0_reverse']
  )
  for (const picture of [traceSvg(traced), traceSvg(traced, { moving: true, layer: 'l0' })])
    t.equal(parseXml(picture, 'picture').name, 'svg')

  const values = inkFeatures(prepareStrokes(ink, config.normalisation), config.normalisation)
  const steps = values.length / 6
  const { logits, shape } = reader.scores(ink)
  const symbols = shape[2]
  // The output of a layer is o * tanh(c): the mean forget gates and the cells are those of the network whose logits are known.
  const names = ['l0', 'l0_reverse'].flatMap((suffix) =>
    ['hidden', 'cell', 'output_gate', 'forget_gate'].map((what) => `lstm.${what}_${suffix}`)
  )
  using lease = model.lease({ length: steps, batch: 1 }, { purpose: 'predict', outputs: ['logits', ...names] })
  const { plan } = lease
  plan.inputs['points']!.set(values)
  plan.inputs['lengths']!.fill(steps)
  plan.runSync()
  t.same(plan.outputs['logits'], logits.subarray(0, steps * symbols))
  for (const { name, cells, forget } of traced.layers) {
    const [hidden, cell, gate, kept] = ['hidden', 'cell', 'output_gate', 'forget_gate'].map(
      (what) => plan.outputs[`lstm.${what}_${name}`]!
    )
    const worst = hidden!.reduce((most, h, i) => Math.max(most, Math.abs(h - gate![i]! * Math.tanh(cell![i]!))), 0)
    t.ok(worst < 1e-6, `h = o tanh(c): ${worst}`)
    const units = cells.length
    t.same(
      cells[1],
      Array.from({ length: steps }, (_, step) => cell![step * units + 1])
    )
    const mean = Array.from({ length: steps }, (_, step) => kept![step * units]!).reduce((sum, f) => sum + f / steps, 0)
    t.ok(Math.abs(forget[0]! - mean) < 1e-9)
  }

  const { step, gradient } = traced.letters[0]!
  const letter = reader.vocabulary.encode(traced.letters[0]!.symbol)[0]!
  const logProbability = (shifted: Float32Array) => {
    plan.inputs['points']!.set(shifted)
    plan.runSync()
    const row = plan.outputs['logits']!.subarray(step * symbols, (step + 1) * symbols)
    return row[letter]! - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0))
  }
  for (const point of [0, step, steps - 1]) {
    const slopes = Array.from({ length: 6 }, (_, feature) => {
      const [more, less] = [1e-2, -1e-2].map((change) => {
        const copy = values.slice()
        copy[point * 6 + feature]! += change
        return logProbability(copy)
      })
      return (more! - less!) / 2e-2
    })
    const norm = Math.hypot(...slopes)
    t.ok(Math.abs(norm - gradient[point]!) < 2e-3 + 2e-2 * norm, `${norm} and ${gradient[point]}`)
  }
})

t.test('measures', async (t) => {
  t.equal(editDistance([1, 2, 3], [1, 3]), 1)
  t.equal(editDistance([], [1, 3]), 2)
  t.equal(editDistance([1, 2, 3, 4], [2, 3, 5, 4]), 2)
  t.ok(Math.abs(0.9 ** 10 - 0.3487) < 1e-4)
  t.ok(Math.abs(halfLife(0.9) - 6.579) < 1e-3)
  t.equal(halfLife(1), Infinity)
})
