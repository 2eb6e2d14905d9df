// Every op refuses shapes that do not fit, with the expected and the received shape in the message.
import t from 'tap'
import { Graph } from '../../src/graph/graph.js'
import { zeros } from '../../src/graph/initializers.js'
import * as ops from '../../src/graph/ops/index.js'
import type { Tensor } from '../../src/graph/graph.js'

const graph = new Graph()
let names = 0
const f = (...shape: number[]): Tensor => graph.input(`f${names++}`, shape, 'f32')
const i = (...shape: number[]): Tensor => graph.input(`i${names++}`, shape, 'i32')
const lstm = (change: Partial<ops.LstmInputs>) =>
  ops.lstm({ x: f(5, 2, 3), weightIh: f(16, 3), weightHh: f(16, 4), ...change })
const rnn = (change: Partial<ops.RnnInputs>) =>
  ops.rnn({ x: f(5, 2, 3), weightIh: f(4, 3), weightHh: f(4, 4), ...change })
const gru = (change: Partial<ops.GruInputs>) =>
  ops.gru({ x: f(5, 2, 3), weightIh: f(12, 3), weightHh: f(12, 4), ...change })

t.test('shapes of results', async (t) => {
  t.same(ops.embedding(f(7, 3), i(5, 2)).shape, [5, 2, 3])
  const { y, h, c } = lstm({ biasIh: f(16), biasHh: f(16), h0: f(2, 4), c0: f(2, 4), reverse: true })
  t.same(
    [y.shape, h.shape, c.shape],
    [
      [5, 2, 4],
      [2, 4],
      [2, 4]
    ]
  )
  t.same(ops.linear(f(5, 2, 3), f(9, 3), f(9)).shape, [5, 2, 9])
  t.same(ops.dropout(f(5, 2), 0.5).shape, [5, 2])
  t.same(ops.crossEntropy(f(5, 2, 9), i(5, 2)).shape, [2])
  t.same(ops.meanSquare(f(5, 2), f(5, 2)).shape, [2])
  t.same(ops.sigmoidCrossEntropy(f(5, 2), f(5, 2)).shape, [2])
  for (const op of [ops.add, ops.sub, ops.mul])
    t.same(
      [op(f(5, 2), f(5, 2)).shape, op(f(5, 2), f(2)).shape],
      [
        [5, 2],
        [5, 2]
      ]
    )
  for (const op of [ops.sigmoid, ops.tanh, ops.relu, ops.softmax, ops.flip]) t.same(op(f(5, 2)).shape, [5, 2])
  t.same(ops.affine(f(5, 2), 2, 1).shape, [5, 2])
  t.same(ops.concat([f(5, 2), f(5, 3), f(5, 1)]).shape, [5, 6])
  t.same(ops.concat(f(5, 2), f(5, 3), f(5, 1)).shape, [5, 6])
  t.same(ops.slice(f(5, 2, 8), -1, 2, 5).shape, [5, 2, 3])
  t.same(ops.slice(f(5, 2, 8), 0, 4, 5).shape, [1, 2, 8])
  t.same(ops.reshape(f(6, 4), [2, 3, 4]).shape, [2, 3, 4])
  const drawn = ops.sample(f(1, 1, 9), f(4), 3)
  t.same([drawn.shape, drawn.dtype], [[1, 1], 'i32'])
  const { nats, ids } = ops.topLogSoftmax(f(5, 2, 9), 3, i(5, 2))
  t.same([nats.shape, nats.dtype, ids.shape, ids.dtype], [[5, 2, 4], 'f32', [5, 2, 4], 'i32'])
  t.same(ops.topLogSoftmax(f(9), 9).nats.shape, [9])
})

