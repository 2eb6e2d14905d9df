// Products and ops that move elements, against PyTorch, against plain loops, and with shapes that do not fit.
import t from 'tap'
import { Graph, type Tensor } from '../../src/graph/graph.js'
import { zeros } from '../../src/graph/initializers.js'
import * as ops from '../../src/graph/ops/index.js'
import { ParameterStore } from '../../src/graph/parameters.js'
import { createPlan } from '../../src/graph/plan.js'
import { createRandom } from '../../src/random.js'
import { largestDifference, readGolden, type GoldenTensor } from '../golden.js'

interface Golden {
  ids: GoldenTensor
  cases: Record<
    string,
    { parameters: GoldenTensor[]; result: GoldenTensor; weights: GoldenTensor; gradients: GoldenTensor[] }
  >
}
type Build = (parameters: Tensor[], ids: Tensor) => Tensor

const golden = readGolden<Golden>('arrays')

const cases: Record<string, Build> = {
  matmul: ([a, b]) => ops.matmul(a!, b!),
  transposed: ([a, b]) => ops.matmul(a!, b!, { transposeA: true, transposeB: true }),
  shared: ([a, b]) => ops.matmul(a!, b!),
  sharedLeft: ([a, b]) => ops.matmul(a!, b!, { transposeB: true }),
  broadcast: ([a, b]) => ops.matmul(a!, b!, { transposeA: true }),
  permute: ([a]) => ops.permute(a!, [3, 1, 0, -2]),
  pad: ([a]) =>
    ops.pad(
      a!,
      [
        [2, 1],
        [0, 3]
      ],
      0.5
    ),
  steps: ([x, w]) => ops.matmul(ops.patches(x!, { axes: 0, kernel: 3, stride: 2, padding: 1 }), w!),
  image: ([x, w]) => ops.matmul(ops.patches(x!, { axes: [1, 2], kernel: [3, 2], stride: [2, 1], padding: [1, 0] }), w!),
  concat: ([a, b]) => ops.concat([a!, b!, a!], 1),
  gather: ([a], ids) => ops.gather(a!, ids, -2),
  gatherColumns: ([a], ids) => ops.gather(a!, ids, 1),
  scatterAdd: ([a], ids) => ops.scatterAdd(a!, ids, 4, 1),
  attention: ([q, k, v]) =>
    ops.matmul(ops.softmax(ops.affine(ops.matmul(q!, k!, { transposeB: true }), 1 / Math.sqrt(6))), v!)
}

/** Runs a graph of parameters and ids with the loss sum(result * weights). */
async function run(
  build: Build,
  values: readonly ArrayLike<number>[],
  shapes: number[][],
  ids: { shape: number[]; data: ArrayLike<number> },
  weights: ArrayLike<number> | null,
  threads: number
) {
  const graph = new Graph()
  const parameters = shapes.map((shape, i) => {
    const flat = graph.parameter(`p${i}`, [shape.reduce((n, size) => n * size, 1)], zeros)
    return ops.reshape(flat, shape)
  })
  const result = build(parameters, graph.input('ids', ids.shape, 'i32'))
  graph.output('result', result)
  const w = graph.input('weights', result.shape, 'f32')
  const loss = ops.sum(ops.map([result, w], (y, w) => y.mul(w)))
  const store = new ParameterStore(graph.parameters, { training: true })
  const plan = createPlan(graph, { parameters: store, loss, threads })
  for (const [i, data] of values.entries()) store.set(`p${i}`, Float32Array.from(data))
  plan.inputs['ids']!.set(Array.from(ids.data))
  plan.inputs['weights']!.set(weights ? Array.from(weights) : plan.inputs['weights']!.map(() => 1))
  await plan.run('gradient')
  const found = {
    shape: [...result.shape],
    result: [...plan.outputs['result']!],
    gradients: values.map((_, i) => [...store.get(`p${i}`).grad!])
  }
  plan.dispose()
  store.dispose()
  return found
}

