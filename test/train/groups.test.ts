// Groups of parameters: PyTorch's numbers through freezing and thawing, patterns, checkpoints, refusals.
import t from 'tap'
import { add, createTrainer, defineModel, f32, meanSquare, zeros, type TrainingGroup } from '../../src/index.js'
import { readGolden, type GoldenTensor } from '../golden.js'
import { noise, textModel, trainingData } from '../text-model.js'
import { snapshotOf } from './snapshots.js'

interface Golden {
  start: Record<'a' | 'b', GoldenTensor>
  inputs: GoldenTensor[]
  phases: number[]
  frozen: ('a' | 'b' | null)[]
  clip: number
  rows: {
    kind: 'sgd' | 'adam' | 'adamw' | 'rmsprop'
    lr: number
    after: (Record<'a' | 'b', GoldenTensor> & { norm: number })[]
  }[]
}
const golden = readGolden<Golden>('parameter-groups')

const sumModel = () =>
  defineModel({
    name: 'sum',
    config: {},
    inputs: { x: f32(3, 4) },
    forward: ({ x }) => ({ y: add(x.graph.parameter('a', [3, 4], zeros), x.graph.parameter('b', [4], zeros)) }),
    loss: ({ y }, _, { x }) => meanSquare(y, x)
  })

const source = {
  dims: {},
  *batches(cursor: unknown = 0) {
    for (let i = cursor as number; i < golden.inputs.length; i++)
      yield { inputs: { x: Float32Array.from(golden.inputs[i]!.data) }, epoch: 0, cursor: i + 1 }
  }
}

/** `b` has half the rate and a decay of its own; `frozen` keeps its values. */
function groupsOf(frozen: 'a' | 'b' | null): TrainingGroup[] {
  const b: TrainingGroup =
    frozen === 'b' ? { parameters: 'b', frozen: true } : { parameters: 'b', rate: 0.5, weightDecay: 0.3 }
  return frozen === 'a' ? [b, { parameters: ['a'], frozen: true }] : [b]
}

t.test("the numbers of PyTorch's parameter groups, also resumed at each change", async (t) => {
  for (const resumes of [false, true]) {
    for (const { kind, lr, after } of golden.rows) {
      const optimizer = { kind, learningRate: lr, weightDecay: 0, ...(kind === 'sgd' && { momentum: 0.9 }) }
      let model = sumModel()
      for (const name of ['a', 'b'] as const) model.parameters.set(name, golden.start[name].data)
      const settings = { optimizer, clip: golden.clip, reportEvery: 1 }
      let [steps, at] = [0, 0]
      let resume: ReturnType<typeof snapshotOf> | undefined
      for (const [phase, frozen] of golden.frozen.entries()) {
        steps += golden.phases[phase]!
        const groups = groupsOf(frozen)
        if (resumes && resume) {
          model.dispose()
          model = sumModel()
        }
        const trainer = createTrainer(model, source, { ...settings, groups, steps, ...(resume && { resume }) })
        for await (const { gradNorm } of trainer.reports()) {
          const row = after[at]!
          t.ok(Math.abs(gradNorm - row.norm) < 1e-6, `${kind}, step ${at}: norm ${gradNorm}`)
          for (const name of ['a', 'b'] as const) {
            const { data } = model.parameters.get(name)
            const worst = Math.max(...data.map((x, i) => Math.abs(x - row[name].data[i]!)))
            t.ok(worst < 3e-6, `${kind}, step ${at}, ${name}: ${worst}`)
          }
          at++
        }
        resume = snapshotOf(trainer)
      }
      t.equal(at, after.length)
      model.dispose()
    }
  }
})

t.test('a checkpoint keeps the groups; they change between fits only, and hold only during a fit', async (t) => {
  using model = textModel()
  const data = trainingData(noise(400))
  const groups = [
    { parameters: 'lstm.*', frozen: true },
    { parameters: ['*.bias', 'embedding.*'], rate: 0.1 }
  ]
  const trainer = createTrainer(model, data, { groups, steps: 2 })
  const lstm = () => model.parameters.names.filter((name) => name.startsWith('lstm.'))
  const before = new Map(model.parameters.copies().map(({ name, data }) => [name, data]))
  const fit = trainer.fit()
  t.throws(() => trainer.setGroups([]), { code: 'ERR_BUSY' })
  await fit
  const changed = () =>
    model.parameters.names.filter(
      (name) => !model.parameters.get(name).data.every((x, i) => x === before.get(name)![i])
    )
  t.same(
    changed(),
    model.parameters.names.filter((name) => !lstm().includes(name))
  )
  t.ok(model.parameters.get(lstm()[0]!).moment1!.every((x) => x === 0))
  t.match(trainer.progress, { groups, skipped: Object.fromEntries(lstm().map((name) => [name, 2])) })

  const resumed = createTrainer(model, data, { resume: snapshotOf(trainer), steps: 3 })
  t.same(resumed.progress.groups, groups)
  await resumed.fit()
  t.notOk(changed().some((name) => lstm().includes(name)))
  const last = createTrainer(model, data, { resume: snapshotOf(resumed), steps: 4, groups: [] })
  t.equal(last.progress.groups, undefined)
  await last.fit()
  t.ok(lstm().every((name) => changed().includes(name)))
  t.equal(last.progress.skipped?.[lstm()[0]!], 3)

  trainer.setGroups([{ parameters: '*', rate: 0 }])
  const plan = model.plan({ length: 8, batch: 4 })
  const old = model.parameters.get('head.bias').data.slice()
  await plan.run('train')
  t.notSame(model.parameters.get('head.bias').data, old, 'a step by hand knows no groups')
})

t.test('refused', (t) => {
  using model = textModel()
  const refuse = (groups: unknown, message: RegExp) =>
    t.throws(() => createTrainer(model, trainingData(noise(400)), { groups: groups as TrainingGroup[] }), {
      code: 'ERR_INVALID_ARGUMENT',
      message
    })
  refuse([{ parameters: 'lstm' }], /received "lstm"/)
  refuse([{ parameters: 'head.*' }, { parameters: '*.bias' }], /"head.bias" in two/)
  refuse([{ parameters: '*', frozen: true }], /freeze all/)
  refuse([{ parameters: 'head.bias', frozen: true, rate: 2 }], /without rate/)
  refuse([{ parameters: 'head.bias', rate: -1 }], /rate/)
  refuse([{ parameters: 'head.bias', weightDecay: NaN }], /weightDecay/)
  refuse([{ parameters: 'head.bias', lr: 1 }], /lr/)
  refuse('head.bias', /groups/)
  t.throws(() => model.parameters.setGroups([{ names: ['x'], frozen: false, rate: 1, decay: null, skipped: 0 }]), {
    code: 'ERR_INVALID_ARGUMENT'
  })
  const twice = { names: ['head.bias', 'head.bias'], frozen: false, rate: 1, decay: null, skipped: 0 }
  t.throws(() => model.parameters.setGroups([twice]), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => model.parameters.setGroups(Array(32).fill({ ...twice, names: [] })), { message: /fewer than 32/ })
  t.end()
})
