// Text models of PyTorch with LSTM, GRU and RNN layers: each use of a text model, on the state_dicts of test/golden/finetuning.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { categoricalSampler, createEngine, type Model } from '../../src/index.js'
import { importModel, importText } from '../../src/interop/index.js'
import { loadTextModel } from '../../src/tasks/text/index.js'
import { inProcess } from '../cli/in-process.js'
import { largestDifference } from '../golden.js'

const golden = (name: string) => fileURLToPath(new URL(`../golden/finetuning/${name}`, import.meta.url))
const { windows, length, batch, symbols } = JSON.parse(readFileSync(golden('expected.json'), 'utf8')) as Record<'length' | 'batch' | 'symbols', number> & { windows: number[][] } // prettier-ignore
const letters = 'abcdefghi'.slice(0, symbols)
const tokens = Int32Array.from(windows[0]!.slice(batch))
const folder = t.testdir({ 'symbols.json': JSON.stringify([...letters]) })
const at = (name: string) => join(folder, name)

async function logitsOf(model: Model): Promise<Float32Array> {
  const plan = model.plan({ length, batch }, { purpose: 'predict', outputs: ['logits'] })
  ;(plan.inputs as { tokens: Int32Array }).tokens.set(tokens)
  plan.resetStates()
  await plan.run()
  return (plan.outputs as { logits: Float32Array }).logits.slice()
}

/** Formats of products that the cells have besides float32. */
const kernels: Record<string, readonly string[]> = { lstm: ['int8', 'bf16'], gru: ['bf16'], rnn: ['bf16'] }

for (const cell of ['lstm', 'gru', 'rnn'] as const)
  t.test(`a text model with ${cell} layers`, async (t) => {
    const path = at(`${cell}.safetensors`)
    const { config, leftOver } = await importText(golden(`${cell}.safetensors`), { vocabulary: at('symbols.json'), out: path }) // prettier-ignore
    t.equal(config.network.cell, cell === 'lstm' ? undefined : cell)
    t.strictSame(leftOver, [])
    using graph = await importModel(golden(`${cell}.onnx`)) // exported by PyTorch from the same weights
    const wanted = (await graph.run({ tokens: { shape: [length, batch], data: tokens } }))['logits']!.data
    using loaded = await loadTextModel(path)
    t.ok(largestDifference(await logitsOf(loaded.model), wanted) < 1e-6, 'the logits of PyTorch')

    const stream = loaded.model.stream({ seed: 1 })
    stream.feed([0, 1])
    const saved = stream.snapshot()
    const first = stream.sample(8)
    const other = loaded.model.stream({ snapshot: structuredClone(saved) })
    t.strictSame(other.sample(8), first, 'a stream continues from a saved state')
    using engine = createEngine(loaded.model)
    const generation = engine.generate([0, 1], { seed: 1, maxTokens: 8 })
    const served: number[] = []
    for await (const { tokens } of generation) served.push(...tokens)
    t.strictSame(served, [...first], 'an engine draws the same tokens')

    const one = loaded.model.stream({ seed: 1 })
    one.feed([0])
    using steps = graph.session({ inputs: { tokens: [0] }, samplers: { tokens: categoricalSampler() }, seed: 1 })
    const drawn: number[] = []
    for await (const { values } of steps.run(8)) drawn.push(...values['tokens']!)
    t.strictSame(drawn, [...one.sample(8)], 'a session of the graph draws the tokens of a stream')

    for (const precision of ['int8', 'bf16'] as const) {
      using quantised = await loadTextModel(path, { precision })
      if (!kernels[cell]!.includes(precision)) {
        await t.rejects(logitsOf(quantised.model), { code: 'ERR_UNSUPPORTED', message: /no int8 kernels/ }) // prettier-ignore
        continue
      }
      using quantisedGraph = await importModel(golden(`${cell}.onnx`), { precision })
      const ofGraph = (await quantisedGraph.run({ tokens: { shape: [length, batch], data: tokens } }))['logits']!.data
      t.ok(largestDifference(await logitsOf(quantised.model), ofGraph) < 1e-6, 'the graph has the same precision')
      const difference = largestDifference(ofGraph, wanted)
      t.ok(difference > 0 && difference < 0.05, `${precision}: ${difference}`)
    }
    writeFileSync(at('text.txt'), letters.repeat(400))
    const words = [
      'train',
      'text',
      'text.txt',
      '--init-from',
      path,
      '--out',
      `tuned-${cell}.safetensors`,
      '--steps',
      '60'
    ]
    const tuned = await inProcess([...words, '--cell', cell, '--hidden', '8', '--layers', '2', '--embedding', '5', '--batch', '4', '--length', '16', '--valid', '0.1'], undefined, folder) // prettier-ignore
    t.equal(tuned.code, 0, tuned.stderr)
    const sampled = await inProcess(['sample', `tuned-${cell}.safetensors`, '--prompt', 'abc', '--length', '20', '--temperature', '0'], undefined, folder) // prettier-ignore
    t.match(sampled.stdout, /defghi/, sampled.stdout + sampled.stderr)
  })
