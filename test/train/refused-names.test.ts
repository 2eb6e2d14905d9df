// Unknown names are refused, not ignored: options, inputs of a batch; and names that are taken: layers.
import t from 'tap'
import * as gatecell from '../../src/index.js'
import { alphabet, textModel, trainingData, validationData } from '../text-model.js'

const { createTrainer, defineModel, evaluate, f32, linear } = gatecell
const data = trainingData(alphabet(20))

t.test('options', async (t) => {
  using model = textModel()
  const refused = (name: string, call: () => unknown) =>
    t.throws(call, { code: 'ERR_INVALID_ARGUMENT', message: /"surprise"/ }, name)
  const surprise = { surprise: 1 } as object
  refused('createTrainer', () => createTrainer(model, data, surprise))
  refused('defineModel', () => textModel({}, surprise))
  refused('plan', () => model.plan({ length: 1, batch: 1 }, surprise))
  refused('lease', () => model.lease({ length: 1, batch: 1 }, surprise))
  refused('stream', () => model.stream(surprise))
  const stream = model.stream()
  stream.feed([1])
  refused('sample', () => stream.sample(1, surprise))
  refused('set', () => stream.set(surprise))
  const rejected = (name: string, promise: Promise<unknown>) =>
    t.rejects(promise, { code: 'ERR_INVALID_ARGUMENT', message: /"surprise"/ }, name)
  await rejected('generate', stream.generate(surprise).next())
  await rejected('evaluate', evaluate(model, validationData(alphabet(2)), surprise))
  await rejected('fit', createTrainer(model, data, { steps: 1 }).fit(surprise))
  t.throws(() => createTrainer(model, data, { learningRate: 1 } as object), { message: /"learningRate"/ })
  t.throws(() => model.plan({ length: 1, batch: 1 }, { purpose: 'guess' as 'predict' }), {
    code: 'ERR_INVALID_ARGUMENT'
  })
})

t.test('options of layers', async (t) => {
  const layers = ['linear', 'lstm', 'gru', 'rnn', 'embedding', 'dropout', 'attention', 'windowLstm'] as const
  for (const name of layers) {
    const layer = gatecell[name] as unknown as (...inputs: unknown[]) => gatecell.Tensor
    const define = () =>
      defineModel({
        name: 'm',
        config: {},
        inputs: { x: f32(3, 2, 4) },
        forward: ({ x }) => {
          const options = { ...(name === 'dropout' ? { p: 0 } : { name: 'a' }), surprise: 1 }
          return { y: name === 'attention' ? layer(x, x, options) : layer(x, options) }
        }
      })
    t.throws(define, { code: 'ERR_INVALID_ARGUMENT', message: /"surprise"/ }, name)
  }
})

t.test('inputs of a batch', async (t) => {
  using model = textModel()
  const odd: gatecell.BatchSource = {
    dims: data.dims,
    *batches() {
      for (const batch of data.batches() as Iterable<gatecell.Batch>)
        yield { ...batch, inputs: { ...batch.inputs, surprise: new Int32Array(1) } }
    }
  }
  const refused = { code: 'ERR_INVALID_ARGUMENT', message: /"surprise"/ }
  await t.rejects(createTrainer(model, odd, { steps: 1 }).fit(), refused)
  await t.rejects(evaluate(model, odd), refused)
})

t.test('two layers of one name share weights only where that is asked for', async (t) => {
  const twice = (shared: object) =>
    defineModel({
      name: 'm',
      config: {},
      inputs: { x: f32(3, 4) },
      forward: ({ x }) => ({ y: linear(linear(x, { name: 'a', size: 4 }), { name: 'a', size: 4, ...shared }) })
    })
  t.throws(() => twice({}), { code: 'ERR_INVALID_ARGUMENT', message: /"a".*shared: true/ })
  using model = twice({ shared: true })
  t.same(model.parameters.names, ['a.weight', 'a.bias'])
})
