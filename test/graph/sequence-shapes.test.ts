// The ops over sequences refuse what does not fit, and say what they expected and what came.
import t from 'tap'
import { Graph } from '../../src/graph/graph.js'
import * as ops from '../../src/graph/ops/index.js'
import type { Tensor } from '../../src/graph/graph.js'

const graph = new Graph()
let names = 0
const f = (...shape: number[]): Tensor => graph.input(`f${names++}`, shape, 'f32')
const i = (...shape: number[]): Tensor => graph.input(`i${names++}`, shape, 'i32')

const ctc = (change: Partial<ops.CtcInputs>) =>
  ops.ctcLoss({ logits: f(9, 2, 5), targets: i(2, 4), inputLengths: i(2), targetLengths: i(2), ...change })
const window = (change: Partial<ops.WindowInputs>) =>
  ops.softWindow({ raw: f(9, 2, 6), chars: i(2, 7), lengths: i(2), width: 5, ...change })
const windowLstm = (change: Partial<ops.WindowLstmInputs>) =>
  ops.windowLstm({
    x: f(9, 2, 3),
    chars: i(2, 7),
    lengths: i(2),
    width: 5,
    weightIh: f(16, 8),
    weightHh: f(16, 4),
    weightWindow: f(6, 4),
    biasWindow: f(6),
    ...change
  })
const dot = (change: Partial<Parameters<typeof ops.dotAttention>[0]>) =>
  ops.dotAttention({ queries: f(3, 2, 4), keys: f(7, 2, 4), values: f(7, 2, 6), lengths: i(2), ...change })
const additive = (change: Partial<Parameters<typeof ops.additiveAttention>[0]>) =>
  ops.additiveAttention({
    queries: f(3, 2, 4),
    keys: f(7, 2, 4),
    v: f(4),
    values: f(7, 2, 6),
    lengths: i(2),
    ...change
  })

t.test('shapes of results', async (t) => {
  const shapes = (result: object) =>
    Object.fromEntries(Object.entries(result).map(([k, v]) => [k, (v as Tensor).shape]))
  t.same(shapes(ctc({ blank: 4 })), { loss: [2], rows: [2] })
  t.same(ops.mixtureDensity(f(9, 2, 13), f(9, 2, 3), { weights: f(9, 2), clip: 100 }).shape, [2])
  t.same(ops.mixtureDensity(f(7), f(3), { weights: f(1) }).shape, [2])
  t.same(ops.mixtureSample(f(1, 2, 13), f(4), 7).shape, [1, 2, 3])
  t.equal(ops.mixtureColumns(20), 121)
  t.same(shapes(window({ kappa0: f(2, 2) })), { window: [9, 2, 5], kappa: [2, 2], phi: [9, 2, 7] })
  t.same(shapes(window({ chars: f(2, 7, 11), width: 11 })), { window: [9, 2, 11], kappa: [2, 2], phi: [9, 2, 7] })
  t.same(shapes(windowLstm({ biasIh: f(16), h0: f(2, 4), kappa0: f(2, 2), window0: f(2, 5) })), {
    y: [9, 2, 4],
    window: [9, 2, 5],
    h: [2, 4],
    c: [2, 4],
    kappa: [2, 2],
    lastWindow: [2, 5],
    phi: [9, 2, 7]
  })
  for (const attend of [dot, additive]) t.same(shapes(attend({})), { context: [3, 2, 6], weights: [3, 2, 7] })
})

