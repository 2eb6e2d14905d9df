// Products of tensors, of which none has to be a parameter.

import { boolean, optional, options as optionsOf } from '../../check/index.js'
import { expected } from '../../errors.js'
import { expectType } from '../check.js'
import type { Tensor } from '../graph.js'
import { showShape, type Shape } from '../shape.js'
import { broadcastShape } from './map.js'

/** Options of `matmul`. */
export interface MatmulOptions {
  /** True: the matrices of a are [K, M] and used transposed; false (the default): [M, K]. */
  transposeA?: boolean
  /** True: the matrices of b are [N, K] and used transposed; false (the default): [K, N]. */
  transposeB?: boolean
}

const readOptions = optionsOf<MatmulOptions>({ transposeA: optional(boolean), transposeB: optional(boolean) })

/**
 * Multiplies matrices: c[..., m, n] = sum over k of a[..., m, k] * b[..., k, n].
 *
 * a f32 [..., M, K] (with `transposeA` [..., K, M]), b f32 [..., K, N] (with `transposeB` [..., N, K]) -> [..., M, N], ranks 2 to 4. Leading
 * dimensions are a batch and broadcast as in NumPy: they are aligned at the matrices, and one of size 1, or a missing one, is used for every
 * index. Neither a nor b has to be a parameter; both get gradients: with dc the gradient of c, da = dc b^T and db = a^T dc, summed over the
 * dimensions that broadcast. Each element of the result and of the gradients is one chain of fused multiply-adds in the order of k, so its
 * bits depend neither on threads nor on the instruction set. 0 * NaN is NaN, also in the gradients.
 *
 * Throws ERR_INVALID_SHAPE if a tensor has rank 1, if the matrices do not fit, or if the batches do not broadcast, and ERR_INVALID_ARGUMENT if a
 * tensor is not f32. Source: numpy.matmul and torch.matmul, without their vectors of rank 1.
 *
 * @example
 * // Scaled dot-product attention of [B, T, A] queries to [B, S, A] keys and [B, S, V] values:
 * const weights = ops.softmax(ops.affine(ops.matmul(queries, keys, { transposeB: true }), 1 / Math.sqrt(A)))
 * const context = ops.matmul(weights, values) // [B, T, V]
 */
export function matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
  expectType('matmul', 'a', a, 'f32')
  expectType('matmul', 'b', b, 'f32')
  const { transposeA = false, transposeB = false } = readOptions(options, 'the options of matmul')
  const [rows, innerOfA] = matrixOf('a', a, transposeA)
  const [innerOfB, columns] = matrixOf('b', b, transposeB)
  if (innerOfA !== innerOfB) {
    throw expected(
      'ERR_INVALID_SHAPE',
      `b of matmul with ${innerOfA} ${transposeB ? 'columns' : 'rows'} for ${described('a', a, transposeA)}`,
      described('b', b, transposeB),
      'transpose or reshape one of them'
    )
  }
  const leading = [a, b].map(({ shape }) => shape.slice(0, -2)).filter((shape) => shape.length > 0)
  const batch = leading.length > 0 ? broadcastShape('matmul', leading) : []
  const attributes = [transposeA ? 1 : 0, transposeB ? 1 : 0]
  return a.graph.record('matmul', [a, b], [{ dtype: 'f32', shape: [...batch, rows, columns] }], attributes)[0]!
}

function matrixOf(name: string, { shape }: Tensor, transposed: boolean): [rows: number, columns: number] {
  if (shape.length < 2)
    throw expected('ERR_INVALID_SHAPE', `a tensor of rank 2 to 4 as ${name} of matmul`, showShape(shape), 'reshape it')
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transposed ? [columns, rows] : [rows, columns]
}

function described(name: string, { shape }: { shape: Shape }, transposed: boolean): string {
  return `${name} of shape ${showShape(shape)}${transposed ? ', transposed' : ''}`
}