for (const [name, build] of Object.entries(cases)) {
  t.test(`${name}: results and gradients of PyTorch, the same bits for any number of threads`, async (t) => {
    const { parameters, result, weights, gradients } = golden.cases[name]!
    const values = parameters.map(({ data }) => data)
    const shapes = parameters.map(({ shape }) => shape)
    const found = await run(build, values, shapes, golden.ids, weights.data, 1)
    t.same(found.shape, result.shape)
    const near = (got: number[], expected: number[], what: string) => {
      const difference = largestDifference(got, expected) / Math.max(1, ...expected.map(Math.abs))
      t.ok(difference <= 1e-6, `${what} (${difference.toExponential(1)})`)
    }
    near(found.result, result.data, 'result')
    found.gradients.forEach((gradient, i) => near(gradient, gradients[i]!.data, `gradient ${i}`))
    for (const threads of [2, 3]) t.same(await run(build, values, shapes, golden.ids, weights.data, threads), found)
  })
}

t.test('large products have the bits of one chain of fused multiply-adds for any number of threads', async (t) => {
  const random = createRandom(5)
  const draw = (n: number) => Float32Array.from({ length: n }, () => random.uniform() - 0.5)
  const [M, K, N] = [401, 1100, 130]
  const values = [draw(M * K), draw(K * N)]
  const build: Build = ([a, b]) => ops.matmul(a!, b!, { transposeA: true })
  const shapes = [
    [K, M],
    [K, N]
  ]
  const ids = { shape: [1], data: [0] }
  const one = await run(build, values, shapes, ids, null, 1)
  let worst = 0
  for (const [m, n] of [
    [0, 0],
    [400, 129],
    [191, 64],
    [192, 63]
  ] as const) {
    let sum = 0
    for (let k = 0; k < K; k++) sum += values[0]![k * M + m]! * values[1]![k * N + n]!
    worst = Math.max(worst, Math.abs(one.result[m * N + n]! - sum))
  }
  t.ok(worst < 1e-5, `${worst}`)
  for (const threads of [2, 3]) t.same(await run(build, values, shapes, ids, null, threads), one)
})

t.test('patches and scatterAdd are adjoints of plain loops', async (t) => {
  const random = createRandom(6)
  const [T, B, C] = [9, 2, 3]
  const x = Float32Array.from({ length: T * B * C }, () => random.uniform())
  for (const [kernel, stride, padding] of [
    [1, 1, 0],
    [3, 1, 1],
    [4, 3, 2],
    [9, 1, 0],
    [2, 5, 7]
  ] as const) {
    const P = Math.floor((T + 2 * padding - kernel) / stride) + 1
    const weights = Float32Array.from({ length: P * B * kernel * C }, () => random.uniform())
    const [expected, gradient] = [new Float32Array(weights.length), new Float32Array(x.length)]
    for (let p = 0, at = 0; p < P; p++)
      for (let b = 0; b < B; b++)
        for (let k = 0; k < kernel; k++)
          for (let c = 0; c < C; c++, at++) {
            const step = p * stride + k - padding
            if (step < 0 || step >= T) continue
            const from = (step * B + b) * C + c
            expected[at] = x[from]!
            gradient[from]! += weights[at]!
          }
    const build: Build = ([x]) => ops.patches(x!, { axes: 0, kernel, stride, padding })
    const found = await run(build, [x], [[T, B, C]], { shape: [1], data: [0] }, weights, 2)
    t.same(found.shape, [P, B, kernel * C])
    t.same(found.result, [...expected])
    t.ok(largestDifference(found.gradients[0]!, gradient) < 1e-5)
  }
})

t.test('an id outside of its dimension fails the run, and the next run is good', async (t) => {
  for (const build of [
    (x: Tensor, ids: Tensor) => ops.gather(x, ids),
    (x: Tensor, ids: Tensor) => ops.scatterAdd(x, ids, 3)
  ]) {
    const graph = new Graph()
    graph.output('y', build(graph.input('x', [3], 'f32'), graph.input('ids', [3], 'i32')))
    const plan = createPlan(graph, { parameters: new ParameterStore(graph.parameters, { training: false }) })
    plan.inputs['x']!.set([1, 2, 4])
    for (const bad of [-1, 3, 2 ** 31 - 1]) {
      plan.inputs['ids']!.set([0, bad, 1])
      await t.rejects(plan.run('forward'), { code: 'ERR_OUT_OF_RANGE', message: /ids from 0 to 2, got .* position 1/ })
    }
    plan.inputs['ids']!.set([2, 2, 0])
    await plan.run('forward')
    t.ok([...plan.outputs['y']!].every((y) => [1, 4, 0, 3].includes(y)))
    plan.dispose()
  }
})

