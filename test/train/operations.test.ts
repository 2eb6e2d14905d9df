// Every pair of operations on one model at the same time: each gives the result that it gives in some order one after the
// other, or is refused before it has changed anything. Results are compared, not only codes.
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import {
  createTrainer,
  evaluate,
  type Report,
  type Stream,
  type StreamSnapshot,
  type TrainerOptions
} from '../../src/index.js'
import { alphabet, noise, textModel, trainingData, validationData } from '../text-model.js'

const make = () => textModel({ hidden: 40 })
type Tested = ReturnType<typeof make>

const data = trainingData(alphabet(40), 4, 24)
const near = validationData(alphabet(12), 1, 48)
const far = validationData(noise(400), 1, 48)
const STEPS = 6
const dims = { length: 48, batch: 1 }

function hash(model: Tested): string {
  return [...model.parameters]
    .map(({ data: values }) => values.reduce((sum, x, i) => sum + x * (1 + (i % 97)), 0))
    .join()
}

function options(): TrainerOptions {
  return {
    steps: STEPS,
    validation: near,
    validateEvery: 2,
    reportEvery: 1,
    optimizer: { kind: 'adam', learningRate: 1e-2 }
  }
}

async function fit(model: Tested, onReport?: (report: Report) => Promise<void>) {
  const validations: number[] = []
  const trainer = createTrainer(model, data, options())
  trainer.on('validation', ({ loss }) => validations.push(loss))
  const reports = trainer.reports()
  let next = await reports.next()
  for (; !next.done; next = await reports.next()) await onReport?.(next.value)
  return { validations, loss: next.value.smoothedLoss }
}

async function predict(model: Tested) {
  using lease = model.lease(dims, { purpose: 'predict' })
  lease.plan.inputs.tokens.set(alphabet(2).subarray(0, 48))
  await lease.plan.run()
  return [...lease.plan.outputs.logits.slice(0, 50)]
}

const STREAMED = 8
function fed(model: Tested): Stream {
  const stream = model.stream({ seed: 3 })
  stream.feed([1, 2, 3])
  return stream
}

/** `weights`: what the operation does to them: reads, changes at once or step by step, ends, leaves alone. */
interface Operation {
  name: string
  weights: 'reads' | 'writes' | 'trains' | 'ends' | 'leaves'
  start(model: Tested): unknown
}

const operations: Operation[] = [
  { name: 'evaluate', weights: 'reads', start: async (model) => (await evaluate(model, near)).loss },
  { name: 'evaluate other data', weights: 'reads', start: async (model) => (await evaluate(model, far)).loss },
  { name: 'fit', weights: 'trains', start: (model) => fit(model) },
  { name: 'lease and run', weights: 'reads', start: predict },
  {
    name: 'plan and runSync',
    weights: 'reads',
    start(model) {
      const plan = model.plan({ length: 7, batch: 1 }, { purpose: 'predict' })
      plan.inputs.tokens.set([1, 2, 3, 4, 5, 6, 7])
      plan.resetStates()
      plan.runSync()
      return [...plan.outputs.logits]
    }
  },
  {
    name: 'resetStates of the plans of evaluations and steps',
    weights: 'leaves',
    start(model) {
      model.plan(dims, { purpose: 'evaluate' }).resetStates()
      model.plan({ length: 24, batch: 4 }, { purpose: 'train' }).resetStates()
      model.plan(near.dims, { purpose: 'evaluate' }).inputs.tokens.fill(0)
    }
  },
  {
    name: 'clone',
    weights: 'reads',
    start(model) {
      using copy = model.clone()
      return hash(copy)
    }
  },
  {
    name: 'stream',
    weights: 'reads',
    async start(model) {
      const tokens: number[] = []
      for await (const block of fed(model).generate({ length: STREAMED })) tokens.push(...block)
      return tokens
    }
  },
  { name: 'createTrainer', weights: 'leaves', start: (model) => void createTrainer(model, data, options()) },
  { name: 'initialize', weights: 'writes', start: (model) => model.parameters.initialize(77) },
  { name: 'clearOptimizer', weights: 'leaves', start: (model) => model.parameters.clearOptimizer() },
  {
    name: 'set',
    weights: 'writes',
    start: (model) => model.parameters.set('head.bias', new Float32Array(27).fill(0.5))
  },
  {
    name: 'load',
    weights: 'writes',
    start: (model) => model.parameters.load(new Map(other.map((tensor) => [tensor.name, tensor])))
  },
  { name: 'dispose', weights: 'ends', start: (model) => model.dispose() }
]
const other = textModel({ hidden: 40 }, { seed: 9 }).parameters.list()

type Outcome = { value: string } | { code: string }
async function outcome(start: () => unknown): Promise<Outcome> {
  try {
    return { value: JSON.stringify(await start()) ?? 'nothing' }
  } catch (error) {
    return { code: String((error as { code?: string }).code ?? error) }
  }
}

