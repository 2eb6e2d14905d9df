// The public entry: its names, and a dozen lines that use them.
import { join } from 'node:path'
import t from 'tap'
import * as gatecell from '../src/index.js'

t.test('the names that programs rely on', async (t) => {
  const functions = `defineModel f32 i32 embedding lstm gru rnn linear dropout crossEntropy meanSquare sigmoidCrossEntropy softmax
    add sub mul affine sigmoid tanh relu concat slice reshape flip uniform normal orthogonal zeros constant
    ctcLoss ctcNeeds mixtureDensity windowLstm attention ctcGreedy ctcBeamSearch createCtcBeam beamSearch lexiconScorer
    streamScorer combineScorers createTrainer evaluate tokenSource evaluationSource createBatches createEvaluation openCorpus tokensOf
    vocabularyFromText readCheckpoint writeCheckpoint createRandom philox4x32 machineInfo setThreads backends`
  const names = gatecell as Record<string, unknown>
  for (const name of functions.split(/\s+/)) t.type(names[name], 'function', name)
  t.type(gatecell.GatecellError, 'function')
  t.ok(Object.keys(gatecell.errorCodes).every((code) => code.startsWith('ERR_')))
})

t.test('a dozen lines train, keep, load and write', async (t) => {
  const { createBatches, createTrainer, crossEntropy, defineModel, embedding, i32, linear, lstm } = gatecell
  const { readCheckpoint, tokenSource, tokensOf, vocabularyFromText, writeCheckpoint } = gatecell
  const poem = 'so much depends upon a red wheel barrow glazed with rain water beside the white chickens. '.repeat(20)
  gatecell.setThreads(1)
  const path = join(t.testdir(), 'poem.safetensors')

  const vocabulary = vocabularyFromText(poem)
  const data = tokenSource(createBatches(tokensOf(vocabulary.encode(poem)), { batch: 8, length: 32, seed: 1 }))
  const define = () =>
    defineModel({
      name: 'poem',
      config: { vocabulary: vocabulary.config },
      inputs: { tokens: i32('length', 'batch') },
      targets: { targets: i32('length', 'batch') },
      forward: ({ tokens }) => {
        const x = embedding(tokens, { name: 'embedding', vocabulary: vocabulary.size, size: 32 })
        const { output } = lstm(x, { name: 'lstm', hidden: 64, carry: true })
        return { logits: linear(output, { name: 'head', size: vocabulary.size }) }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
      stream: { token: 'tokens', logits: 'logits' }
    })
  using model = define()
  const trainer = createTrainer(model, data, { epochs: 30, optimizer: { kind: 'adam', learningRate: 1e-2 } })
  await trainer.fit()
  await writeCheckpoint(path, trainer.snapshot())

  using loaded = define()
  loaded.parameters.load((await readCheckpoint(path)).weights)
  const stream = loaded.stream({ temperature: 0.1, seed: 1 })
  stream.feed(vocabulary.encode('so much depends '))
  const written = vocabulary.decode(stream.sample(30))
  t.ok('so much depends '.concat(written).startsWith('so much depends upon a red wheel'), written)
})
