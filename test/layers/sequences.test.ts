// The layers over two sequences inside models: what they learn, that carried states continue a sequence, and that decoding step by step gives the
// results of the whole sequence.
import t from 'tap'
import {
  attention,
  attentionKeys,
  createRandom,
  crossEntropy,
  ctcGreedy,
  ctcLoss,
  defineModel,
  embedding,
  f32,
  i32,
  linear,
  lstm,
  meanSquare,
  mixtureDensity,
  rowsOf,
  setThreads,
  windowLstm
} from '../../src/index.js'
import { largestDifference } from '../golden.js'

setThreads(1)

t.test('CTC: a small network learns to read where labels stand in noise', async (t) => {
  using model = defineModel({
    name: 'reader',
    config: {},
    inputs: { x: f32('length', 'batch', 4), steps: i32('batch') },
    targets: { labels: i32('batch', 4), counts: i32('batch') },
    forward: ({ x }) => {
      const { output } = lstm(x, { name: 'lstm', hidden: 16, bidirectional: true })
      return { logits: linear(output, { name: 'head', size: 4 }) }
    },
    loss: ({ logits }, { labels, counts }, { steps }) =>
      ctcLoss({ logits, targets: labels, inputLengths: steps, targetLengths: counts }).loss
  })
  const T = 16
  const B = 8
  const plan = model.plan({ length: T, batch: B }, { outputs: ['logits'], optimizer: 'adam' })
  const random = createRandom(5, 'reader')
  const fill = () => {
    const truth: number[][] = []
    plan.inputs.x.forEach((_, k) => (plan.inputs.x[k] = 0.1 * random.normal()))
    for (let b = 0; b < B; b++) {
      const labels: number[] = []
      let at = random.below(3)
      while (labels.length < 4 && at < T) {
        const label = 1 + random.below(3)
        for (const end = Math.min(T, at + 2); at < end; at++) plan.inputs.x[(at * B + b) * 4 + label]! += 1
        labels.push(label)
        at += 1 + random.below(3)
      }
      truth.push(labels)
      plan.inputs.labels.set([...labels, 0, 0, 0, 0].slice(0, 4), b * 4)
      plan.inputs.counts[b] = labels.length
      plan.inputs.steps[b] = T
    }
    return truth
  }
  plan.control.learningRate = 0.02
  for (let step = 0; step < 150; step++) {
    fill()
    plan.runSync('train')
    plan.control.step++
  }
  const truth = fill()
  plan.runSync('forward')
  const read = truth.map((_, b) => [...ctcGreedy(rowsOf(plan.outputs.logits, [T, B, 4], b)).labels])
  const right = read.filter((labels, b) => labels.join() === truth[b]!.join()).length
  t.ok(right >= B - 1, `${right} of ${B} read, loss ${plan.outputs.loss[0]}`)
})