t.test('refusals', async (t) => {
  const rows: [string, () => unknown, RegExp, string?][] = [
    ['table', () => ops.embedding(f(7), i(5)), /Expected table of shape \[any, any\] in embedding but received \[7\]/],
    ['ids', () => ops.embedding(f(7, 3), f(5)), /Expected i32 as ids of \w+ but received f32/, 'ERR_INVALID_ARGUMENT'],
    ['ids of rank 4', () => ops.embedding(f(7, 3), i(5, 1, 1, 1)), /rank 1 to 3 but received \[5, 1, 1, 1\]/],
    ['x', () => lstm({ x: f(5, 3) }), /Expected x of shape \[any, any, any\] in lstm but received \[5, 3\]/],
    ['weightIh', () => lstm({ weightIh: f(16, 2) }), /weightIh of shape \[16, 3\] in \w+ but received \[16, 2\]/],
    ['weightHh', () => lstm({ weightHh: f(12, 4) }), /weightHh of shape \[16, 4\] in \w+ but received \[12, 4\]/],
    ['biasIh', () => lstm({ biasIh: f(4) }), /biasIh of shape \[16\] in \w+ but received \[4\]/],
    ['biasHh', () => lstm({ biasHh: f(4) }), /biasHh of shape \[16\] in \w+ but received \[4\]/],
    ['h0', () => lstm({ h0: f(3, 4) }), /h0 of shape \[2, 4\] in \w+ but received \[3, 4\]/],
    ['c0', () => lstm({ c0: f(2, 3) }), /c0 of shape \[2, 4\] in \w+ but received \[2, 3\]/],
    ['a learned c0', () => lstm({ c0: f(3) }), /c0 of shape \[4\] in \w+ but received \[3\]/],
    ['lengths', () => lstm({ lengths: i(3) }), /lengths of shape \[2\] in \w+ but received \[3\]/],
    ['peephole', () => lstm({ peephole: f(4) }), /peephole of shape \[12\] in \w+ but received \[4\]/],
    ['weightHr', () => lstm({ weightHr: f(3, 4) }), /weightHr of shape \[4, any\] in \w+ but received \[3, 4\]/],
    ['norm', () => lstm({ norm: { ih: f(16), hh: f(16), c: f(4), biasC: f(16) } }), /norm.biasC of shape \[4\]/],
    ['rnn x', () => rnn({ x: f(5, 3) }), /Expected x of shape \[any, any, any\] in rnn/],
    ['rnn weightIh', () => rnn({ weightIh: f(12, 3) }), /weightIh of shape \[4, 3\] in \w+ but received \[12, 3\]/],
    ['rnn h0', () => rnn({ h0: f(3, 4) }), /h0 of shape \[2, 4\] in \w+ but received \[3, 4\]/],
    ['clip', () => rnn({ clip: 0 }), /Expected a number .* as clip in the inputs of rnn/, 'ERR_INVALID_ARGUMENT'],
    [
      'activation',
      () => rnn({ activation: 'cosine' as never }),
      /softplus as activation in the inputs of rnn but received "cosine"/,
      'ERR_INVALID_ARGUMENT'
    ],
    [
      'a parameter that the activation does not have',
      () => gru({ activations: { gates: { name: 'elu', beta: 1 } } }),
      /Expected elu of gru with only alpha but received beta/,
      'ERR_INVALID_ARGUMENT'
    ],
    [
      'clip with zoneout',
      () => lstm({ clip: 1, zoneout: { c: 0.1, h: 0 } }),
      /Expected clip without zoneout in lstm but received both/,
      'ERR_UNSUPPORTED'
    ],
    [
      'coupled gates with layer normalisation',
      () => lstm({ coupled: true, norm: { ih: f(16), hh: f(16), c: f(4), biasC: f(4) } }),
      /Expected coupled gates without layer normalisation in lstm/,
      'ERR_UNSUPPORTED'
    ],
    ['gru x', () => gru({ x: f(5, 3) }), /Expected x of shape \[any, any, any\] in gru/],
    ['gru weightIh', () => gru({ weightIh: f(16, 3) }), /weightIh of shape \[12, 3\] in \w+ but received \[16, 3\]/],
    ['gru biasHh', () => gru({ biasHh: f(16) }), /biasHh of shape \[12\] in \w+ but received \[16\]/],
    ['gru h0', () => gru({ h0: f(3, 4) }), /h0 of shape \[2, 4\] in \w+ but received \[3, 4\]/],
    [
      'gru lengths',
      () => gru({ lengths: f(2) }),
      /Expected i32 as lengths of \w+ but received f32/,
      'ERR_INVALID_ARGUMENT'
    ],
    [
      'weight',
      () => ops.linear(f(5, 3), f(9, 4)),
      /Expected weight of shape \[any, 3\] in linear but received \[9, 4\]/
    ],
    ['bias', () => ops.linear(f(5, 3), f(9, 3), f(8)), /bias of shape \[9\] in \w+ but received \[8\]/],
    [
      'p',
      () => ops.dropout(f(5), 1.5),
      /Expected a number from 0 to 1 as p of dropout but received 1.5/,
      'ERR_INVALID_ARGUMENT'
    ],
    ['p of 1', () => ops.dropout(f(5), 1), /p of dropout below 1/, 'ERR_INVALID_ARGUMENT'],
    ['targets', () => ops.crossEntropy(f(5, 2, 9), i(5)), /targets of shape \[5, 2\] in \w+ but received \[5\]/],
    ['y', () => ops.meanSquare(f(5), f(6)), /Expected y of the shape of x, \[5\], in meanSquare but received \[6\]/],
    [
      'K',
      () => ops.sigmoidCrossEntropy(f(5), f(6)),
      /Expected targets of the shape of logits, \[5\], in sigmoidCrossEntropy/
    ],
    ['b', () => ops.add(f(5, 2), f(5)), /Expected b of add of shape \[5, 2\] or \[2\] but received \[5\]/],
    [
      'i32 in an f32 op',
      () => ops.mul(i(2), f(2)),
      /Expected f32 as a of mul but received i32/,
      'ERR_INVALID_ARGUMENT'
    ],
    ['parts', () => ops.concat([f(5, 2), f(4, 2)]), /part 1 of concat of shape \[5, any\] but received \[4, 2\]/],
    ['null as axis', () => ops.concat([f(5, 2)], null as never), /axis of concat/, 'ERR_INVALID_ARGUMENT'],
    ['no part', () => ops.concat([]), /the tensors of concat/, 'ERR_INVALID_ARGUMENT'],
    [
      'dim',
      () => ops.slice(f(5, 2), 2, 0, 1),
      /integer from -2 to 1 as dim of [a-z]+ but received 2/,
      'ERR_INVALID_ARGUMENT'
    ],
    [
      'end',
      () => ops.slice(f(5, 2), 0, 3, 6),
      /integer from 4 to 5 as end of [a-z]+ but received 6/,
      'ERR_INVALID_ARGUMENT'
    ],
    [
      'elements',
      () => ops.reshape(f(5, 2), [3, 3]),
      /a shape of 10 elements, like \[5, 2\], in reshape but received \[3, 3\]/
    ],
    ['rank', () => ops.reshape(f(5, 2), [1, 1, 1, 1, 10]), /1 to 4 dimensions/],
    ['scale', () => ops.affine(f(5), NaN), /as scale of [a-z]+ but received NaN/, 'ERR_INVALID_ARGUMENT'],
    ['control', () => ops.sample(f(1, 9), f(3), 0), /control of shape \[4\] in \w+ but received \[3\]/],
    [
      'count',
      () => ops.topLogSoftmax(f(2, 9), 10),
      /from 1 to 9 as count of \w+ but received 10/,
      'ERR_INVALID_ARGUMENT'
    ],
    ['also', () => ops.topLogSoftmax(f(2, 9), 1, i(3)), /also of shape \[2\] in \w+ but received \[3\]/],
    ['no tensor', () => ops.tanh(3 as never), /Expected a tensor as x of tanh but received 3/, 'ERR_INVALID_ARGUMENT'],
    ['another graph', () => ops.add(f(5), new Graph().input('x', [5], 'f32')), /one graph/, 'ERR_INVALID_ARGUMENT'],
    ['a dimension of 0', () => f(5, 0), /each an integer >= 1, as the shape of input "\w+" but received \[5, 0\]/],
    ['a fractional dimension', () => f(1.5), /but received \[1.5\]/],
    ['too many elements', () => f(2 ** 16, 2 ** 16), /at most 2147483647 elements/]
  ]
  for (const [name, call, message, code = 'ERR_INVALID_SHAPE'] of rows) t.throws(call, { code, message }, name)
})

