// Ops, layers, initializers, and the graph itself.
import * as api from '../../src/index.js'
import { createRandom } from '../../src/random.js'
import { graphMethods } from './recipes-graph-methods.js'
import { nullable, op, ops, start } from './recipe-op.js'
import { recurrentRecipes } from './recipes-recurrent.js'
import { pure, recipe, type AnyRecipe } from './recipe.js'
import type { GraphWorld } from './worlds.js'

const pair = (w: GraphWorld) => [w.f32(3, 2, 4), w.f32(3, 2, 4)]
const one = (w: GraphWorld) => [w.f32(3, 2, 4)]

const windowInputs = (w: GraphWorld) => ({ chars: w.i32(2, 6), lengths: w.i32(2), width: 7, kappa0: w.f32(2, 3) })

const attend = (w: GraphWorld) => ({
  queries: w.f32(3, 2, 4),
  keys: w.f32(5, 2, 4),
  values: w.f32(5, 2, 6),
  lengths: w.i32(2)
})

const windowLayer = (w: GraphWorld) => ({
  name: 'window',
  hidden: 5,
  gaussians: 2,
  chars: w.i32(2, 6),
  lengths: w.i32(2),
  vocabulary: 7,
  stepsPerCharacter: 20,
  carry: true,
  shared: false
})

const attention = (w: GraphWorld) => ({
  name: 'attention',
  size: 4,
  kind: 'additive',
  lengths: w.i32(2),
  shared: false
})

/** An initializer, called as a model calls it. */
function initializer(name: 'constant' | 'normal' | 'orthogonal' | 'uniform', value: number): AnyRecipe {
  return recipe({
    name,
    setup: () => null,
    pure: true,
    args: () => [value],
    call(_, [given]) {
      const values = new Float32Array(12)
      api[name](given as number)(values, [4, 3], createRandom(1))
      return values
    }
  })
}

/** A list of axes may also be one axis, counted from either end. */
const singleAxis = (place: string) => ['-1', '0', '-0', '1'].map((axis) => `${place}=${axis}`)

const ctcInputs = (w: GraphWorld) => {
  const [targets, inputLengths, targetLengths] = [w.i32(2, 3), w.i32(2), w.i32(2)]
  return { logits: w.f32(6, 2, 4), targets, inputLengths, targetLengths, blank: 0, weights: w.f32(2) }
}