for (const kind of ['dot', 'general', 'additive'] as const) {
  t.test(`${kind} attention: learns to look at the step that a query names`, async (t) => {
    const [S, T, B, V] = [6, 3, 8, 6]
    using model = defineModel({
      name: 'lookup',
      config: {},
      inputs: { source: i32('source', 'batch'), ask: i32('length', 'batch'), lengths: i32('batch') },
      targets: { targets: i32('length', 'batch') },
      forward: ({ source, ask, lengths }) => {
        const encoded = embedding(source, { name: 'source', vocabulary: 2 * V, size: 16 })
        const queries = embedding(ask, { name: 'ask', vocabulary: V, size: 16 })
        const { context, weights } = attention(queries, encoded, { name: 'attention', kind, lengths })
        return { logits: linear(context, { name: 'head', size: 2 }), weights }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets)
    })
    // The source is a shuffled list of the symbols, each with a bit; a query names a symbol and wants its bit.
    const plan = model.plan({ source: S, length: T, batch: B }, { outputs: ['weights'] })
    const random = createRandom(6, kind)
    plan.control.learningRate = 0.02
    let loss = 0
    for (let step = 0; step < 300; step++) {
      for (let b = 0; b < B; b++) {
        const order = Array.from({ length: V }, (_, k) => k).sort(() => random.uniform() - 0.5)
        const bits = order.map(() => random.below(2))
        const length = 3 + random.below(4)
        plan.inputs.lengths[b] = length
        order.forEach((symbol, s) => (plan.inputs.source[s * B + b] = 2 * symbol + bits[s]!))
        for (let k = 0; k < T; k++) {
          const at = random.below(length)
          plan.inputs.ask[k * B + b] = order[at]!
          plan.inputs.targets[k * B + b] = bits[at]!
        }
      }
      plan.runSync('train')
      plan.control.step++
      loss = 0.9 * loss + 0.1 * plan.outputs.loss[0]!
    }
    t.ok(loss < 0.1, `loss ${loss}`)
    const lengths = [...plan.inputs.lengths]
    for (let row = 0; row < T * B; row++) {
      const weights = [...plan.outputs.weights.subarray(row * S, (row + 1) * S)]
      const behind = weights.slice(lengths[row % B])
      if (Math.abs(weights.reduce((a, b) => a + b) - 1) > 1e-6 || behind.some((w) => w !== 0)) t.fail(weights.join())
    }
  })
}

t.test('attention by single steps with keys made once gives what the whole target gives, bit for bit', async (t) => {
  const define = (steps: boolean) =>
    defineModel(
      {
        name: 'steps',
        config: {},
        inputs: {
          source: f32('source', 'batch', 5),
          ...(steps && { keys: f32('source', 'batch', 7) }),
          queries: f32('length', 'batch', 4),
          lengths: i32('batch')
        } as unknown as Record<'source' | 'queries' | 'lengths' | 'keys', ReturnType<typeof f32>>,
        forward: (inputs) => {
          const { source, queries, lengths, keys } = inputs as Record<string, typeof inputs.source>
          const options = { name: 'a', size: 7, lengths: lengths! }
          const { context } = attention(queries!, source!, { ...options, kind: 'additive', ...(keys && { keys }) })
          return { context, keys: attentionKeys(source!, { ...options, shared: !steps }) }
        }
      },
      { seed: 3 }
    )
  using whole = define(false)
  using single = define(true)
  const all = whole.plan({ source: 6, batch: 3, length: 4 }, { purpose: 'predict' })
  const one = single.plan({ source: 6, batch: 3, length: 1 }, { purpose: 'predict' })
  for (const p of single.parameters) single.parameters.set(p.name, whole.parameters.get(p.name).data)
  const random = createRandom(7)
  for (const name of ['source', 'queries'] as const)
    all.inputs[name].forEach((_, k) => (all.inputs[name][k] = random.normal()))
  ;(all.inputs.lengths as unknown as Int32Array).set([6, 0, 3])
  all.runSync()
  one.inputs.source.set(all.inputs.source)
  one.inputs.keys.set(all.outputs.keys)
  ;(one.inputs.lengths as unknown as Int32Array).set([6, 0, 3])
  for (let step = 0; step < 4; step++) {
    one.inputs.queries.set(all.inputs.queries.subarray(step * 12, step * 12 + 12))
    one.runSync()
    t.equal(largestDifference(one.outputs.context, all.outputs.context.subarray(step * 15, step * 15 + 15)), 0)
  }
})