t.test('parameters, states, outputs', async (t) => {
  const own = new Graph()
  const parameter = own.parameter('a.weight', [3, 4], zeros)
  t.equal(own.parameter('a.weight', [3, 4], zeros), parameter, 'one name, one parameter')
  t.throws(() => own.parameter('a.weight', [4, 3], zeros), { code: 'ERR_INVALID_SHAPE', message: /\[3, 4\].*\[4, 3\]/ })
  t.throws(() => own.parameter('b', [2, 2, 2], zeros), { code: 'ERR_INVALID_SHAPE' })
  for (const name of ['', 'a b', 'optimizer.x', 'state.h', '0']) {
    t.throws(() => own.parameter(name, [3], zeros), { code: 'ERR_INVALID_ARGUMENT' }, JSON.stringify(name))
  }
  const again = new Graph({ parameters: own.parameters })
  t.throws(() => again.parameter('c', [3], zeros), { code: 'ERR_INVALID_ARGUMENT', message: /"c"/ })
  t.throws(() => again.parameter('a.weight', [3], zeros), { code: 'ERR_INVALID_SHAPE' })

  const state = own.state('h', [2, 4])
  const x = own.input('x', [2, 4], 'f32')
  t.throws(() => own.state('h', [2, 4]), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => own.input('x', [2, 4], 'f32'), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => own.carry(ops.tanh(x), x), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => own.carry(own.input('y', [2, 5], 'f32'), state), { code: 'ERR_INVALID_SHAPE' })
  t.throws(() => own.output('w', parameter), { code: 'ERR_INVALID_ARGUMENT' })
  own.output('y', x)
  t.throws(() => own.output('y', x), { code: 'ERR_INVALID_ARGUMENT' })
})