t.test('what does not fit is refused', async (t) => {
  const graph = new Graph()
  let names = 0
  const f = (...shape: number[]) => graph.input(`f${names++}`, shape, 'f32')
  const i = (...shape: number[]) => graph.input(`i${names++}`, shape, 'i32')
  const rows: [string, () => unknown, RegExp, string?][] = [
    ['inner', () => ops.matmul(f(2, 3), f(4, 5)), /b of matmul with 3 rows for a of shape \[2, 3\] but received b of/],
    ['turned', () => ops.matmul(f(3, 2), f(3, 5), { transposeA: true, transposeB: true }), /with 3 columns for a of/],
    ['rank 1', () => ops.matmul(f(3), f(3, 5)), /rank 2 to 4 as a of matmul but received \[3\]/],
    ['batches', () => ops.matmul(f(2, 3, 4), f(3, 4, 5)), /\[2\], \[3\]/],
    ['ids in matmul', () => ops.matmul(i(3, 3), f(3, 5)), /xpected f32 as a/, 'ERR_INVALID_ARGUMENT'],
    ['twice', () => ops.permute(f(2, 3), [0, 0]), /each of the 2 dimensions once/, 'ERR_INVALID_ARGUMENT'],
    ['too few', () => ops.permute(f(2, 3), [0]), /order of permute/, 'ERR_INVALID_ARGUMENT'],
    ['pairs', () => ops.pad(f(2, 3), [[1, 1]]), /sizes of pad/, 'ERR_INVALID_ARGUMENT'],
    ['negative', () => ops.pad(f(2), [[-1, 0]]), /sizes of pad/, 'ERR_INVALID_ARGUMENT'],
    ['NaN', () => ops.pad(f(2), [[1, 0]], NaN), /value of pad/, 'ERR_INVALID_ARGUMENT'],
    ['huge', () => ops.pad(f(2), [[2 ** 31 - 1, 2 ** 31 - 1]]), /at most 2147483647 elements in the result of pad/],
    ['kernel', () => ops.patches(f(2, 3), { axes: 0, kernel: 3 }), /a kernel of patches within the padded x/],
    ['channels', () => ops.patches(f(2, 3), { axes: 1, kernel: 1 }), /before the last one/, 'ERR_INVALID_ARGUMENT'],
    ['axes', () => ops.patches(f(2, 3, 4), { axes: [0, 0], kernel: 1 }), /before the last/, 'ERR_INVALID_ARGUMENT'],
    ['stride', () => ops.patches(f(5, 3), { axes: 0, kernel: 1, stride: 0 }), /stride of/, 'ERR_INVALID_ARGUMENT'],
    ['kernels', () => ops.patches(f(5, 3), { axes: 0, kernel: [1, 1] }), /kernel of patches/, 'ERR_INVALID_ARGUMENT'],
    ['ranks', () => ops.concat([f(2, 3), f(2)], 0), /part 1 of concat of shape \[any, 3\] but received \[2\]/],
    ['axis', () => ops.concat([f(2, 3)], 2), /axis of concat/, 'ERR_INVALID_ARGUMENT'],
    ['float ids', () => ops.gather(f(2, 3), f(2)), /xpected i32 as ids/, 'ERR_INVALID_ARGUMENT'],
    ['rank', () => ops.gather(f(2, 3, 4), i(2, 3, 4)), /a result of rank 1 to 4 from gather/],
    ['places', () => ops.scatterAdd(f(2, 3), i(3), 5), /dimensions \[3\] of the ids from dimension 0 on/],
    ['few dimensions', () => ops.scatterAdd(f(2), i(2, 3), 5), /dimensions \[2, 3\] of the ids/],
    ['size', () => ops.scatterAdd(f(2), i(2), 0), /size of scatterAdd/, 'ERR_INVALID_ARGUMENT']
  ]
  for (const [name, call, message, code = 'ERR_INVALID_SHAPE'] of rows) t.throws(call, { code, message }, name)
})