t.test('a layer with a window learns, and carried from step to step it writes what it does at once', async (t) => {
  using model = defineModel({
    name: 'writer',
    config: {},
    inputs: { x: f32('length', 'batch', 3), chars: i32('batch', 5), lengths: i32('batch') },
    targets: { next: f32('length', 'batch', 3) },
    forward: ({ x, chars, lengths }) => {
      const options = { name: 'writer', hidden: 20, gaussians: 3, vocabulary: 4, stepsPerCharacter: 4 }
      const { y, window, phi } = windowLstm(x, { ...options, chars, lengths, carry: true })
      return { y, window, phi, pen: linear(y, { name: 'pen', size: 13 }) }
    },
    loss: ({ pen }, { next }) => mixtureDensity(pen, next)
  })
  const [T, B] = [20, 4]
  const plan = model.plan({ length: T, batch: B })
  const random = createRandom(8)
  // Each character is a direction, drawn for four steps.
  const directions = [
    [1, 0],
    [-1, 0],
    [0, 1],
    [0, -1]
  ]
  const losses: number[] = []
  plan.control.learningRate = 0.01
  for (let step = 0; step < 250; step++) {
    for (let k = 0; k < B * 5; k++) plan.inputs.chars[k] = random.below(4)
    plan.inputs.lengths.fill(5)
    plan.inputs.x.fill(0)
    for (let at = 0; at < T; at++) {
      for (let b = 0; b < B; b++) {
        const [dx, dy] = directions[plan.inputs.chars[b * 5 + Math.floor(at / 4)]!]!
        const point = [dx! + 0.1 * random.normal(), dy! + 0.1 * random.normal(), at % 4 === 3 ? 1 : 0]
        plan.inputs.next.set(point, (at * B + b) * 3)
        if (at + 1 < T) plan.inputs.x.set(point, ((at + 1) * B + b) * 3)
      }
    }
    plan.resetStates()
    plan.runSync('train')
    plan.control.step++
    losses.push(plan.outputs.loss[0]!)
  }
  t.ok(losses.at(-1)! < losses[0]! - 2, `${losses[0]} to ${losses.at(-1)} nats`)

  const outputs = ['y', 'window', 'phi', 'pen'] as const
  const whole = model.plan({ length: T, batch: B }, { purpose: 'predict', outputs })
  const step = model.plan({ length: 1, batch: B }, { purpose: 'predict', outputs })
  for (const name of ['x', 'chars', 'lengths'] as const) whole.inputs[name].set(plan.inputs[name])
  whole.runSync()
  for (const name of ['chars', 'lengths'] as const) step.inputs[name].set(plan.inputs[name])
  for (let at = 0; at < T; at++) {
    step.inputs.x.set(whole.inputs.x.subarray(at * B * 3, (at + 1) * B * 3))
    step.runSync()
    for (const name of ['y', 'window', 'phi', 'pen'] as const) {
      const size = step.outputs[name].length
      const difference = largestDifference(step.outputs[name], whole.outputs[name].subarray(at * size, (at + 1) * size))
      if (difference !== 0) t.fail(`${name} at step ${at}: ${difference}`)
    }
  }
})

t.test('vectors as characters: an embedding learns through the window', async (t) => {
  using model = defineModel({
    name: 'embedded',
    config: {},
    inputs: { x: f32('length', 'batch', 2), chars: i32('batch', 3), lengths: i32('batch') },
    targets: { target: f32('length', 'batch', 4) },
    forward: ({ x, chars, lengths }) => {
      const vectors = embedding(chars, { name: 'chars', vocabulary: 6, size: 4 })
      return { w: windowLstm(x, { name: 'w', hidden: 5, gaussians: 2, chars: vectors, lengths }).window }
    },
    loss: ({ w }, { target }) => meanSquare(w, target)
  })
  const plan = model.plan({ length: 4, batch: 2 })
  plan.inputs.chars.set([1, 2, 3, 3, 4, 5])
  plan.inputs.lengths.set([3, 1])
  plan.inputs.target.fill(1)
  plan.runSync('gradient')
  const gradient = model.parameters.get('chars.weight').grad!
  const moved = [0, 1, 2, 3, 4, 5].filter((id) => gradient.subarray(id * 4, id * 4 + 4).some((d) => d !== 0))
  t.same(moved, [1, 2, 3], 'those within the lengths alone')
})