/** Results of `first`, then `second`, and the weights in the end. */
async function serial(first: Operation, second: Operation) {
  using model = make()
  const a = await outcome(() => first.start(model))
  const b = await outcome(() => second.start(model))
  return JSON.stringify([a, b, first.weights === 'ends' || second.weights === 'ends' ? null : hash(model)])
}

/** Returns the results that `reader` may give during a fit: its results after each step. */
async function resultsByStep(reader: Operation): Promise<Set<string>> {
  using model = make()
  const results = new Set<string>()
  const add = async () => {
    using copy = reader.name === 'clone' ? null : model.clone()
    results.add(JSON.stringify(await outcome(() => reader.start(copy ?? model))))
  }
  await add()
  await fit(model, add)
  return results
}

/**
 * The results that `stream` may give during a fit: every run, which reads one token and draws the next, has the weights of one step, and never
 * those of an earlier step than the run before. (`feed` is synchronous, so that its runs have the weights of one step.)
 */
let streams: Promise<Set<string>> | null = null
async function streamsByStep(): Promise<Set<string>> {
  using model = make()
  const models = [model.clone()]
  await fit(model, async () => void models.push(model.clone()))
  const results = new Set<string>()
  const extend = (tokens: readonly number[], snapshot: StreamSnapshot, least: number): void => {
    if (tokens.length === STREAMED) return void results.add(JSON.stringify({ value: JSON.stringify(tokens) }))
    // The last token is drawn already: with any weights it is the same.
    const most = tokens.length === STREAMED - 1 ? least + 1 : models.length
    for (let step = least; step < most; step++) {
      const stream = models[step]!.stream({ snapshot })
      extend([...tokens, ...stream.sample(1)], stream.snapshot(), step)
    }
  }
  models.forEach((each, step) => extend([], fed(each).snapshot(), step))
  for (const each of models) each.dispose()
  return results
}

/** Returns the results that the other operation may give if exactly one of the two is a fit; null otherwise. */
async function resultsBesideFit(a: Operation, b: Operation): Promise<Set<string> | null> {
  if ((a.weights === 'trains') === (b.weights === 'trains')) return null
  const reader = a.weights === 'trains' ? b : a
  if (reader.name === 'stream') return (streams ??= streamsByStep())
  if (reader.weights === 'reads') return resultsByStep(reader)
  return reader.weights === 'leaves' ? new Set([JSON.stringify({ value: 'nothing' })]) : null
}

async function together(a: Operation, b: Operation, turns: number) {
  const model = make()
  const first = outcome(() => a.start(model))
  for (let i = 0; i < turns; i++) await turn()
  const second = outcome(() => b.start(model))
  const results = [await first, await second] as const
  const ended = (x: Outcome, op: Operation) => op.weights === 'ends' && 'value' in x
  const gone = ended(results[0], a) || ended(results[1], b)
  const weights = gone ? null : hash(model)
  // What was refused may be done now.
  const again = 'code' in results[1] && !gone ? await outcome(() => b.start(model)) : null
  if (!gone) model.dispose()
  return { results, weights, again }
}

for (const a of operations) {
  t.test(`${a.name}, and meanwhile`, async (t) => {
    for (const b of operations) {
      const orders = [await serial(a, b), JSON.stringify(swap(JSON.parse(await serial(b, a)) as unknown[]))]
      const byStep = await resultsBesideFit(a, b)
      for (const turns of [0, 2, 7]) {
        const { results, weights, again } = await together(a, b, turns)
        const [x, y] = results
        const found = JSON.stringify([x, y, weights])
        const name = `${b.name} after ${turns} turns`
        if ('code' in x || 'code' in y) {
          const refused = 'code' in x ? x : (y as { code: string })
          t.match(refused.code, /^ERR_(BUSY|DISPOSED)$/, `${name}: ${refused.code}`)
          const done = 'code' in x ? y : x
          const alone = (JSON.parse(orders[0]!) as Outcome[])[0]
          if ('code' in x) t.ok(b.weights === 'ends', `${name}: only disposal ends what was begun`)
          else t.same(done, alone, `${name}: what was begun gives what it gives alone`)
          // Refused, then done afterwards: as one after the other.
          if (again)
            t.equal(JSON.stringify([x, again]), JSON.stringify((JSON.parse(orders[0]!) as Outcome[]).slice(0, 2)), name)
        } else if (byStep) {
          const [trained, read] = a.weights === 'trains' ? [x, y] : [y, x]
          t.same(
            trained,
            (JSON.parse(a.weights === 'trains' ? orders[0]! : orders[1]!) as Outcome[])[a.weights === 'trains' ? 0 : 1],
            `${name}: the fit is not disturbed`
          )
          t.ok(byStep.has(JSON.stringify(read)), `${name}: of a step, or of steps in their order`)
        } else t.ok(orders.includes(found), `${name}: as one after the other`)
      }
    }
  })
}

function swap(values: unknown[]): unknown[] {
  return [values[1], values[0], values[2]]
}
