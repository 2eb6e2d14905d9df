// Recurrent layers and their ops.
import * as api from '../../src/index.js'
import { nullable, op, ops, start } from './recipe-op.js'
import type { AnyRecipe } from './recipe.js'
import type { GraphWorld } from './worlds.js'

const lstmInputs = (w: GraphWorld) => ({
  x: w.f32(3, 2, 4),
  weightIh: w.weight(20, 4),
  weightHh: w.weight(20, 5),
  biasIh: w.weight(20),
  biasHh: w.weight(20),
  h0: w.f32(2, 5),
  c0: w.f32(2, 5),
  lengths: w.i32(2),
  reverse: true,
  dropout: 0.1,
  stream: 3
})

const recurrent = (w: GraphWorld) => ({
  name: 'rnn',
  hidden: 5,
  layers: 2,
  dropout: 0.1,
  variational: true,
  bidirectional: false,
  carry: true,
  lengths: w.i32(2),
  recurrentDropout: 0.1,
  inputWeight: start(),
  recurrentWeight: start(),
  bias: start(),
  clip: 2,
  shared: false
})
const hardSigmoid = { name: 'hardSigmoid', alpha: 0.2, beta: 0.5 }

export const recurrentRecipes: AnyRecipe[] = [
  ...ops('lstm', (w) => [lstmInputs(w)], [...nullable('0.biasIh', '0.biasHh', '0.h0', '0.c0', '0.lengths')]),
  ...ops(
    'lstm',
    (w) => [{ ...lstmInputs(w), zoneout: { c: 0.1, h: 0.1 } }],
    nullable('0.biasIh', '0.biasHh', '0.h0', '0.c0', '0.lengths')
  ),
  ...ops(
    'lstm',
    (w) => {
      const norm = { ih: w.weight(20), hh: w.weight(20), c: w.weight(5), biasC: w.weight(5) }
      return [
        { x: w.f32(3, 2, 4), weightIh: w.weight(20, 4), weightHh: w.weight(20, 3), weightHr: w.weight(3, 5), norm }
      ]
    },
    nullable('0.norm')
  ),
  ...ops(
    'lstm',
    (w) => {
      const activations = { gates: hardSigmoid, cell: 'elu', output: 'tanh' }
      return [{ ...lstmInputs(w), peephole: w.weight(15), clip: 2, coupled: true, activations }]
    },
    nullable('0.biasIh', '0.biasHh', '0.h0', '0.c0', '0.lengths', '0.peephole')
  ),
  ...ops(
    'gru',
    (w) => {
      const { x, reverse, dropout, stream, h0, lengths } = lstmInputs(w)
      const weights = {
        weightIh: w.weight(15, 4),
        weightHh: w.weight(15, 5),
        biasIh: w.weight(15),
        biasHh: w.weight(15)
      }
      const form = { clip: 2, resetAfter: false, activations: { gates: hardSigmoid, candidate: 'relu' } }
      return [{ x, reverse, dropout, stream, h0, lengths, ...weights, ...form }]
    },
    nullable('0.biasIh', '0.biasHh', '0.h0', '0.lengths')
  ),
  ...ops(
    'rnn',
    (w) => {
      const { x, reverse, dropout, stream, h0, lengths } = lstmInputs(w)
      const weights = { weightIh: w.weight(5, 4), weightHh: w.weight(5, 5), biasIh: w.weight(5), biasHh: w.weight(5) }
      return [{ x, reverse, dropout, stream, h0, lengths, ...weights, clip: 2, activation: hardSigmoid }]
    },
    nullable('0.biasIh', '0.biasHh', '0.h0', '0.lengths')
  ),

  op('lstm', api.lstm, (w) => [
    w.f32(3, 2, 4),
    {
      ...recurrent(w),
      peepholes: true,
      projection: 3,
      forgetBias: 1,
      peephole: start(),
      projectionWeight: start(),
      coupledGates: true,
      activations: { gates: hardSigmoid, cell: 'elu', output: 'tanh' }
    }
  ]),
  op(
    'lstm',
    api.lstm,
    (w) => {
      const { clip: _, ...plain } = recurrent(w)
      return [w.f32(3, 2, 4), { ...plain, carry: false, zoneout: { c: 0.1, h: 0.2 }, initial: 'learned' }]
    },
    ['1.zoneout=*']
  ),
  op('lstm', api.lstm, (w) => [
    w.f32(3, 2, 4),
    {
      name: 'rnn',
      hidden: 5,
      layerNorm: true,
      bidirectional: true,
      initial: { h: [w.f32(2, 5), w.f32(2, 5)], c: [w.f32(2, 5), w.f32(2, 5)] }
    }
  ]),
  op('gru', api.gru, (w) => [
    w.f32(3, 2, 4),
    { ...recurrent(w), resetAfter: false, activations: { gates: hardSigmoid, candidate: 'relu' } }
  ]),
  op('rnn', api.rnn, (w) => [w.f32(3, 2, 4), { ...recurrent(w), activation: hardSigmoid }]),
  op('rnn', api.rnn, (w) => [w.f32(3, 2, 4), { name: 'rnn', hidden: 5, initial: { h: [w.f32(2, 5)] } }]),
  op('gru', api.gru, (w) => [w.f32(3, 2, 4), { name: 'rnn', hidden: 5, initial: { h: [w.f32(2, 5)] } }])
]