t.test('refusals', async (t) => {
  const rows: [string, () => unknown, RegExp, string?][] = [
    [
      'logits',
      () => ctc({ logits: f(9, 5) }),
      /Expected logits of shape \[any, any, any\] in ctcLoss but received \[9, 5\]/
    ],
    ['targets', () => ctc({ targets: i(3, 4) }), /targets of shape \[2, any\] in \w+ but received \[3, 4\]/],
    [
      'targets',
      () => ctc({ targets: f(2, 4) }),
      /Expected i32 as targets of \w+ but received f32/,
      'ERR_INVALID_ARGUMENT'
    ],
    ['input lengths', () => ctc({ inputLengths: i(9) }), /inputLengths of shape \[2\] in \w+ but received \[9\]/],
    ['target lengths', () => ctc({ targetLengths: i(4) }), /targetLengths of shape \[2\] in \w+ but received \[4\]/],
    [
      'blank',
      () => ctc({ blank: 5 }),
      /integer from 0 to 4 as blank of ctcLoss but received 5/,
      'ERR_INVALID_ARGUMENT'
    ],
    [
      'columns',
      () => ops.mixtureDensity(f(9, 12), f(9, 3)),
      /y of shape \[..., 6M \+ 1\] for M Gaussians but received \[9, 12\]/
    ],
    ['no Gaussian', () => ops.mixtureSample(f(9, 1), f(4), 0), /6M \+ 1/],
    ['points', () => ops.mixtureDensity(f(9, 13), f(9, 2)), /targets of shape \[9, 3\] in \w+ but received \[9, 2\]/],
    ['weights', () => ops.mixtureDensity(f(9, 2, 7), f(9, 2, 3), { weights: f(9) }), /weights of shape \[9, 2\]/],
    [
      'clip',
      () => ops.mixtureDensity(f(7), f(3), { clip: -1 }),
      /as clip in the options of mixtureDensity but received -1/,
      'ERR_INVALID_ARGUMENT'
    ],
    [
      'Gaussians',
      () => ops.mixtureColumns(0),
      /number of Gaussians of mixtureDensity but received 0/,
      'ERR_INVALID_ARGUMENT'
    ],
    ['control', () => ops.mixtureSample(f(7), f(1), 0), /control of shape \[4\]/],
    ['rows', () => ops.mixtureSample(f(2, 7), f(4), 0, f(2, 4)), /i32 as rows/, 'ERR_INVALID_ARGUMENT'],
    ['number of rows', () => ops.mixtureSample(f(2, 3, 7), f(4), 0, i(3, 4)), /rows of shape \[6, 4\]/],
    ['control of rows', () => ops.mixtureSample(f(2, 7), f(3, 4), 0, i(2, 4)), /control of shape \[2, 4\]/],
    ['control of rows without rows', () => ops.mixtureSample(f(2, 7), f(2, 4), 0), /control of shape \[4\]/],
    [
      'raw',
      () => window({ raw: f(9, 2, 7) }),
      /Expected 3K columns for K Gaussians in raw of softWindow but received \[9, 2, 7\]/
    ],
    ['chars', () => window({ chars: i(3, 7) }), /chars of shape \[2, any\] in \w+ but received \[3, 7\]/],
    [
      'width',
      () => window({ width: 0 }),
      /as width in the inputs of softWindow but received 0/,
      'ERR_INVALID_ARGUMENT'
    ],
    [
      'width of vectors',
      () => window({ chars: f(2, 7, 4) }),
      /chars of shape \[2, any, 5\] in \w+ but received \[2, 7, 4\]/
    ],
    ['lengths', () => window({ lengths: i(7) }), /lengths of shape \[2\]/],
    ['kappa', () => window({ kappa0: f(2, 6) }), /kappa0 of shape \[2, 2\] in \w+ but received \[2, 6\]/],
    ['weightIh', () => windowLstm({ weightIh: f(16, 3) }), /weightIh of shape \[16, 8\] in \w+ but received \[16, 3\]/],
    ['weightHh', () => windowLstm({ weightHh: f(12, 4) }), /weightHh of shape \[16, 4\] in \w+ but received \[12, 4\]/],
    [
      'weightWindow',
      () => windowLstm({ weightWindow: f(6, 5) }),
      /weightWindow of shape \[6, 4\] in \w+ but received \[6, 5\]/
    ],
    ['biasWindow', () => windowLstm({ biasWindow: f(2) }), /biasWindow of shape \[6\] in \w+ but received \[2\]/],
    ['window0', () => windowLstm({ window0: f(2, 4) }), /window0 of shape \[2, 5\] in \w+ but received \[2, 4\]/],
    [
      'keys',
      () => dot({ keys: f(7, 2, 3) }),
      /Expected keys of shape \[any, 2, 4\] in dotAttention but received \[7, 2, 3\]/
    ],
    ['values', () => additive({ values: f(6, 2, 4) }), /values of shape \[7, 2, any\] in \w+ but received \[6, 2, 4\]/],
    ['source lengths', () => dot({ lengths: i(7) }), /lengths of shape \[2\] in \w+ but received \[7\]/],
    ['v', () => additive({ v: f(5) }), /v of shape \[4\] in \w+ but received \[5\]/],
    [
      'scale',
      () => dot({ scale: NaN }),
      /as scale in the inputs of dotAttention but received NaN/,
      'ERR_INVALID_ARGUMENT'
    ]
  ]
  for (const [name, call, message, code = 'ERR_INVALID_SHAPE'] of rows) t.throws(call, { code, message }, name)
})