export const graphRecipes: AnyRecipe[] = [
  ...ops('embedding', (w) => [w.weight(9, 4), w.i32(3, 2), 2], nullable('2')),
  ...ops('linear', (w) => [w.f32(3, 2, 4), w.weight(6, 4), w.weight(6)], nullable('2')),
  ...ops('dropout', (w) => [w.f32(3, 2, 4), 0.5, true, 7]),
  ...ops('sigmoidCrossEntropy', (w) => [w.f32(3, 2), w.f32(3, 2), { weights: w.f32(3) }], nullable('2.weights')),
  ...ops('meanSquare', (w) => [w.f32(3, 2), w.f32(3, 2), { weights: w.f32(3) }], nullable('2.weights')),
  ...ops('add', pair),
  ...ops('sub', pair),
  ...ops('mul', pair),
  ...(['softmax', 'sigmoid', 'tanh', 'relu', 'flip'] as const).flatMap((name) => ops(name, one)),
  ...ops('affine', (w) => [w.f32(3, 4), 2, 1]),
  ...ops('concat', (w) => [[w.f32(3, 4), w.f32(3, 2)], 1]),
  ...ops('matmul', (w) => [w.f32(3, 4, 2), w.f32(5, 4), { transposeA: true, transposeB: true }]),
  ...ops('permute', (w) => [w.f32(3, 2, 4), [2, 0, -2]]),
  ...ops('pad', (w) => [
    w.f32(3, 4),
    [
      [1, 0],
      [0, 2]
    ],
    0.5
  ]),
  ...ops('patches', (w) => [w.f32(3, 2, 4), { axes: [0, 1], kernel: 2, stride: [1, 2], padding: 1 }], [
    '1.stride=1',
    '1.stride=7',
    '1.stride=2^31-1'
  ]),
  ...ops('gather', (w) => [w.f32(3, 2, 4), w.i32(5, 2), 1]),
  ...ops('scatterAdd', (w) => [w.f32(3, 5, 2, 4), w.i32(5, 2), 6, 1]),
  ...ops('slice', (w) => [w.f32(3, 2, 4), 2, 1, 3]),
  ...ops('reshape', (w) => [w.f32(3, 2, 4), [6, 4]]),
  ...ops('map', (w) => [
    [w.f32(3, 2, 4), w.f32(4)],
    (a: { add: (b: unknown) => { exp: () => unknown } }, b: unknown) => a.add(b).exp()
  ]),
  ...(['sum', 'mean', 'max', 'logSumExp'] as const).flatMap((name) =>
    ops(name, (w) => [w.f32(3, 2, 4), [0, -1], { keepDims: true }], singleAxis('1'))
  ),
  ...ops('weightedMean', (w) => [w.f32(3, 2, 4), w.f32(3, 2, 1), [0, 1], { keepDims: false }], singleAxis('2')),
  ...ops('sample', (w) => [w.f32(3, 2, 4), w.f32(4), 5]),
  ...ops('topLogSoftmax', (w) => [w.f32(3, 2, 4), 2, w.i32(3, 2)]),
  ...ops(
    'crossEntropy',
    (w) => [
      w.f32(3, 2, 4),
      w.i32(3, 2),
      { ignoreIndex: -5, weights: [1, 2, 0, 1], rowWeights: w.f32(3, 2), labelSmoothing: 0.1 }
    ],
    nullable('2.weights', '2.rowWeights')
  ),
  ...ops('ctcLoss', (w) => [ctcInputs(w)], nullable('0.weights')),
  ...ops('mixtureColumns', () => [3]),
  ...ops(
    'mixtureDensity',
    (w) => [w.f32(3, 2, 13), w.f32(3, 2, 3), { weights: w.f32(3, 2), clip: 100 }],
    nullable('2.weights')
  ),
  ...ops('mixtureSample', (w) => [w.f32(3, 2, 13), w.f32(4), 5]),
  ...ops('softWindow', (w) => [{ raw: w.f32(3, 2, 9), ...windowInputs(w) }], nullable('0.kappa0')),
  ...ops(
    'windowLstm',
    (w) => [
      {
        x: w.f32(3, 2, 4),
        weightIh: w.weight(20, 11),
        weightHh: w.weight(20, 5),
        weightWindow: w.weight(9, 5),
        biasWindow: w.weight(9),
        biasIh: w.weight(20),
        biasHh: w.weight(20),
        h0: w.f32(2, 5),
        c0: w.f32(2, 5),
        window0: w.f32(2, 7),
        ...windowInputs(w)
      }
    ],
    nullable('0.biasIh', '0.biasHh', '0.h0', '0.c0', '0.window0', '0.kappa0')
  ),
  ...ops('dotAttention', (w) => [{ ...attend(w), scale: 0.5 }]),
  ...ops('additiveAttention', (w) => [{ ...attend(w), v: w.weight(4) }]),

  op('attention', api.attention, (w) => [w.f32(3, 2, 4), w.f32(5, 2, 4), attention(w)]),
  op('attention', api.attention, (w) => [w.f32(3, 2, 4), w.f32(5, 2, 4), { ...attention(w), keys: w.f32(5, 2, 4) }]),
  op('attention', api.attention, (w) => [
    w.f32(3, 2, 6),
    w.f32(5, 2, 4),
    { name: 'a', kind: 'general', lengths: w.i32(2) }
  ]),
  op('attentionKeys', api.attentionKeys, (w) => [w.f32(5, 2, 4), attention(w)]),
  op('dropout', api.dropout, (w) => [w.f32(3, 2, 4), { p: 0.5, variational: true }]),
  op(
    'embedding',
    api.embedding,
    (w) => [w.i32(3, 2), { name: 'table', vocabulary: 9, size: 4, weight: start(), paddingIdx: 2, shared: false }],
    nullable('1.paddingIdx')
  ),
  op('linear', api.linear, (w) => [
    w.f32(3, 2, 4),
    { name: 'head', size: 6, bias: true, weight: start(), biasStart: start(), shared: false }
  ]),
  op('windowLstm', api.windowLstm, (w) => [w.f32(3, 2, 4), windowLayer(w)]),

  initializer('constant', 0.5),
  initializer('normal', 0.5),
  initializer('uniform', 0.5),
  initializer('orthogonal', 0.5),
  pure('zeros', api.zeros, () => [new Float32Array(4), [4], createRandom(1)]),

  ...recurrentRecipes,
  ...graphMethods()
]
